"""Decoding of streamed answers: events a second when 200 arrive in a chunk, and own time until the first event is out.

    python -m benchmarks.decode

Everything between bytes and events is measured: the reader that finds the events, and the decoder of the protocol. The
time to the first event is taken over a real socket on loopback, from before the server writes to when the event is
out, so it is more than our own time and never less.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from aiex import plugins, settings
from aiex.events import Started, TextDelta
from aiex.llm.answer import AnswerReader
from aiex.llm.router import open_stream
from aiex.llm.wire import Codec, Profile
from aiex.messages import Message, Request, Text
from benchmarks.harness import machine

EVENTS = 20_000
PER_CHUNK = 200
ROUNDS = 9
LEAST_PER_S = 200_000
"""Bar: events a second and core."""
LEAST_PADDED_PER_S = 120_000
"""Bar where each event has a padding of its own and so must be parsed: `json.loads` alone does 300,000 of them."""
CALLS = 60
MOST_FIRST_S = 0.001
"""Bar: median from the first byte received to the first event out."""
PROFILE = Profile("bench", "m", "http://127.0.0.1")
WORD = " word"


def sse(*values: dict[str, Any], named: bool = False) -> bytes:
    """Server-sent events, as their vendors write JSON: without blanks."""
    lines = (json.dumps(value, separators=(",", ":")) for value in values)
    heads = (f"event: {value['type']}\n" if named else "" for value in values)
    return "".join(f"{head}data: {line}\n\n" for head, line in zip(heads, lines, strict=True)).encode()


def chat(*, padded: bool) -> Iterator[bytes]:
    """An answer of Chat Completions; OpenAI pads each event to a different length."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    for number in range(EVENTS):
        choice = {"index": 0, "delta": {"content": WORD}, "finish_reason": None}
        padding = {"obfuscation": f"{number * 7919 % 10**8:08}"[number % 8 :]} if padded else {}
        yield sse({**head, "choices": [choice], **padding})
    yield sse({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + b"data: [DONE]\n\n"


def messages() -> Iterator[bytes]:
    """An answer of Anthropic Messages."""
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": WORD}}
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield sse({"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 3}}}, start, named=True)
    for _ in range(EVENTS):
        yield sse(delta, named=True)
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}
    yield sse({"type": "content_block_stop", "index": 0}, end, {"type": "message_stop"}, named=True)


def ollama() -> Iterator[bytes]:
    """An answer of Ollama: lines of JSON, each with its own moment."""
    for number in range(EVENTS):
        message = {"role": "assistant", "content": WORD}
        moment = f"2026-11-21T03:00:00.{number:09}Z"
        line = {"model": "m", "created_at": moment, "message": message, "done": False}
        yield json.dumps(line, separators=(",", ":")).encode() + b"\n"
    yield b'{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}\n'


def bundle(events: Iterable[bytes]) -> list[bytes]:
    """Chunks of many events each, cut within an event as the network does."""
    whole = b"".join(events)
    size = len(whole) * PER_CHUNK // EVENTS
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def decode(codec: Codec, chunks: list[bytes]) -> float:
    """Seconds of processor time to decode an answer once."""
    words, begin = 0, time.process_time()
    reader = AnswerReader(codec.decoder(PROFILE), codec.stream_form)
    for chunk in chunks:
        for event in reader.feed(chunk):
            words += type(event) is TextDelta
    for event in reader.end():
        words += type(event) is TextDelta
    seconds = time.process_time() - begin
    assert words == EVENTS
    return seconds


def load(name: str) -> Codec:
    """The codec of a protocol."""
    codec: Codec = plugins.load("aiex.llm.providers", name).PROVIDER
    return codec


def measure_decoding() -> bool:
    """Events a second of each protocol; whether all hold the bar."""
    answers = {
        "chat": ("openai-chat", chat(padded=False), LEAST_PER_S),
        "chat, padded": ("openai-chat", chat(padded=True), LEAST_PADDED_PER_S),
        "anthropic": ("anthropic", messages(), LEAST_PER_S),
        "ollama (lines)": ("ollama", ollama(), LEAST_PER_S),
    }
    held = True
    for title, (name, events, least) in answers.items():
        codec, chunks = load(name), bundle(events)
        per_s = EVENTS / min(decode(codec, chunks) for _ in range(ROUNDS))
        held = held and per_s >= least
        print(f"  {title:16} {per_s:9,.0f} events/s  at least {least:,}: {_word(per_s >= least)}")
    return held


# --- the first event ------------------------------------------------------------------------------------------------


async def time_first_events() -> list[float]:
    """Seconds from before the first byte of each answer is written to its first words."""
    body = b"".join(list(chat(padded=True))[:3]) + b"data: [DONE]\n\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    written: list[float] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        size = next(line for line in request.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(size.split(b":")[1]))
        written.append(time.perf_counter())
        writer.write(head + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    loaded = settings.load(None, overrides=[f"providers.bench.base_url={url}"], environ={})
    stream = open_stream(loaded, "bench/m", environ={})
    request = Request("m", (Message("user", (Text("Hi"),)),))
    first: list[float] = []
    for _ in range(CALLS):
        out = 0.0
        async for event in stream(request):
            if not out and not isinstance(event, Started):
                out = time.perf_counter()
        first.append(out - written[-1])
    server.close()
    return first


def measure_first_event() -> bool:
    """The median until the first event; whether it holds the bar."""
    times = sorted(asyncio.run(time_first_events())[CALLS // 6 :])
    median = statistics.median(times)
    print(
        f"  first event      median {median * 1000:.2f} ms, least {times[0] * 1000:.2f} ms"
        f"  at most {MOST_FIRST_S * 1000:g} ms: {_word(median <= MOST_FIRST_S)}"
    )
    return median <= MOST_FIRST_S


def _word(held: bool) -> str:
    return "held" if held else "MISSED"


def main() -> None:
    """Measure and print; the exit code says whether the bars are held."""
    print(f"Decoding {EVENTS:,} events, {PER_CHUNK} a chunk, least of {ROUNDS}  ({machine()})")
    held = measure_decoding()
    sys.exit(0 if measure_first_event() and held else 1)


if __name__ == "__main__":
    main()
