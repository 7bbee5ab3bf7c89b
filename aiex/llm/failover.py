"""Asks one model after another until an answer is whole, and goes on in the middle of one where that is needed.

Before the first visible word a change is silent, though recorded; after it the part that was cut is closed, the seam is
an event, and the next one continues. An answer ends with exactly one `Stopped` or `Failed`, last. A failure before
anything was shown is raised instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import field, replace
from typing import TYPE_CHECKING

from aiex.errors import AiexError, ConfigError, Denied, NotSignedIn, ProviderError, Transient, Unavailable
from aiex.events import Failed, FailedOver, Retrying, Started, Stopped, UsageUpdated
from aiex.llm import attempt, retry
from aiex.llm.clock import Clock
from aiex.llm.failures import ReplayRefused
from aiex.llm.gate import OpenGate
from aiex.llm.seam import UNSEEN, Shown
from aiex.llm.visits import Visiting, note_usage, visit_freely, visit_of
from aiex.llm.wire import HeedsSignIn
from aiex.messages import Opaque, Usage
from aiex.record import record

if TYPE_CHECKING:
    from aiex.events import StreamEvent
    from aiex.llm.attempt import Connect, Events
    from aiex.llm.endpoints import Target
    from aiex.llm.gate import Gate
    from aiex.llm.health import Monitor
    from aiex.llm.toll import CostOf
    from aiex.llm.wire import Speaker
    from aiex.messages import Request


SIGN_IN = "sign-in"
"""Where a credential lies that can be renewed."""


@record
class Link:
    """One who may answer: a target, somebody in this process, or the reason why neither can be."""

    name: str
    """As `provider/model`."""
    target: Target | None = None
    speaker: Speaker | None = None
    problem: AiexError | None = None


@record
class Means:
    """What a chain works with."""

    connect: Connect
    monitor: Monitor
    gate: Gate = field(default_factory=OpenGate)
    count: Callable[[Request], int] = lambda request: 0
    """Estimates the tokens of a request, for the gate."""
    cost_of: CostOf = lambda name, usage: None
    """What each usage cost, told with it."""
    policy: retry.Policy = field(default_factory=retry.Policy)
    silence_s: float = attempt.SILENCE_S
    visit: Visiting = visit_freely
    """Says whether a server may be asked, and keeps a record of it."""


class Skipped(Unavailable):
    """The breaker is open, so nothing was sent."""


async def answer(links: Sequence[Link], request: Request, means: Means) -> Events:
    """The events of one answer.

    Raises:
        AiexError: when nothing was shown: the failure itself where one model was asked once or the request has to
            change, `Transient` at a rate limit, else `Unavailable` with each cause.
    """
    shown, causes = Shown(), _Causes()
    for link, successor in zip(links, [*links[1:], None], strict=True):
        try:
            async with aclosing(_ask_link(link, successor is not None, request, shown, causes, means)) as events:
                async for event in events:
                    yield event
            return
        except AiexError as error:
            if successor is None or shown.calls_given or not _may_pass_on(error):
                failure = causes.conclude(error, is_chain=len(links) > 1, patience=means.policy.max_attempts)
                break
            reason = error.message
        for event in shown.cut():
            yield event
        yield FailedOver(link.name, successor.name, reason, mid_answer=shown.anything)
    if not shown.anything:
        failure.hint = failure.hint.removeprefix("what was shown is incomplete; ")
        raise failure
    yield to_failed(failure)


def _may_pass_on(error: AiexError) -> bool:
    """Whether somebody else may be asked: not when the request itself is the matter, nor when a budget is."""
    return isinstance(error, ProviderError | NotSignedIn | ConfigError) and error.kind not in retry.FINAL


async def _ask_link(
    link: Link, has_successor: bool, request: Request, shown: Shown, causes: _Causes, means: Means
) -> Events:
    """Ask one model, again where that may help. Raises the failure that ended it."""
    retries = retry.Retries(means.policy, has_successor=has_successor)
    number, continues, renewed = 1, False, False
    while True:
        shown.begin()
        try:
            async with aclosing(_hold(_ask_once(link, shown.resume(request), means), request)) as events:
                async for event in events:
                    for visible in shown.take(event):
                        yield visible
            return
        except AiexError as error:
            causes.note(link, error)
            is_last = continues or shown.calls_given or (shown.fresh and has_successor)
            wait_s = None if is_last else await retries.after(error)
            if isinstance(error, ReplayRefused) and not shown.fresh and (plain := _without_opaque(request)) != request:
                wait_s, request = 0.0, plain
            if not renewed and not shown.fresh and await _has_renewed(link, error, means):
                wait_s, renewed = 0.0, True
            if wait_s is None or (link.target is not None and await means.monitor.is_open(link.target)):
                raise
            reason = error.message
        continues = shown.fresh
        for event in shown.cut():
            yield event
        number += 1
        yield Retrying(reason, number, wait_s)
        await means.policy.sleep(wait_s)


def _without_opaque(request: Request) -> Request:
    """The request in our own words only; what a vendor's blocks stood for is in the parts before them."""
    messages = tuple(
        replace(message, parts=tuple(part for part in message.parts if not isinstance(part, Opaque)))
        for message in request.messages
    )
    return replace(request, messages=messages)


