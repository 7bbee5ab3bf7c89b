"""The only way out of a confined command: an HTTP proxy that lets named hosts through.

It understands CONNECT and plain HTTP. A name is compared in one canonical form, resolved here once, and the address is
checked and connected to, so a name that points into a private network gets nowhere. One request a connection: what
follows it is not forwarded, for it could name another host.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias, cast
from urllib.parse import urlsplit

from aiex.errors import Denied, StoreError
from aiex.guard.sandbox.hosts import (
    canonical_host,
    is_address,
    is_allowed,
    is_public,
    parse_pattern,
    split_port,
)
from aiex.guard.sandbox.isolation import Asked
from aiex.patterns import late

HEAD_BYTES = 64 * 1024
HEAD_WITHIN_S = 30.0
CONNECT_WITHIN_S = 15.0
IDLE_S = 300.0
MOST_CONNECTIONS = 200
_PIECE_BYTES = 1 << 16
_TOKEN = late(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A method or the name of a header (RFC 9110, 5.6.2)."""
_CONTROL = late(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What some servers take for the end of a line; a tab may stand in a value (RFC 9110, 5.5)."""
_HOP_BY_HOP = frozenset(
    (*("connection", "proxy-connection", "keep-alive", "te", "trailer", "upgrade"), "proxy-authorization", "host")
)

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter


class Refusal(Exception):
    """An answer in place of the wanted one: status and words."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Proxy:
    """Serves one command; made, started and closed with it.

    Args:
        domains: The hosts that may be spoken to.
        tell: Is told of every host that was asked for, before it is reached; Denied from there keeps it unreached.
    """

    def __init__(self, domains: Sequence[str], tell: Callable[[Asked], None] | None = None) -> None:
        self._patterns = tuple(map(parse_pattern, domains))
        self._tell = tell or (lambda _: None)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0
        """Where it listens on the loopback of the command."""

    async def start_in(self, pid: int, port: int) -> None:
        """Listen on a port inside the network of a process. Raises StoreError when that cannot be done."""
        await self.start(await _listen_in(pid, port))

    async def start(self, listening: socket.socket) -> None:
        """Serve a listening socket, which is closed with the proxy."""
        self.port = listening.getsockname()[1]
        self._server = await asyncio.start_server(self._serve, sock=listening, limit=HEAD_BYTES)

    def close(self) -> None:
        """End every connection."""
        if self._server:
            self._server.close()
        for task in self._open:
            task.cancel()

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._open.add(task)
        try:
            if len(self._open) > MOST_CONNECTIONS:
                raise Refusal("503 Service Unavailable", "too many connections")
            await self._answer(reader, writer)
        except Refusal as refusal:
            text = f"{refusal.reason}\n"
            head = f"HTTP/1.1 {refusal.status}\r\nContent-Type: text/plain\r\nContent-Length: {len(text.encode())}"
            with suppress(OSError):
                writer.write(f"{head}\r\nConnection: close\r\n\r\n{text}".encode())
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            with suppress(OSError):
                writer.close()

    async def _answer(self, reader: Reader, writer: Writer) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_WITHIN_S)
        except asyncio.LimitOverrunError:
            raise Refusal("431 Request Header Fields Too Large", "the header is too large") from None
        line, *headers = head[:-4].decode("latin-1").split("\r\n")
        words = line.split(" ")
        is_plain = len(words) == 3 and _TOKEN.fullmatch(words[0]) and "\t" not in line and not _CONTROL.search(line)
        if not is_plain or words[2] not in ("HTTP/1.0", "HTTP/1.1"):
            raise Refusal("400 Bad Request", "this is no request for a proxy")
        method, target, _ = words
        if method == "CONNECT":
            host, port = split_port(target)
            there = await self._connect(host, port or 0)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _relay(reader, writer, *there, body=None)
            return
        host, port, path = _parse_target(target)
        body = _body_of(headers)
        there = await self._connect(host, port)
        there[1].write(_rewrite(method, host, port, path, headers))
        await _relay(reader, writer, *there, body=body)

    def _note(self, asked: Asked) -> None:
        try:
            self._tell(asked)
        except Denied as error:
            raise Refusal("403 Forbidden", error.message) from error

    async def _connect(self, asked: str, port: int) -> tuple[Reader, Writer]:
        """A connection to a host that is allowed."""
        host = canonical_host(asked)
        if not host or not port:
            raise Refusal("400 Bad Request", "this is no host and port")
        if not is_allowed(self._patterns, host, port):
            self._note(Asked(host, port, allowed=False, reason="not among the allowed domains"))
            raise Refusal("403 Forbidden", f"{host}:{port} is not among the allowed domains")
        told = False
        for address in await _resolve(host, port):
            if not (is_address(host) or host == "localhost" or is_public(address)):
                self._note(Asked(host, port, allowed=False, reason=f"its address {address} is private"))
                raise Refusal("403 Forbidden", f"{host} has the private address {address}")
            if not told:
                self._note(Asked(host, port, allowed=True, reason=""))
                told = True
            with suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT_WITHIN_S)
        raise Refusal("502 Bad Gateway", f"cannot connect to {host}:{port}")


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM), CONNECT_WITHIN_S)
    except (OSError, TimeoutError):
        raise Refusal("502 Bad Gateway", f"{host} has no address") from None
    return list(dict.fromkeys(str(row[4][0]) for row in found))


