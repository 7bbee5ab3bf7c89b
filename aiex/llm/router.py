"""Whom to ask, and how the answer ends.

One request is one attempt at one provider: nothing is retried and nobody else is asked. `_ask` is that attempt, and a
second try or another provider belongs around it.

How a stream ends: exactly one `Stopped` or `Failed`, last, once anything of the answer was shown. A failure before the
first visible word is raised as an `AiexError` instead, so that the caller may still do something else.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from aiex.errors import AiexError, NotSignedIn, Transient
from aiex.events import Failed, Started, UsageUpdated

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from aiex.events import StreamEvent
    from aiex.llm.endpoints import Target
    from aiex.llm.failures import UnknownModel
    from aiex.llm.http import Answer, Connection
    from aiex.llm.wire import Codec, Stream
    from aiex.messages import Request
    from aiex.settings import Settings

    _Events = AsyncGenerator[StreamEvent, None]

OFFLINE = "offline"
GRACE_S = 5.0
"""Wait for what may follow the essential: the counts after a whole answer, the words beside an error status."""
LIST_S = 5.0
"""Wait for a server's list of models, which only improves a message."""


def open_stream(settings: Settings, model: str, *, environ: Mapping[str, str]) -> Stream:
    """A way to ask `model`, written `provider/model`, `model` (of openai) or `offline`.

    The model of a `Request` is not looked at; it goes to this one. Nothing is sent, and for `offline` no event loop is
    needed then or later: that stream never awaits.

    Raises:
        ConfigError: if the provider is not configured, or its address or protocol is not usable.
        NotSignedIn: if OpenAI is asked and there is no key.
    """
    if model.partition("/")[0] == OFFLINE:
        from aiex.llm.providers.offline import PROVIDER

        return PROVIDER.stream
    from aiex.llm.endpoints import find_target

    target = find_target(settings, model, environ)
    return lambda request: _end_well(_ask(target.codec, target, request), target)


async def _end_well(attempt: _Events, target: Target) -> _Events:
    """The events; a failure after the first visible word becomes `Failed`."""
    shown = False
    try:
        async with aclosing(attempt) as events:
            async for event in events:
                shown = shown or not isinstance(event, Started | UsageUpdated)
                yield event
    except AiexError as error:
        _complete(error, target)
        if not shown:
            raise
        yield to_failed(error)


async def _ask(codec: Codec, target: Target, request: Request) -> _Events:
    """One attempt at one provider."""
    from aiex.llm.failures import UnknownModel
    from aiex.llm.http import Connection

    async with Connection(target.endpoint) as connection:
        try:
            async with aclosing(_converse(codec, target, request, connection)) as events:
                async for event in events:
                    yield event
        except UnknownModel as error:
            await _name_nearest(error, codec, target, connection)
            raise


async def _converse(codec: Codec, target: Target, request: Request, connection: Connection) -> _Events:
    """Send the request and read the answer."""
    from aiex.llm.http import MAX_ERROR_BYTES
    from aiex.llm.wire import to_json

    profile, headers = target.profile, codec.headers(target.endpoint.credential, target.profile)
    body = to_json(codec.encode(request, profile))
    async with connection.post(codec.path(profile), headers, body) as answer:
        if answer.status >= 300:
            answer.hurry(GRACE_S)
            words = await _read(answer, MAX_ERROR_BYTES)
            raise codec.to_error(answer.status, answer.headers, words, profile)
        yield Started(profile.provider, profile.model)
        async with aclosing(_decode(codec, target, answer)) as events:
            async for event in events:
                yield event


async def _decode(codec: Codec, target: Target, answer: Answer) -> _Events:
    from aiex.llm.answer import AnswerReader

    reader = AnswerReader(codec.decoder(target.profile), codec.stream_form)
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for event in reader.feed(chunk):
                    yield event
                if reader.ended:
                    break
                if reader.answered:
                    answer.hurry(GRACE_S)
    except Transient:
        if not reader.answered:
            raise
    for event in reader.end():
        yield event


async def _read(answer: Answer, limit_bytes: int) -> bytes:
    """The words of an error; none when they do not arrive, because the status is known already."""
    try:
        return await answer.read(limit_bytes)
    except Transient:
        return b""


async def _name_nearest(error: UnknownModel, codec: Codec, target: Target, connection: Connection) -> None:
    """Put the names nearest to the model into the hint, if the server lists its models."""
    import difflib

    from aiex.llm.failures import UnknownModel

    try:
        headers = codec.headers(target.endpoint.credential, target.profile)
        status, body = await connection.get(codec.models_path, headers, within_s=LIST_S)
    except AiexError:
        return
    wanted = target.profile.model
    names = [card.id for card in codec.read_models(body)] if status == 200 else []
    if not names or wanted in names:
        return
    error.message = UnknownModel(wanted, error.said, is_certain=True).message
    by_lower = {name.lower(): name for name in names}
    near = [by_lower[name] for name in difflib.get_close_matches(wanted.lower(), by_lower, n=3, cutoff=0.4)]
    if near:
        error.hint = f"nearest names there: {', '.join(near)}"
    else:
        error.hint = f"there is: {', '.join(names[:8])}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")


# --- failures -------------------------------------------------------------------------------------------------------


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
    error.message = redact(error.message, target.endpoint.key)
    error.hint = redact(error.hint, target.endpoint.key)
    error.args = (error.message,)


def redact(text: str, key: str) -> str:
    """A text without the key, nor anything else that looks like one."""
    import re

    if len(key) >= 4:
        text = text.replace(key, "[key]")
    return re.sub(r"\bsk-[\w-]{12,}|(?<=Bearer )[\w.~+/-]{8,}=*", "[key]", text)
