"""What the tools that edit share: a transaction becomes a plan, and what it did an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aiex.agent.edits.pending import Pending
from aiex.agent.edits.soundness import find_break
from aiex.agent.edits.transaction import Transaction, count_lines, prepare
from aiex.agent.tools import Act, Answer, Going, Plan, path_actions
from aiex.errors import AiexError, Denied, EditError, ToolError
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiex.agent.edits import FileWish
    from aiex.agent.edits.applying import FileChange
    from aiex.agent.kit import Kit
    from aiex.events import Event

_MOST_NAMED = 3


def plan_edit(verb: str, wishes: Sequence[FileWish], kit: Kit) -> Plan:
    """The plan of an edit, which is found and applied in memory already. Raises as `prepare`.

    Where it is about files that are out of reach, it is a plan all the same: the wish is decided on and goes on record.
    """
    try:
        return _plan(verb, prepare(wishes, kit.files, kit.seen), kit)
    except Denied as error:
        return _refuse(verb, [wish.path for wish in wishes], error, kit)


def _refuse(verb: str, paths: Sequence[str], error: Denied, kit: Kit) -> Plan:
    async def act(_: Going) -> AsyncIterator[Event | Answer]:
        raise error
        yield  # makes it what it has to be: an iterator that ends at once

    named = ", ".join(printable_path(path) for path in paths[:_MOST_NAMED])
    return Plan(f"{verb} {named}", act, path_actions("write", paths, kit.root))


def _plan(verb: str, transaction: Transaction, kit: Kit) -> Plan:
    named = [printable_path(change.path) for change in transaction.changes]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    title = f"{verb} {', '.join(named[:_MOST_NAMED])}{more}"
    actions = (
        *path_actions("write", transaction.written, kit.root),
        *path_actions("delete", transaction.deleted, kit.root),
    )
    if kit.is_dry:  # nothing happens, so nobody is asked; what is forbidden is refused all the same
        actions = tuple(action for action in actions if kit.means.gate.judge(action).effect == "deny")

    pending = Pending(transaction, kit.root)

    async def act(going: Going) -> AsyncIterator[Event | Answer]:
        step = None if kit.is_dry else kit.step(title)
        pending.note(going.passages)
        for event in pending.transaction.commit(kit.files, root=kit.root, step=step, seen=kit.seen):
            yield event
        yield Answer("\n".join(filter(None, [_describe(pending.transaction), pending.explain()])))

    return Plan(title, act, actions, preview=transaction.preview() if kit.person else "", pending=pending)


def plan_rename(path: str, symbol: str, new: str, kit: Kit) -> Plan:
    """The plan of a renaming across files. Raises EditError where it cannot be done."""
    if kit.rename is None:
        raise ToolError("nothing can be renamed here", hint="use old and new text, with `all`")
    try:
        renaming = kit.rename(path, symbol, new)
    except AiexError as error:
        raise EditError(error.message, hint=error.hint) from error
    changes = renaming.changes
    transaction = Transaction(changes, tuple(filter(None, map(find_break, changes))))
    plan = _plan(f"rename {symbol} to {new} in", transaction, kit)
    return replace(plan, act=_adding(plan.act, renaming.notes))


def _adding(act: Act, notes: Sequence[str]) -> Act:
    async def tell(going: Going) -> AsyncIterator[Event | Answer]:
        async for told in act(going):
            yield replace(told, text="\n".join([told.text, *notes])) if isinstance(told, Answer) else told

    return tell


def _describe(transaction: Transaction) -> str:
    """What was done, for the model: each file with its lines, how text was found, and what does not parse now."""
    return "\n".join([*map(_describe_change, transaction.changes), *transaction.breaks])


def _describe_change(change: FileChange) -> str:
    path = printable_path(change.path)
    added, removed = count_lines(change.before, change.after)
    how = f"; found by {change.relaxation}: look at the result" if change.relaxation else ""
    if change.moved_from:
        return f"moved {printable_path(change.moved_from)} to {path} (+{added} -{removed}){how}"
    if change.before is None:
        return f"created {path} (+{added})"
    if change.after is None:
        return f"deleted {path} (-{removed})"
    return f"changed {path} (+{added} -{removed}){how}"
