"""HTTP/1.1 to a server on this machine: no proxy, no certificate and no redirect, so a small client does.

The HTTP library with all that it needs takes 80 ms to import and 2 ms a request; this takes a tenth of both. Sockets
serve again when an answer was read to its end.
"""

from __future__ import annotations

import asyncio
import re
import socket
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from aiex.patterns import late

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_HEAD_BYTES: Final = 100 * 1024
"""Of the lines before a body, and of one line between its chunks."""
_SIZE_LINE, _DATA, _DATA_END, _TRAILER, _END = range(5)
"""What comes next of a body in chunks."""
MOST_IDLE: Final = 20
IDLE_S: Final = 5.0
"""A socket that served is kept so long; servers close theirs after some seconds, and then a request is lost."""
MOST_AHEAD_BYTES: Final = 1 << 18
"""Read before anybody asks for it."""
_NEARBY = late(r"http://(localhost|127\.0\.0\.1|\[::1\])(?::([0-9]{1,5}))?((?:/[!-~]*)?)", re.IGNORECASE)
_PATH = late(r"[!-~]+")
_NAME = late(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = late(r"[^\x00\r\n\x80-\U0010ffff]*")
_STATUS = late(rb"HTTP/1\.([01]) ([0-9]{3})(?: [^\x00\r\n]*)?")
_FIELD = late(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*")
_SIZE = late(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\x00\r\n]*)?")


class Broken(Exception):
    """The connection ended, or what came over it is no HTTP."""


class Unreached(Exception):
    """There is no connection."""


class Unusable(Exception):
    """The request cannot be sent as it is."""


class Place(NamedTuple):
    """Where a server listens."""

    host: str
    port: int
    path: str
    """Before that of a request."""
    authority: str
    """As the server is called in a request."""


def find_place(base_url: str) -> Place | None:
    """Where the server of this address listens; None where it is not on this machine or speaks TLS."""
    found = _NEARBY.fullmatch(base_url)
    if found is None or not 0 < int(found[2] or 80) < 1 << 16:
        return None
    authority = base_url[7 : len(base_url) - len(found[3])].lower()
    return Place(found[1].lower().strip("[]"), int(found[2] or 80), found[3], authority)


class Client:
    """Asks one server; sockets are kept for the next request until it is closed."""

    def __init__(self, place: Place, headers: Mapping[str, str]) -> None:
        self._place = place
        self._headers = headers
        self._written: tuple[Mapping[str, str] | None, str] = None, ""
        """The headers of the last request, which are mostly those of the next one, and their lines."""
        self._idle: list[tuple[_Socket, float]] = []
        self.is_closed = False

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, note_sent: Callable[[], None]
    ) -> Response:
        """Send a request and wait for the head of the answer.

        Args:
            note_sent: Called when there is a connection and the request goes out.

        Raises:
            Unusable: if the request cannot be written.
            Unreached: if there is no connection.
            Broken: if it ends before there is an answer.
        """
        head = self._write_head(method, path, headers, body)
        used = await self._connect()
        note_sent()
        try:
            await used.write(head + (body or b""))
            return await self._read_head(used)
        except BaseException:
            used.abort()
            raise

    async def aclose(self) -> None:
        """Close the sockets that are kept."""
        self.is_closed = True
        while self._idle:
            self._idle.pop()[0].abort()
        await asyncio.sleep(0)  # the loop closes them in its next round

    def keep(self, used: _Socket) -> None:
        """Take back a socket whose answer was read to its end."""
        if self.is_closed or len(self._idle) >= MOST_IDLE:
            used.abort()
        else:
            self._idle.append((used, asyncio.get_running_loop().time()))

    async def _connect(self) -> _Socket:
        now = asyncio.get_running_loop().time()
        while self._idle:
            used, since = self._idle.pop()
            if used.is_quiet() and now - since < IDLE_S:
                return used
            used.abort()
        loop = asyncio.get_running_loop()
        try:
            _, used = await loop.create_connection(_Socket, sock=await _open(self._place))
        except OSError as error:
            raise Unreached(str(error)) from error
        return used

    def _write_head(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        target = f"{self._place.path}{path}" or "/"
        if not _PATH.fullmatch(target):
            raise Unusable(f"the path {target!r} has blanks, control or non-ASCII characters")
        if headers != self._written[0]:
            self._written = dict(headers), self._write_fields(headers)
        length = "" if body is None else f"content-length: {len(body)}\r\n"
        return f"{method} {target} HTTP/1.1\r\n{self._written[1]}{length}\r\n".encode("ascii")

    def _write_fields(self, headers: Mapping[str, str]) -> str:
        fields = {"host": self._place.authority, **self._headers, **{name.lower(): headers[name] for name in headers}}
        for name, value in fields.items():
            if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
                raise Unusable(f"the header {name!r} has characters that cannot be sent")
        return "".join([f"{name}: {value.strip()}\r\n" for name, value in fields.items()])

    async def _read_head(self, used: _Socket) -> Response:
        while True:
            first, *rest = (await used.read_head()).split(b"\r\n")
            status = _STATUS.fullmatch(first)
            fields = [_FIELD.fullmatch(line) for line in rest]
            if status is None or None in fields:
                raise Broken("the answer does not begin as one of HTTP does")
            if int(status[2]) >= 200:
                break
        headers: dict[str, str] = {}
        for field in fields:
            if field is not None:
                name, value = field[1].decode().lower(), field[2].decode("latin-1")
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return Response(int(status[2]), headers, used, self.keep, lasts=status[1] == b"1")


class Response:
    """An answer whose head arrived."""

    def __init__(
        self, status: int, headers: dict[str, str], used: _Socket, keep: Callable[[_Socket], None], *, lasts: bool
    ) -> None:
        self.status_code = status
        self.headers = headers
        """Names in lower case."""
        self._socket: _Socket | None = used
        self._keep = keep
        self._lasts = lasts and "close" not in headers.get("connection", "").lower()
        has_body = status not in (204, 304)
        self._is_chunked = has_body and "chunked" in headers.get("transfer-encoding", "").lower()
        self._size = headers.get("content-length") if has_body else "0"
        self._left: int | None = None
        """Of a body that says how long it is."""
        self._unpack = _unpacking(headers.get("content-encoding", ""))

    async def read(self) -> bytes:
        """The next piece of the body; empty behind its end. Raises Broken when the connection ends before it does."""
        while (piece := self.take()) is None:
            if self._socket is None or not await self._socket.receive():
                if self._is_chunked or self._size is not None:
                    raise Broken("the connection ended in the middle")
                await self.aclose()
        return piece

    def take(self) -> bytes | None:
        """The next piece, as far as it came; empty behind the end, None where one has to wait for it."""
        used = self._socket
        if used is None:
            return b""
        while piece := self._take_packed(used):
            if plain := self._unpack(piece):
                return plain
        if piece is None:
            return None
        self._socket = None
        if self._lasts:
            self._keep(used)
        else:
            used.abort()
        return b""

    def _take_packed(self, used: _Socket) -> bytes | None:
        if self._is_chunked:
            return used.take_chunks()
        if self._size is None:
            return used.take()
        if self._left is None:
            self._left = _to_size(self._size)
        if not self._left:
            return b""
        piece = used.take(self._left)
        self._left -= len(piece or b"")
        return piece

    async def aclose(self) -> None:
        """Let go of the socket; it is closed where more would come."""
        used, self._socket = self._socket, None
        if used is not None:
            used.abort()


class _Socket(asyncio.Protocol):
    """Bytes to and from a server."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._came = bytearray()
        self._has_ended = False
        self._is_full = False
        self._waiter: asyncio.Future[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._part = _SIZE_LINE
        self._left = 0
        """Of the chunk that is being read."""

    # what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._came += data
        if len(self._came) > MOST_AHEAD_BYTES and not self._is_full:
            self._is_full = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """No more will come."""
        self._has_ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._has_ended = True
        self._may_write.set()
        self._wake()

    def pause_writing(self) -> None:
        """The server does not read as fast as we write."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._may_write.set()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # what a client does

    def is_quiet(self) -> bool:
        """Whether nothing came since the last answer, not even the end."""
        return not self._came and not self._has_ended and not self._transport.is_closing()

    def abort(self) -> None:
        """Close it at once."""
        self._transport.abort()

    async def write(self, data: bytes) -> None:
        """Send all; a server may answer and close without having read it."""
        self._transport.write(data)
        await self._may_write.wait()

    def take(self, most: int | None = None) -> bytes | None:
        """What came, at most so much; None when there is nothing."""
        came = bytes(self._came[:most])
        del self._came[:most]
        return came or None

    async def read_head(self) -> bytes:
        """The lines before a body, without the empty one behind them."""
        while (at := self._came.find(b"\r\n\r\n")) < 0:
            if len(self._came) > MOST_HEAD_BYTES:
                raise Broken("the head of the answer is too long")
            if not await self.receive():
                raise Broken("the connection ended")
        head = bytes(self._came[:at])
        del self._came[: at + 4]
        self._part = _SIZE_LINE
        return head

    def take_chunks(self) -> bytes | None:
        """What came of a body in chunks; empty behind its end, None when there is nothing."""
        came, at = self._came, 0
        pieces: list[bytes] = []
        while self._part != _END:
            if self._part == _DATA:
                piece = bytes(came[at : at + self._left])
                if not piece:
                    break
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                self._part = _DATA if self._left else _DATA_END
                continue
            if self._part == _DATA_END and came[at : at + 2] == b"\r\n":
                self._part = _SIZE_LINE
                at += 2
                continue
            end = came.find(b"\r\n", at, at + MOST_HEAD_BYTES)
            if end < 0:
                if len(came) - at > MOST_HEAD_BYTES:
                    raise Broken("a line between two chunks is too long")
                break
            if self._part == _SIZE_LINE:
                size = _SIZE.fullmatch(came, at, end)
                if size is None:
                    raise Broken("a chunk does not say how long it is")
                self._left = int(size[1], 16)
                self._part = _DATA if self._left else _TRAILER
            elif self._part == _TRAILER:
                self._part = _TRAILER if end > at else _END
            else:
                raise Broken("a chunk is longer than it says")
            at = end + 2
        del came[:at]
        return b"".join(pieces) if pieces or self._part == _END else None

    async def receive(self) -> bool:
        """Wait for more; whether there is some."""
        if self._has_ended:
            return False
        before = len(self._came)
        if self._is_full:
            self._is_full = False
            self._transport.resume_reading()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        return len(self._came) > before


def _unpacking(encoding: str) -> Callable[[bytes], bytes]:
    """Some servers compress although nobody asked for it."""
    if encoding.lower() not in ("gzip", "deflate"):
        return bytes
    import zlib

    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def unpack(piece: bytes) -> bytes:
        try:
            return unpacker.decompress(piece)
        except zlib.error as error:
            raise Broken(f"the answer cannot be unpacked: {error}") from error

    return unpack


def _to_size(text: str) -> int:
    sizes = {one.strip() for one in text.split(",")}
    size = sizes.pop()
    if sizes or not re.fullmatch(r"[0-9]{1,18}", size):
        raise Broken("the answer does not say how long it is")
    return int(size)


async def _open(place: Place) -> socket.socket:
    """A connected socket. Raises OSError: that of the last address."""
    loop = asyncio.get_running_loop()
    failure = OSError("no address")
    for family, address in await _addresses(place):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, address)
            return sock
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure


async def _addresses(place: Place) -> list[tuple[int, tuple[str, int]]]:
    if place.host == "127.0.0.1":
        return [(socket.AF_INET, (place.host, place.port))]
    if place.host == "::1":
        return [(socket.AF_INET6, (place.host, place.port))]
    found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    return [(one[0], (str(one[4][0]), place.port)) for one in found]
