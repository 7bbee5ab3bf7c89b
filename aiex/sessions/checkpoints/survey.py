"""Whether directories from elsewhere may become files here: every name, every size, and nothing that is not there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.guard.sandbox.paths import fold_name
from aiex.sessions.checkpoints.trees import FILE, FOLDER, LINK, NOTHING, OMITTED, Entry, unpack_tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from aiex.guard.sandbox.paths import NameRules

LONGEST_NAME: Final = 255
LONGEST_PATH: Final = 4096
DEEPEST: Final = 200
_RUNS_AS_OWNER: Final = 0o6000
"""Set-user and set-group on a file: who runs it is somebody else then."""


class Shape(NamedTuple):
    """What a tree would become."""

    names: int
    files: int
    bytes: int
    depth: int
    longest: int
    """Bytes of the longest path."""


class Survey:
    """Trees that were read and not kept yet.

    Args:
        names: What must not be brought.
        most_names: In a checkpoint.
        most_bytes: In a checkpoint.
    """

    def __init__(self, names: NameRules, *, most_names: int, most_bytes: int) -> None:
        self._rules = names
        self._most_names = most_names
        self._most_bytes = most_bytes
        self._trees: dict[str, list[Entry]] = {}
        self._links: set[str] = set()
        self._shapes: dict[str, Shape] = {}
        self._used: set[str] = set()
        self.tree_bytes = 0

    def add(self, id: str, data: bytes) -> None:
        """Take a tree in. Raises UsageError if it is none or holds a name that may not be."""
        if id in self._trees:
            raise refused(f"the directory {id} is there twice")
        try:
            entries = unpack_tree(data)
        except ValueError as error:
            raise refused(f"the directory {id} is none") from error
        seen: set[bytes] = set()
        for entry in entries:
            if reason := self._fault(entry) or ("is there twice" if entry.name in seen else ""):
                raise refused(f"the name {_shown(entry.name)} in it {reason}")
            seen.add(entry.name)
            if entry.kind == LINK:
                self._links.add(entry.id)
        self._trees[id] = entries
        self.tree_bytes += len(data)

    def _fault(self, entry: Entry) -> str:
        """Why an entry may not be; empty when it may. What was left out is but a name, which nothing is made of."""
        name = entry.name
        if not name or len(name) > LONGEST_NAME:
            return "is empty" if not name else "is too long"
        if name in (b".", b"..") or b"/" in name or b"\0" in name or (os.sep == "\\" and b"\\" in name):
            return "leads elsewhere, or can be no name"
        if entry.kind == OMITTED:
            return "" if entry.id == NOTHING else "was left out and holds something"
        text = os.fsdecode(name)
        if not fold_name(text) or self._rules.protected_name(text):
            return "is one that is never written"
        if self._rules.secret_name(text):
            return "is that of a secret"
        if entry.kind == FILE and entry.mode & _RUNS_AS_OWNER:
            return "would run as its owner (set-user or set-group bit)"
        if entry.id == NOTHING and entry.kind != FOLDER:
            return "holds nothing"
        return ""

    def note_link(self, id: str, target: bytes) -> None:
        """See whether a content can be where a link leads to, if one of the links has it; it is text and no more."""
        if id in self._links and (not target or b"\0" in target or len(target) >= LONGEST_PATH):
            raise refused("one of its links leads to what can be no path")

    def measure(self, tree: str, sizes: Mapping[str, int]) -> Shape:
        """What would be restored of a tree.

        A directory may stand in several places, so few small ones can say that there are very many files: they are
        counted, not walked.

        Raises:
            UsageError: if something is missing, or it is too much, too deep, or its paths are too long.
        """
        todo = [(tree, self._folders_in(tree))]
        while todo:
            if len(todo) > DEEPEST:
                raise refused(f"its directories are more than {DEEPEST} deep")
            id, folders = todo[-1]
            below = next((folder for folder in folders if folder not in self._shapes), None)
            if below is None:
                self._shapes[id] = self._add_up(id, sizes)
                todo.pop()
            else:
                todo.append((below, self._folders_in(below)))
        return self._shapes[tree]

    def _folders_in(self, id: str) -> Iterator[str]:
        """The directories of one that were not left out, each looked at once."""
        if id not in self._trees:
            raise refused(f"the directory {id} is missing")
        return (entry.id for entry in self._trees[id] if entry.kind == FOLDER and entry.id != NOTHING)

    def _add_up(self, id: str, sizes: Mapping[str, int]) -> Shape:
        self._used.add(id)
        names = files = size = depth = longest = 0
        for entry in self._trees[id]:
            inside = Shape(0, 0, 0, 0, 0)
            if entry.kind == FOLDER and entry.id != NOTHING:
                inside = self._shapes[entry.id]
            elif entry.kind in (FILE, LINK):
                if entry.id not in sizes:
                    raise refused(f"the content of {_shown(entry.name)} is missing")
                self._used.add(entry.id)
                inside = Shape(0, 1, sizes[entry.id], 0, 0) if entry.kind == FILE else inside
            names, files, size = names + 1 + inside.names, files + inside.files, size + inside.bytes
            depth = max(depth, inside.depth + 1)
            longest = max(longest, len(entry.name) + (1 + inside.longest if inside.longest else 0))
        if names > self._most_names or size > self._most_bytes:
            raise refused("it would become more files or bytes than is allowed")
        if depth > DEEPEST or longest >= LONGEST_PATH:
            raise refused("its paths are too long")
        return Shape(names, files, size, depth, longest)

    def require_all_used(self, sizes: Collection[str]) -> None:
        """Raises UsageError if there is something that no checkpoint has."""
        if not self._used.issuperset(self._trees) or not self._used.issuperset(sizes):
            raise refused("it holds what belongs to none of its checkpoints")


def _shown(name: bytes) -> str:
    return printable_path(os.fsdecode(name))


def refused(reason: str) -> UsageError:
    """The error for an archive of which nothing may be kept."""
    return UsageError(
        f"cannot import this archive: {reason}", hint="nothing was kept; export it again where it is whole"
    )
