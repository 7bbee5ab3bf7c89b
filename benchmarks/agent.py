"""What the agent costs beside its model: a headless run of ten tool turns against a bare script, and the time per turn.

A server in a process of its own answers at once, with calls that are written down, in the protocol of OpenAI Chat
Completions. The bare script sends the same requests with httpx2 and does the same reads, searches, commands and edits.

Usage: python -m benchmarks.agent [--rounds N] [--folder DIR] [--only run|turns]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness import Verdicts, machine

MOST_RATIO, MOST_TURN_MS, MOST_RSS_MB = 2.0, 5.0, 60.0
HISTORY = 100
"""Turns of the long run, whose last ones are those at a hundred turns of history."""
held = Verdicts()
Call = tuple[str, Mapping[str, Any]]

FILES = 60
SOURCE = (
    "def total_{n}(items):\n    return sum(items)  # {n}\n\n\ndef mean_{n}(items):\n    return total_{n}(items) / 2\n"
)
CALLS: tuple[Call, ...] = (
    ("read", {"path": "shop/module_3.py"}),
    ("search", {"pattern": "def total_3"}),
    ("run", {"command": "ls shop"}),
    ("read", {"path": "shop/module_4.py"}),
    ("edit", {"path": "shop/module_3.py", "old": "/ 2", "new": "/ len(items)"}),
    ("run", {"command": "grep -c total shop/module_3.py"}),
    ("search", {"pattern": "total_4\\("}),
    ("edit", {"path": "shop/module_4.py", "old": "/ 2", "new": "/ len(items)"}),
    ("read", {"path": "shop/module_4.py"}),
    ("run", {"command": "tail -n 2 shop/module_4.py"}),
)
BARE = r"""
import json, os, re, subprocess, sys, httpx2
address, root = sys.argv[1:3]
messages = [{"role": "system", "content": "You are an agent."}, {"role": "user", "content": "mend the means"}]
def run(name, said):
    if name == "read":
        with open(os.path.join(root, said["path"])) as file:
            return file.read()
    if name == "search":
        return subprocess.run(["rg", "-n", said["pattern"], root], capture_output=True, text=True).stdout
    if name == "run":
        return subprocess.run(said["command"], shell=True, cwd=root, capture_output=True, text=True).stdout
    path = os.path.join(root, said["path"])
    with open(path) as file:
        text = file.read()
    assert text.count(said["old"]) == 1
    with open(path, "w") as file:
        file.write(text.replace(said["old"], said["new"]))
    return "ok"
with httpx2.Client() as client:
    while True:
        body = {"model": "fake-1", "messages": messages, "stream": True}
        text, calls = "", {}
        with client.stream("POST", address + "/chat/completions", json=body) as response:
            for line in response.iter_lines():
                if not line.startswith("data: {"):
                    continue
                for choice in json.loads(line[6:])["choices"]:
                    delta = choice["delta"]
                    text += delta.get("content") or ""
                    for call in delta.get("tool_calls") or ():
                        known = calls.setdefault(call["index"], {"id": call.get("id"), "name": "", "arguments": ""})
                        known["name"] += call["function"].get("name") or ""
                        known["arguments"] += call["function"].get("arguments") or ""
        if not calls:
            break
        said = [{"id": one["id"], "type": "function", "function": {"name": one["name"], "arguments": one["arguments"]}}
                for one in calls.values()]
        messages.append({"role": "assistant", "content": text, "tool_calls": said})
        for one in calls.values():
            result = run(one["name"], json.loads(one["arguments"]))
            messages.append({"role": "tool", "tool_call_id": one["id"], "content": result})
