"""What a single command would destroy or plant: read from its arguments, whatever wraps it."""

import re
from itertools import pairwise

from aiex.guard.commands.programs import inner_commands, name_of
from aiex.guard.commands.targets import destroyed, lies_above, planted
from aiex.guard.commands.values import Arg
from aiex.guard.commands.verdict import Reason
from aiex.guard.sandbox.paths import NameRules
from aiex.patterns import late

_STOPS = frozenset(["reboot", "shutdown", "halt", "poweroff", "kexec", "killall5"])
_DISK_TOOLS = late(
    r"mkfs(?:\..+)?|mke2fs|mkswap|wipefs|[sc]?fdisk|s?gdisk|parted|blkdiscard|cryptsetup|pvcreate|badblocks|hdparm|shred|newfs\S*"
)
_OWNERS = frozenset(["chmod", "chown", "chgrp", "setfacl", "chattr", "chcon"])
_RECURSIVE = late(r"-[A-Za-z]*[rR][A-Za-z]*|--recursive")
_REMOVERS = frozenset(["rm", "grm", "srm", "unlink", "rmdir", "shred", "trash", "rimraf"])
_ALL_OPERANDS = frozenset(
    ["tee", "touch", "truncate", "mkdir", "sponge", "ed", "ex", "patch", "mkfifo", "mknod", "nano", "vi", "vim"]
)
"""Every operand of these is written."""
_LAST_OPERAND = frozenset(
    ["cp", "mv", "ln", "install", "rsync", "scp", "gcp", "gmv", "link", "ditto", "gln", "ginstall"]
)
_TARGETS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_LAST_OPERAND, ("-t",)),
    "curl": ("-o", "--output"),
    "wget": ("-O", "-P", "-o"),
    "tar": ("-C",),
    "unzip": ("-d",),
    "gcc": ("-o",),
    "sort": ("-o",),
    "ssh-keygen": ("-f",),
    "git": ("-o",),
    "7z": ("-o",),
    "tree": ("-o",),
    "go": ("-o",),
    "openssl": ("-out",),
}
"""Options whose value, in the next word, is written to or in."""
_TARGET_OPTION = late(
    r"(?:--target-directory|--output|--output-document|--directory|--output-dir|--directory-prefix)=(.+)"
)
_IN_PLACE = late(r"-[A-Za-z]*i.*|--in-place.*|-[nEsrzp]*i.*")
_GIT_SETTING = late(
    r"core\.(?:hookspath|fsmonitor|sshcommand|askpass|gitproxy)|init\.templatedir|uploadpack\.packobjectshook|include\.path"
    r"|includeif\..+\.path|filter\..+\.(?:clean|smudge|process)|diff\.external|diff\..+\.(?:command|textconv)"
    r"|merge\..+\.driver|gpg\.(?:.+\.)?program",
    re.IGNORECASE,
)
"""Settings of git that name a program, or a file with more settings, for what git does by itself."""
_GIT_PROGRAM = late(
    r"core\.(?:pager|editor)|sequence\.editor|pager\..+|credential\.(?:.+\.)?helper|alias\..+|(?:diff|merge)tool\..+\.cmd",
    re.IGNORECASE,
)
"""Settings that name one of the usual programs as a rule; not when the value is a path or shell code."""
_OWN_VERBS = frozenset(["set", "add", "rm", "edit", "import", "rotate", "create", "config", "trust", "policy"])
_OWN_NOUNS = late(r"(?:config|trust|polic|role|key|skill|mcp|audit)\w*")


class Scene:
    """Where a command stands: its folders and the rules for names."""

    def __init__(self, folders: frozenset[str], rules: NameRules) -> None:
        self.folders, self.rules = folders, rules

    def destroyed(self, arg: Arg) -> str:
        return destroyed(arg, self.folders)

    def planted(self, arg: Arg) -> str:
        return planted(arg, self.folders, self.rules)