def _parse_target(target: str) -> tuple[str, int, str]:
    """Host, port and path of an absolute `http` address."""
    try:
        parts = urlsplit(target)
        port = parts.port
    except ValueError:
        raise Refusal("400 Bad Request", "this is no address") from None
    if parts.scheme != "http" or not parts.hostname or "@" in parts.netloc or "\\" in target:
        raise Refusal("400 Bad Request", "only http addresses without a user go through here")
    path = parts.path or "/"
    return parts.hostname, port or 80, f"{path}?{parts.query}" if parts.query else path


def _body_of(headers: Sequence[str]) -> int:
    """The length of the body in bytes."""
    lengths = {value.strip() for name, value in _fields(headers) if name.lower() == "content-length"}
    if any(name.lower() == "transfer-encoding" for name, _ in _fields(headers)):
        raise Refusal("411 Length Required", "a body needs a length here")
    if not lengths:
        return 0
    length = lengths.pop()
    if lengths or not (length.isascii() and length.isdigit() and len(length) < 16):
        raise Refusal("400 Bad Request", "the length of the body is unclear")
    return int(length)


def _fields(headers: Sequence[str]) -> list[tuple[str, str]]:
    rows = [header.partition(":") for header in headers]
    if any(not colon or not _TOKEN.fullmatch(name) or _CONTROL.search(value) for name, colon, value in rows):
        raise Refusal("400 Bad Request", "a header is malformed")
    return [(name, value) for name, _, value in rows]


def _rewrite(method: str, host: str, port: int, path: str, headers: Sequence[str]) -> bytes:
    """The request as the server gets it: its host is the one that was allowed, and nothing follows."""
    shown = f"[{host}]" if ":" in host else host
    lines = [f"{method} {path} HTTP/1.1", f"Host: {shown}" if port == 80 else f"Host: {shown}:{port}"]
    lines += [f"{name}:{value}" for name, value in _fields(headers) if name.lower() not in _HOP_BY_HOP]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


async def _relay(reader: Reader, writer: Writer, there: Reader, answer: Writer, *, body: int | None) -> None:
    """Carry bytes both ways until both are done; `body` bytes of a request, or everything of a tunnel."""
    try:
        up = asyncio.create_task(_carry(reader, answer, body))
        try:
            await _carry(there, writer, None)
            if body is None:
                await up
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
    finally:
        with suppress(OSError):
            answer.close()


async def _carry(source: Reader, target: Writer, left: int | None) -> None:
    while left is None or left > 0:
        piece = await asyncio.wait_for(source.read(_PIECE_BYTES if left is None else min(left, _PIECE_BYTES)), IDLE_S)
        if not piece:
            break
        target.write(piece)
        await target.drain()
        left = None if left is None else left - len(piece)
    if left is None and target.can_write_eof():
        with suppress(OSError):
            target.write_eof()


async def _listen_in(pid: int, port: int) -> socket.socket:
    """A socket that listens inside the network of a process, made by a helper that goes there."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "netns.py")
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-B", script, str(pid), str(theirs.fileno()), str(port)),
            env={"PATH": os.defpath},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        _, problem = await asyncio.wait_for(process.communicate(), HEAD_WITHIN_S)
        if process.returncode:
            said = problem.decode(errors="replace").strip().splitlines()[-1:]
            raise StoreError(f"cannot open the way to the allowed domains: {' '.join(said)}")
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    except OSError as error:
        raise StoreError(f"cannot open the way to the allowed domains: {error.strerror}") from error
    finally:
        theirs.close()
        ours.close()
    return socket.socket(fileno=fds[0])
