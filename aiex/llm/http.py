"""The way to a server: one connection with four deadlines; the only place that knows the HTTP library.

Redirects are not followed, because the key would travel along. The proxy variables and the trust store of the system
are honoured, except that a server on this machine is reached directly.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from aiex import __version__
from aiex.errors import AiexError, ConfigError, Transient, Unavailable
from aiex.llm.endpoints import Endpoint

MAX_ERROR_BYTES = 64 * 1024
MAX_LIST_BYTES = 8 * 1024 * 1024
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

HINT_CUT = "what was shown is incomplete; try again"


class Connection:
    """A client of one endpoint; the socket stays open from call to call until the block ends."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client = httpx2.AsyncClient(
            timeout=None,
            follow_redirects=False,
            trust_env=urlsplit(endpoint.base_url).hostname not in _THIS_MACHINE,
            headers={"user-agent": f"aiex/{__version__}", "accept-encoding": "identity"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> AsyncIterator["Answer"]:
        """Send a body and wait for the head of the answer; leaving the block closes the socket if more would come.

        Raises:
            Unavailable: if the server cannot be reached.
            Transient: if it was reached and does not answer in time, or breaks off.
            ConfigError: if it sends us elsewhere.
        """
        sent = {**headers, "content-type": "application/json", "accept": "text/event-stream, application/json"}
        async with self._send("POST", path, sent, body) as answer:
            if 300 <= answer.status < 400:
                raise ConfigError(
                    f"{self._endpoint.base_url} answered {answer.status}: it is at {_elsewhere(answer.headers)}",
                    hint=f"redirects are not followed with a key; set the new address ({self._endpoint.url_place})",
                )
            yield answer

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> tuple[int, bytes]:
        """Status and body of a short question. Raises the errors of `post`; `Transient` after `within_s` seconds."""
        try:
            async with asyncio.timeout(within_s), self._send("GET", path, headers, None) as answer:
                return answer.status, await answer.read(MAX_LIST_BYTES)
        except TimeoutError as error:
            raise Transient(f"{self._endpoint.base_url}{path} did not answer within {within_s:g} s") from error

    @asynccontextmanager
    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncIterator["Answer"]:
        clock = _Clock(self._endpoint)
        try:
            request = self._client.build_request(
                method, self._endpoint.base_url + path, headers=headers, content=body, extensions={"trace": clock.trace}
            )
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError) as error:
            raise ConfigError(f"cannot use {self._endpoint.base_url} ({self._endpoint.url_place}): {error}") from error
        try:
            async with asyncio.timeout_at(clock.deadline()) as clock.timeout:
                response = await self._client.send(request, stream=True)
        except TimeoutError as error:
            raise clock.to_error() from error
        except httpx2.HTTPError as error:
            raise _to_error(error, self._endpoint, began=False) from error
        try:
            yield Answer(response, clock, self._endpoint)
        finally:
            await response.aclose()


