"""Commands under isolation as the agent and its jobs run them: their output as it comes, and the hosts they ask for."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from aiex.errors import Denied
from aiex.events import ToolWrote, Warned
from aiex.guard.actions import Action, Decision

if TYPE_CHECKING:
    from aiex.guard.gate import Gate
    from aiex.guard.passage import Admitted
    from aiex.guard.policy.bounds import Bounded
    from aiex.guard.sandbox.isolation import Asked, Isolation
    from aiex.guard.sandbox.runner import Command, Ended

UNLISTED = "built-in: hosts that commands may reach"


class Hosts:
    """Decides on the hosts that a command asks for, and puts each of them on record once.

    Args:
        gate: Decides and records.
        command: The command, as it was admitted.
        chosen: Who chose the hosts that the bounds allow, as `Judge` takes it; empty where only rules did.
    """

    def __init__(self, gate: Gate, command: Admitted, *, chosen: str = "") -> None:
        self._gate = gate
        self._command = command
        self._chosen = chosen
        self._refused: dict[tuple[str, int], Denied] = {}
        self._known: dict[tuple[str, int, bool], Admitted | None] = {}

    def see(self, asked: Asked) -> None:
        """Note a host before it is reached. Raises Denied if it must not be."""
        place = (asked.host, asked.port)
        if place in self._refused:
            raise self._refused[place]
        if (*place, asked.allowed) in self._known:
            return
        try:
            self._known[*place, asked.allowed] = self._decide(asked)
        except Denied as error:
            self._refused[place] = error
            raise

    def _decide(self, asked: Asked) -> Admitted | None:
        host = f"[{asked.host}]" if ":" in asked.host else asked.host
        action = Action("network", f"{host}:{asked.port}", {"command": str(self._command.number)})
        if asked.allowed:
            return self._gate.require(action, chosen=self._chosen)
        found = self._gate.judge(action)
        if found.effect != "deny":
            found = Decision("deny", UNLISTED, "built-in", asked.reason)
        self._gate.note(action, found)
        return None

    def end(self) -> None:
        """The command is over, and so are its connections."""
        for admitted in self._known.values():
            if admitted is not None:
                self._gate.outcome(admitted, "done")


def warn(isolation: Isolation, bounds: Bounded) -> Iterator[Warned]:
    """Where a command is confined less than one may think."""
    from aiex.guard.sandbox.probing import lost

    if isolation.requires_approval:
        yield Warned("nothing confines this command: it can read, write and reach whatever you can")
    for name, reason in lost(isolation):
        known = f"{isolation.name} is used; to end this warning: aiex show sandbox"
        yield Warned(f"{name} confined commands here once and does not any more: {reason}", known)
    if bounds.gaps:
        rules = ", ".join(rule.text for rule in bounds.gaps)
        yield Warned(f"commands do not keep to rules with wildcards: {rules}", "write the directory without a *")


async def tell_output(command: Command, call_id: str) -> AsyncGenerator[ToolWrote | Warned | Ended, None]:
    """What a command that was started writes, as it comes; what it was not let reach; last how it ended."""
    from aiex.guard.sandbox.runner import STREAMS, Ended

    decoders = {stream: getincrementaldecoder("utf-8")("surrogateescape") for stream in STREAMS}
    async with aclosing(command.events()) as events:
        async for event in events:
            if not isinstance(event, Ended):
                if text := decoders[event.stream].decode(event.data):
                    yield ToolWrote(call_id, event.stream, text)
                continue
            for stream, decoder in decoders.items():
                if text := decoder.decode(b"", final=True):
                    yield ToolWrote(call_id, stream, text)
            for asked in event.asked:
                if not asked.allowed:
                    yield Warned(f"refused to reach {asked.host}:{asked.port}: {asked.reason}")
            yield event
