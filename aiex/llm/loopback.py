"""The way back from the browser: a listener on 127.0.0.1 that takes one answer and is gone (RFC 8252, section 7.3)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

from aiex.errors import NotSignedIn

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

HOST = "127.0.0.1"
_LONGEST_LINE = 16 * 1024
_HEAD_WITHIN_S = 10.0
_PAGE_WITHIN_S = 0.5
"""How long the page that was promised to a browser may take to get there."""
_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Aiex</title>"
    "<body style='font-family:sans-serif;margin:4em'><h1>{title}</h1><p>{text}</p></body></html>"
)
_DONE = _PAGE.format(title="Back to the terminal", text="Aiex has the answer. This window can be closed.")
_STRANGE = _PAGE.format(title="Not this one", text="Aiex did not ask for this answer, and does not use it.")


class Listener:
    """Listens for the redirect of one sign-in.

    What does not carry the state of this sign-in is answered and forgotten, so that a stranger can neither end a
    sign-in nor slip a code in. The first answer that does is the only one: after it nothing listens.
    """

    def __init__(self, path: str, belongs: Callable[[str], bool], port: int = 0) -> None:
        """`belongs` tells whether a redirect, given as its whole URL, is the one that is waited for.

        When `port` is taken, another one is used.
        """
        self.path = path
        self._belongs = belongs
        self._port = port
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def redirect_uri(self) -> str:
        """Where the browser is to come back."""
        return f"http://{HOST}:{self._port}{self.path}"

    async def answer(self, within_s: float) -> str:
        """The URL of the redirect. Raises NotSignedIn when none came in time."""
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.shield(self._answer)
        except TimeoutError as error:
            raise NotSignedIn(
                f"nobody signed in within {within_s / 60:g} minutes", hint="run aiex login again; nothing was changed"
            ) from error

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(self._serve, HOST, self._port, limit=_LONGEST_LINE)
        except OSError:
            self._server = await asyncio.start_server(self._serve, HOST, 0, limit=_LONGEST_LINE)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.close()
        self._answer.cancel()
        if self._serving:
            await asyncio.wait(self._serving, timeout=_PAGE_WITHIN_S)
        for task in tuple(self._serving):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        with contextlib.suppress(OSError, TimeoutError, EOFError, asyncio.LimitOverrunError, ValueError):
            async with asyncio.timeout(_HEAD_WITHIN_S):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                status, page = self._judge(head)
                body = page.encode()
                writer.write(
                    f"HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
                    "cache-control: no-store\r\nreferrer-policy: no-referrer\r\n"
                    "content-security-policy: default-src 'none'; style-src 'unsafe-inline'\r\nconnection: close\r\n"
                    "\r\n".encode()
                    + body
                )
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    def _judge(self, head: str) -> tuple[str, str]:
        """The status line and page for a request; the one that is waited for is kept."""
        request, *lines = head.split("\r\n")
        method, _, rest = request.partition(" ")
        target = rest.partition(" ")[0]
        hosts = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
        if method != "GET" or hosts != [f"{HOST}:{self._port}"] or target.partition("?")[0] != self.path:
            return "404 Not Found", _STRANGE
        url = f"http://{HOST}:{self._port}{target}"
        if self._answer.done() or not self._belongs(url):
            return "400 Bad Request", _STRANGE
        self._answer.set_result(url)
        if self._server is not None:
            self._server.close()
        return "200 OK", _DONE
