"""The way to a server: one connection with four deadlines; the only place that knows the HTTP library.

The library is loaded when somebody is asked who is not on this machine.

Redirects are not followed, because the key would travel along. The proxy variables and the trust store of the system
are honoured, except that a server on this machine is reached directly.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from aiex import __version__
from aiex.errors import AiexError, ConfigError, FailureKind, Transient, Unavailable
from aiex.llm.clock import HINT_CUT, Clock, hint_at, unreachable
from aiex.llm.endpoints import Endpoint
from aiex.llm.nearby import Broken, Client, Unreached, Unusable, find_place

if TYPE_CHECKING:
    import httpx2

MAX_ERROR_BYTES = 64 * 1024
MAX_LIST_BYTES = 8 * 1024 * 1024
_HEADERS = {"user-agent": f"aiex/{__version__}", "accept-encoding": "identity"}
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class Connection:
    """A client of one endpoint; the socket stays open from call to call until the block ends."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._way = _open_way(endpoint)

    @property
    def is_closed(self) -> bool:
        """Whether the block ended."""
        return self._way.is_closed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self._way.aclose()

    @asynccontextmanager
    async def post(
        self, path: str, headers: Mapping[str, str], body: bytes, clock: Clock | None = None
    ) -> AsyncIterator["Answer"]:
        """Send a body and wait for the head of the answer; leaving the block closes the socket if more would come.

        Args:
            clock: The deadlines of this call, fresh; those of the endpoint when None.

        Raises:
            Unavailable: if the server cannot be reached.
            Transient: if it was reached and does not answer in time, or breaks off.
            ConfigError: if it sends us elsewhere.
        """
        sent = {**headers, "content-type": "application/json", "accept": "text/event-stream, application/json"}
        clock = clock or Clock(self._endpoint, self._endpoint.deadlines)
        answer = await self._send("POST", path, sent, body, clock)
        try:
            if 300 <= answer.status < 400:
                raise ConfigError(
                    f"{self._endpoint.base_url} answered {answer.status}: it is at {_elsewhere(answer.headers)}",
                    hint=f"redirects are not followed with a key; set the new address ({self._endpoint.url_place})",
                )
            yield answer
        finally:
            await answer.aclose()

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> tuple[int, bytes]:
        """Status and body of a short question. Raises the errors of `post`; `Transient` after `within_s` seconds."""
        try:
            clock = Clock(self._endpoint, self._endpoint.deadlines)
            async with asyncio.timeout(within_s):
                answer = await self._send("GET", path, headers, None, clock)
                try:
                    return answer.status, await answer.read(MAX_LIST_BYTES)
                finally:
                    await answer.aclose()
        except TimeoutError as error:
            where = f"{self._endpoint.base_url}{path}"
            raise Transient(f"{where} did not answer within {within_s:g} s", kind="timeout") from error

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, clock: Clock
    ) -> "Answer":
        try:
            async with asyncio.timeout_at(clock.deadline()) as clock.timeout:
                response = await self._way.send(method, path, headers, body, clock)
        except TimeoutError as error:
            raise clock.to_error() from error
        except self._way.failures as error:
            raise self._way.explain(error, began=False) from error
        finally:
            clock.timeout = None
        return Answer(response, clock, self._way)


class _Response(Protocol):
    """An answer whose head arrived, as either way gives it."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    def take(self) -> bytes | None:
        """The next piece of the body, as far as it came; empty behind the end, None where one has to wait for it."""

    async def read(self) -> bytes:
        """The next piece of the body; empty behind its end."""

    async def aclose(self) -> None: ...


class _Way(Protocol):
    """How bytes get to a server and back."""

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What `send` and reading raise."""

    @property
    def is_closed(self) -> bool: ...
    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, clock: Clock
    ) -> _Response: ...
    def explain(self, error: Exception, *, began: bool) -> AiexError:
        """A failure as one of our errors."""

    async def aclose(self) -> None: ...


def _open_way(endpoint: Endpoint) -> _Way:
    place = find_place(endpoint.base_url)
    return _ByLibrary(endpoint) if place is None else _Nearby(endpoint, Client(place, _HEADERS))


