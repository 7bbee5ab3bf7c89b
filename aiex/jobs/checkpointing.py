"""Checkpoints for a person: how two differ as a patch, what restoring one would change, and then doing it."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiex.agent.patches import MOST_DIFFED_BYTES, git_mode, quote, render_contents
from aiex.errors import Conflict
from aiex.events import Warned
from aiex.guard.actions import TYPED, Action
from aiex.guard.owners import find_owner
from aiex.guard.private import read_private, remove_private, write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aiex.guard.gate import Gate
    from aiex.sessions.checkpoints.objects import Objects
    from aiex.sessions.checkpoints.opening import Checkpoints
    from aiex.sessions.checkpoints.planning import Change
    from aiex.sessions.checkpoints.restore import OnConflict, Rehearsed
    from aiex.sessions.checkpoints.stores.catalogue import Checkpoint
    from aiex.sessions.checkpoints.trees import Entry

SEARCH: Final = "search.json"
"""Beside the checkpoints while a search brings the files to and fro: which checkpoint has them as they were."""
SEARCH_LOCK: Final = "search"


MOST_REASON: Final = 1000
"""Characters; a command may have a thousand times as many."""


def clean_reason(reason: str) -> str:
    """What may be kept of why a checkpoint is taken: no secrets, and no more than a person reads."""
    from aiex.guard.redact import redact

    cleaned = redact(reason)
    return cleaned if len(cleaned) <= MOST_REASON else f"{cleaned[: MOST_REASON - 1]}…"


# --- a search that goes on, or was cut off --------------------------------------------------------------------------


def begin_search(checkpoints: Checkpoints, checkpoint_id: str) -> None:
    """Note which checkpoint has the files as they are, before they are brought to and fro. Raises StoreError."""
    write_private(os.path.join(checkpoints.folder, SEARCH), json.dumps({"checkpoint": checkpoint_id}).encode())


def end_search(checkpoints: Checkpoints) -> None:
    """The files are as they were. Raises StoreError."""
    remove_private(os.path.join(checkpoints.folder, SEARCH))


def find_search(checkpoints: Checkpoints) -> str:
    """The checkpoint that has the files as they were before a search that did not end; empty for none."""
    data = read_private(os.path.join(checkpoints.folder, SEARCH))
    try:
        wanted = json.loads(data)["checkpoint"] if data else ""
    except (ValueError, TypeError, KeyError):
        wanted = ""
    if data and not any(known.id == wanted for known in checkpoints.catalogue.list()):
        end_search(checkpoints)  # nobody can go back to it
        return ""
    return str(wanted)


def notices(checkpoints: Checkpoints) -> Iterator[Warned]:
    """What to say before checkpoints are used.

    Raises:
        Conflict: if a search brings the files to and fro right now.
    """
    wanted = find_search(checkpoints) if checkpoints.exist else ""
    if not wanted:
        return
    owner = find_owner(checkpoints.folder, SEARCH_LOCK)
    if owner is not None:
        raise Conflict(
            f"process {owner.pid} searches through the steps of this workspace and brings the files to and fro",
            hint="wait for its end, or end it there",
        )
    yield Warned(
        f"a search through the steps was cut off; checkpoint {wanted} has the files as they were before it",
        f"to bring them back: aiex restore checkpoint {wanted} --force",
    )


# --- differences ----------------------------------------------------------------------------------------------------


@contextmanager
def looking(checkpoints: Checkpoints, like: Sequence[str] = ()) -> Iterator[str]:
    """The block that may read the work tree as a tree of checkpoints, by its id; nothing of it is kept.

    Args:
        like: Trees whose names are looked at, whatever the rules say now.
    """
    from aiex.sessions.checkpoints.planning import names_by_folder

    with suppress(_TakenBack), checkpoints.objects.writing():
        yield checkpoints.snapshots.capture(covered=names_by_folder(checkpoints.objects, *like)).tree
        raise _TakenBack


class _TakenBack(Exception):
    """Ends a transaction of which nothing shall stay."""


class Difference(NamedTuple):
    """How two trees differ."""

    patch: bytes
    """For `git apply`, as far as that can say it: directories have lines of words."""
    changes: tuple[Change, ...]


def compare(objects: Objects, before: str, after: str, paths: Sequence[str] = ()) -> Difference:
    """The difference between two trees, at or below some paths. Raises StoreError, and UsageError for a bad path."""
    from aiex.sessions.checkpoints.planning import diff_trees, is_at_or_below, normal_path

    places = [normal_path(path) for path in paths]
    changes = [
        change for change in diff_trees(objects, before, after) if not places or is_at_or_below(change.path, places)
    ]
    return Difference(b"".join(_render(objects, change) for change in changes), tuple(changes))


def _render(objects: Objects, change: Change) -> bytes:
    from aiex.sessions.checkpoints.trees import FOLDER

    parts = []
    kinds = [None if entry is None else entry.kind for entry in (change.before, change.after)]
    if FOLDER in kinds:
        parts.append(_render_folder(change))
    before, after = (
        None if entry is None or entry.kind == FOLDER else entry for entry in (change.before, change.after)
    )
    if before and after and before.kind != after.kind:
        parts += [_render_file(objects, change.path, before, None), _render_file(objects, change.path, None, after)]
    elif before or after:
        parts.append(_render_file(objects, change.path, before, after))
    return b"".join(parts)


def _render_folder(change: Change) -> bytes:
    from aiex.sessions.checkpoints.trees import FOLDER

    name = quote("", change.path + "/")
    before, after = (entry if entry and entry.kind == FOLDER else None for entry in (change.before, change.after))
    if before and after:
        return b"directory %b: mode %o, then %o\n" % (name, before.mode, after.mode)
    return b"directory %b %b\n" % (name, b"removed" if before else b"made")


def _render_file(objects: Objects, path: str, before: Entry | None, after: Entry | None) -> bytes:
    a, b = quote("a/", path), quote("b/", path)
    lines = [b"diff --git %b %b\n" % (a, b)]
    if before is None and after is not None:
        lines.append(b"new file mode %b\n" % _mode(after))
    elif after is None and before is not None:
        lines.append(b"deleted file mode %b\n" % _mode(before))
    elif before and after and _mode(before) != _mode(after):
        lines.append(b"old mode %b\nnew mode %b\n" % (_mode(before), _mode(after)))
    elif before and after and before.mode != after.mode:
        lines.append(b"permissions %o, then %o\n" % (before.mode, after.mode))
    if before and after and before.id == after.id:
        return b"".join(lines)
    old_name, new_name = a if before else b"/dev/null", b if after else b"/dev/null"
    entries = [entry for entry in (before, after) if entry]
    if sum(objects.size(entry.id) for entry in entries) > MOST_DIFFED_BYTES:
        return b"".join([*lines, b"Files %b and %b differ\n" % (old_name, new_name)])
    old, new = (objects.get(entry.id) if entry else None for entry in (before, after))
    return b"".join([*lines, render_contents(old_name, new_name, old, new)])


def _mode(entry: Entry) -> bytes:
    """As git has it: it knows files, programs and links."""
    from aiex.sessions.checkpoints.trees import LINK

    if entry.kind == LINK:
        return b"120000"
    return git_mode(entry.mode)


# --- restoring ------------------------------------------------------------------------------------------------------


def require_leave(gate: Gate, changes: Iterable[Change]) -> None:
    """Go on if the rules let a person's own command write and remove these files.

    Raises:
        Denied: naming the rule.
    """
    for action in _touching(changes):
        if gate.judge(action, chosen=TYPED).effect != "allow":
            gate.require(action, chosen=TYPED)


def _touching(changes: Iterable[Change]) -> Iterator[Action]:
    for change in changes:
        yield Action("delete" if change.after is None else "write", change.path, {})


def rehearse(
    gate: Gate,
    checkpoints: Checkpoints,
    target: str,
    how: OnConflict,
    *,
    expected: str | None = None,
    only: Sequence[str] | None = None,
) -> Rehearsed:
    """What a restore for a person would do; nothing is done, and nothing goes on record.

    Raises:
        Denied: as it would be refused, by the role, a rule, or because of what the checkpoint has.
        Conflict: as it would be refused, because of what others changed.
    """
    from aiex.guard.refusing import refused

    changes = checkpoints.restorer.preview(target, only=only)
    for action in (*_touching(changes), restoring(target, changes)):
        found = gate.judge(action, chosen=TYPED)
        if found.effect != "allow":
            raise refused(action, found)
    return checkpoints.restorer.rehearse(target, expected=expected, on_conflict=how, only=only)


def restoring(target: str, changes: Sequence[Change]) -> Action:
    """A restore as it goes on record."""
    return Action("write", ".", {"checkpoint": target, "files": str(len(changes))})


def describe(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint for programs."""
    from aiex.eventforms import to_timestamp

    return {
        "id": checkpoint.id,
        "number": checkpoint.number,
        "created_at": to_timestamp(checkpoint.created_ms / 1000),
        "reason": checkpoint.reason,
        "session": checkpoint.session,
        "tag": checkpoint.tag,
        "files": checkpoint.files,
        "size_bytes": checkpoint.bytes,
    }


def describe_change(change: Change) -> dict[str, str]:
    """What is otherwise about a name, from the first side to the second."""
    kind = "changed"
    if change.before is None or change.after is None:
        kind = "created" if change.before is None else "deleted"
    return {"path": change.path, "change": kind}