def _hold(events: Events, request: Request) -> Events:
    """The events; where the answer must fit a schema all at the end, because half a JSON text cannot be continued."""
    return events if request.response_schema is None else _held(events)


async def _held(events: Events) -> Events:
    async with aclosing(events):
        held: list[StreamEvent] = []
        async for event in events:
            if isinstance(event, UNSEEN):
                yield event
            else:
                held.append(event)
        for event in held:
            yield event


def _ask_once(link: Link, request: Request, means: Means) -> Events:
    """One request to whom a link names."""
    if link.problem is not None:
        raise link.problem
    if link.speaker is not None:
        return _hear(link.speaker, request)
    assert link.target is not None  # noqa: S101  (who has no speaker has a target)
    return _ask_target(link.target, request, means)


async def _hear(speaker: Speaker, request: Request) -> Events:
    async for event in speaker.stream(request):
        yield event


async def _ask_target(target: Target, request: Request, means: Means) -> Events:
    """One request, admitted by the breaker and the gate before, and settled with both after."""
    settled = False
    outlook, owner = await means.monitor.look(target)
    if not outlook.allowed:
        raise Skipped(f"{target.name} was not asked: {outlook.reason}", hint="wait a moment, or ask another model")
    try:
        await _sign(target, means)
        target = _as_signed(target)
        lease = await means.gate.before(target.name, key_id(target), means.count(request))
        clock = Clock(target.endpoint, outlook.deadlines)
        usage: Usage | None = None
        noting: list[asyncio.Task[None]] = []
        try:
            async with visit_of(means.visit, target) as visit:
                try:
                    wire = await means.connect(target.endpoint)
                    async with aclosing(attempt.ask(target, request, wire, clock, silence_s=means.silence_s)) as events:
                        async for event in events:
                            told: StreamEvent = event
                            if isinstance(event, Started):  # what has begun costs, be it counted or not
                                usage = usage or Usage()
                                note_usage(visit, usage)
                            elif isinstance(event, UsageUpdated):
                                usage, told = event.usage, _priced(event, target, means)
                                note_usage(visit, usage)
                            elif isinstance(event, Stopped):
                                noting += _note_whole(event, target, owner, clock, means)
                                settled = True
                            yield told
                except AiexError as error:
                    _complete(error, target)  # before the visit keeps its words
                    raise
        except Denied:
            raise  # says nothing about the server
        except AiexError as error:
            settled = True
            await means.monitor.note(target, owner, clock, error)
            await _blame(error, target, means)
            raise
        finally:
            if noting:
                await asyncio.gather(*noting)
            await means.gate.after(lease, usage)
    finally:
        if outlook.is_probe and not settled:
            means.monitor.release(target, owner)


def _note_whole(
    stopped: Stopped, target: Target, owner: str, clock: Clock, means: Means
) -> Iterable[asyncio.Task[None]]:
    """Note a whole answer, beside what is done with it; of several that are gone on with all at once."""
    if stopped.reason != "tool_use" or not means.monitor.hold(target, clock):
        yield asyncio.create_task(means.monitor.note(target, owner, clock, None))