class Answer:
    """An answer whose head arrived; its body is read under the deadlines."""

    def __init__(self, response: httpx2.Response, clock: "_Clock", endpoint: Endpoint) -> None:
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._clock = clock
        self._endpoint = endpoint

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises `Transient` when a deadline passes or the connection breaks."""
        body = self._response.aiter_bytes()
        while True:
            try:
                async with asyncio.timeout_at(self._clock.deadline()):
                    chunk = await anext(body, None)
            except TimeoutError as error:
                raise self._clock.to_error() from error
            except httpx2.HTTPError as error:
                raise _to_error(error, self._endpoint, began=True) from error
            if chunk is None:
                return
            self._clock.note_bytes()
            yield chunk

    async def read(self, limit_bytes: int) -> bytes:
        """At most the first `limit_bytes` of the body."""
        whole = bytearray()
        async with aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                whole += chunk
                if len(whole) >= limit_bytes:
                    break
        return bytes(whole[:limit_bytes])

    def hurry(self, idle_s: float) -> None:
        """Wait from now on at most this long for each chunk."""
        self._clock.hurry(idle_s)


async def fetch(url: str, *, etag: str, within_s: float, limit_bytes: int) -> tuple[int, bytes, str]:
    """Status, body and ETag of a public file; redirects are followed, since no key travels with it.

    Args:
        etag: What was kept of an earlier answer; the status is 304 when nothing changed since.

    Raises:
        Transient: if it cannot be had in time.
        Unavailable: if it is larger than `limit_bytes`.
    """
    headers = {"user-agent": f"aiex/{__version__}", **({"if-none-match": etag} if etag else {})}
    body = bytearray()
    try:
        async with (
            asyncio.timeout(within_s),
            httpx2.AsyncClient(timeout=None, follow_redirects=True) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > limit_bytes:
                    raise Unavailable(f"{url} sends more than {limit_bytes >> 20} MiB")
            return response.status_code, bytes(body), response.headers.get("etag", "")
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise Transient(f"cannot fetch {url}: {reason}", hint="check the network and try again") from error


class _Clock:
    """Which deadline runs: connect, first byte, between chunks; and the whole call always."""

    def __init__(self, endpoint: Endpoint) -> None:
        limits = endpoint.deadlines
        self.timeout: asyncio.Timeout | None = None
        self._endpoint = endpoint
        self._limits = {"connect": limits.connect_s, "first byte": limits.first_byte_s, "next": limits.idle_s}
        self._phase = "connect"
        self._now = asyncio.get_running_loop().time
        self._since = self._now()
        self._end = self._since + (limits.total_s or float("inf"))

    def deadline(self) -> float | None:
        """The moment, in the time of the event loop, at which waiting ends."""
        moment = min(self._since + (self._limits[self._phase] or float("inf")), self._end)
        return None if moment == float("inf") else moment

    async def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """Told by the HTTP library what it does; the first byte is waited for from when the request goes out."""
        if name.endswith("send_request_headers.started"):
            self._phase, self._since = "first byte", self._now()
            if self.timeout is not None:
                self.timeout.reschedule(self.deadline())

    def note_bytes(self) -> None:
        """A chunk arrived."""
        self._phase, self._since = "next", self._now()

    def hurry(self, idle_s: float) -> None:
        """From now on the wait between chunks counts, and it is short."""
        self._limits["next"] = min(self._limits["next"] or idle_s, idle_s)
        self.note_bytes()

    def to_error(self) -> AiexError:
        """What passing the deadline means."""
        url, limit = self._endpoint.base_url, self._limits[self._phase]
        if self._now() >= self._end:
            return Transient(f"{url} did not finish in the time for a whole call", hint=HINT_CUT)
        if self._phase == "connect":
            return Unavailable(f"cannot reach {url}: no connection within {limit:g} s", hint=_hint(self._endpoint))
        if self._phase == "first byte":
            return Transient(
                f"{url} accepted the request and then was silent for {limit:g} s",
                hint="the server may be busy or loading the model; try again",
            )
        return Transient(f"{url} fell silent for {limit:g} s in the middle of the answer", hint=HINT_CUT)


def _elsewhere(headers: Mapping[str, str]) -> str:
    """The address in a redirect without its query, and without a name or password in it."""
    try:
        parts = urlsplit(headers.get("location", ""))
        is_address = parts.hostname is not None and parts.port != 0  # a port that is none raises
    except ValueError:
        is_address = False
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300] if is_address else "another place"


def _hint(endpoint: Endpoint) -> str:
    return f"is the server running, and is the address right? It is set by {endpoint.url_place}"


# --- errors ---------------------------------------------------------------------------------------------------------


def _to_error(error: httpx2.HTTPError, endpoint: Endpoint, *, began: bool) -> AiexError:
    """An error of the HTTP library as one of ours."""
    url = endpoint.base_url
    match error:
        case httpx2.ProxyError():
            return Unavailable(
                f"cannot reach {url}: the proxy refused ({error})", hint="check HTTPS_PROXY and NO_PROXY"
            )
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            reason, hint = _reason(error)
            return Unavailable(f"cannot reach {url}: {reason}", hint=hint or _hint(endpoint))
        case httpx2.LocalProtocolError() | httpx2.UnsupportedProtocol():
            return ConfigError(f"cannot ask {url}: {error}", hint=f"check the address, set by {endpoint.url_place}")
    if began:
        return Transient(f"the connection to {url} broke in the middle of the answer", hint=HINT_CUT)
    return Transient(f"{url} closed the connection without an answer", hint="try again; the server may have crashed")


def _reason(error: BaseException) -> tuple[str, str]:
    """Why a connection failed, from the causes below, and what to do where that differs from the rule."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return (
                    f"its certificate is not trusted ({cause.verify_message})",
                    "add the authority to the trust store of the system, or name its file in SSL_CERT_FILE",
                )
            case ssl.SSLError():
                return (
                    f"no secure connection ({cause.reason or 'TLS failed'})",
                    "does the server speak https? A local one usually wants http://",
                )
            case socket.gaierror():
                return "its name cannot be resolved", "check the host in the base URL, and the network"
            case ConnectionRefusedError():
                return "connection refused", ""
    return (str(error) or "no connection"), ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__
