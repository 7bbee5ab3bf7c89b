"""The proxy in front of a command: real sockets, a real server behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from aiex.guard.sandbox import proxy as proxying
from aiex.guard.sandbox.isolation import Asked
from aiex.guard.sandbox.proxy import Proxy


class Site:
    """A server that remembers what it was asked and answers with it."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        self.requests.append(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    found = Site()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


async def ask(domains: list[str], request: bytes, *, rest: bytes = b"") -> tuple[bytes, list[Asked]]:
    """Everything that comes back through a proxy for these domains, and what it told."""
    told: list[Asked] = []
    through = Proxy(domains, told.append)
    await through.start(socket.create_server(("127.0.0.1", 0)))
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", through.port)
        writer.write(request)
        if rest:
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
            writer.write(rest)
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        return answer, told
    finally:
        through.close()


async def test_a_named_host_is_reached(site: Site) -> None:
    request = f"GET http://localhost:{site.port}/a?b=1 HTTP/1.1\r\nHost: localhost\r\nX-Own: 1\r\n\r\n".encode()
    answer, told = await ask([f"localhost:{site.port}"], request)
    assert answer.endswith(b"hello")
    assert site.requests[0].startswith(b"GET /a?b=1 HTTP/1.1\r\n")
    assert b"X-Own: 1" in site.requests[0]
    assert told == [Asked("localhost", site.port, allowed=True, reason="")]


async def test_a_tunnel_to_a_named_host_carries_everything(site: Site) -> None:
    request = f"CONNECT localhost:{site.port} HTTP/1.1\r\n\r\n".encode()
    answer, _ = await ask([f"localhost:{site.port}"], request, rest=b"GET / HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"hello")


@pytest.mark.parametrize(
    "form", ["GET http://{host}/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "CONNECT {host} HTTP/1.1\r\n\r\n"]
)
async def test_another_host_is_refused(site: Site, form: str) -> None:
    answer, told = await ask(["example.org"], form.format(host=f"localhost:{site.port}").encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert told == [Asked("localhost", site.port, allowed=False, reason="not among the allowed domains")]
    assert site.requests == []


async def test_a_name_that_leads_to_a_private_address_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(proxying, "_resolve", resolve)
    request = f"GET http://rebound.example:{site.port}/ HTTP/1.1\r\n\r\n".encode()
    answer, told = await ask([f"rebound.example:{site.port}"], request)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert [one.reason for one in told] == ["its address 127.0.0.1 is private"]
    assert site.requests == []


async def test_the_host_that_the_server_sees_is_the_one_that_was_allowed(site: Site) -> None:
    request = f"GET http://localhost:{site.port}/ HTTP/1.1\r\nHost: other.example\r\nProxy-Authorization: x\r\n\r\n"
    await ask([f"localhost:{site.port}"], request.encode())
    assert f"Host: localhost:{site.port}\r\n".encode() in site.requests[0]
    assert b"other.example" not in site.requests[0]
    assert b"Proxy-Authorization" not in site.requests[0]


async def test_what_follows_a_request_is_not_forwarded(site: Site) -> None:
    first = f"POST http://localhost:{site.port}/ HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody".encode()
    second = b"GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n"
    await ask([f"localhost:{site.port}"], first + second)
    assert len(site.requests) == 1
    assert site.requests[0].endswith(b"Connection: close\r\n\r\nbody")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET http://user@localhost:{port}/ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET https://localhost:{port}/ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET http://[::1/ HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT localhost HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT 0x7f.1:{port} HTTP/1.1\r\n\r\n", b"400"),
        (b"POST http://localhost:{port}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST http://localhost:{port}/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"POST http://localhost:{port}/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"GET http://localhost:{port}/ HTTP/1.1\r\nX : 1\r\n\r\n", b"400"),
        (b"GET http://localhost:{port}/ HTTP/1.1\r\nX: 1\nHost: evil\r\n\r\n", b"400"),
        (b"GET http://localhost:{port}/ HTTP/1.1\r\nX: 1\rHost: evil\r\n\r\n", b"400"),
        (b"GET http://localhost:{port}/ HTTP/1.1\r\nX: 1\0\r\n\r\n", b"400"),
        (b"GET http://localhost:{port}/ HTTP/1.1\r\nX\tY: 1\r\n\r\n", b"400"),
        (b"GET\t/\tHTTP/1.1\nHost:\tevil\n\nGET http://localhost:{port}/ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET http://localhost:{port}/\tHTTP/1.1\nHost:\tevil\n\n HTTP/1.1\r\n\r\n", b"400"),
        (b"GET http://localhost:{port}/ HTTP/1.1\nHost:evil\r\n\r\n", b"400"),
        (b"G(T http://localhost:{port}/ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET http://localhost:{port}/ HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", b"431"),
    ],
)
async def test_what_is_unclear_is_refused(site: Site, request_: bytes, status: bytes) -> None:
    answer, _ = await ask([f"localhost:{site.port}"], request_.replace(b"{port}", str(site.port).encode()))
    assert answer.split(b" ")[1] == status
    assert site.requests == []


async def test_a_host_that_does_not_answer_is_told(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answer, _ = await ask([f"localhost:{port}"], f"CONNECT localhost:{port} HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 502 ")
