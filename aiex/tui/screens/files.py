"""The files of the workspace as a tree, without what is ignored, with marks of what changed: look at one, mention it.

A folder is read when it is opened; all names are read, bit by bit, when something is typed to find one.
"""

from __future__ import annotations

import asyncio
import copy
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.binding import Binding

from aiex.errors import AiexError
from aiex.tui.screens.listing import Leaf, Listing, Row, to_leaf
from aiex.tui.widgets.filter import Filter
from aiex.tui.widgets.page import MOST_CHARS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aiex.context.catalogue import Catalogue
    from aiex.guard.sandbox.files import Workspace
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

MARKS: Final = {"created": ("+", "good"), "changed": ("~", "warning"), "deleted": ("-", "error")}
_NO_MARK: Final = (" ", "muted")
_FILES_BESIDE: Final = 200
"""Names of a folder that are shown beside it."""


class Place(NamedTuple):
    """A row of the tree."""

    path: str
    """A folder ends with `/`."""
    change: str = ""


class FilesView(Listing):
    """Folders open and fold; Enter puts a mention of a file into the prompt."""

    HEADING = "Files"
    EMPTY = "there are none that are not ignored"
    ENTER = "add to the prompt, open"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("ctrl+t", "changed", "changed only"),
        Binding("ctrl+d", "diff", "what changed"),
        Binding("ctrl+e", "explain", "explain"),
        Binding("ctrl+a", "add_folder", "add the folder"),
    ]

    def __init__(self, chat: Chat) -> None:
        super().__init__(chat)
        self._catalogue: Catalogue | None = None
        self._open = {""}
        """Folders that are open."""
        self._changes: Mapping[str, str] = {}
        """Path → created, changed or deleted since the last commit, or in this session."""
        self._above: frozenset[str] = frozenset()
        """Folders with changes in them."""
        self._wants_all = self._wants_changed = False

    def on_mount(self) -> None:
        """Fetch the tree, and then what changed, which takes longer."""
        super().on_mount()
        self.begin(self._find_changes, "changes")

    async def _find_changes(self) -> None:
        known, workspace, ignore = await self.ask(_known_changes)
        try:
            known |= await asyncio.to_thread(_find_uncommitted, workspace, ignore)
        except AiexError as error:  # without git there are the marks of the session
            self.log(error.message)
        self._changes = known
        self._above = frozenset(above for path in known for above in _folders_above(path))
        self.reload()

    # --- rows ---------------------------------------------------------------------------------------------------------

    @property
    def heading(self) -> str:
        """Which files they are."""
        return "Changed files" if self._wants_changed else self.HEADING

    @property
    def empty(self) -> str:
        """That there are none of them."""
        return "nothing changed" if self._wants_changed else self.EMPTY

    def load(self, services: Services) -> Iterator[Row]:
        """The open folders; everything where names are looked for."""
        if self._wants_changed:
            yield from (self._row(path, 0, full=True) for path in sorted(self._changes))
            return
        if self._catalogue is None:
            from aiex.context.catalogue import Catalogue

            self._catalogue = Catalogue(services.workspace, services.settings.get("context.ignore"))
        self._catalogue.refresh()
        if self._wants_all:
            for folder in self._catalogue.walk():
                yield from (self._row(path, 0, full=True) for path in folder.files)
            yield from (self._row(path, 0, full=True) for path, change in self._changes.items() if change == "deleted")
        else:
            yield from self._branch(self._catalogue, "", 0)

    def _branch(self, catalogue: Catalogue, top: str, depth: int) -> Iterator[Row]:
        inside = catalogue.folder(top)
        for folder in inside.folders:
            yield self._row(folder, depth)
            if folder in self._open:
                yield from self._branch(catalogue, folder, depth + 1)
        gone = [
            path for path, change in self._changes.items() if change == "deleted" and os.path.dirname(path) == top[:-1]
        ]
        for path in sorted([*inside.files, *gone]):
            yield self._row(path, depth)

    def _row(self, path: str, depth: int, *, full: bool = False) -> Row:
        change = self._changes.get(path, "")
        if path.endswith("/"):
            mark = MARKS["changed"] if path in self._above else _NO_MARK
            sign = "▾ " if path in self._open else "▸ "
            name = f"{path[:-1].rpartition('/')[2]}/"
            pieces = ((f"{mark[0]} ", mark[1]), ("  " * depth, "text"), (sign, "muted"), (name, "bold"))
        else:
            mark = MARKS.get(change, _NO_MARK)
            folder, name = os.path.split(path)
            before = f"{folder}/" if full and folder else ""
            indent = "" if full else "  " * (depth + 1)
            pieces = (
                (f"{mark[0]} ", mark[1]),
                (indent, "text"),
                (before, "muted"),
                (name, mark[1] if change else "text"),
            )
        return Row(Place(path, change), pieces, f"{path} {change}".casefold())

    def search(self, words: str) -> None:
        """What is typed may be in any folder."""
        if bool(words) != self._wants_all:
            self._wants_all = bool(words)
            self.reload()

    def fold(self, key: str) -> None:
        """Open or close a folder; on a file, go to the folder it is in."""
        if (row := self.current) is None or self._wants_changed:
            return
        path = row.value.path
        if key == "right" and path.endswith("/"):
            if path in self._open:
                self.in_sight.mark(self.in_sight.at + 1)
            else:
                self._toggle(path)
        elif key == "left" and path in self._open:
            self._toggle(path)
        elif key == "left":
            above = path.rstrip("/").rpartition("/")[0]
            at = next((at for at, one in enumerate(self.found) if one.value.path == f"{above}/"), None)
            if at is not None:
                self.in_sight.mark(at)

    def _toggle(self, folder: str) -> None:
        self._open ^= {folder}
        self.reload()

    # --- a look at one ------------------------------------------------------------------------------------------------

    def preview(self, services: Services, row: Row) -> Leaf:
        """The begin of a file, or the names in a folder. Raises AiexError where it cannot be read."""
        path, change = row.value
        if path.endswith("/"):
            return self._look_into(path)
        if change == "deleted":
            return to_leaf("deleted: Ctrl-D shows what was in it", "muted")
        data = services.workspace.read_head(path, MOST_CHARS)
        if b"\0" in data[:8_192]:
            return to_leaf("not a text", "muted")
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        return to_leaf(text.removesuffix("\n"), numbers_from=1, path=path)

    def _look_into(self, folder: str) -> Leaf:
        from aiex.context.catalogue import Folder

        inside = self._catalogue.folder(folder) if self._catalogue else Folder((), (), ())
        names = [path[len(folder) :] for path in (*inside.folders, *inside.files)]
        more = [f"… and {len(names) - _FILES_BESIDE} more"] if len(names) > _FILES_BESIDE else []
        return to_leaf("\n".join([*names[:_FILES_BESIDE], *more]), "muted")

    # --- keys ---------------------------------------------------------------------------------------------------------

    def choose(self, row: Row) -> None:
        """Mention a file in the prompt; open or close a folder."""
        path, change = row.value
        if path.endswith("/"):
            self._toggle(path)
        elif change == "deleted":
            self.notify("it is deleted: Ctrl-D shows what was in it", severity="warning", markup=False)
        else:
            self._mention(path)

    def _mention(self, path: str) -> None:
        from aiex.tui.mentions import spell

        if not path.isprintable():
            self.notify("this name cannot be typed, so it cannot be mentioned", severity="warning", markup=False)
            return
        self.dismiss(None)
        self.chat.prompt.insert(f"{spell(path)} ")
        self.chat.prompt.focus()

    def action_add_folder(self) -> None:
        """Mention the folder of the row."""
        if (row := self.current) is not None:
            path = row.value.path
            self._mention(path if path.endswith("/") else f"{os.path.dirname(path) or '.'}/")

    def action_changed(self) -> None:
        """Show only what changed, or everything again."""
        self._wants_changed = not self._wants_changed
        self.reload()

    def action_diff(self) -> None:
        """What changed in the last turn."""
        self.dismiss(None)
        self.chat.command("diff")

    def action_explain(self) -> None:
        """Explain a file."""
        if (row := self.current) is not None and not row.value.path.endswith("/"):
            import shlex

            self.dismiss(None)
            self.chat.command(f"explain {shlex.quote(row.value.path)}")

    def action_close(self) -> None:
        """Back to the tree where something is typed, else to the talk."""
        if self.query_one(Filter).value:
            self.query_one(Filter).value = ""
        else:
            super().action_close()


def _known_changes(services: Services) -> tuple[dict[str, str], Workspace, list[str]]:
    changes = dict(services.recorder.state.files) if services.recorder else {}
    return changes, copy.copy(services.workspace), services.settings.get("context.ignore")


def _find_uncommitted(workspace: Workspace, ignore: list[str]) -> dict[str, str]:
    """What differs from the last commit; in a thread of its own, so nothing is shared with the work."""
    from contextlib import closing

    from aiex.context.engine import open_engine
    from aiex.jobs.reviewing.changes import list_uncommitted

    with closing(open_engine(workspace, cache_path=None, workers=1, ignore=ignore)) as engine:
        return list_uncommitted(workspace, engine)


def _folders_above(path: str) -> Iterator[str]:
    at = path.find("/")
    while at >= 0:
        yield path[: at + 1]
        at = path.find("/", at + 1)