async def _blame(error: AiexError, target: Target, means: Means) -> None:
    _complete(error, target)
    if isinstance(error, Transient) and error.kind == "rate_limit":
        await means.gate.pushed(target.name, key_id(target), error.retry_after_s)


def _priced(event: UsageUpdated, target: Target, means: Means) -> UsageUpdated:
    cost_usd = means.cost_of(target.name, event.usage)
    return event if cost_usd is None else replace(event, cost_usd=cost_usd)


async def _sign(target: Target, means: Means, *, refused: bool = False) -> None:
    """Find what signs requests to a target, or renew it; a key from the environment needs neither."""
    if target.endpoint.key or target.endpoint.signer is None:
        return
    from aiex.llm.credentials import credential_for

    await credential_for(target, refused=refused, visit=means.visit)


def _as_signed(target: Target) -> Target:
    """The target with what a person's sign-in changes about the protocol."""
    signer = target.endpoint.signer
    if signer is None or signer.place != SIGN_IN or not isinstance(target.codec, HeedsSignIn):
        return target
    return replace(target, profile=target.codec.for_signed_in(target.profile))


async def _has_renewed(link: Link, error: AiexError, means: Means) -> bool:
    """Whether a sign-in that was refused, though it should be valid, could be renewed."""
    signer = link.target.endpoint.signer if link.target is not None else None
    if link.target is None or signer is None or signer.place != SIGN_IN or error.kind != "auth":
        return False
    try:
        await _sign(link.target, means, refused=True)
    except AiexError:
        return False
    return True


def key_id(target: Target) -> str:
    """What tells the keys of one provider apart, without being one; empty for none."""
    from aiex.digest import fingerprint

    signer = target.endpoint.signer
    if signer is not None and signer.place == SIGN_IN:
        return SIGN_IN  # its tokens change from hour to hour
    key = target.endpoint.secret
    return fingerprint(key.encode(), size_bytes=8) if key else ""


# --- failures -------------------------------------------------------------------------------------------------------


class _Causes:
    """What went wrong, by whom."""

    def __init__(self) -> None:
        self._of: dict[str, list[AiexError]] = {}

    def note(self, link: Link, error: AiexError) -> None:
        """A request failed, or was not even sent."""
        self._of.setdefault(link.name, []).append(error)

    def conclude(self, last: AiexError, *, is_chain: bool, patience: int) -> AiexError:
        """The failure for the caller: the last one where it says all, else everything that was tried."""
        if not _may_pass_on(last):
            return last
        if not is_chain and (patience <= 1 or last.kind == "rate_limit" or not retry.is_retryable(last)):
            return last
        told = "; ".join(f"{name}: {_sum_up(errors)}" for name, errors in self._of.items())
        if is_chain:
            failure = Unavailable(f"nobody of the chain answered: {told}", hint="look at each cause; try again later")
        else:
            failure = Unavailable(f"gave up asking {told}", hint=last.hint)
        failure.__cause__ = last
        return failure


def _sum_up(errors: Sequence[AiexError]) -> str:
    """Each cause once, with how often it was seen."""
    counts: dict[str, int] = {}
    for error in errors:
        counts[error.message] = counts.get(error.message, 0) + 1
    return ", ".join(f"{message} ({count} times)" if count > 1 else message for message, count in counts.items())


def to_failed(error: AiexError) -> Failed:
    """A failure after words were shown: class of the tree, message, a hint that the answer is incomplete, exit code."""
    name = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "aiex.errors")
    hint = error.hint
    if "incomplete" not in hint:
        hint = "what was shown is incomplete" + (f"; {hint}" if hint else "")
    return Failed(name, error.message, hint, error.exit_code)


def _complete(error: AiexError, target: Target) -> None:
    """Add what only the endpoint knows: which variable holds the key; and take the key out of all words."""
    if isinstance(error, NotSignedIn) and not error.hint:
        error.hint = target.endpoint.hint_for_key()
    error.message = redact(error.message, target.endpoint.secret)
    error.hint = redact(error.hint, target.endpoint.secret)
    error.args = (error.message,)


def redact(text: str, key: str) -> str:
    """A text without the key, nor anything else that is secret: vendors repeat what they were sent."""
    from aiex.guard.redact import redact as without_secrets

    return without_secrets(text.replace(key, "[key]") if len(key) >= 4 else text)
