"""What a path may say and which names are protected or secret; pure rules, no file is touched here.

A path is text until `files.py` opens it. The rules below are checked on the words that were asked for and again on
what was really opened.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from aiex.errors import Denied

# Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt): invisible, and some file systems drop them.
IGNORABLE_RANGES = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
# Names that Windows opens as devices in every directory (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
)


class AskedPath(NamedTuple):
    """A path as it was asked for: its words without empty ones and dots, `..` kept."""

    parts: list[str]
    absolute: bool
    must_be_directory: bool
    """It ended in a slash or in a dot."""


class NameRules(NamedTuple):
    """Names nobody may write and names nobody may read without leave; compared folded (see `fold_name`).

    A protected or secret name counts wherever it stands in the path, so what lies below such a directory is covered.
    """

    protected: frozenset[str] = frozenset(
        (
            *(".git", ".aiex", ".vscode", ".idea", ".cursor", ".claude", ".gemini", ".codex"),
            *(".mcp.json", ".envrc", ".gitmodules"),
        )
    )
    secret_names: frozenset[str] = frozenset(
        [".env", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", ".pgpass", ".npmrc", ".git-credentials"]
    )
    secret_globs: tuple[str, ...] = (".env.*", "*.key", "*.p12", "*.pfx")
    secret_paths: tuple[str, ...] = (".aws/credentials", ".ssh/*", ".docker/config.json", ".kube/config")
    never_secret: tuple[str, ...] = (".env.example", ".env.sample", ".env.template", "*.pub")

    def protected_name(self, path: str) -> str:
        """The component that forbids writing this path, or an empty string."""
        for name in split(path):
            if fold_name(name) in self.protected:
                return name
        return ""

    def secret_name(self, path: str) -> str:
        """The component that makes this path a secret, or an empty string."""
        folded = [fold_name(name) for name in split(path)]
        for name in folded:
            if self._is_secret_component(name):
                return name
        if folded and not _matches_any(folded[-1], self.never_secret) and self._is_secret_place(folded):
            return folded[-1]
        return ""

    def is_harmless(self, name: str) -> bool:
        """Whether this component can never be part of a secret path, whatever stands beside it."""
        folded = fold_name(name)
        if "\\" in name or self._is_secret_component(folded):
            return False
        return not _matches_any(folded, _first_components(self.secret_paths))

    def _is_secret_component(self, name: str) -> bool:
        if name not in self.secret_names and not _matches_any(name, self.secret_globs):
            return False
        return not _matches_any(name, self.never_secret)

    def _is_secret_place(self, folded: list[str]) -> bool:
        for pattern in self.secret_paths:
            wanted = pattern.split("/")
            if wanted[0] in folded:
                starts = range(len(folded) - len(wanted) + 1)
                if any(all(map(_matches, folded[at : at + len(wanted)], wanted)) for at in starts):
                    return True
        return False


DEFAULT_RULES = NameRules()


def parse(path: str) -> AskedPath:
    """Read a path literally: no expansion, no trimming, no normalisation.

    Raises:
        Denied: for an empty path, a NUL, a leading `~`, a Windows form, or text that no file name can have.
    """
    if not path:
        raise Denied("the path is empty", hint="use . for the workspace itself")
    if "\0" in path:
        raise Denied(f"refused {show(path)}: the path has a NUL character")
    if path[0] == "~":
        raise Denied(f"refused {show(path)}: ~ is not expanded", hint=f"write ./{path} for a file of that name")
    if "\\" in path or path[1:2] == ":":
        path = _without_windows_forms(path)
    if not path.isascii():
        _require_encodable(path)
    words = path.split("/")
    parts = [word for word in words if word not in ("", ".")]
    return AskedPath(parts, path[0] == "/", words[-1] in ("", "."))


def askable(path: str) -> str:
    """A real path beneath the root in words that `parse` accepts: `./` before what looks like a home or a drive."""
    return f"./{path}" if path[0] in "~\\" or path[1:2] == ":" else path


def split(path: str) -> list[str]:
    """The components of a path for comparing names; a backslash separates as well, as it would on Windows."""
    if "\\" in path:
        path = path.replace("\\", "/")
    return path.split("/")


def components(path: str) -> list[str]:
    """The components of a real absolute path."""
    return [part for part in path.replace(os.sep, "/").split("/") if part]


def same_names(some: list[str], others: list[str]) -> bool:
    """Whether two lists of components are equal on this system."""
    return some == others or (
        sys.platform == "win32" and [*map(os.path.normcase, some)] == [*map(os.path.normcase, others)]
    )


def fold_name(name: str) -> str:
    """A file name as the most forgiving file system would see it.

    Removes invisible code points, cuts an NTFS stream at the first colon, strips trailing dots and spaces, folds the
    case, and reads the 8.3 short name `git~1` as `.git`.
    """
    if not name.isascii():
        name = "".join(letter for letter in name if not _is_ignorable(ord(letter)))
    if ":" in name:
        name = name[: name.index(":")]
    folded = name.rstrip(". ").casefold()
    if folded[:4] == "git~" and folded[4:].isdigit():
        return ".git"
    return folded


def normalise(parts: Sequence[str]) -> list[str] | None:
    """Fold `..` by text; None when the path climbs above its start. For names and messages, never for opening."""
    kept: list[str] = []
    for part in parts:
        if part != "..":
            kept.append(part)
        elif kept:
            kept.pop()
        else:
            return None
    return kept


def upwards(path: str) -> Iterator[str]:
    """An absolute path and everything above it, the nearest first."""
    below = ""
    while path != below:
        yield path
        path, below = os.path.dirname(path), path


def real_path(path: str) -> str:
    """`os.path.realpath`, also while links come and go: the path itself where they do."""
    try:
        return os.path.realpath(path)
    except OSError:
        return path


def show(path: str) -> str:
    """A path that is safe to print."""
    from aiex.guard.neutral import printable_path

    return printable_path(path)


def _without_windows_forms(path: str) -> str:
    """Refuse drives, UNC and `..\\`; on Windows itself accept a full path and read backslashes as separators."""
    drive = path[1:2] == ":" and path[0].isascii() and path[0].isalpha()
    on_windows = sys.platform == "win32"
    pieces = [piece for word in path.split("/") if "\\" in word for piece in word.split("\\")]
    climbs = any(piece.startswith("..") and not piece.strip(". ") for piece in pieces)
    if path[0] == "\\" or climbs or (drive and not (on_windows and path[2:3] in ("/", "\\"))):
        raise Denied(
            f"refused {show(path)}: drive, UNC and ..\\ forms are not paths here", hint="use / and a path inside"
        )
    if not on_windows:
        return path
    path = path.replace("\\", "/")
    return "/" + path if drive else path


def _require_encodable(path: str) -> None:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise Denied(f"refused {show(path)}: no file can have this name") from None


def _is_ignorable(code: int) -> bool:
    return any(first <= code <= last for first, last in IGNORABLE_RANGES)


@lru_cache
def _first_components(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path.split("/", 1)[0] for path in paths)


def _matches_any(name: str, globs: tuple[str, ...]) -> bool:
    begins, ends, others = _sorted_globs(globs)
    return name.startswith(begins) or name.endswith(ends) or any(_matches(name, glob) for glob in others)


@lru_cache
def _sorted_globs(globs: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """What `begin*` begins with, what `*end` ends with, and the other globs: the first two are one call each."""
    begins = tuple(glob[:-1] for glob in globs if glob.endswith("*") and glob.count("*") == 1)
    ends = tuple(glob[1:] for glob in globs if glob.startswith("*") and glob.count("*") == 1)
    others = tuple(glob for glob in globs if glob.count("*") != 1 or not (glob.startswith("*") or glob.endswith("*")))
    return begins, ends, others


def _matches(name: str, glob: str) -> bool:
    """Whether a folded name matches a glob whose only wildcard is `*`."""
    if "*" not in glob:
        return name == glob
    first, *middle, last = glob.split("*")
    if len(name) < len(first) + len(last) or not name.startswith(first) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in middle:
        at = name.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