class _Nearby:
    """To a server on this machine."""

    failures = (Broken, Unreached, Unusable)

    def __init__(self, endpoint: Endpoint, client: Client) -> None:
        self._endpoint = endpoint
        self._client = client

    @property
    def is_closed(self) -> bool:
        return self._client.is_closed

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, clock: Clock
    ) -> _Response:
        return await self._client.send(method, path, headers, body, clock.note_sent)

    def explain(self, error: Exception, *, began: bool) -> AiexError:
        match error:
            case Unreached():
                return _tounreachable(error, self._endpoint)
            case Unusable():
                return _to_unusable(error, self._endpoint)
            case _:
                return _to_broken(self._endpoint, began=began)

    async def aclose(self) -> None:
        await self._client.aclose()


class _ByLibrary:
    """To any other server: with proxies, certificates and whatever else the library knows."""

    def __init__(self, endpoint: Endpoint) -> None:
        import httpx2

        self._endpoint = endpoint
        parts = urlsplit(endpoint.base_url)
        is_here = parts.hostname in _THIS_MACHINE
        self.failures: tuple[type[Exception], ...] = (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError)
        self._client = httpx2.AsyncClient(
            timeout=None,
            follow_redirects=False,
            trust_env=not is_here,
            verify=not (is_here and parts.scheme == "http"),  # nothing to verify; the trust store takes 50 ms to read
            headers=_HEADERS,
        )

    @property
    def is_closed(self) -> bool:
        return self._client.is_closed

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, clock: Clock
    ) -> _Response:
        request = self._client.build_request(
            method, self._endpoint.base_url + path, headers=headers, content=body, extensions={"trace": clock.trace}
        )
        return _Read(await self._client.send(request, stream=True))

    def explain(self, error: Exception, *, began: bool) -> AiexError:
        import httpx2

        url = self._endpoint.base_url
        match error:
            case httpx2.InvalidURL() | httpx2.UnsupportedProtocol() | UnicodeError():
                return _to_unusable(error, self._endpoint)
            case httpx2.ProxyError():
                return Unavailable(
                    f"cannot reach {url}: the proxy refused ({error})", hint="check HTTPS_PROXY and NO_PROXY"
                )
            case httpx2.ConnectError() | httpx2.ConnectTimeout():
                return _tounreachable(error, self._endpoint)
            case httpx2.LocalProtocolError():
                return ConfigError(
                    f"cannot ask {url}: {error}", hint=f"check the address, set by {self._endpoint.url_place}"
                )
            case _:
                return _to_broken(self._endpoint, began=began)

    async def aclose(self) -> None:
        await self._client.aclose()


class _Read:
    """An answer that the library reads."""

    def __init__(self, response: "httpx2.Response") -> None:
        self.status_code = response.status_code
        self.headers = response.headers
        self._response = response
        self._body = response.aiter_bytes()

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        async for piece in self._body:
            if piece:
                return piece
        return b""

    async def aclose(self) -> None:
        await self._response.aclose()


class Pool:
    """One connection for each server and event loop, kept open from call to call."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[str, tuple[AsyncGenerator[Connection, None], Connection]]
        ] = WeakKeyDictionary()

    async def connect(self, endpoint: Endpoint) -> Connection:
        """The connection to this server; it is open at least until the event loop ends, which closes it."""
        kept = self._kept.setdefault(asyncio.get_running_loop(), {})
        if endpoint.base_url not in kept:
            keeper = _keep(endpoint)  # a loop closes the generators that are left when it ends
            kept[endpoint.base_url] = keeper, await anext(keeper)
        return kept[endpoint.base_url][1]

    async def aclose(self) -> None:
        """Close what belongs to this event loop."""
        for keeper, _ in self._kept.pop(asyncio.get_running_loop(), {}).values():
            await keeper.aclose()


async def _keep(endpoint: Endpoint) -> AsyncGenerator[Connection, None]:
    async with Connection(endpoint) as connection:
        yield connection


class Answer:
    """An answer whose head arrived; its body is read under the deadlines."""

    def __init__(self, response: _Response, clock: Clock, way: _Way) -> None:
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._clock = clock
        self._way = way

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises `Transient` when a deadline passes or the connection breaks."""
        while True:
            self._clock.note_wait()
            try:
                if (chunk := self._response.take()) is None:
                    async with asyncio.timeout_at(self._clock.deadline()) as self._clock.timeout:
                        chunk = await self._response.read()
            except TimeoutError as error:
                raise self._clock.to_error() from error
            except self._way.failures as error:
                raise self._way.explain(error, began=True) from error
            finally:
                self._clock.timeout = None
            if not chunk:
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

    async def aclose(self) -> None:
        """Let go of the socket; it is closed where more would come."""
        await self._response.aclose()


