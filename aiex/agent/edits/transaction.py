"""Edits of files as one transaction: found and applied in memory, parsed, checked against what was read, then written.

All files or none, after a checkpoint, and only over what the edit was made for.
"""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

from aiex.agent.edits.applying import Before, FileChange, apply_wishes, paths_of
from aiex.agent.edits.soundness import find_break
from aiex.agent.kit import begin_safely
from aiex.errors import AiexError, Conflict, Denied, EditError, StoreError
from aiex.events import FileEdited
from aiex.guard.neutral import printable_path
from aiex.guard.sandbox.files import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiex.agent.edits import FileWish
    from aiex.agent.kit import Files, Step
    from aiex.agent.seen import Seen
    from aiex.events import Event

MOST_BYTES = 32 << 20
"""Of a file that is edited; larger ones are no source text."""


class Transaction:
    """An edit that was found and applied in memory; nothing is written yet.

    Args:
        changes: What becomes of each file.
        breaks: What does not parse any more, in words.
    """

    def __init__(self, changes: tuple[FileChange, ...], breaks: tuple[str, ...]) -> None:
        self.changes = changes
        self.breaks = breaks

    @property
    def written(self) -> tuple[str, ...]:
        """The paths that would be written."""
        return tuple(change.path for change in self.changes if change.after is not None)

    @property
    def deleted(self) -> tuple[str, ...]:
        """The paths that would be gone."""
        gone = [change.path for change in self.changes if change.after is None]
        return (*gone, *(change.moved_from for change in self.changes if change.moved_from))

    def preview(self) -> str:
        """All of it as a patch."""
        from aiex.agent.patches import render_change

        parts = (render_change(change.path, change.before, change.after) for change in self.changes)
        return b"".join(parts).decode("utf-8", "replace")

    def commit(self, files: Files, *, root: str, step: Step | None, seen: Seen | None = None) -> Iterator[Event]:
        """Write all of it, as one step.

        Args:
            files: Where to.
            root: The workspace, for the permissions of new files.
            step: Looks after the files; None where nobody wants to undo it.
            seen: Learns what the model knows of the files now.

        Raises:
            Conflict: if a file is not any more what it was when the edit was made.
            Denied, StoreError: if a file cannot be written.
            In each of these cases every file is as it was.
        """
        require_unchanged(self.changes, files)
        if step:
            step.cover(files.relative(path) for path in (*self.written, *self.deleted))
        yield from begin_safely(step) if step else ()
        try:
            write_all(self.changes, files, root)
            if seen:
                _note(self.changes, seen, files)
            events = step.end()[0] if step else ()
            yield from events
            if not any(isinstance(event, FileEdited) for event in events):  # nobody looked, or nobody could
                yield from describe_edits(self.changes)
        finally:
            if step:
                step.cut_off()


def prepare(wishes: Sequence[FileWish], files: Files, seen: Seen | None = None) -> Transaction:
    """Find and apply what is wished for, in memory.

    Args:
        wishes: As a format reads them.
        files: What there is.
        seen: What the model knows of the files: a miss says if a file changed since, and a whole file that the model
            never saw is not overwritten.

    Raises:
        EditError: if something is not there, or not unique; it says what is.
        Denied: if a path must not be touched.
        StoreError: if a file cannot be read.
    """
    paths = paths_of(wishes)
    before = {path: _read(path, files) for path in paths}
    if seen is not None:
        _require_known(wishes, before, seen, files)
    try:
        changes = apply_wishes(wishes, before)
    except EditError as error:
        if seen is not None:
            _tell_changed(error, before, seen, files)
        raise
    for change in changes:
        _require_no_mark(change)
    return Transaction(changes, tuple(filter(None, map(find_break, changes))))


def _require_no_mark(change: FileChange) -> None:
    """Raise EditError where what stood for a secret, in what the model was shown, would take the secret's place."""
    from aiex.guard.redact import REMOVED, redact

    mark, before = REMOVED.encode(), change.before or b""
    if (change.after or b"").count(mark) <= before.count(mark):
        return
    text = before.decode("utf-8", "replace")
    if redact(text) != text:
        raise EditError(
            f"{printable_path(change.path)}: {REMOVED} stands for a secret that you were not shown",
            hint="change the lines around it, and leave the secret alone",
        )


def _read(path: str, files: Files) -> Before | None:
    try:
        found = files.stat(path)
    except Missing:
        return None
    is_link = found.kind == "link"
    if is_link:
        found = files.stat(path, follow_links=True)
    return Before(files.read(path, limit_bytes=MOST_BYTES), found.mode & 0o7777, is_link, identity=found.inode or None)


