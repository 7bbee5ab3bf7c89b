"""One question with one short answer, which is no conversation: a count of tokens, embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.errors import AiexError, NotSignedIn, Unavailable
from aiex.events import Retrying
from aiex.llm.clock import Clock
from aiex.llm.credentials import credential_for
from aiex.llm.failover import redact
from aiex.llm.http import Connection
from aiex.llm.retry import Policy, Retries

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.llm.attempt import Connect, Wire
    from aiex.llm.endpoints import Target

MOST_BYTES = 64 * 1024 * 1024
"""Of an answer: 1,000 vectors of 3,072 numbers with 20 digits each."""
MAX_ERROR_BYTES = 64 * 1024


async def exchange(
    target: Target,
    path: str,
    body: bytes,
    *,
    connect: Connect | None = None,
    policy: Policy | None = None,
    tell: Callable[[Retrying], object] | None = None,
) -> bytes:
    """The body of the answer to `body` at `path`; asked again where that may help, as for conversations.

    Args:
        connect: The way to a server; a connection for this question alone when None.
        tell: Told of every wait before it begins.

    Raises:
        AiexError: what the server or the network reports, the key in no word of it.
    """
    policy = policy or Policy()
    retries, number = Retries(policy, has_successor=False), 1
    while True:
        try:
            return await _ask_once(target, path, body, connect)
        except AiexError as error:
            _complete(error, target)
            wait_s = await retries.after(error)
            if wait_s is None:
                raise
            reason = error.message
        number += 1
        if tell is not None:
            tell(Retrying(reason, number, wait_s))
        await policy.sleep(wait_s)


async def _ask_once(target: Target, path: str, body: bytes, connect: Connect | None) -> bytes:
    if connect is not None:
        return await _ask(target, path, body, await connect(target.endpoint))
    async with Connection(target.endpoint) as connection:
        return await _ask(target, path, body, connection)


async def _ask(target: Target, path: str, body: bytes, wire: Wire) -> bytes:
    codec, profile, endpoint = target.codec, target.profile, target.endpoint
    headers = codec.headers(await credential_for(target), profile)
    async with wire.post(path, headers, body, Clock(endpoint, endpoint.deadlines)) as reply:
        if reply.status >= 300:
            raise codec.to_error(reply.status, reply.headers, await reply.read(MAX_ERROR_BYTES), profile)
        whole = await reply.read(MOST_BYTES)
    if len(whole) >= MOST_BYTES:
        raise Unavailable(f"{endpoint.base_url}{path} sends more than {MOST_BYTES >> 20} MiB", hint="ask for less")
    return whole


def _complete(error: AiexError, target: Target) -> None:
    """Say which variable holds the key, and take the key out of all words."""
    if isinstance(error, NotSignedIn) and not error.hint:
        error.hint = target.endpoint.hint_for_key()
    error.message = redact(error.message, target.endpoint.secret)
    error.hint = redact(error.hint, target.endpoint.secret)
    error.args = (error.message,)