print(text)
"""


class Measured(NamedTuple):
    """One run of a process with its children."""

    wall_s: float
    cpu_s: float
    rss_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description="What the agent costs beside its model.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", default=None, help="On the disk to measure.")
    parser.add_argument("--only", choices=("run", "turns"), default="")
    options = parser.parse_args()
    print(f"Agent  ({machine()})\n")
    with tempfile.TemporaryDirectory(dir=options.folder) as top:
        if options.only != "turns":
            show_run(top, options.rounds)
        if options.only != "run":
            show_turns(top, max(3, options.rounds // 3))
    sys.exit(held.is_missed)


def show_run(top: str, rounds: int) -> None:
    """Ten tool turns and an answer, ours and the bare script in turn."""
    taken: dict[str, list[Measured]] = {"bare": [], "aiex": []}
    with serve(CALLS, f"{top}/log") as address:
        for number in range(rounds + 1):
            for name, times in taken.items():
                root = make_workspace(f"{top}/work")
                argv = [sys.executable, "-c", BARE, address, root] if name == "bare" else argv_of(address)
                measured = measure(argv, root, top)
                if number:  # the first one fills caches
                    times.append(measured)
    print("ten tool turns and an answer        wall (least, median)      CPU (least, median)     resident")
    for name, times in taken.items():
        wall, cpu = [one.wall_s for one in times], [one.cpu_s for one in times]
        rss = max(one.rss_mb for one in times)
        print(
            f"  {name:20} {min(wall) * 1000:15.0f} {statistics.median(wall) * 1000:5.0f} ms"
            f" {min(cpu) * 1000:17.0f} {statistics.median(cpu) * 1000:5.0f} ms {rss:9.1f} MB"
        )
    for what, pick in (("wall", 0), ("CPU", 1)):
        ours, theirs = ([one[pick] for one in taken[name]] for name in ("aiex", "bare"))
        ratio, middle = min(ours) / min(theirs), statistics.median(ours) / statistics.median(theirs)
        print(f"  {what}: {ratio:.2f} (medians {middle:.2f}), at most {MOST_RATIO}: {held(middle <= MOST_RATIO)}")
    rss = max(one.rss_mb for one in taken["aiex"])
    print(f"  resident: {rss:.1f} MB, at most {MOST_RSS_MB:.0f}: {held(rss <= MOST_RSS_MB)}\n")


def show_turns(top: str, rounds: int) -> None:
    """Milliseconds from the end of an answer to the next request, by the clock of the server, of both."""
    calls = [("read", {"path": f"shop/module_{n % FILES}.py"}) for n in range(HISTORY + 20)]
    taken: dict[str, list[tuple[float, float]]] = {"bare": [], "aiex": []}
    with serve(calls, f"{top}/log") as address:
        for number in range(rounds + 1):
            for name, times in taken.items():
                Path(f"{top}/log").write_text("")
                root = make_workspace(f"{top}/work")
                measure(argv_of(address) if name == "aiex" else [sys.executable, "-c", BARE, address, root], root, top)
                marks = [json.loads(line) for line in Path(f"{top}/log").read_text().splitlines()]
                gaps = [(after["asked"] - before["answered"]) * 1000 for before, after in pairwise(marks)]
                if number:  # the first one fills caches
                    times.append((statistics.median(gaps[1:21]), statistics.median(gaps[-20:])))
    print(f"own time per turn, median of a run   early, late: least, median of {rounds} runs")
    for name, times in taken.items():
        shown = (f"{min(part):.2f}, {statistics.median(part):.2f} ms" for part in zip(*times, strict=True))
        print(f"  {name:20} {'     '.join(shown)}")
    ours, theirs = ([statistics.median(part) for part in zip(*taken[name], strict=True)] for name in ("aiex", "bare"))
    print(f"  at most {MOST_TURN_MS:.0f} ms: {held(max(ours) <= MOST_TURN_MS)}")
    early, late = (our / their for our, their in zip(ours, theirs, strict=True))
    print(f"  times what the bare loop needs: {early:.2f}, {late:.2f}")
    connections = len({mark["peer"] for mark in marks})
    print(f"connections: {connections}, at most 1: {held(connections == 1)}")
    is_prefix = all(mark["is_prefix"] for mark in marks)
    print(f"each request begins with the one before: {held(is_prefix)}")
    print(f"first request: {marks[0]['size_bytes']:,} bytes")


def argv_of(address: str) -> list[str]:
    """Our command, asking that server."""
    settings = [f"providers.one.base_url={address}", "providers.one.protocol=openai-chat"]
    flags = [word for setting in settings for word in ("--set", setting)]
    return [sys.executable, "-m", "aiex", "run", "mend the means", "-m", "one/fake-1", "--yolo", *flags]


def make_workspace(root: str) -> str:
    """A small repository, made anew."""
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(f"{root}/shop")
    os.makedirs(f"{root}/.git")
    for number in range(FILES):
        Path(root, f"shop/module_{number}.py").write_text(SOURCE.format(n=number), encoding="utf-8")
    return root


def measure(argv: list[str], root: str, top: str) -> Measured:
    """Run a command to its end; CPU is that of its children as well."""
    folders = {f"AIEX_{kind}_DIR": f"{top}/{kind.lower()}" for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
    environ = {**os.environ, **folders, "HOME": top, "PYTHONPATH": os.getcwd(), "NO_COLOR": "1"}
    with open(f"{top}/said", "wb") as said:
        begin = time.perf_counter()
        process = subprocess.Popen(argv, cwd=root, env=environ, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{argv[:4]} ended with {process.returncode}: {Path(f'{top}/said').read_text()[-2000:]}")
    return Measured(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


# --- the model ------------------------------------------------------------------------------------------------------


@contextmanager
def serve(calls: Any, log: str) -> Iterator[str]:
    """The address of a model that makes these calls, one in each answer, and then says that it is done."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(_serve(list(calls), log, theirs))
        finally:
            os._exit(0)
    os.close(theirs)
    try:
        with os.fdopen(ours, "rb") as pipe:
            yield f"http://127.0.0.1:{pipe.readline().decode().strip()}/v1"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


