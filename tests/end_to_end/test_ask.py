"""Questions, failover, budgets, recordings and the state of providers, as a person meets them."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.fakes.anthropic_server import FakeAnthropic
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.processes import is_gone
from tests.fakes.started import start_aiex

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def first() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def second() -> Iterator[FakeAnthropic]:
    with FakeAnthropic() as server:
        yield server


@pytest.fixture
def run(first: FakeOpenAI, second: FakeAnthropic, run_warm: Run, workspace: Path) -> Run:
    """`aiex`, with two vendors on loopback: `one` and `two`."""
    settings = (
        f"providers.one.base_url={first.base_url}",
        f"providers.two.base_url={second.base_url}",
        "providers.two.protocol=anthropic",
        "retry.max_attempts=2",
    )
    flags = [word for setting in settings for word in ("--set", setting)]

    def call(*words: str, **options: object) -> CompletedProcess[str]:
        return run_warm(*words, *flags, cwd=workspace, **options)

    return call


def texts(request: object) -> str:
    return json.dumps(request, ensure_ascii=False)


def test_a_question_goes_out_with_what_it_is_about_and_nothing_else(run: Run, first: FakeOpenAI) -> None:
    first.say("It adds.")
    done = run("ask", "What does it do?", "shop/basket.py::Basket.add", "-m", "one/fake-1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "It adds.\n", "")
    sent = texts(first.requests[0].body)
    assert "What does it do?" in sent
    assert "def add" in sent
    assert "conftest" not in sent


def test_a_picture_goes_as_a_picture(run: Run, second: FakeAnthropic, workspace: Path) -> None:
    data = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    (workspace / "shot.png").write_bytes(data)
    assert run("ask", "What is this?", "shot.png", "-m", "two/fake-1").returncode == 0
    assert base64.b64encode(data).decode() in texts(second.requests[0].body)


def test_standard_input_can_be_asked_about(run: Run, first: FakeOpenAI) -> None:
    done = run("ask", "What changed?", "-", "--name", "shop/basket.py", "-m", "one/fake-1", input="total = 41 + 1\n")
    assert done.returncode == 0
    assert "total = 41 + 1" in texts(first.requests[0].body)


def test_what_would_be_sent_is_shown_and_not_sent(run: Run, first: FakeOpenAI) -> None:
    done = run("ask", "Why?", "shop/basket.py", "-m", "one/fake-1", "--explain")
    assert done.returncode == 0
    assert "nothing was sent" in done.stdout
    assert "class Basket" in done.stdout
    assert first.requests == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("ask", "Why?"), 1, "a question needs a model"),
        (("ask", " ", "-m", "one/fake-1"), 2, "the question is empty"),
        (("ask", "Why?", "shop/gone.py", "-m", "one/fake-1"), 2, "no such file or directory"),
        (("ask", "Why?", "../outside.py", "-m", "one/fake-1"), 4, "outside"),
        (("ask", "Why?", "--schema", "shop/basket.py", "-m", "one/fake-1"), 2, "is not JSON"),
        (("ask", "Why?", "-", "-", "-m", "one/fake-1"), 2, "can be read once"),
        (("ask", "Why?", "--name", "a.py", "-m", "one/fake-1"), 2, "--name goes with standard input"),
        (("ask", "Why?", "-m", "three/m"), 78, "three"),
        (("ask", "Why?", "shop/basket.py", "--budget", "50", "-m", "one/fake-1"), 2, "too small"),
    ],
)
def test_a_question_that_cannot_be_asked_is_explained(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    done = run(*words, input="")
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_answer_fits_its_schema_or_is_repaired(run: Run, first: FakeOpenAI, workspace: Path) -> None:
    (workspace / "schema.json").write_text(
        '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
    )
    first.say('{"n": "one"}')
    first.say('```json\n{"n": 1}\n```')
    done = run("ask", "How many?", "--schema", "schema.json", "-m", "one/fake-1", "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["result"]) == (0, '{"n": 1}')
    assert result["structured_output"]["data"] == {"n": 1}


def test_another_vendor_takes_over_in_the_middle_and_the_seam_is_told(
    run: Run, first: FakeOpenAI, second: FakeAnthropic
) -> None:
    first.say("The basket adds things and " * 40, cut_at_byte=3_000)
    second.say("counts them.")
    done = run("ask", "What?", "-m", "one/fake-1", "--fallback-model", "two/fake-1", "-o", "stream-json",
               "--set", "retry.max_attempts=1")  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert lines[-1]["result"].endswith("counts them.")
    assert lines[-1]["result"].startswith("The basket adds things and ")
    assert [one["mid_answer"] for one in lines[-1]["failovers"]] == [True]
    assert sum(line["type"] == "failover" and line["subtype"] == "provider" for line in lines) == 1


def test_when_nobody_answers_every_cause_is_listed(run: Run, first: FakeOpenAI, second: FakeAnthropic) -> None:
    first.say(status=500, body=b'{"error": {"message": "boom one"}}')
    second.say(status=529, body=b'{"type": "error", "error": {"type": "overloaded_error", "message": "boom two"}}')
    done = run("ask", "What?", "-m", "one/fake-1", "--fallback-model", "two/fake-1")
    assert done.returncode == 69, done.stderr
    assert "boom one" in done.stderr
    assert "boom two" in done.stderr
    assert (len(first.requests), len(second.requests)) == (2, 2)


def test_a_budget_of_calls_ends_a_run_with_5(run: Run, first: FakeOpenAI) -> None:
    first.say(status=500, body=b"{}")
    done = run("ask", "What?", "-m", "one/fake-1", "--set", "budget.calls=1")
    assert done.returncode == 5, done.stderr
    assert "the budget of 1 request is used up" in done.stderr
    assert len(first.requests) == 1


def test_a_recording_answers_without_the_network(run: Run, first: FakeOpenAI, tmp_path: Path) -> None:
    first.say("Recorded words.")
    tape = str(tmp_path / "tape.jsonl")
    assert run("ask", "What?", "-m", "one/fake-1", "--record", tape).returncode == 0
    asked = len(first.requests)
    done = run("ask", "What?", "-m", "one/fake-1", "--replay", tape)
    assert (done.returncode, done.stdout, len(first.requests)) == (0, "Recorded words.\n", asked)
    other = run("ask", "Something else?", "-m", "one/fake-1", "--replay", tape)
    assert other.returncode != 0
    assert "Traceback" not in other.stderr


def test_how_a_provider_fares_is_shown(run: Run, first: FakeOpenAI) -> None:
    run("ask", "What?", "-m", "one/fake-1")
    shown = json.loads(run("show", "provider", "one", "--json").stdout)["structured_output"]
    assert [(one["model"], one["successes"], one["breaker"]) for one in shown["health"]] == [
        ("one/fake-1", 1, "closed")
    ]
    assert "1 answered, 0 failed" in run("list", "providers").stdout


def test_a_provider_can_be_tested(run: Run) -> None:
    assert "lists" in run("test", "provider", "one").stdout
    assert "one/fake-1 answers" in run("test", "provider", "one/fake-1").stdout
    assert run("test", "provider", "three").returncode == 78
    assert run("test", "provider", "offline").returncode == 2


def test_models_are_listed_by_the_server_and_from_the_catalogue(run: Run) -> None:
    live = json.loads(run("list", "models", "one", "--live", "--json").stdout)["structured_output"]
    assert "one/fake-1" in [model["name"] for model in live["models"]]
    known = run("show", "model", "anthropic/claude-opus-5-5")
    assert "$" in known.stdout
    assert run("show", "model", "anthropic/claude-opus-99").returncode == 2


# --- questions that name no path ------------------------------------------------------------------------------------


@pytest.fixture
def repository(workspace: Path) -> Path:
    """The workspace as a git repository with one commit."""
    git(workspace, "init", "-q")
    git(workspace, "add", "-A")
    git(workspace, "commit", "-q", "-m", "Count what is in the basket")
    return workspace


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, timeout=60)


def ask_total(run: Run, *words: str) -> CompletedProcess[str]:
    return run("ask", "How does Basket.total sum the prices?", *words)


def test_a_question_in_a_repository_finds_its_code(run: Run, first: FakeOpenAI, repository: Path) -> None:
    first.say("By price.")
    done = ask_total(run, "-m", "one/fake-1")
    assert (done.returncode, done.stdout) == (0, "By price.\n")
    assert done.stderr.startswith("note: the question goes with code of shop/basket.py, ")
    sent = texts(first.requests[0].body)
    assert "return sum(price_of(name) * count" in sent
    assert "How does Basket.total sum the prices?" in sent


def test_the_result_names_the_code_that_was_sent(run: Run, first: FakeOpenAI, repository: Path) -> None:
    result = json.loads(ask_total(run, "-m", "one/fake-1", "--json").stdout)
    code = result["structured_output"]["code"]
    assert "shop/basket.py" in {part["path"] for part in code}
    assert all(part["start_line"] <= part["end_line"] and part["why"] for part in code)


def test_the_words_no_code_send_the_question_alone(run: Run, first: FakeOpenAI, repository: Path) -> None:
    done = ask_total(run, "--no-code", "-m", "one/fake-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "price_of" not in texts(first.requests[0].body)


def test_outside_of_a_repository_nothing_is_gathered(run: Run, first: FakeOpenAI, workspace: Path, home: Path) -> None:
    assert ask_total(run, "-m", "one/fake-1").returncode == 0
    assert "price_of" not in texts(first.requests[0].body)
    assert not list(home.rglob("index.db"))


def test_a_directory_of_a_repository_is_enough(run_warm: Run, first: FakeOpenAI, repository: Path) -> None:
    setting = f"providers.one.base_url={first.base_url}"
    done = run_warm("ask", "How does Basket.total sum?", "-m", "one/fake-1", "--set", setting, cwd=repository / "web")
    assert done.returncode == 0, done.stderr
    assert "shop/basket.py" in texts(first.requests[0].body)


@pytest.mark.parametrize("name", [".env", "shop/deploy.key"])
def test_a_secret_is_not_sent_however_well_it_fits(run: Run, first: FakeOpenAI, repository: Path, name: str) -> None:
    (repository / name).write_text("BASKET_TOTAL_PRICES=hunter2 # how Basket.total sums the prices\n")
    git(repository, "add", "-A", "-f")
    git(repository, "commit", "-q", "-m", "Add how Basket.total sums the prices")
    assert ask_total(run, "-m", "one/fake-1").returncode == 0
    assert "hunter2" not in texts(first.requests[0].body)


def test_what_the_ignore_rules_leave_out_is_not_sent(run: Run, first: FakeOpenAI, repository: Path) -> None:
    for folder, name in (("build", "total.py"), ("private", "total.py")):
        (repository / folder).mkdir()
        (repository / folder / name).write_text(f"def basket_total_prices():\n    return 'in {folder}'\n")
    (repository / ".aiexignore").write_text("private/\n")
    assert ask_total(run, "-m", "one/fake-1").returncode == 0
    sent = texts(first.requests[0].body)
    assert "in build" not in sent
    assert "in private" not in sent


def test_a_file_that_is_gone_since_the_index_was_made_is_not_sent(
    run: Run, first: FakeOpenAI, repository: Path
) -> None:
    assert run("create", "index").returncode == 0
    (repository / "shop" / "basket.py").unlink()
    assert ask_total(run, "-m", "one/fake-1").returncode == 0
    sent = texts(first.requests[0].body)
    assert "class Basket" not in sent
    assert "def price_of" in sent


def test_a_change_since_the_index_was_made_is_sent(run: Run, first: FakeOpenAI, repository: Path) -> None:
    assert run("create", "index").returncode == 0
    (repository / "shop" / "basket.py").write_text("class Basket:\n    def total(self):\n        return 42_000\n")
    assert ask_total(run, "-m", "one/fake-1").returncode == 0
    assert "42_000" in texts(first.requests[0].body)


def test_without_a_model_the_code_is_shown_and_a_question_is_refused(run: Run, repository: Path) -> None:
    shown = ask_total(run, "--explain", "--offline")
    assert shown.returncode == 0, shown.stderr
    assert "nothing would leave this machine" in shown.stdout
    assert "return sum(price_of(name) * count" in shown.stdout
    refused = ask_total(run, "--offline")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "a question needs a model" in refused.stderr


def test_a_budget_without_room_for_code_is_told(run: Run, first: FakeOpenAI, repository: Path) -> None:
    done = ask_total(run, "-m", "one/fake-1", "--budget", "250")
    assert done.returncode == 0
    assert "no code goes with the question" in done.stderr
    assert "price_of" not in texts(first.requests[0].body)


def test_what_packing_saved_is_kept_and_shown(run: Run, first: FakeOpenAI, repository: Path) -> None:
    assert "packing  no code was sent to a model yet\n" in run("show", "context").stdout
    assert ask_total(run, "-m", "one/fake-1", "--explain").returncode == 0
    assert "packing  no code was sent to a model yet\n" in run("show", "context").stdout
    assert ask_total(run, "-m", "one/fake-1").returncode == 0
    assert "packing  1 pack sent, " in run("show", "context").stdout
    assert run("explain", "shop/prices.py", "-m", "one/fake-1").returncode == 0
    known = json.loads(run("show", "context", "--json").stdout)["structured_output"]["packing"]
    assert known["packs"] == 2
    assert 0 < known["after_tokens"] <= known["before_tokens"]


# --- schemas and answers that would never end ----------------------------------------------------------------------

CATASTROPHIC = json.dumps({"type": "object", "properties": {"a": {"pattern": "(a+)+$"}}})
NEVER_MATCHED = json.dumps({"a": "a" * 200 + "!"})


def test_a_check_that_takes_forever_is_ended(run: Run, first: FakeOpenAI, workspace: Path) -> None:
    (workspace / "schema.json").write_text(CATASTROPHIC)
    first.say(NEVER_MATCHED)
    done = run("ask", "Why?", "--schema", "schema.json", "-m", "one/fake-1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot check the answer against its schema: it took more than" in done.stderr
    assert "hint: simplify the schema" in done.stderr
    assert len(first.requests) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_check_that_takes_long_is_interrupted_and_leaves_no_process(
    first: FakeOpenAI, home: Path, workspace: Path, number: signal.Signals, code: int
) -> None:
    (workspace / "schema.json").write_text(CATASTROPHIC)
    first.say(NEVER_MATCHED)
    words = ["ask", "Why?", "--schema", "schema.json", "-m", "one/fake-1"]
    setting = f"providers.one.base_url={first.base_url}"
    process = start_aiex(*words, "--set", setting, cwd=workspace, text=True)
    while not (checking := children_of(process.pid)):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "", "interrupted\n")
    assert all(map(is_gone, checking))


def children_of(pid: int) -> list[int]:
    """Processes that any thread of this one started."""
    found = []
    for place in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # the thread is gone
            found += map(int, place.read_text().split())
    return found


@pytest.mark.parametrize("text", ['{"n": 1', '{"n": "one"}'])
def test_data_that_was_cut_is_no_success(run: Run, first: FakeOpenAI, workspace: Path, text: str) -> None:
    (workspace / "schema.json").write_text('{"type": "object", "properties": {"n": {"type": "integer"}}}')
    first.say(text, finish_reason="length")
    done = run("ask", "How many?", "--schema", "schema.json", "-m", "one/fake-1", "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["is_error"]) == (1, True)
    assert "does not fit the schema" in result["error"]
    assert result["structured_output"]["answer"] == text


def test_a_schema_that_points_elsewhere_is_refused_before_anything_is_sent(
    run: Run, first: FakeOpenAI, workspace: Path
) -> None:
    address = first.base_url.replace("/v1", "/schema.json")
    (workspace / "schema.json").write_text(json.dumps({"type": "object", "$ref": address}))
    done = run("ask", "Why?", "--schema", "schema.json", "-m", "one/fake-1")
    assert done.returncode == 2
    assert "leads nowhere, and nothing is fetched" in done.stderr
    assert first.requests == []
