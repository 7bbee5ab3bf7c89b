"""Where a machine keeps what no command may read, and the files of a home that run when somebody logs in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from aiex import dirs
from aiex.guard.sandbox.paths import DEFAULT_RULES, NameRules

HOME_SECRETS = (
    *(".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".oci", ".password-store", ".vault-token", ".boto"),
    *(".netrc", "_netrc", ".git-credentials", ".config/git/credentials", ".pgpass", ".my.cnf", ".mylogin.cnf"),
    *(".npmrc", ".yarnrc.yml", ".pypirc", ".config/pip/pip.conf", ".gem/credentials", ".cargo/credentials"),
    *(".cargo/credentials.toml", ".m2/settings.xml", ".m2/settings-security.xml", ".gradle/gradle.properties"),
    *(".composer/auth.json", ".config/composer/auth.json", ".nuget/NuGet/NuGet.Config", ".s3cfg", ".databrickscfg"),
    *(".config/gcloud", ".config/gh", ".config/hub", ".config/glab-cli", ".config/op", ".config/rclone"),
    *(".config/doctl", ".config/containers/auth.json", ".config/github-copilot", ".config/sops", ".config/age"),
    *(".terraform.d/credentials.tfrc.json", ".terraformrc", ".pulumi/credentials.json", ".fly", ".netlify"),
    *(".local/share/keyrings", ".local/share/kwalletd", ".local/share/containers", ".config/Keybase"),
    *(".mozilla", ".thunderbird", ".config/google-chrome", ".config/chromium", ".config/BraveSoftware"),
    *(".config/microsoft-edge", ".config/Slack", ".config/Signal", "snap/firefox", "Library/Keychains"),
    *("Library/Application Support/Google/Chrome", "Library/Application Support/Firefox", "Library/Cookies"),
    *(".claude/.credentials.json", ".claude.json", ".codex/auth.json", ".gemini/oauth_creds.json", ".ollama"),
    *(".bash_history", ".zsh_history", ".local/share/fish/fish_history", ".python_history", ".node_repl_history"),
    *(".psql_history", ".mysql_history", ".rediscli_history", ".sqlite_history", ".lesshst", ".viminfo"),
)
"""Keys, tokens, cookies, and what was typed; from each tool's own pages."""
SYSTEM_SECRETS = (
    *("/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers", "/etc/sudoers.d"),
    *("/etc/ssl/private", "/etc/pki/tls/private", "/etc/ipsec.secrets", "/etc/ppp", "/etc/wireguard"),
    *("/etc/NetworkManager/system-connections", "/etc/krb5.keytab", "/etc/kubernetes", "/var/lib/kubelet"),
    *("/var/lib/docker", "/var/lib/containerd", "/var/lib/sss", "/var/log", "/var/spool/cron", "/var/backups"),
)
"""They matter when the user is root; others cannot read them anyway."""
START_FILES = (
    *(".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".profile", ".zshrc", ".zshenv"),
    *(".zprofile", ".zlogin", ".zlogout", ".kshrc", ".cshrc", ".tcshrc", ".login", ".inputrc", ".xprofile"),
    *(".xinitrc", ".xsession", ".gitconfig", ".config/git/", ".config/fish/", ".config/autostart/", ".config/systemd/"),
    *(".config/environment.d/", ".config/nvim/", ".vimrc", ".vim/", ".emacs", ".emacs.d/", ".tmux.conf", ".screenrc"),
    *(".gdbinit", ".lldbinit", ".pythonrc", ".Rprofile", ".irbrc", ".pdbrc", ".pam_environment", ".ssh/", ".aws/"),
    *(".local/bin/", "bin/", "Library/LaunchAgents/"),
)
"""What a shell, an editor, git or the desktop runs for this user; directories end in `/`."""


def credential_places(environ: Mapping[str, str], names: NameRules = DEFAULT_RULES) -> tuple[str, ...]:
    """Existing files and directories that hold secrets, and Aiex's own; real paths, sorted."""
    found = {os.path.realpath(path) for path in _candidates(environ, names) if os.path.lexists(path)}
    return tuple(sorted(path for path in found if os.path.exists(path) and path != "/"))


def start_files(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The start files of the home, whether they exist or not; real above the last name."""
    home = os.path.realpath(_home(environ))
    return tuple(os.path.join(home, name) for name in START_FILES)


def _candidates(environ: Mapping[str, str], names: NameRules) -> Iterator[str]:
    home = _home(environ)
    yield from (os.path.join(home, name) for name in HOME_SECRETS)
    yield from SYSTEM_SECRETS
    yield from (dirs.config_dir(environ), dirs.data_dir(environ), dirs.state_dir(environ), dirs.cache_dir(environ))
    for variable in ("SSH_AUTH_SOCK", "GPG_AGENT_INFO", "KRB5CCNAME", "GOOGLE_APPLICATION_CREDENTIALS", "KUBECONFIG"):
        if os.path.isabs(environ.get(variable, "")):
            yield environ[variable]
    if os.path.isdir("/etc/ssh"):
        yield from (f"/etc/ssh/{name}" for name in _list("/etc/ssh") if name.endswith("_key"))
    yield from (os.path.join(home, name) for name in _list(home) if names.secret_name(name))


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _home(environ: Mapping[str, str]) -> str:
    return environ.get("HOME") or os.path.expanduser("~")