async def fetch(url: str, *, etag: str, within_s: float, limit_bytes: int) -> tuple[int, bytes, str]:
    """Status, body and ETag of a public file; redirects are followed, since no key travels with it.

    Args:
        etag: What was kept of an earlier answer; the status is 304 when nothing changed since.

    Raises:
        Transient: if it cannot be had in time.
        Unavailable: if it is larger than `limit_bytes`.
    """
    import httpx2

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


def _elsewhere(headers: Mapping[str, str]) -> str:
    """The address in a redirect without its query, and without a name or password in it."""
    try:
        parts = urlsplit(headers.get("location", ""))
        is_address = parts.hostname is not None and parts.port != 0  # a port that is none raises
    except ValueError:
        is_address = False
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300] if is_address else "another place"


# --- errors ---------------------------------------------------------------------------------------------------------


def _to_unusable(error: Exception, endpoint: Endpoint) -> ConfigError:
    return ConfigError(f"cannot use {endpoint.base_url} ({endpoint.url_place}): {error}")


def _tounreachable(error: Exception, endpoint: Endpoint) -> Unavailable:
    reason, hint, kind = _reason(error)
    return unreachable(f"cannot reach {endpoint.base_url}: {reason}", hint or hint_at(endpoint), kind)


def _to_broken(endpoint: Endpoint, *, began: bool) -> Transient:
    url = endpoint.base_url
    if began:
        return Transient(f"the connection to {url} broke in the middle of the answer", hint=HINT_CUT)
    return Transient(f"{url} closed the connection without an answer", hint="try again; the server may have crashed")


def _reason(error: BaseException) -> tuple[str, str, FailureKind]:
    """Why a connection failed, from the causes below; what to do where that differs from the rule; its kind.

    A connection that is not secure has no kind: asking again would not help.
    """
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return (
                    f"its certificate is not trusted ({cause.verify_message})",
                    "add the authority to the trust store of the system, or name its file in SSL_CERT_FILE",
                    "",
                )
            case ssl.SSLError():
                return (
                    f"no secure connection ({cause.reason or 'TLS failed'})",
                    "does the server speak https? A local one usually wants http://",
                    "",
                )
            case socket.gaierror():
                return "its name cannot be resolved", "check the host in the base URL, and the network", "transport"
            case ConnectionRefusedError():
                return "connection refused", "", "transport"
    return (str(error) or "no connection"), "", "transport"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__


async def ask_issuer(
    url: str, form: Mapping[str, str] | None, *, within_s: float, limit_bytes: int
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body from a server that signs people in; posts a form, gets for None, follows no redirect.

    Raises:
        Unavailable: if it cannot be reached, or sends more than `limit_bytes`.
        Transient: if it does not answer in time, or breaks off.
    """
    import httpx2

    place = url.partition("?")[0]
    headers = {"user-agent": f"aiex/{__version__}", "accept": "application/json", "accept-encoding": "identity"}
    body = bytearray()
    try:
        async with (
            asyncio.timeout(within_s),
            httpx2.AsyncClient(
                timeout=None,
                trust_env=urlsplit(url).hostname not in _THIS_MACHINE,
                verify=not url.startswith("http://"),  # reading the trust store takes 70 ms
            ) as client,
            client.stream("GET" if form is None else "POST", url, data=form, headers=headers) as response,
        ):
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > limit_bytes:
                    raise Unavailable(f"{place} sends more than {limit_bytes} bytes")
            return response.status_code, {name.lower(): said for name, said in response.headers.items()}, bytes(body)
    except (httpx2.ConnectError, httpx2.InvalidURL, httpx2.ProxyError) as error:
        reason, hint, kind = _reason(error)
        raise unreachable(
            f"cannot reach {place}: {reason}", hint or "check the network and the address", kind
        ) from error
    except TimeoutError as error:
        raise Transient(f"{place} did not answer within {within_s:g} s", hint="try again", kind="timeout") from error
    except httpx2.HTTPError as error:
        raise Transient(f"{place} broke off: {type(error).__name__}", hint="try again") from error