def find_harm(argv: list[Arg], scene: Scene) -> Reason | None:
    """Why a command is forbidden on its own, looking through `sudo`, `env`, `xargs`, `find -exec` and the like."""
    for command in (argv, *inner_commands(argv)):
        if harm := _harm_of(command, scene):
            return harm
    return None


def _harm_of(argv: list[Arg], scene: Scene) -> Reason | None:
    for judge in (_stops, _disks, _removes, _owns, _moves, _writes, _schedules, _git, _own_settings):
        if why := judge(argv, scene):
            rule = "destroys" if judge in (_stops, _disks, _removes, _owns, _moves) else "plants"
            return Reason("forbidden", rule, f"{_shown(argv)}: {why}")
    return None


def _shown(argv: list[Arg]) -> str:
    return " ".join(arg.text for arg in argv[:6])[:120]


def _operands(argv: list[Arg]) -> list[Arg]:
    return [arg for arg in argv[1:] if not arg.text.startswith("-") or arg.text == "-"]


def _stops(argv: list[Arg], _scene: Scene) -> str:
    name, words = name_of(argv[0]), [arg.text for arg in argv[1:]]
    if name in _STOPS or (name in ("init", "telinit") and words[:1] in (["0"], ["6"])):
        return "it stops the machine"
    if name == "systemctl" and {"poweroff", "reboot", "halt", "kexec", "emergency", "rescue"} & {*words}:
        return "it stops the machine"
    if name == "kill" and words[-1:] == ["-1"] and len(words) > 1:
        return "it ends every process"
    return ""


def _disks(argv: list[Arg], scene: Scene) -> str:
    name = name_of(argv[0])
    if _DISK_TOOLS.fullmatch(name) and any(arg.text.startswith("/dev/") for arg in argv[1:]):
        return "it overwrites a disk"
    if name == "diskutil" and any(re.match(r"(?i)erase|partition|zero|secureErase", arg.text) for arg in argv[1:2]):
        return "it overwrites a disk"
    if name == "dd":
        for arg in argv[1:]:
            if arg.text.startswith("of=") and (
                why := scene.planted(_behind(arg, "of=")) or scene.destroyed(_behind(arg, "of="))
            ):
                return why
    return ""


def _behind(arg: Arg, start: str) -> Arg:
    text = arg.text[len(start) :]
    return arg._replace(text=text, home=text.startswith("~"))


def _removes(argv: list[Arg], scene: Scene) -> str:
    name = name_of(argv[0])
    if name == "find":
        return _find_removes(argv, scene)
    if name == "rsync" and any(arg.text.startswith("--delete") for arg in argv):
        return _first(argv[-1:], scene)
    if name in _REMOVERS:
        if any(arg.text == "--no-preserve-root" for arg in argv):
            return "it removes the whole file system"
        above = any(lies_above(arg, scene.folders) for arg in _operands(argv))
        return _first(_operands(argv), scene) or ("it removes what lies above the workspace" if above else "")
    return ""


def _find_removes(argv: list[Arg], scene: Scene) -> str:
    words = [arg.text for arg in argv]
    runs = [at for at, word in enumerate(words) if word in ("-exec", "-execdir", "-ok", "-okdir")]
    removers = _REMOVERS | {"mv", "truncate", "dd", "sh", "bash"}
    deletes = "-delete" in words or any(name_of(arg) in removers for at in runs for arg in argv[at + 1 : at + 4])
    starts = []
    for arg in argv[1:]:
        if arg.text.startswith(("-", "(", "!")) and arg.text not in ("-L", "-H", "-P"):
            break
        starts.append(arg)
    return _first(starts, scene) if deletes else ""


def _first(operands: list[Arg], scene: Scene) -> str:
    return next((f"it removes {what}" for arg in operands if (what := scene.destroyed(arg))), "")


