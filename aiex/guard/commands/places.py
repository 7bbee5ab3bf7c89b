"""Where the operands of a command point: inside the workspace, to a secret, to a protected name, or elsewhere."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from aiex.errors import Denied
from aiex.guard.commands.globs import may_be_secret
from aiex.guard.commands.values import Arg
from aiex.guard.sandbox.paths import DEFAULT_RULES, NameRules, normalise, parse

EVERYTHING = "**"
"""Behind the path of a directory: all that is below it."""
READABLE_DEVICES = frozenset(["/dev/null", "/dev/stdin"])
WRITABLE_DEVICES = frozenset(["/dev/null", "/dev/stdout", "/dev/stderr"])


class Place(NamedTuple):
    """What paths are compared with."""

    rules: NameRules = DEFAULT_RULES
    root: str = ""
    """Absolute path of the workspace, so that absolute operands below it count as inside; empty for none."""
    look: Callable[[str], str] | None = None
    """Looks at a path inside the workspace, relative to it, and says why it may not be read after all. Wildcards stand
    for all names that match, `**` at the end for all that is below, and `..` climbs from where a link leads."""


def join(folder: str, arg: Arg) -> str:
    """The place an argument names in a folder: relative to the workspace, or with `/`, `~` or `..` in front.

    Dots are folded by text; the result is for comparing, never for opening.
    """
    text = arg.text
    if arg.home:
        return _fold("~/" + text.partition("/")[2])
    if text.startswith("/"):
        return _fold(text)
    base = folder if folder in ("", "/") or folder.endswith("/") else folder + "/"
    return _fold(base + text)


def _fold(path: str) -> str:
    head = "/" if path[:1] == "/" else ""
    if path[:1] == "~":
        head, path = "~/", path[1:].lstrip("/")
    kept: list[str] = []
    for part in path.split("/"):
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif part == ".." and head == "/":
            continue
        elif part not in ("", "."):
            kept.append(part)
    return (head + "/".join(kept)) if kept or head != "~/" else "~"


def why_not_read(arg: Arg, folders: Iterable[str], place: Place, *, content: bool = True) -> str:
    """Why an operand may not be read unasked, or an empty string.

    Args:
        arg: The operand.
        folders: Where the shell may be, relative to the workspace.
        place: The workspace and its rules.
        content: False when only names and sizes are looked at, for which a pattern may match anything inside.
    """
    if arg.pipe:
        return ""
    if arg.unknown:
        return arg.unknown
    if arg.text in READABLE_DEVICES:
        return ""
    if arg.home:
        return "outside the workspace, in a home directory"
    return _why_not_inside(arg, folders, place, content=content)


def _why_not_inside(arg: Arg, folders: Iterable[str], place: Place, *, content: bool) -> str:
    text = arg.text
    if place.root and (text == place.root or text.startswith(place.root.rstrip("/") + "/")):
        text, folders = text[len(place.root) :].strip("/") or ".", ("",)
    try:
        asked = parse(text)
    except Denied as error:
        return str(error)
    if asked.absolute:
        return "outside the workspace"
    for folder in folders:
        if folder.startswith(("/", "~", "..")):
            return f"outside the workspace, in {folder}"
        parts = normalise([*filter(None, folder.split("/")), *asked.parts])
        if parts is None:
            return "outside the workspace, by .."
        why = _why_secret(parts, asked.parts, place, glob=arg.glob, content=content)
        if why:
            return why
        if place.look and (why := _why_not_seen(folder, asked.parts, parts, place.look)):
            return why
    if arg.glob and may_be_secret(asked.parts, NameRules(secret_names=frozenset(), secret_globs=(), secret_paths=())):
        return "the pattern may match .."
    return ""


def _why_not_seen(folder: str, asked: list[str], parts: list[str], look: Callable[[str], str]) -> str:
    """What is behind the words: folded by text, and as it is opened, where `..` behind a link leads elsewhere."""
    why = look("/".join(parts) or ".")
    return why or (look("/".join([*filter(None, folder.split("/")), *asked])) if ".." in asked else "")


def _why_secret(parts: list[str], asked: list[str], place: Place, *, glob: bool, content: bool) -> str:
    for path in ("/".join(parts), "/".join(asked)):
        if secret := place.rules.secret_name(path):
            return f"{secret} is a secret"
    if content and parts and not glob and not place.rules.is_harmless(parts[-1]):
        return f"{parts[-1]} may hold secrets"
    if content and glob and (part := may_be_secret(parts, place.rules)):
        return f"{part} may match a secret"
    return ""


def why_not_folder(arg: Arg, folders: Iterable[str], place: Place) -> str:
    """Why the shell may not change to a directory unasked, or an empty string."""
    if arg.glob:
        return "the directory is a pattern"
    names = [part for part in arg.text.split("/") if part not in ("", ".")]
    if ".." in names[next((at for at, name in enumerate(names) if name != ".."), len(names)) :]:
        return "it climbs back by .., which bash reads in two ways where there are links"
    return why_not_read(arg, folders, place)