def _require_known(wishes: Sequence[FileWish], before: dict[str, Before | None], seen: Seen, files: Files) -> None:
    """Raise EditError where a whole file would take the place of one that the model does not know as it is."""
    for wish in wishes:
        known = before.get(paths_of([wish])[0])
        if wish.kind != "write" or known is None or not known.content:
            continue
        state = seen.compare(files.relative(wish.path), known.content)
        if state != "same":
            why = "you have not read it" if state == "unseen" else "it changed since you read it"
            raise EditError(
                f"{printable_path(wish.path)} is not overwritten: {why}",
                hint="read it first, or change the lines in question",
            )


def _tell_changed(error: EditError, before: dict[str, Before | None], seen: Seen, files: Files) -> None:
    """Add to a miss which files changed since the model read them."""
    changed = [
        path
        for path, one in before.items()
        if one is not None and seen.compare(files.relative(path), one.content) == "changed"
    ]
    if changed:
        told = f"changed since you read it: {', '.join(map(printable_path, changed))}; read it again"
        error.hint = f"{told}. {error.hint}" if error.hint else told


def describe_edits(changes: Sequence[FileChange]) -> Iterator[FileEdited]:
    """What was done to each file, with its lines counted."""
    for change in changes:
        added, removed = count_lines(change.before, change.after)
        if change.moved_from:
            lines = _line_count(change.before)
            yield FileEdited(change.moved_from, "deleted", 0, lines)
            yield FileEdited(change.path, "created", _line_count(change.after), 0)
        elif change.before is None:
            yield FileEdited(change.path, "created", added, removed)
        else:
            yield FileEdited(change.path, "deleted" if change.after is None else "changed", added, removed)


def count_lines(before: bytes | None, after: bytes | None) -> tuple[int, int]:
    """Lines that come and lines that go."""
    from aiex.sessions.checkpoints.myers import diff_lines, split_lines

    old, new = before or b"", after or b""
    if b"\0" in old or b"\0" in new:
        return 0, 0
    hunks = diff_lines(split_lines(old), split_lines(new))
    return sum(one.new_end - one.new_start for one in hunks), sum(one.old_end - one.old_start for one in hunks)


def _line_count(data: bytes | None) -> int:
    return 0 if not data else data.count(b"\n") + (not data.endswith(b"\n"))


def require_unchanged(changes: Sequence[FileChange], files: Files) -> None:
    """Refuse to write over what the edit was not made for. Raises Conflict."""
    for change in changes:
        at = change.moved_from or change.path
        if _now(at, files) != change.before or (change.moved_from and _now(change.path, files) is not None):
            state = "is there meanwhile" if change.before is None else "changed while this was done"
            raise Conflict(f"{printable_path(at)} {state}; nothing was written", hint="read it again, then edit")


def _now(path: str, files: Files) -> bytes | None:
    try:
        return files.read(path)
    except Missing:
        return None


def write_all(changes: Sequence[FileChange], files: Files, root: str) -> None:
    """All files or none: what was written already is put back when one cannot be.

    Raises:
        Denied, StoreError: if one cannot be written, also where another could not be put back.
    """
    steps: list[tuple[str, bytes | None, bytes | None, int | None]] = []
    for change in changes:
        fresh = change.before is None or change.moved_from is not None
        steps.append((change.path, None if fresh else change.before, change.after, change.mode if fresh else None))
    steps += [(change.moved_from, change.before, None, None) for change in changes if change.moved_from]
    done: list[tuple[str, bytes | None]] = []
    try:
        for path, before, after, mode in sorted(steps, key=lambda one: one[2] is None):  # what is removed, last
            done.append((path, before))
            _put(path, after, files)
            if mode is not None and after is not None:
                _set_mode(path, mode, files, root)
    except BaseException as error:
        stuck = [path for path, before in reversed(done) if not _put_back(path, before, files)]
        if stuck and isinstance(error, AiexError):
            names = ", ".join(map(printable_path, stuck))
            error.hint = f"could not be put back: {names}; a checkpoint has them: aiex list checkpoints"
        raise


def _put(path: str, data: bytes | None, files: Files) -> None:
    if data is None:
        files.delete(path)
    else:
        files.write(path, data)


def _set_mode(path: str, mode: int, files: Files, root: str) -> None:
    """Give a new file the permissions that it shall have; one outside the workspace keeps those of any new file."""
    from aiex.guard.sandbox.putting import Putter

    name = files.relative(path)
    if name.startswith("/") or mode & 0o111 == files.stat(path).mode & 0o111:
        return
    try:
        with closing(Putter(root)) as putter:
            putter.set_mode(name, mode)
    except OSError as error:
        raise StoreError(f"cannot set the permissions of {printable_path(path)}: {error.strerror}") from error


def _put_back(path: str, before: bytes | None, files: Files) -> bool:
    with suppress(StoreError, Denied):
        if _now(path, files) != before:
            _put(path, before, files)
        return True
    return False


def _note(changes: Sequence[FileChange], seen: Seen, files: Files) -> None:
    for change in changes:
        path = files.relative(change.path)
        if change.moved_from:
            seen.forget(files.relative(change.moved_from))
        if change.after is None:
            seen.forget(path)
        else:
            seen.note(path, change.after)
