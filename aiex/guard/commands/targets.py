"""Places that nothing may destroy, and places that nothing may be planted in."""

import re

from aiex.guard.commands.places import join
from aiex.guard.commands.values import Arg
from aiex.guard.sandbox.paths import NameRules
from aiex.patterns import late

_SYSTEM = (
    *(
        "bin",
        "boot",
        "dev",
        "etc",
        "home",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "opt",
        "proc",
        "root",
        "run",
        "sbin",
        "srv",
    ),
    *("sys", "usr", "var", "mnt", "media", "System", "Library", "Applications", "Users", "Volumes", "private", "nix"),
)
_SYSTEM_PLACE = late(
    rf"/(?:{'|'.join(_SYSTEM)})(?:/\*)?"
    r"|/(?:usr|var|private)/(?:bin|sbin|lib|lib64|local|share|log|cache|spool|db|etc|var)(?:/\*)?"
    r"|/(?:home|Users)/[^/]+(?:/\*)?|/(?:etc|boot)/.*|/(?:bin|sbin|lib|lib64|usr/bin|usr/sbin|usr/lib)/.*"
)
_DISK = late(
    r"/dev/(?:[hsv]d[a-z*?]\S*|xvd\S+|nvme\S+|mmcblk\S+|r?disk\S+|md\d\S*|dm-\S+|mapper/.+|loop\d+|disk/.+|k?mem|port|\*.*)"
)
_MACHINE = late(r"/proc/(?:sysrq-trigger|sys/kernel/(?:core_pattern|modprobe)|\d+/mem)|/sys/(?:power|firmware/efi)/.*")
_START_UP = late(
    r"(?:~|/root|/home/[^/]+|/Users/[^/]+)/(?:"
    r"\.(?:bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zshenv|zprofile|zlogin|zlogout|kshrc|mkshrc"
    r"|cshrc|tcshrc|login|logout|inputrc|xinitrc|xsession|xprofile|Xresources|gitconfig|gitattributes|vimrc|nvimrc|emacs|exrc"
    r"|tmux\.conf|screenrc|pythonrc|pythonstartup|npmrc|yarnrc|pip|gemrc|irbrc|condarc|netrc|curlrc|wgetrc|pam_environment"
    r"|rhosts|forward|ssh|gnupg|aws|kube|docker|emacs\.d|vim|oh-my-zsh|zsh|bash_completion|jq|ripgreprc|gdbinit|lldbinit)(?:/.*)?"
    r"|\.config/(?:aiex|autostart|systemd|fish|git|nvim|environment\.d|plasma-workspace|pip|zsh|bash|gh|upstart|cron)(?:/.*)?"
    r"|\.local/(?:share/(?:aiex|autostart|applications|systemd)|state/aiex)(?:/.*)?"
    r"|Library/(?:LaunchAgents|LaunchDaemons|Application Support/aiex)(?:/.*)?)"
)
_SYSTEM_START = late(
    r"/etc/(?:profile|bash\.?\w*rc|bashrc|zsh\S*|environment|passwd|group|shadow|gshadow|sudoers|crontab|anacrontab|rc\.local"
    r"|ld\.so\S*|hosts\.equiv|inittab|fstab|pam\S*|security|ssh|systemd|init\S*|cron\S*|profile\.d|sudoers\.d|rc\S*|xdg|udev"
    r"|modprobe\S*|apt|yum\S*|gitconfig|default|skel|NetworkManager|network|update-motd\.d|polkit\S*|dbus\S*)(?:/.*)?"
    r"|/var/spool/cron(?:/.*)?|/Library/Launch(?:Agents|Daemons)(?:/.*)?|/(?:usr/)?lib/systemd(?:/.*)?|/boot(?:/.*)?"
)
_HOME = frozenset(["~", "~/*", "~/.*", "~/."])
_ABOVE = late(r"(?:\.\.?/+)*\.\.(?:/+\*?)?")
_ROOT = frozenset(["/", "/*", "/.*"])


def destroyed(arg: Arg, folders: frozenset[str]) -> str:
    """What would be destroyed together with an operand, as a word for a person; empty for nothing of that kind."""
    for folder in folders or frozenset([""]):
        place = join(folder, arg)
        if place in _ROOT:
            return "the whole file system"
        if place in _HOME or re.fullmatch(r"~[\w.-]+(?:/\*)?", arg.text if arg.home else ""):
            return "the home directory"
        if _DISK.fullmatch(place):
            return "a disk"
        if _SYSTEM_PLACE.fullmatch(place):
            return "a part of the system"
    return ""


def lies_above(arg: Arg, folders: frozenset[str]) -> bool:
    """Whether an operand is a directory that the workspace lies in, written with dots."""
    known = [folder for folder in folders or frozenset([""]) if not folder.startswith("..")]
    return bool(_ABOVE.fullmatch(arg.text)) and any(_ABOVE.fullmatch(join(folder, arg)) for folder in known)


def planted(arg: Arg, folders: frozenset[str], rules: NameRules) -> str:
    """Why nothing may be written to the place of an operand; empty when it may be asked about."""
    for folder in folders or frozenset([""]):
        place = join(folder, arg)
        if _DISK.fullmatch(place):
            return "it overwrites a disk"
        if _MACHINE.fullmatch(place):
            return "it steers the machine"
        if _START_UP.fullmatch(place) or _SYSTEM_START.fullmatch(place):
            return "it plants a start-up file, a key or a setting of the user or the system"
        if name := rules.protected_name(place):
            return f"it writes to {name}, which is protected"
    return ""
