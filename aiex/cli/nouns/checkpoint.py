"""Checkpoints of a workspace: all its files as they were at one time."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Job, Work, answered
from aiex.errors import StoreError, UsageError
from aiex.eventforms import to_timestamp
from aiex.events import Event, TurnEnded, Warned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.shell_completion import CompletionItem

    from aiex.cli.work import Markup
    from aiex.sessions.checkpoints.planning import Change
    from aiex.sessions.checkpoints.restore import OnConflict, Rehearsed, Restored
    from aiex.sessions.checkpoints.stores.catalogue import Checkpoint
    from aiex.wiring import Services

RED = 3
"""The exit code where something is damaged."""
_LONGEST_REASON = 60
_MOST_NAMED = 20

MERGE = click.option("--merge", is_flag=True, help="Keep what was changed since, and join it where it fits.")
FORCE = click.option("--force", is_flag=True, help="Also over what was changed since; a checkpoint has it.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from aiex.errors import AiexError
    from aiex.wiring import Services

    services = Services(os.getcwd())
    try:
        known = services.checkpoints.catalogue.list() if services.checkpoints.exist else ()
        names = [(one.tag or one.id, one.reason) for one in reversed(known)]
    except AiexError:
        return []
    finally:
        services.close()
    return [CompletionItem(name, help=_clean(reason)) for name, reason in names if name.startswith(incomplete)]


_ID = click.argument("wanted", metavar="ID", shell_complete=_complete)


def _work(name: str, tell: Callable[[Services], Iterator[Event]], *, markup: Markup = "text") -> Work:
    """Work on checkpoints: first what there is to say about them."""

    def told(services: Services) -> Iterator[Event]:
        from aiex.jobs.checkpointing import notices

        yield from notices(services.checkpoints)
        yield from tell(services)

    def prepare(services: Services) -> Job:
        return lambda: told(services)

    return Work(name, prepare, markup)


@click.command("create")
@click.option("--tag", default="", metavar="NAME", help="A name for it, which keeps it from being cleaned up.")
@click.argument("reason", nargs=-1)
def create_checkpoint(*, tag: str, reason: tuple[str, ...]) -> Work:
    """Keep all files of the workspace as they are now; REASON says what for."""
    return _work("create checkpoint", lambda services: _create(services, " ".join(reason), tag))


@click.command("list")
@click.option("--last", default=100, type=click.IntRange(0), show_default=True, help="So many; 0 for all.")
def list_checkpoint(*, last: int) -> Work:
    """List the checkpoints of this workspace, the newest last."""
    return _work("list checkpoint", lambda services: _list(services, last))


@click.command("show")
@_ID
def show_checkpoint(*, wanted: str) -> Work:
    """Show a checkpoint, and what was changed since. ID is its id or the beginning of it, its number or its tag."""
    return _work("show checkpoint", lambda services: _show(services, wanted))


@click.command("diff")
@_ID
@click.argument("more", nargs=-1, metavar="[OTHER] [PATH]...")
def diff_checkpoint(*, wanted: str, more: tuple[str, ...]) -> Work:
    """Show as a patch what changed from a checkpoint to OTHER, or to the files as they are now.

    PATH is relative to the workspace; write ./NAME for one that looks like a checkpoint.
    """
    markup: Markup = "text" if sys.stdout is None or sys.stdout.isatty() else "verbatim"
    return _work("diff checkpoint", lambda services: _diff(services, wanted, more), markup=markup)


@click.command("restore")
@MERGE
@FORCE
@DRY_RUN
@_ID
@click.argument("paths", nargs=-1, metavar="[PATH]...")
def restore_checkpoint(*, merge: bool, force: bool, dry_run: bool, wanted: str, paths: tuple[str, ...]) -> Work:
    """Bring the files back to how a checkpoint has them: all of them, or those at and below PATH.

    What was changed since the last checkpoint is not overwritten unless you say --force or --merge. A checkpoint of
    now is taken first, so this can be taken back as well.
    """
    how = on_conflict(merge=merge, force=force)
    return _work("restore checkpoint", lambda services: _restore(services, wanted, paths, how, dry_run=dry_run))


@click.command("tag")
@_ID
@click.argument("name")
def tag_checkpoint(*, wanted: str, name: str) -> Work:
    """Give a checkpoint a name, which keeps it from being cleaned up; '' takes the name away."""
    return _work("tag checkpoint", lambda services: _tag(services, wanted, name))


@click.command("export")
@click.option("--out", required=True, type=click.Path(), metavar="FILE", help="Write there, to a new file.")
@click.argument("wanted", metavar="ID...", nargs=-1, required=True, shell_complete=_complete)
def export_checkpoint(*, out: str, wanted: tuple[str, ...]) -> Work:
    """Write checkpoints with all files in them to one file."""
    return _work("export checkpoint", lambda services: _export(services, wanted, out))


@click.command("import")
@click.argument("file", type=click.Path())
def import_checkpoint(*, file: str) -> Work:
    """Take in the checkpoints of an exported file; all of it is checked before anything is kept."""
    return _work("import checkpoint", lambda services: _import(services, file))


@click.command("rm")
@click.argument("wanted", metavar="ID...", nargs=-1, required=True, shell_complete=_complete)
def rm_checkpoint(*, wanted: tuple[str, ...]) -> Work:
    """Remove checkpoints, and what only they hold, for good."""
    return _work("rm checkpoint", lambda services: _remove(services, wanted))


@click.command("verify")
def verify_checkpoint() -> Work:
    """Read all that checkpoints hold, and check it. The exit code is 3 when something is damaged."""
    return _work("verify checkpoint", _verify)


def on_conflict(*, merge: bool, force: bool) -> OnConflict:
    """What the two flags say. Raises UsageError for both."""
    if merge and force:
        raise UsageError("--merge and --force do not go together", hint="one of the two")
    return "merge" if merge else "force" if force else "refuse"


# --- create, list, show ---------------------------------------------------------------------------------------------


def _create(services: Services, reason: str, tag: str) -> Iterator[Event]:
    from aiex.guard.actions import TYPED, Action
    from aiex.jobs.checkpointing import clean_reason, describe
    from aiex.jobs.stepping import tell_left_out

    checkpoints = services.checkpoints
    if not reason.isprintable():
        raise UsageError("a reason is one line of printable characters", hint="leave out control characters")
    with services.gate.doing(Action("write", "checkpoint", {"reason": reason}), chosen=TYPED):
        if tag:
            _require_free(services, tag)
        taken = checkpoints.take(clean_reason(reason) or "by hand")
        kept = checkpoints.catalogue.tag(taken.checkpoint.number, tag) if tag else taken.checkpoint
    yield from tell_left_out(taken.left_out)
    text = f"checkpoint {kept.id} has {_files(kept)}"
    left_out = [{"path": one.path, "reason": one.reason} for one in taken.left_out]
    yield answered(f"{text}, tagged {tag}" if tag else text, {**describe(kept), "left_out": left_out})


def _require_free(services: Services, tag: str) -> None:
    """Raise UsageError for what is no tag, or another checkpoint's, before one is taken for it."""
    from aiex.sessions.checkpoints.stores.catalogue import is_tag

    known = services.checkpoints.catalogue.list() if services.checkpoints.exist and is_tag(tag) else ()
    for one in known:
        if one.tag == tag:
            raise UsageError(f"checkpoint {one.id} is tagged {tag}", hint=f"first: aiex tag checkpoint {one.id} ''")
    if not is_tag(tag):
        raise UsageError(f"{_clean(tag)} cannot be a tag", hint="up to 64 letters, digits, and . _ / - between them")


