"""What a project wants of whoever works on it: `AGENTS.md`, in the root and nearer to the files, once it is trusted.

Its text does not run, so trust in the workspace suffices: it is no part of what trust is bound to, and a changed
`AGENTS.md` ends no trust. It is read through the guard, bounded, and other files that it names are not followed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from aiex.errors import AiexError
from aiex.events import Warned
from aiex.guard.neutral import printable_path
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiex.agent.kit import Means

NAMES: Final = ("AGENTS.md", "CLAUDE.md", "GEMINI.md")
"""In one folder the first of them counts (https://agents.md; the others are the names of single assistants)."""
MOST_BYTES: Final = 32 << 10
"""Of all instructions of a run together: 8,000 tokens that every request pays for."""
_FOREIGN: Final = frozenset(["node_modules", "site-packages", ".venv", "venv", "vendor", "third_party"])
"""Folders of what others wrote: trust in the project is none in them."""
TRUST_HINT: Final = "read them, then: aiex add trust"


@record
class Instruction:
    """The instructions of one folder."""

    path: str
    """Relative to the workspace."""
    text: str


def names_in(root: str) -> tuple[str, ...]:
    """What trust in a workspace would give to the model: its instructions and the folders of its skills."""
    from aiex.agent.skills import FOLDERS

    first = [name for name in NAMES if os.path.lexists(os.path.join(root, name))][:1]
    return (*first, *(folder for folder in FOLDERS if os.path.isdir(os.path.join(root, folder))))


class Instructions:
    """Of one run: each file is given once, and no more than `MOST_BYTES` of all of them.

    Args:
        means: The workspace, and whether it is trusted.
    """

    def __init__(self, means: Means) -> None:
        self._means = means
        self._left_bytes = MOST_BYTES
        self._looked: set[str] = set()

    def load(self) -> tuple[list[Instruction], list[Warned]]:
        """Those of the root, and why some of them are left out."""
        self._looked.add("")
        name = self._find("")
        if not name:
            return [], []
        if not self._means.trusted:
            return [], [Warned(f"{name} is not given to the model: this workspace is not trusted", TRUST_HINT)]
        return self._read(name)

    def nearest(self, path: str) -> list[Instruction]:
        """Those of the folders above a file that were not given yet, the nearest last, which counts the most.

        Args:
            path: Relative to the workspace; a file outside has none.

        Cost: a look for each folder that was not looked into yet.
        """
        if path.startswith(("/", "../")) or not self._means.trusted:
            return []
        found: list[Instruction] = []
        folders = path.split("/")[:-1]
        if not _FOREIGN.isdisjoint(folders):
            return []
        for depth in range(1, len(folders) + 1):
            folder = "/".join(folders[:depth])
            if folder not in self._looked:
                self._looked.add(folder)
                name = self._find(folder)
                found += self._read(name)[0] if name else []
        return found

    def _find(self, folder: str) -> str:
        """The path of the file that counts in a folder; empty where there is none."""
        from aiex.guard.sandbox.files import Missing

        for name in NAMES:
            path = f"{folder}/{name}" if folder else name
            try:
                if self._means.workspace.stat(path, follow_links=True).kind == "file":
                    return path
            except Missing:
                continue
            except AiexError:
                return path
        return ""

    def _read(self, path: str) -> tuple[list[Instruction], list[Warned]]:
        shown = printable_path(path)
        if not self._left_bytes:
            return [], [Warned(f"{shown} is left out: the instructions are longer than {MOST_BYTES:,} bytes")]
        try:
            data = self._means.workspace.read_head(path, self._left_bytes + 1)
        except AiexError as error:
            return [], [Warned(f"{shown} is left out: {error.message}", error.hint)]
        warnings = []
        if len(data) > self._left_bytes:
            data = data[: self._left_bytes]
            data = data[: data.rfind(b"\n") + 1] or data
            warnings.append(Warned(f"{shown} was cut: only {len(data):,} bytes of it are given to the model"))
        self._left_bytes = 0 if warnings else self._left_bytes - len(data)
        text = data.decode("utf-8", "replace").removeprefix("\ufeff").strip()
        if warnings:
            text += f"\n… cut here; read {path} for the rest"
        return [Instruction(path, text)] if text else [], warnings


def load_instructions(means: Means) -> tuple[list[Instruction], list[Warned]]:
    """The instructions of the root, and why some of them are left out; see `Instructions`."""
    return Instructions(means).load()


def render_instructions(instructions: Iterable[Instruction]) -> str:
    """The instructions as a model reads them; empty for none."""
    return "\n\n".join(_render(one) for one in instructions)


def _render(one: Instruction) -> str:
    folder = printable_path(one.path.rpartition("/")[0])
    about = f"for {folder}; they count before those of the folders above" if folder else "of the project"
    return f"Instructions {about} ({printable_path(one.path)}):\n{one.text}"
