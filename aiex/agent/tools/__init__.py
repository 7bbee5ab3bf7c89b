"""The room of tools: what a model can do, a file each with its words for the model (`<name>.md`) beside it.

A tool is understood before it acts. `plan` reads the arguments and says what would happen to the machine; whether that
may happen is decided by the guard, and then `act` does it and tells events, the last of which is what the model hears.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from aiex.record import record

if TYPE_CHECKING:
    from aiex.agent.edits.pending import Pending
    from aiex.agent.kit import Kit
    from aiex.events import Event
    from aiex.guard.actions import Action
    from aiex.guard.passage import Passage
    from aiex.messages import Image

ROOM: Final = "aiex.agent.tools"
Kind = Literal["look", "change", "run", "talk"]
"""look: reads only, so that several run at once; change: writes files; run: starts something that may change anything;
talk: with a person, or about the work itself."""


@record
class Answer:
    """What the model hears of a call; always the last thing that a tool tells."""

    text: str
    is_error: bool = False
    images: tuple[Image, ...] = ()


@record
class Going:
    """A call that is going on."""

    call_id: str
    passages: tuple[Passage, ...]
    """One for each action of the plan, in its order; what is noted there goes on record with the outcome."""


Act = Callable[[Going], AsyncIterator["Event | Answer"]]


@record
class Plan:
    """A call that was understood; nothing happened yet."""

    title: str
    """For a person, in one line: `read src/app.py 1-80`, `run pytest -q`. May hold control characters: who shows it
    takes them out."""
    act: Act
    """Does it, once every action was admitted. Raises ToolError, EditError, Denied, Conflict or StoreError."""
    actions: tuple[Action, ...] = ()
    """What would happen to the machine; each has to be admitted."""
    preview: str = ""
    """All of what would happen, where the title does not say it: a unified diff, a command of several lines."""
    pending: Pending | None = None
    """Of an edit, what would be written; a person may revise it before the actions are admitted."""


class Tool(Protocol):
    """What a file of this room offers as `TOOL`; without state, so one object serves everybody.

    One that is of no use in some runs also has a method `offered(kit) -> bool`, which is asked once, before the first
    request; see `is_offered`.
    """

    @property
    def kind(self) -> Kind:
        """How it may run beside others."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON schema of its arguments, of type object; small, since every request pays for it."""

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """Understand a call; the arguments fit the schema in their types.

        Raises:
            ToolError: where they make no sense: what was tried, what was found, what to do.
            EditError: where the text to change is not there.
            Denied: where a rule that needs no question forbids it.
            StoreError: where a file cannot be read.
        """


def is_offered(tool: Tool, kit: Kit) -> bool:
    """Whether a tool is told to the model in this run at all."""
    offered = getattr(tool, "offered", None)
    return offered is None or bool(offered(kit))


def telling(make: Callable[[], Answer]) -> Act:
    """An act that tells nothing but its answer."""

    async def act(_: Going) -> AsyncIterator[Event | Answer]:
        yield make()

    return act


def path_actions(kind: Literal["read", "write", "delete"], paths: Sequence[str], root: str) -> tuple[Action, ...]:
    """The actions on files as they really lie."""
    from aiex.guard.policy.places import path_action

    return tuple(path_action(kind, path, root) for path in paths)