def _list(services: Services, last: int) -> Iterator[Event]:
    from aiex.jobs.checkpointing import describe

    known = list(services.checkpoints.catalogue.list()) if services.checkpoints.exist else []
    shown = known[-last:] if last else known
    text = columns([_row(one) for one in shown], head=("NO", "ID", "WHEN", "FILES", "SIZE", "TAG", "SESSION", "REASON"))
    if len(shown) < len(known):
        text += f"\n\n{len(shown)} of {len(known)} checkpoints; all of them: --last 0"
    data = {"checkpoints": [describe(one) for one in shown], "count": len(known)}
    yield answered(text or "no checkpoint was taken in this workspace yet", data)


def _row(one: Checkpoint) -> tuple[str, ...]:
    from aiex.jobs.inspect import show_size

    reason = _clean(one.reason)
    reason = reason if len(reason) <= _LONGEST_REASON else f"{reason[: _LONGEST_REASON - 1]}…"
    return (str(one.number), one.id, _when(one), f"{one.files:,}", show_size(one.bytes), one.tag, one.session, reason)


def _when(one: Checkpoint) -> str:
    return to_timestamp(one.created_ms / 1000)[:19].replace("T", " ")


def _show(services: Services, wanted: str) -> Iterator[Event]:
    from aiex.jobs.checkpointing import compare, describe, describe_change, looking
    from aiex.jobs.inspect import show_size

    known = _find(services, wanted)
    with looking(services.checkpoints, [known.tree]) as now:
        changes = compare(services.checkpoints.objects, known.tree, now).changes
    rows = [("id", known.id), ("number", str(known.number)), ("taken", f"{_when(known)} UTC"),
            ("reason", _clean(known.reason)), ("session", known.session), ("tag", known.tag),
            ("files", f"{known.files:,}"), ("size", show_size(known.bytes))]  # fmt: skip
    text = columns([row for row in rows if row[1]])
    text += "\n\n" + ("since then\n" + name_changes(changes) if changes else "nothing was changed since")
    yield answered(text, {**describe(known), "since": [describe_change(change) for change in changes]})