async def _serve(calls: list[Call], log: str, pipe: int) -> None:
    last = b""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal last
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = await reader.readexactly(length)
            asked = time.perf_counter()
            said = json.loads(body)
            done = sum(message["role"] == "tool" for message in said["messages"])
            pieces = _pieces(calls[done] if done < len(calls) else None, done)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for piece in pieces:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            messages = json.dumps(said["messages"]).encode()[:-1]
            mark = {
                "asked": asked,
                "answered": time.perf_counter(),
                "peer": writer.get_extra_info("peername")[1],
                "is_prefix": done == 0 or messages.startswith(last),
                "size_bytes": length,
            }
            last = messages
            with open(log, "a", encoding="utf-8") as file:
                file.write(json.dumps(mark) + "\n")

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=64 << 20)
    os.write(pipe, f"{server.sockets[0].getsockname()[1]}\n".encode())
    await server.serve_forever()


def _pieces(call: Call | None, number: int) -> Iterator[bytes]:
    if call is None:
        deltas: list[Any] = [{"role": "assistant", "content": "Both means "}, {"content": "are mended."}]
    else:
        name, arguments = call
        text = json.dumps(arguments)
        begun = {"index": 0, "id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": ""}}
        pieces = [text[at : at + 12] for at in range(0, len(text), 12)]
        deltas = [{"role": "assistant", "content": "I go on."}, {"tool_calls": [begun]}]
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
    reason = "stop" if call is None else "tool_calls"
    for delta in deltas:
        yield _event([{"index": 0, "delta": delta, "finish_reason": None}])
    yield _event([{"index": 0, "delta": {}, "finish_reason": reason}])
    yield _event([], usage={"prompt_tokens": 1000 + number, "completion_tokens": 20, "total_tokens": 1020 + number})
    yield b"data: [DONE]\n\n"


def _event(choices: list[Any], **more: Any) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "fake-1", "choices": choices, **more}
    return f"data: {json.dumps(chunk)}\n\n".encode()


if __name__ == "__main__":
    main()
