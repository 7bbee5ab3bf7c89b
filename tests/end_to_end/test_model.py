"""The command with a model behind it: a server on loopback that speaks the real protocol."""

from __future__ import annotations

import json

import pytest

from tests.fakes.openai_server import FakeOpenAI

ANSWER = "# Basket\n\nIt **adds** things, see `shop/basket.py:12`.\n"


@pytest.fixture
def server():
    with FakeOpenAI(key="sk-right") as fake:
        yield fake


@pytest.fixture
def ask(server, run_aiex, workspace):
    def run(*words, key="sk-right", cwd=workspace):
        environment = {"AIEX_BASE_URL": server.base_url, "AIEX_API_KEY": key}
        return run_aiex("explain", "shop/basket.py", "-m", "fake-1", *words, cwd=cwd, env=environment)

    return run


def test_the_answer_streams_to_a_pipe_as_it_is(ask, server):
    server.say(ANSWER)
    done = ask()
    assert (done.returncode, done.stdout, done.stderr) == (0, ANSWER, "")
    assert server.requests[0].body["model"] == "fake-1"


def test_the_stream_has_pieces_then_the_whole_then_the_result(ask, server):
    server.say(ANSWER)
    lines = [json.loads(line) for line in ask("-o", "stream-json").stdout.splitlines()]
    assert (lines[0]["type"], lines[0]["model"], lines[-1]["type"]) == ("init", "fake-1", "result")
    assert "".join(line["text"] for line in lines if line.get("delta")) == ANSWER
    assert lines[-1]["result"] == ANSWER
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))


def test_a_wrong_key_exits_with_77_and_never_shows_the_key(ask):
    done = ask(key="sk-wrong-and-long-enough-to-see")
    assert done.returncode == 77
    assert "sk-wrong" not in done.stdout + done.stderr
    assert "hint: " in done.stderr


def test_offline_asks_nobody(ask, server):
    done = ask("--offline")
    assert done.returncode == 0
    assert "static analysis" in done.stdout.lower()
    assert server.requests == []


def test_a_cut_stream_keeps_what_was_said_and_fails(ask, server):
    server.say("word " * 400, cut_at_byte=2000)
    done = ask()
    assert done.returncode not in (0, 70)
    assert done.stdout.startswith("word ")
    assert "\nerror: " in done.stderr


def test_a_server_that_is_down_is_named(run_aiex, workspace, closed_port):
    environment = {"AIEX_BASE_URL": f"http://127.0.0.1:{closed_port}/v1", "AIEX_API_KEY": "sk-right"}
    done = run_aiex("explain", "shop/basket.py", "-m", "x", cwd=workspace, env=environment)
    assert done.returncode == 69
    assert str(closed_port) in done.stderr