def _find(services: Services, wanted: str) -> Checkpoint:
    """A checkpoint by the words of a person. Raises UsageError, naming the nearest."""
    if not services.checkpoints.exist:
        raise UsageError("no checkpoint was taken in this workspace yet", hint="aiex create checkpoint")
    return services.checkpoints.catalogue.find(wanted)


def name_changes(changes: tuple[Change, ...]) -> str:
    """What changed, one name a line."""
    from aiex.jobs.checkpointing import describe_change

    told = [describe_change(change) for change in changes]
    lines = [f"  {one['change']:8} {_clean(one['path'])}" for one in told[:_MOST_NAMED]]
    more = len(told) - _MOST_NAMED
    return "\n".join([*lines, f"  and {more:,} more"] if more > 0 else lines)


# --- diff, restore --------------------------------------------------------------------------------------------------


def _diff(services: Services, wanted: str, more: tuple[str, ...]) -> Iterator[Event]:
    from aiex.jobs.checkpointing import compare, describe_change, looking

    checkpoints = services.checkpoints
    first = _find(services, wanted)
    other, paths = _other(services, more)
    if other is not None:
        found = compare(checkpoints.objects, first.tree, other.tree, paths)
    else:
        with looking(checkpoints, [first.tree]) as now:
            found = compare(checkpoints.objects, first.tree, now, paths)
    patch = found.patch.decode("utf-8", "surrogateescape")
    data = {"from": first.id, "to": other.id if other else None, "changes": list(map(describe_change, found.changes))}
    yield answered(patch, {**data, "patch": found.patch.decode("utf-8", "backslashreplace")})


def _other(services: Services, more: tuple[str, ...]) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """The other checkpoint, if the first word names one, and the paths."""
    if not more:
        return None, ()
    try:
        return services.checkpoints.catalogue.find(more[0]), more[1:]
    except UsageError:
        if len(more) == 1 and not os.path.lexists(os.path.join(services.root, more[0])) and _is_like_id(more[0]):
            raise
        return None, more


def _is_like_id(word: str) -> bool:
    return "/" not in word and not set(word.lower().removeprefix("#")) - set("0123456789abcdef")


