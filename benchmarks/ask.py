"""One question: `aiex ask` takes at most 1.6 times as long as the smallest script that streams the same answer.

Both are whole processes, and both ask a server on loopback that answers with 400 events. The smallest script uses the
same HTTP library, prints each piece as it comes, and does nothing else.
"""

import os
import sys
import tempfile

from benchmarks.harness import Bar, Command, aiex_argv, compare, show
from tests.fakes.openai_server import FakeOpenAI

MOST_RATIO = 1.6
"""Bar: own time over that of the smallest script."""
ROUNDS = 30
QUESTION = "What is a cache keyed by content?"
ANSWER = "It is a cache in which nothing has to be invalidated by hand. " * 32
LEAST = """
import json, sys
import httpx2

body = {"model": "fake-1", "stream": True, "messages": [{"role": "user", "content": sys.argv[2]}]}
with httpx2.stream("POST", sys.argv[1] + "/chat/completions", json=body, timeout=120) as answer:
    for line in answer.iter_lines():
        if line.startswith("data: ") and line != "data: [DONE]":
            for choice in json.loads(line[6:])["choices"]:
                sys.stdout.write(choice["delta"].get("content") or "")
                sys.stdout.flush()
"""


def main() -> None:
    """Measure and print; the exit code says whether the bar is held."""
    with FakeOpenAI() as server, tempfile.TemporaryDirectory() as home:
        server.say(ANSWER)
        env = {f"AIEX_{kind}_DIR": os.path.join(home, kind.lower()) for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
        env |= {
            "AIEX_BASE_URL": server.base_url,
            "PYTHONDONTWRITEBYTECODE": "",  # what people start is compiled; the warm-up sees to that
            "PYTHONPYCACHEPREFIX": os.path.join(home, "compiled"),
        }
        timings = compare(
            [
                Command("smallest script", (sys.executable, "-c", LEAST, server.base_url, QUESTION), cwd=home, env=env),
                Command("aiex ask", aiex_argv("ask", QUESTION, "-m", "vllm/fake-1"), cwd=home, env=env),
            ],
            rounds=int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS,
            warm_up=2,
        )
        assert len(server.requests) == sum(len(timing.times_s) + 2 for timing in timings)
    sys.exit(0 if show("One question to a server on loopback", timings, [Bar("aiex ask", MOST_RATIO)]) else 1)


if __name__ == "__main__":
    main()
