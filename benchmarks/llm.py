"""Decoding of a streamed answer: events per second, and how little of a model's pace that costs.

The measure is the smallest loop that could read the same bytes: split at blank lines, `json.loads`, pick the text.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator

from aiex.events import TextDelta
from aiex.llm.answer import AnswerReader
from aiex.llm.providers.openai_chat import PROVIDER
from aiex.llm.wire import Profile

EVENTS = 20_000
ROUNDS = 7
MOST_RATIO = 4.0
"""Bar: own time over that of the smallest loop."""
LEAST_PER_S = 20_000
"""Bar: events a second; the fastest model in 2026 sends about 3,000 tokens a second."""
PROFILE = Profile("bench", "m", "http://127.0.0.1/v1")


def answer() -> bytes:
    """A long answer as OpenAI sends it, a word in each event."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    events = [{**head, "choices": [{"index": 0, "delta": {"content": " wörd"}, "finish_reason": None}]}] * EVENTS
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    body = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events)
    return (body + "data: [DONE]\n\n").encode()


def cut(body: bytes, size: int) -> list[bytes]:
    """The body as chunks of this size."""
    return [body[start : start + size] for start in range(0, len(body), size)]


def decode(chunks: list[bytes]) -> int:
    """Read with our own decoder; the number of characters."""

    def events() -> Iterator[object]:
        reader = AnswerReader(PROVIDER.decoder(PROFILE))
        for chunk in chunks:
            yield from reader.feed(chunk)
        yield from reader.end()

    return sum(len(event.text) for event in events() if isinstance(event, TextDelta))


def decode_least(chunks: list[bytes]) -> int:
    """Read with the smallest loop that gets the same number on this input."""
    count, rest = 0, b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n\n")
        for event in whole:
            if event != b"data: [DONE]":
                count += len(json.loads(event[6:])["choices"][0]["delta"].get("content", ""))
    return count


def least_s(work: Callable[[list[bytes]], int], chunks: list[bytes]) -> float:
    """The shortest of several runs, CPU time in seconds."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        count = work(chunks)
        times.append(time.process_time() - start)
        assert count == EVENTS * 5
    return min(times)


def main() -> None:
    """Measure and print; the exit code says whether the bars are held."""
    body, held = answer(), True
    print(f"Decoding {EVENTS} streamed events, {len(body) / 1e6:.1f} MB, CPU time, least of {ROUNDS}")
    for name, size in (("one event a chunk", len(body) // (EVENTS + 2)), ("64 KB chunks", 65536)):
        chunks = cut(body, size)
        own, least = least_s(decode, chunks), least_s(decode_least, chunks)
        good = own / least <= MOST_RATIO and EVENTS / own >= LEAST_PER_S
        held = held and good
        print(
            f"  {name:18} {EVENTS / own:9,.0f} events/s, {own / least:.2f} x the smallest loop"
            f" (bar {MOST_RATIO:g} x, {LEAST_PER_S:,} events/s) {'held' if good else 'MISSED'}"
        )
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