def _restore(
    services: Services, wanted: str, paths: tuple[str, ...], how: OnConflict, *, dry_run: bool
) -> Iterator[Event]:
    from aiex.guard.actions import TYPED
    from aiex.jobs.checkpointing import end_search, find_search, rehearse, require_leave, restoring
    from aiex.jobs.stepping import tell_uncovered

    restorer, known = services.checkpoints.restorer, _find(services, wanted)
    only = paths or None
    if dry_run:
        found = rehearse(services.gate, services.checkpoints, known.id, how, only=only)
        yield from tell_uncovered(found.uncovered)
        would = "would change" if found.changes else "nothing would change"
        yield rehearsed_as(found, would, checkpoint=known.id)
        return
    changes = restorer.preview(known.id, only=only)
    require_leave(services.gate, changes)
    with services.gate.doing(restoring(known.id, changes), chosen=TYPED):
        restored = restorer.restore(known.id, on_conflict=how, only=only)
    if not only and known.id == find_search(services.checkpoints):
        end_search(services.checkpoints)
    yield from tell_uncovered(restored.uncovered)
    yield restored_as(restored, f"restored checkpoint {known.id}")


def rehearsed_as(found: Rehearsed, would: str, **data: Any) -> TurnEnded:
    """What bringing files back would change, join and leave."""
    from aiex.jobs.checkpointing import describe_change

    lines = [would, *filter(None, [name_changes(found.changes)])]
    for word, paths in (("join with what was changed since", found.merged), ("leave as it is", found.left)):
        lines += [f"would {word}: {_clean(path)}" for path in paths]
    told = {"changes": [*map(describe_change, found.changes)], "merged": [*found.merged], "left": [*found.left]}
    return answered("\n".join(lines), {**data, **told})


def restored_as(restored: Restored, done: str, **data: Any) -> TurnEnded:
    """The outcome of bringing files back: what changed, what stayed, and the way back."""
    lines = [done, *(f"  {_clean(path)}" for path in restored.changed[:_MOST_NAMED])]
    if len(restored.changed) > _MOST_NAMED:
        lines.append(f"  and {len(restored.changed) - _MOST_NAMED:,} more")
    if not restored.changed:
        lines[0] += "; no file had to change"
    for word, paths in (("joined with what was changed since", restored.merged), ("left as it is", restored.left),
                        ("left, because something in it is not covered", restored.kept)):  # fmt: skip
        lines += [f"{word}: {_clean(path)}" for path in paths]
    lines += ["", f"the files as they were before: checkpoint {restored.undo.id}"]
    told = {"checkpoint": restored.target.id, "undo": restored.undo.id, "changed": list(restored.changed),
            "merged": list(restored.merged), "left": list(restored.left), "kept": list(restored.kept)}  # fmt: skip
    return TurnEnded(
        "success", "answered", 0, answer="\n".join(lines), data={**told, **data}, files_changed=restored.changed
    )


# --- tag, export, import, rm, verify --------------------------------------------------------------------------------


def _tag(services: Services, wanted: str, name: str) -> Iterator[Event]:
    from aiex.guard.actions import TYPED, Action
    from aiex.jobs.checkpointing import describe

    found = _find(services, wanted)
    with services.gate.doing(Action("write", "checkpoint", {"id": found.id, "tag": name}), chosen=TYPED):
        known = services.checkpoints.catalogue.tag(found.number, name)
    text = f"checkpoint {known.id} is tagged {name}" if name else f"checkpoint {known.id} has no tag"
    yield answered(text, describe(known))


def _export(services: Services, wanted: tuple[str, ...], out: str) -> Iterator[Event]:
    from aiex.guard.handover import fill_new
    from aiex.jobs.briefing.words import count
    from aiex.jobs.checkpointing import describe
    from aiex.sessions.checkpoints.transfer import export_checkpoints

    known = list({one.id: one for one in (_find(services, word) for word in wanted)}.values())
    path = os.path.join(services.cwd, os.path.expanduser(out))
    objects = services.checkpoints.objects
    size = fill_new(path, lambda file: export_checkpoints(objects, known, file).bytes)
    text = f"{count(len(known), 'checkpoint')} in {_clean(path)}"
    yield answered(text, {"file": path, "checkpoints": [describe(one) for one in known], "size_bytes": size})


