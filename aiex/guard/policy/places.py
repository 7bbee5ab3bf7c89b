"""Patterns of paths, component by component, and real paths as the same components."""

from __future__ import annotations

import os
import stat
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from aiex.errors import AiexError, UsageError
from aiex.guard.actions import Action
from aiex.guard.policy.patterns import MANY, Element, Pattern, to_element
from aiex.guard.policy.words import STAR
from aiex.guard.sandbox.paths import askable, fold_name, normalise, parse

if TYPE_CHECKING:
    from aiex.guard.actions import Kind

INSIDE: Final = "."
OUTSIDE: Final = "/"
"""Each sequence begins with one of the two: what lies in the workspace, and absolute paths."""
_SURELY_SHORT: Final = 1_000
"""Characters; in bytes no more than PATH_MAX of Linux, which is 4,096."""
_NO_WILDCARDS: Final = frozenset("?[]{}")


def parse_path_pattern(text: str) -> Pattern:
    r"""Read `migrations/**`, `src/*.py`, `**/*.key` or `/srv/shared`, relative to the workspace unless it is absolute.

    `*` stands for any text in one component, `**` for any number of components, and a pattern also covers what lies
    beneath it. A backslash makes the character behind it a plain one.

    Raises:
        UsageError: for `..`, `~`, an empty pattern, or wildcards of other tools.
    """
    if text.startswith("~"):
        raise UsageError("~ is not expanded", hint="write the whole path")
    components = _split(text)
    first = OUTSIDE if text.startswith("/") else INSIDE
    kept = [component for component in components if component not in ("", ".")]
    if not text or (not kept and first == INSIDE and text.strip("./")):
        raise UsageError("the pattern is empty", hint="write ** for everything in the workspace")
    if ".." in kept:
        raise UsageError(".. leads out", hint="write a path relative to the workspace, or an absolute one")
    pattern: list[Element] = [first]
    for component in [*kept, STAR * 2]:
        element = _element(component)
        if not (element is MANY and pattern[-1] is MANY):
            pattern.append(element)
    return tuple(pattern)


def _element(component: str) -> Element:
    if component == STAR * 2:
        return MANY
    if STAR * 2 in component:
        raise UsageError("** is a component of its own", hint="write **/name, or name/**")
    return to_element(component, STAR)


def _split(text: str) -> list[str]:
    """Components with `STAR` for wildcards."""
    component: list[str] = []
    found: list[str] = []
    letters = iter(text)
    for letter in letters:
        if letter == "/":
            found.append("".join(component))
            component = []
        elif letter == "\\":
            component.append(_escaped(next(letters, "")))
        elif letter in _NO_WILDCARDS:
            raise UsageError(f"{letter} is no wildcard here", hint=f"write * or **, or \\{letter} for the character")
        else:
            component.append(STAR if letter == "*" else letter)
    return [*found, "".join(component)]


def _escaped(letter: str) -> str:
    if letter in ("", "/"):
        raise UsageError("a backslash stands before a character that is meant as it stands", hint="/ separates")
    return letter


def spell_path(words: tuple[str, ...]) -> str:
    """The words of a path so that `parse_path_pattern` reads them literally."""
    marked = _NO_WILDCARDS | set("*\\")
    plain = ["".join(f"\\{letter}" if letter in marked else letter for letter in word) for word in words[1:]]
    path = "/".join(plain)
    if words[0] == OUTSIDE:
        return f"/{path}"
    return f"./{path}" if path.startswith("~") else path or "**"


def path_words(subject: str) -> tuple[str, ...] | None:
    """A path relative to the workspace, or an absolute one, as a sequence; None for what is neither.

    What climbs out by `..` is none: the guard resolves paths before they are decided on.
    """
    if not subject.startswith("/") and ".." not in subject and "\\" not in subject and subject[1:2] != ":":
        if not subject or "\0" in subject or subject[0] == "~":
            return None
        return (INSIDE, *(word for word in subject.split("/") if word not in ("", ".")))
    try:
        asked = parse(subject)
    except AiexError:
        return None
    parts = normalise(asked.parts)
    if parts is None:
        return None
    return (OUTSIDE if asked.absolute else INSIDE, *parts)


@lru_cache(maxsize=4096)
def fold(name: str) -> str:
    """A component as the most forgiving file system sees it, for rules that forbid."""
    if name.isascii():
        return fold_name(name)
    return unicodedata.normalize("NFC", fold_name(unicodedata.normalize("NFC", name)))


def fold_piece(piece: str) -> str:
    """A part of a component, in the same way, as far as that can be said of a part."""
    return unicodedata.normalize("NFC", piece.casefold()) if piece else piece


def path_action(kind: Kind, path: str, root: str) -> Action:
    """The action on a path as it really lies: links are followed, but for what is deleted, which may be a link itself.

    Args:
        kind: `read`, `write` or `delete`.
        path: As it was asked for, relative to the root or absolute.
        root: The workspace.

    Returns:
        An action whose subject is relative to the workspace, or absolute for what lies outside. What is opened later
        has to be that subject, by the guard's own files, which look again.
    """
    subject = _straight(kind, path, root)
    if subject is None:
        subject = _followed(kind, path, root)
    return Action(kind, subject, {} if subject == path else {"asked": path})


def _straight(kind: Kind, path: str, root: str) -> str | None:
    """The subject of a path inside that meets no link below the root; None where that is not plain to see.

    Such a path is its own subject wherever the root lies, be it behind links, so only what is below it is looked at.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or path.startswith("/") or "\0" in path or not _is_simple(root, path):
        return None
    if kind == "delete" and path.rstrip("/").endswith("/."):
        return None
    place = root
    for number, part in enumerate(parts, 1):
        place = f"{place}/{part}"
        if kind == "delete" and number == len(parts):
            break
        try:
            if stat.S_ISLNK(os.lstat(place).st_mode):
                return None
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return askable("/".join(parts))


def _is_simple(root: str, path: str) -> bool:
    """Whether the system walks through this root as names are resolved one by one."""
    return os.sep == "/" and root.startswith("/") and ".." not in root and len(root) + len(path) < _SURELY_SHORT


def _followed(kind: Kind, path: str, root: str) -> str:
    """The subject of any path, with every link followed by its name."""
    whole, top = os.path.join(root, path), os.path.realpath(root)
    parent, name = os.path.split(whole.rstrip("/")) if kind == "delete" else (whole, "")
    real = os.path.join(os.path.realpath(parent), name) if name not in ("", ".", "..") else os.path.realpath(whole)
    return _seen_from(top, real)


def command_action(text: str, cwd: str, root: str, **detail: str) -> Action:
    """The action on a command that runs in a directory, which its detail names unless it is the workspace itself.

    Args:
        text: For bash.
        cwd: Where it runs, relative to the root or absolute; links are followed.
        root: The workspace.
        detail: What else belongs to the record.
    """
    top = os.path.realpath(root)
    place = _seen_from(top, os.path.realpath(os.path.join(top, cwd)))
    return Action("command", text, detail if place == INSIDE else {**detail, "cwd": place})


def _seen_from(top: str, real: str) -> str:
    """A real path relative to the workspace if it lies there, else absolute."""
    if real == top:
        return askable(os.curdir)
    within = top.rstrip(os.sep) + os.sep
    if real.startswith(within):
        return askable(real[len(within) :].replace(os.sep, "/"))
    return real.replace(os.sep, "/")
