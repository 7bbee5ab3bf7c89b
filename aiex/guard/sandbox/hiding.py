"""Where a machine keeps what no command may read, and the files of a home that run when somebody logs in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress

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
_MOVED = {
    ".config": "XDG_CONFIG_HOME", ".local/share": "XDG_DATA_HOME", ".gnupg": "GNUPGHOME", ".azure": "AZURE_CONFIG_DIR",
    ".docker": "DOCKER_CONFIG", ".config/gcloud": "CLOUDSDK_CONFIG", ".config/gh": "GH_CONFIG_DIR",
    ".config/glab-cli": "GLAB_CONFIG_DIR", ".password-store": "PASSWORD_STORE_DIR", ".cargo": "CARGO_HOME",
    ".gradle": "GRADLE_USER_HOME", ".composer": "COMPOSER_HOME", ".codex": "CODEX_HOME",
}  # fmt: skip
"""Directories of a home that a variable can put elsewhere; from each tool's own pages."""
_NAMING = (
    *("SSH_AUTH_SOCK", "GPG_AGENT_INFO", "KRB5CCNAME", "KRB5_KTNAME", "GOOGLE_APPLICATION_CREDENTIALS", "KUBECONFIG"),
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE"),
    *("NPM_CONFIG_USERCONFIG", "npm_config_userconfig", "PIP_CONFIG_FILE", "PGPASSFILE", "NETRC", "BOTO_CONFIG"),
    *("SOPS_AGE_KEY_FILE", "REGISTRY_AUTH_FILE", "HISTFILE", "PSQL_HISTORY", "MYSQL_HISTFILE", "PYTHON_HISTORY"),
    *("NODE_REPL_HISTORY", "LESSHISTFILE", "SQLITE_HISTORY"),
)
"""Variables that name files with secrets, or with what was typed."""
_STARTING = (
    "BASH_ENV",
    "ENV",
    "INPUTRC",
    "PYTHONSTARTUP",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "WGETRC",
    "SCREENRC",
)
"""Variables that name files which programs run or obey at their start."""


def credential_places(environ: Mapping[str, str], names: NameRules = DEFAULT_RULES) -> tuple[str, ...]:
    """Existing files and directories that hold secrets, and Aiex's own; real paths, sorted."""
    environ = dict(environ)  # thousands of looks follow, and each at `os.environ` takes 2 µs
    found = {os.path.realpath(path) for path in _candidates(environ, names) if os.path.lexists(path)}
    return tuple(sorted(path for path in found if os.path.exists(path) and path != "/"))


def start_files(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The start files of the home, whether they exist or not; real above the last name."""
    environ = dict(environ)
    found = [path for home in _homes(environ) for name in START_FILES for path in _places(home, name, environ)]
    for variable in _STARTING:
        found += _named(environ.get(variable, ""))
    if shell := environ.get("ZDOTDIR", ""):
        found += [os.path.join(shell, name) for name in START_FILES if name.startswith(".z")]
    real = (_real_above(path) for path in found if os.path.isabs(path))
    return tuple(dict.fromkeys(path for path in real if not path.startswith("/dev/")))


def _candidates(environ: Mapping[str, str], names: NameRules) -> Iterator[str]:
    for home in _homes(environ):
        for name in HOME_SECRETS:
            yield from _places(home, name, environ)
        yield from (os.path.join(home, name) for name in _list(home) if names.secret_name(name))
    yield from SYSTEM_SECRETS
    yield from (dirs.config_dir(environ), dirs.data_dir(environ), dirs.state_dir(environ), dirs.cache_dir(environ))
    for variable in _NAMING:
        yield from _named(environ.get(variable, ""))
    if os.path.isdir("/etc/ssh"):
        yield from (f"/etc/ssh/{name}" for name in _list("/etc/ssh") if name.endswith("_key"))


def _places(home: str, name: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Where a file of a home lies: there, and where a variable puts the directory that it belongs to."""
    yield os.path.join(home, name)
    for folder, variable in _MOVED.items():
        moved = environ.get(variable, "")
        if os.path.isabs(moved) and (name == folder or name.startswith(f"{folder}/")):
            inner = name[len(folder) :].lstrip("/")
            if inner or not any(_is_above(moved, one) for one in _homes(environ)):
                yield os.path.join(moved, inner) if inner else moved


def _named(value: str) -> Iterator[str]:
    """The absolute paths in the value of a variable, which may be a list, and may say what kind of thing it names."""
    for kind in ("FILE:", "DIR:"):
        value = value.removeprefix(kind)
    yield from (path for path in value.split(os.pathsep) if os.path.isabs(path) and not path.startswith("/dev/"))


def _is_above(folder: str, path: str) -> bool:
    """Whether a path lies in this directory, or is it."""
    real = os.path.realpath(folder)
    return os.path.commonpath([real, os.path.realpath(path)]) == real


def _real_above(path: str) -> str:
    """A path that is real but for its last name; a `/` at its end stays."""
    bare = path.rstrip("/")
    return os.path.join(os.path.realpath(os.path.dirname(bare)), os.path.basename(bare)) + path[len(bare) :]


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _homes(environ: Mapping[str, str]) -> list[str]:
    """The home as variables say, as the system says, and that of the person who became another user."""
    found = [environ.get("HOME") or os.path.expanduser("~")]
    try:
        import pwd
    except ImportError:  # Windows
        return found
    with suppress(KeyError):
        found.append(pwd.getpwuid(os.geteuid()).pw_dir)
    for variable in ("SUDO_USER", "DOAS_USER"):
        with suppress(KeyError):
            found.append(pwd.getpwnam(environ.get(variable, "")).pw_dir)
    real = dict.fromkeys(os.path.realpath(home) for home in found if os.path.isabs(home))
    return [home for home in real if home != "/"]