def _owns(argv: list[Arg], scene: Scene) -> str:
    if name_of(argv[0]) not in _OWNERS:
        return ""
    recursive = any(_RECURSIVE.fullmatch(arg.text) for arg in argv[1:])
    for arg in _operands(argv):
        what = scene.destroyed(arg)
        if what and (recursive or what != "the home directory"):
            return f"it changes who may use {what}"
    return ""


def _moves(argv: list[Arg], scene: Scene) -> str:
    if name_of(argv[0]) not in ("mv", "gmv"):
        return ""
    moved = _operands(argv)
    what = next((what for arg in (moved[:-1] or moved) if (what := scene.destroyed(arg))), "")
    return f"it moves {what} away" if what else ""


def _writes(argv: list[Arg], scene: Scene) -> str:
    return next((why for arg in written_operands(argv) if (why := scene.planted(arg))), "")


def written_operands(argv: list[Arg]) -> list[Arg]:
    """The operands that a command would write to, as far as its name tells."""
    name, operands = name_of(argv[0]), _operands(argv)
    found = [
        _behind(arg, arg.text[: -len(match[1])]) for arg in argv[1:] if (match := _TARGET_OPTION.fullmatch(arg.text))
    ]
    targets = _TARGETS.get(name, ())
    found += [after for option, after in pairwise(argv[1:]) if option.text in targets]
    if name in _ALL_OPERANDS or name in _REMOVERS & {"shred"}:
        found += operands
    elif name in _LAST_OPERAND and operands:
        found += [operands[-1], *_into(operands)]
    elif name in ("sed", "gsed", "perl", "ruby") and any(_IN_PLACE.fullmatch(arg.text) for arg in argv[1:]):
        found += operands
    elif name in ("rm", "chmod", "chown"):
        found += [arg for arg in operands if arg.text.startswith("/etc/")]
    return found


def _into(operands: list[Arg]) -> list[Arg]:
    """The names that sources get in a directory that is the last operand."""
    target = operands[-1]
    names = [arg.text.rstrip("/").rsplit("/", 1)[-1] for arg in operands[:-1]]
    return [
        target._replace(text=f"{target.text.rstrip('/') or '/'}/{name}")
        for name in names
        if name not in ("", ".", "..")
    ]


def _schedules(argv: list[Arg], _scene: Scene) -> str:
    name, words = name_of(argv[0]), [arg.text for arg in argv[1:]]
    if name == "crontab" and not {"-l", "-r", "--help", "-V"} & {*words}:
        return "it plants a scheduled command"
    if name in ("at", "batch") and not {"-l", "-V"} & {*words}:
        return "it plants a scheduled command"
    if name == "systemctl" and {"enable", "link", "edit", "preset"} & {*words}:
        return "it plants a service"
    if name == "launchctl" and {"load", "bootstrap", "enable", "submit"} & {*words}:
        return "it plants a service"
    if name in ("ssh-copy-id", "update-rc.d", "chkconfig", "visudo", "vipw"):
        return "it plants a key, a service or an account"
    return ""


def _git(argv: list[Arg], _scene: Scene) -> str:
    if name_of(argv[0]) != "git":
        return ""
    words = [arg.text for arg in argv[1:]]
    if "config" not in words:
        return ""
    rest = [word for word in words[words.index("config") + 1 :] if word not in ("set", "--add", "--replace-all")]
    if {"--get", "--get-all", "--unset", "--unset-all", "get", "unset"} & {*rest}:
        return ""
    planted = any(
        value not in ("true", "false")
        if _GIT_SETTING.fullmatch(key)
        else _GIT_PROGRAM.fullmatch(key) and re.search(r"[!/;|&$`]", value)
        for key, value in pairwise(rest)
    )
    return "it makes git run a program" if planted else ""


def _own_settings(argv: list[Arg], _scene: Scene) -> str:
    words = [arg.text for arg in argv[1:]]
    if name_of(argv[0]) != "aiex" or not _OWN_VERBS & {*words}:
        return ""
    return "it changes the tool's own configuration" if any(_OWN_NOUNS.fullmatch(word) for word in words) else ""
