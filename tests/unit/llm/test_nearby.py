"""HTTP to a server on this machine: what comes in any pieces, what is no HTTP, and sockets that serve again."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from aiex.llm.nearby import Broken, Client, Place, Unreached, Unusable, find_place

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Server:
    """Answers each request with the next pieces, or ends the connection where there are none."""

    def __init__(self, answers: Sequence[Sequence[bytes]]) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self.answers:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(next((line[15:] for line in head.split(b"\r\n") if line.startswith(b"content-length")), b"0"))
            self.asked.append(head + await reader.readexactly(length))
            for piece in self.answers.pop(0):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if self.answers and not self.answers[0]:
                self.answers.pop(0)
                break
        writer.close()


@asynccontextmanager
async def asking(*answers: Sequence[bytes]) -> AsyncIterator[tuple[Client, Server]]:
    server = Server(answers)
    running = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = running.sockets[0].getsockname()[1]
    client = Client(Place("127.0.0.1", port, "/v1", f"127.0.0.1:{port}"), {"user-agent": "test"})
    try:
        yield client, server
    finally:
        await client.aclose()
        running.close()


async def ask(client: Client, body: bytes | None = b"{}", note: Callable[[], None] = lambda: None) -> tuple[int, bytes]:
    response = await client.send("POST", "/ask", {"x": "y"}, body, note)
    try:
        pieces = []
        while piece := await response.read():
            pieces.append(piece)
        return response.status_code, b"".join(pieces)
    finally:
        await response.aclose()


CHUNKS = b"5\r\nhello\r\n6;more=1\r\n world\r\n0\r\ntrailer: x\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_a_body_in_chunks_is_whole_in_any_pieces(size: int) -> None:
    answer = CHUNKED + CHUNKS
    async with asking([answer[at : at + size] for at in range(0, len(answer), size)]) as (client, _):
        assert await ask(client) == (200, b"hello world")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", (200, b"abc")),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", (404, b"")),
        (b"HTTP/1.1 204 \r\n\r\n", (204, b"")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\ncontent-length: 1\r\n\r\na", (200, b"a")),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 24\r\n\r\n"
            + gzip.compress(b"abcd", mtime=0),
            (200, b"abcd"),
        ),
    ],
)
async def test_an_answer_is_read_as_its_head_says(answer: bytes, expected: tuple[int, bytes]) -> None:
    async with asking([answer]) as (client, _):
        assert await ask(client) == expected


async def test_a_body_without_a_length_goes_to_the_end() -> None:
    async with asking([b"HTTP/1.0 200 OK\r\n\r\nabc", b"def"]) as (client, _):
        assert await ask(client) == (200, b"abcdef")


async def test_one_socket_serves_again() -> None:
    answer = [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]
    sent: list[str] = []
    async with asking(answer, answer) as (client, server):
        assert await ask(client, note=lambda: sent.append("out")) == await ask(client) == (200, b"ok")
    assert (server.connections, sent) == (1, ["out"])
    first = server.asked[0].split(b"\r\n")
    assert first[0] == b"POST /v1/ask HTTP/1.1"
    assert {b"user-agent: test", b"x: y", b"content-length: 2"} <= set(first)


async def test_a_socket_that_the_server_closes_does_not_serve_again() -> None:
    last = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
    async with asking([last], [], [last]) as (client, server):
        assert await ask(client) == await ask(client) == (200, b"ok")
    assert server.connections == 2


async def test_leaving_in_the_middle_closes_the_socket() -> None:
    whole = [CHUNKED, b"2\r\nok\r\n", b"0\r\n\r\n"]
    async with asking(whole, whole) as (client, server):
        response = await client.send("POST", "", {}, b"", lambda: None)
        await response.aclose()
        assert await ask(client) == (200, b"ok")
    assert server.connections == 2


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"220 mail.example\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc"],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\nabcdef"],
        [CHUNKED, b"5\r\nhel"],
        [CHUNKED, b"zz\r\nhello\r\n"],
        [CHUNKED, b"2\r\nhello\r\n0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000],
    ],
)
async def test_what_is_no_whole_answer_is_broken(pieces: Sequence[bytes]) -> None:
    async with asking(pieces) as (client, _):
        with pytest.raises(Broken):
            await ask(client)


async def test_nobody_listens() -> None:
    async with asking() as (client, _):
        pass
    client = Client(client._place, {})
    with pytest.raises(Unreached) as raised:
        await ask(client)
    assert isinstance(raised.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("value", ["a\r\nx: b", "naïve", "\0"])
async def test_a_header_cannot_bring_another(value: str) -> None:
    async with asking() as (client, server):
        with pytest.raises(Unusable):
            await client.send("POST", "/ask", {"x": value}, b"", lambda: None)
        assert server.connections == 0


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8000/v1", Place("127.0.0.1", 8000, "/v1", "127.0.0.1:8000")),
        ("http://LOCALHOST", Place("localhost", 80, "", "localhost")),
        ("http://[::1]:11434", Place("::1", 11434, "", "[::1]:11434")),
        ("https://127.0.0.1:8000/v1", None),
        ("http://127.0.0.1.example.com/v1", None),
        ("http://localhost:99999", None),
        ("http://user@localhost", None),
    ],
)
def test_only_a_server_on_this_machine_is_near(url: str, place: Place | None) -> None:
    assert find_place(url) == place
