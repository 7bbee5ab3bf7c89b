"""The command with a model behind it: a server on loopback that speaks the real protocol."""

from __future__ import annotations

import json

import pytest

from tests.fakes.openai_server import FakeOpenAI

ANSWER = "# Basket\n\nIt **adds** things, see `shop/basket.py:12`.\n"
ONCE = ("--set", "retry.max_attempts=1")


@pytest.fixture
def server():
    with FakeOpenAI(key="sk-right") as fake:
        yield fake


@pytest.fixture
def ask(server, run_warm, workspace):
    def run(*words, key="sk-right", cwd=workspace):
        environment = {"AIEX_BASE_URL": server.base_url, "AIEX_API_KEY": key}
        return run_warm("explain", "shop/basket.py", "-m", "fake-1", *words, cwd=cwd, env=environment)

    return run


def test_the_answer_streams_to_a_pipe_as_it_is(ask, server):
    server.say(ANSWER)
    done = ask()
    assert (done.returncode, done.stdout) == (0, ANSWER)
    assert done.stderr == (
        "note: shop/basket.py goes with code of tests/test_basket.py and shop/prices.py (129 tokens)\n"
    )
    assert server.requests[0].body["model"] == "fake-1"
    assert ask("--quiet").stderr == ""


def test_the_code_of_callers_and_tests_goes_along_and_no_index_is_made(run_warm, server, workspace, home):
    (workspace / "shop" / "till.py").write_text(
        "from shop.basket import Basket\n\n\ndef unrelated():\n    return 'left at home'\n\n\n" + "\n# filling\n" * 300
        + "\ndef ring_up(names):\n    basket = Basket()\n    for name in names:\n        basket.add(name)\n"
    )  # fmt: skip
    server.say(ANSWER)
    done = run_warm("explain", "shop/basket.py::Basket.add", "-m", "fake-1", "-o", "json", cwd=workspace,
                    env={"AIEX_BASE_URL": server.base_url, "AIEX_API_KEY": "sk-right"})  # fmt: skip
    sent = json.dumps(server.requests[0].body)
    assert "basket.add(name)" in sent
    assert "def test_total_counts_every_piece" in sent
    assert "left at home" not in sent
    code = json.loads(done.stdout)["structured_output"]["code"]
    assert [(part["path"], part["why"]) for part in code] == [
        ("shop/till.py", ["may call Basket.add"]), ("tests/test_basket.py", ["tests it"]),
    ]  # fmt: skip
    assert not [path for path in (home / "cache").rglob("*") if "index" in path.name]


@pytest.mark.parametrize("budget", [800, 1200, 2000])
def test_what_is_shown_is_within_the_budget_and_is_what_is_sent(ask, server, workspace, budget):
    uses = "".join(f"\n\ndef use{n}():\n    return Basket().total() + {n}\n" for n in range(200))
    (workspace / "shop" / "till.py").write_text("from shop.basket import Basket\n" + uses)
    request = json.loads(ask("--explain", "-o", "json", "--budget", str(budget)).stdout)["structured_output"]["request"]
    assert request["tokens"] <= budget
    server.say(ANSWER)
    ask("--budget", str(budget))
    sent = json.dumps(server.requests[0].body, ensure_ascii=False)
    assert [
        part["title"] for part in request["parts"] if json.dumps(part["text"], ensure_ascii=False)[1:-1] not in sent
    ] == []


def test_what_goes_along_is_the_same_on_a_cold_and_a_warm_cache(ask, server):
    for _ in range(3):
        server.say(ANSWER)
        assert ask().returncode == 0
    assert len({json.dumps(request.body) for request in server.requests}) == 1


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
    done = ask(*ONCE)
    assert done.returncode not in (0, 70)
    assert done.stdout.startswith("word ")
    assert "\nerror: " in done.stderr


def test_a_server_that_is_down_is_named(run_warm, workspace, closed_port):
    environment = {"AIEX_BASE_URL": f"http://127.0.0.1:{closed_port}/v1", "AIEX_API_KEY": "sk-right"}
    done = run_warm("explain", "shop/basket.py", "-m", "x", *ONCE, cwd=workspace, env=environment)
    assert done.returncode == 69
    assert str(closed_port) in done.stderr
