"""Wishes and the bytes before become the bytes after: all of them, or an error and nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath
from typing import NamedTuple

from aiex.agent.edits import Change, FileWish
from aiex.agent.edits.bytesform import UTF8, Form, decode, encode
from aiex.agent.edits.locating import locate
from aiex.agent.edits.places import line_numbers
from aiex.agent.edits.splicing import replace_all, rewrite, splice, to_text
from aiex.agent.edits.spotting import new_conflict, new_elision
from aiex.errors import EditError
from aiex.guard.sandbox.paths import show


class Before(NamedTuple):
    """A file as it is; of a link, what it leads to."""

    content: bytes
    mode: int = 0o644
    is_link: bool = False
    identity: object = None
    """Equal for two names of one file, such as device and inode; None when nobody knows."""


class FileChange(NamedTuple):
    """What becomes of one file."""

    path: str
    before: bytes | None
    """None when there was no file."""
    after: bytes | None
    """None when it is deleted."""
    mode: int | None = None
    """Permission bits; None leaves them to whoever writes."""
    moved_from: str | None = None
    """The path that had the content before and has it no more; `before` is that content."""
    relaxation: str = ""
    """The steps, such as `indentation`, by which old text was found that did not stand there exactly."""


def paths_of(wishes: Iterable[FileWish]) -> tuple[str, ...]:
    """Every path that must be known before the wishes can be applied, in the form in which `apply_wishes` asks."""
    asked = [path for wish in wishes for path in (wish.path, wish.moved_to) if path]
    return tuple(dict.fromkeys(map(_key, asked)))


def apply_wishes(wishes: Sequence[FileWish], files: Mapping[str, Before | None]) -> tuple[FileChange, ...]:
    """What the wishes make of the files, one change for each file, in the order of the wishes.

    Args:
        wishes: Several wishes for one file apply in order, each to the result of the one before.
        files: Every path of `paths_of(wishes)`; None where nothing has this name.

    Raises:
        EditError: if one wish cannot be fulfilled, or nothing would change; then nothing is to be written.
    """
    states: dict[str, _State] = {}
    for wish in wishes:
        path = _key(wish.path)
        if path not in states:
            states[path] = _State(path, files[path])
        _fulfil(wish, states[path], states, files)
    changes = tuple(change for state in states.values() if (change := state.change()) is not None)
    _require_separate(changes, files)
    if not changes:
        raise EditError("the edit changes nothing: its old and its new text are the same", hint="go on without it")
    return changes


@dataclass(slots=True)
class _State:
    """A file while wishes are applied to it."""

    path: str
    before: Before | None
    raw: str = ""
    form: Form = UTF8
    is_there: bool = False
    is_read: bool = False
    is_gone: bool = False
    moved_to: str = ""
    mode: int | None = None
    steps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.is_there = self.before is not None

    def read(self) -> str:
        """The text as it is now; decoded when it is first asked for."""
        if self.before is not None and not self.is_read:
            self.raw, self.form = decode(self.before.content, self.path)
        self.is_read = True
        return self.raw

    def change(self) -> FileChange | None:
        """What became of it, None if it is as it was."""
        old = self.before.content if self.before else None
        if self.is_gone:
            return None if old is None else FileChange(self.path, old, None, relaxation=self.found)
        new = self._bytes()
        if self.moved_to:
            mode = self.before.mode if self.before else self.mode
            return FileChange(self.moved_to, old, new, mode, self.path, self.found)
        if new == old:
            return None
        mode = self.before.mode if self.before else self.mode
        return FileChange(self.path, old, new, mode, None, self.found)

    @property
    def found(self) -> str:
        """The steps by which text was found."""
        return ", ".join(dict.fromkeys(self.steps))

    def _bytes(self) -> bytes:
        if not self.is_read and self.before is not None:
            return self.before.content
        before = decode(self.before.content, self.path)[0] if self.before and not self.form.is_sure else ""
        return encode(self.raw, self.form, self.path, before=before)


def _key(path: str) -> str:
    """One name for the spellings of one path; what climbs is left to the guard."""
    return path if path.startswith("/") or ".." in path.split("/") else normpath(path)


def _fulfil(wish: FileWish, state: _State, states: dict[str, _State], files: Mapping[str, Before | None]) -> None:
    shown = show(state.path)
    if state.is_gone or state.moved_to:
        raise EditError(f"the edit deletes or moves {shown} and then changes it", hint="send these as two edits")
    match wish.kind:
        case "create":
            _create(wish, state)
        case "write":
            _write(wish.content or "", state)
        case "delete":
            _delete(wish, state)
        case "change":
            _change(wish, state)
        case "move":
            _change(wish, state)
            _move(wish, state, states, files)


def _create(wish: FileWish, state: _State) -> None:
    if state.is_there:
        raise EditError(
            f"cannot create {show(state.path)}: it exists", hint="change the file instead, or delete it first"
        )
    _require_finished("", wish.content or "", state.path)
    state.raw, state.is_there, state.is_read, state.mode = wish.content or "", True, True, wish.mode


def _write(content: str, state: _State) -> None:
    """Put a whole file in place; lines that stay keep their ends, and the file its mark and encoding."""
    before = state.read()
    text = to_text(before)
    _require_finished(text, content, state.path)
    if before and not content:
        raise EditError(
            f"the edit empties {show(state.path)}: its block has no lines", hint="delete the file if that is meant"
        )
    fresh = content.removeprefix("\ufeff") if state.form.mark else content
    state.raw = rewrite(before, fresh, keeps_last_end=True)
    state.is_there = True


def _delete(wish: FileWish, state: _State) -> None:
    shown = show(state.path)
    if not state.is_there:
        raise EditError(f"cannot delete {shown}: there is no such file")
    if state.is_read or state.before is None:
        raise EditError(f"the edit changes {shown} and then deletes it", hint="only delete it")
    if wish.content is not None:
        if state.before.is_link:
            raise EditError(f"cannot delete {shown} by its content: it is a link", hint="delete it without content")
        there, wanted = to_text(state.read()), wish.content.removeprefix("\ufeff")
        if there.removesuffix("\n") != wanted.removesuffix("\n"):
            raise EditError(
                f"cannot delete {shown}: it has other lines than the edit removes",
                hint="read the file again; the edit has to remove all its lines",
            )
    state.is_gone = True


def _change(wish: FileWish, state: _State) -> None:
    if not state.is_there:
        _create_by_change(wish, state)
        return
    if not wish.changes:
        return
    if state.before is None and not state.raw and not wish.changes[0].old:
        raise EditError(f"the edit creates {show(state.path)} twice", hint="create it once")
    raw = state.read()
    shown = show(state.path)
    added: list[tuple[int, int]] = []
    for change in wish.changes:
        if change.old == change.new and change.last_newline is None:
            raise EditError(
                f"{shown}: the old and the new text of a change are the same", hint="leave out what does not change"
            )
        text = to_text(raw)
        _require_finished(text, change.new, state.path, change.old)
        raw, step = _apply(raw, text, _unmarked(change, state.form), shown, added)
        state.steps += (step,) if step else ()
    _require_whole(to_text(state.raw), to_text(raw), state.path)
    state.raw = raw


def _create_by_change(wish: FileWish, state: _State) -> None:
    """A change of nothing into something creates the file; any other needs it to be there."""
    if len(wish.changes) != 1 or wish.changes[0].old or wish.kind == "move":
        raise EditError(
            f"cannot change {show(state.path)}: there is no such file",
            hint="check the path; to create a file, leave the old text empty",
        )
    new = wish.changes[0].new
    _require_finished("", new, state.path)
    state.raw, state.is_there, state.is_read, state.mode = new, True, True, wish.mode


def _apply(raw: str, text: str, change: Change, path: str, added: list[tuple[int, int]]) -> tuple[str, str]:
    """The raw text with one change made, and the step that found its place; its lines are noted in `added`."""
    if change.replace_all and change.old:
        if change.old not in text:
            locate_error = change._replace(replace_all=False)
            _, step = locate(text, locate_error, path)
            raise EditError(
                f"{path}: the text to replace everywhere stands only in other words ({step})",
                hint="copy it from the file exactly",
            )
        return replace_all(raw, text, change.old, change.new), ""
    chain, step = locate(text, change, path, _numbers(change, added))
    (number,) = line_numbers(text, [chain[0].start])
    for place in reversed(chain):
        raw = splice(raw, text, place, change)
        text = to_text(raw) if len(chain) > 1 else text
    added.append((number, change.new.count("\n") - change.old.count("\n")))
    return raw, step


def _numbers(change: Change, added: Sequence[tuple[int, int]]) -> set[int]:
    """Lines at which the old text may begin now: its number in the file before, moved by the changes above it."""
    if change.line is None:
        return set() if change.new_line is None else {change.new_line}
    line = change.line
    for number, lines in added:
        line += lines if number <= line else 0
    return {line} if change.new_line is None else {line, change.new_line}


def _move(wish: FileWish, state: _State, states: dict[str, _State], files: Mapping[str, Before | None]) -> None:
    target = _key(wish.moved_to)
    shown = f"{show(state.path)} to {show(target)}"
    if not state.is_there or (state.before is not None and state.before.is_link):
        what = "it is a link" if state.is_there else "there is no such file"
        raise EditError(f"cannot move {shown}: {what}")
    taken = files[target] is not None or target in states or any(one.moved_to == target for one in states.values())
    if taken:
        raise EditError(f"cannot move {shown}: the target exists", hint="choose another name")
    state.moved_to = target


def _unmarked(change: Change, form: Form) -> Change:
    """The change without a byte order mark, which the text of the file does not have."""
    if not form.mark or not (change.old.startswith("\ufeff") or change.new.startswith("\ufeff")):
        return change
    return change._replace(old=change.old.removeprefix("\ufeff"), new=change.new.removeprefix("\ufeff"))


def _require_finished(text: str, new: str, path: str, old: str = "") -> None:
    """Refuse new text that leaves lines out, or that brings marks of a merge."""
    line = new_elision(new, old, text)
    if line:
        raise EditError(
            f"{show(path)}: the new text has the line `{line[:80]}`, which stands for code that is left out",
            hint="write out all lines, or change only the lines that differ",
        )
    if not old:
        _require_whole(text, new, path)


def _require_whole(before: str, after: str, path: str) -> None:
    mark = new_conflict(before, after)
    if mark:
        raise EditError(
            f"{show(path)}: the result would have the merge conflict mark `{mark[:40]}`",
            hint="write the lines as they shall be, without conflict marks",
        )


def _require_separate(changes: Sequence[FileChange], files: Mapping[str, Before | None]) -> None:
    """Refuse to change one file by two names: the second would undo the first."""
    seen: dict[object, str] = {}
    for change in changes:
        path = change.moved_from or change.path
        before = files.get(path)
        if before is None or before.identity is None or (before.is_link and change.after is None):
            continue
        other = seen.setdefault(before.identity, path)
        if other != path:
            raise EditError(
                f"{show(path)} and {show(other)} are one file, and the edit changes both", hint="use one of the names"
            )