def _import(services: Services, file: str) -> Iterator[Event]:
    from aiex.guard.actions import TYPED, Action
    from aiex.guard.handover import open_named
    from aiex.jobs.checkpointing import describe
    from aiex.sessions.checkpoints.transfer import Limits, import_checkpoints

    path = os.path.join(services.cwd, os.path.expanduser(file))
    checkpoints, action = services.checkpoints, Action("write", "checkpoint", {"file": path})
    limits = Limits(file_bytes=int(services.settings.get("checkpoints.max_file_mb") * 1_000_000))
    with services.gate.doing(action, chosen=TYPED), open_named(path) as source:
        if not source.seekable():
            raise UsageError(f"cannot import {_clean(file)}: it is read twice, and a pipe cannot be")
        try:
            kept = import_checkpoints(checkpoints.objects, checkpoints.catalogue, source, limits=limits)
        except OSError as error:
            raise StoreError(f"cannot read {_clean(file)}: {error.strerror}") from error
    rows = [_row(one) for one in kept]
    yield answered(columns(rows), {"file": path, "checkpoints": [describe(one) for one in kept]})


def _remove(services: Services, wanted: tuple[str, ...]) -> Iterator[Event]:
    from aiex.guard.actions import TYPED, Action
    from aiex.jobs.briefing.words import count
    from aiex.jobs.inspect import show_size
    from aiex.sessions.checkpoints.retention import sweep

    checkpoints = services.checkpoints
    known = {one.id: one for one in (_find(services, word) for word in wanted)}
    if services.sessions.exist:
        lost = {step.checkpoint_id for _, step in services.sessions.views.steps(services.root)} & known.keys()
        if lost:
            yield Warned(f"{count(len(lost), 'step')} cannot be undone any more")
    with services.gate.doing(Action("delete", "checkpoint", {"ids": " ".join(known)}), chosen=TYPED):
        with checkpoints.objects.writing():
            checkpoints.catalogue.remove(one.number for one in known.values())
            _, size = sweep(checkpoints.objects, checkpoints.catalogue)
        checkpoints.objects.database.shrink()
    text = f"{count(len(known), 'checkpoint')} removed, {show_size(size)} freed"
    yield answered(text, {"removed": list(known), "freed_bytes": size})


def _verify(services: Services) -> Iterator[Event]:
    from aiex.jobs.inspect import show_size
    from aiex.sessions.checkpoints.verify import verify

    if not services.checkpoints.exist:
        yield answered("no checkpoint was taken in this workspace yet", {"whole": True, "checkpoints": 0})
        return
    found = verify(services.checkpoints.objects, services.checkpoints.catalogue)
    rows = [("checkpoints", f"{found.checkpoints:,}"), ("contents", f"{found.objects:,}, {show_size(found.bytes)}"),
            ("whole", "yes" if found.is_whole else "NO"),
            *(("", _clean(fault)) for fault in found.faults),
            *((f"checkpoint {one.id}", _clean(reason)) for one, reason in found.broken)]  # fmt: skip
    data = {"whole": found.is_whole, "checkpoints": found.checkpoints, "objects": found.objects, "bytes": found.bytes,
            "faults": list(found.faults),
            "broken": [{"id": one.id, "reason": reason} for one, reason in found.broken]}  # fmt: skip
    if found.is_whole:
        yield answered(columns(rows), data)
        return
    said = f"{len(found.broken)} of {found.checkpoints} checkpoints cannot be restored as a whole"
    hint = "the others can; aiex rm checkpoint removes a damaged one"
    yield TurnEnded("error", "damaged", RED, answer=columns(rows), data=data, error=said, hint=hint)


def _files(one: Checkpoint) -> str:
    from aiex.jobs.briefing.words import count
    from aiex.jobs.inspect import show_size

    return f"{count(one.files, 'file')}, {show_size(one.bytes)}"


def _clean(text: str) -> str:
    from aiex.guard.neutral import printable_path

    return printable_path(text)


NOUN = Noun(
    {
        "create": create_checkpoint,
        "diff": diff_checkpoint,
        "export": export_checkpoint,
        "import": import_checkpoint,
        "list": list_checkpoint,
        "restore": restore_checkpoint,
        "rm": rm_checkpoint,
        "show": show_checkpoint,
        "tag": tag_checkpoint,
        "verify": verify_checkpoint,
    }
)
