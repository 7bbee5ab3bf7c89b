"""`aiex run sandbox` and `aiex show sandbox` as processes, each started at least once as a person starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.guard.sandbox.probing import choose, probe_of
from tests.conftest import SOURCE_ROOT, RunAiex
from tests.fakes.processes import is_gone
from tests.fakes.started import start_aiex

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands are not run on Windows yet")
START = [sys.executable, "-m", "aiex"]
Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "ws"
    place.mkdir()
    if choose().requires_approval:
        pytest.skip("nothing on this machine confines commands")
    return place


def start(place: Path, *words: str, **more: object) -> subprocess.CompletedProcess[bytes]:
    environ = {**os.environ, "PYTHONPATH": SOURCE_ROOT}
    return subprocess.run([*START, *words], cwd=place, env=environ, capture_output=True, check=False, **more)


@pytest.fixture
def aiex(run_warm: RunAiex) -> Run:
    """`start` without the start of Python."""

    def run(place: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
        done = run_warm(*words, cwd=place)
        out, err = (text.encode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(words, done.returncode, out, err)

    return run


@pytest.mark.parametrize("words", [("run", "sandbox"), ("sandbox", "run")])
def test_output_and_code_are_those_of_the_command(place: Path, words: tuple[str, ...]) -> None:
    program = "import os; os.write(1, b'out\\xff\\x1b[31m'); os.write(2, b'err'); os._exit(5)"
    done = start(place, *words, "--", "/usr/bin/env", "python3", "-c", program)
    assert (done.returncode, done.stdout) == (5, b"out\xff\x1b[31m")
    assert done.stderr == b"errerror: the command ended with 5\n"


def test_a_command_that_did_it_says_nothing_more(place: Path) -> None:
    done = start(place, "run", "sandbox", "--", "cat", input=b"given")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"given", b"")


def test_options_of_the_command_are_its_own(place: Path, aiex: Run) -> None:
    assert aiex(place, "run", "sandbox", "--", "printf", "%s|", "--help", "-o", "json").stdout == b"--help|-o|json|"


def test_the_result_as_json_holds_the_output(place: Path, aiex: Run) -> None:
    done = aiex(place, "run", "sandbox", "-o", "json", "--", "sh", "-c", "echo hi; exit 7")
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"], told["result"], told["status"]) == (7, 7, "hi\n", "error")


def test_lines_come_for_each_piece(place: Path, aiex: Run) -> None:
    lines = aiex(place, "run", "sandbox", "-o", "stream-json", "--", "echo", "hi").stdout.splitlines()
    told = [json.loads(line) for line in lines]
    assert [one["type"] for one in told] == ["init", "checkpoint", "tool_use", "tool_result", "tool_result", "result"]
    assert (told[2]["name"], told[2]["arguments"]) == ("run", {"command": "echo hi"})
    assert (told[3]["subtype"], told[3]["stream"], told[3]["text"]) == ("output", "stdout", "hi\n")
    assert (told[4]["subtype"], told[4]["text"], told[4]["is_error"]) == ("finished", "exit code 0", False)
    assert {one["call_id"] for one in told[2:5]} == {told[2]["call_id"]}


def test_a_limit_of_time_ends_with_124(place: Path, aiex: Run) -> None:
    done = aiex(place, "run", "sandbox", "--timeout", "0.5", "--", "sleep", "600")
    assert done.returncode == 124
    assert b"ended after 0.5 s" in done.stderr


def test_the_workspace_can_be_for_reading(place: Path, aiex: Run) -> None:
    assert aiex(place, "run", "sandbox", "--read-only", "--", "touch", "new").returncode == 1
    assert list(place.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_an_end_from_outside_ends_the_command(place: Path) -> None:
    mark = f"5{os.getpid()}"
    script = f"echo up; (setsid sleep {mark} &) ; sleep {mark}"
    with start_aiex("run", "sandbox", "--", "sh", "-c", script, cwd=place) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
    left = [int(name) for name in os.listdir("/proc") if name.isdigit() and _has(name, mark)]
    assert all(is_gone(pid) for pid in left)
    assert list(place.iterdir()) == []


def _has(name: str, mark: str) -> bool:
    try:
        return mark.encode() in Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def test_what_cannot_confine_is_refused_by_name(place: Path, aiex: Run) -> None:
    done = aiex(place, "run", "sandbox", "--isolation", "plain", "--", "true")
    assert done.returncode == 4
    assert b"approval" in done.stderr
    done = aiex(place, "run", "sandbox", "--isolation", "plain", "--approve", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (0, b"ran\n")
    assert b"nothing confines this command" in done.stderr


def test_a_weaker_way_than_before_is_told_until_it_is_seen(place: Path, aiex: Run) -> None:
    known = Path(os.environ["AIEX_STATE_DIR"], "sandbox/probes.json")
    known.parent.mkdir(parents=True, exist_ok=True)
    elsewhere = "landlock" if sys.platform == "darwin" else "seatbelt"
    known.write_text(json.dumps({elsewhere: {"key": "x", "works": False, "reason": "why", "gaps": [], "lost": True}}))
    words = ("run", "sandbox", "--isolation", "plain", "--approve", "--", "true")
    assert f"{elsewhere} confined commands here once and does not any more: why".encode() in aiex(place, *words).stderr
    aiex(place, "show", "sandbox")
    assert b"any more" not in aiex(place, *words).stderr


def test_a_command_is_needed(place: Path, aiex: Run) -> None:
    assert aiex(place, "run", "sandbox").returncode == 2


def test_a_domain_that_is_none_is_refused(place: Path, aiex: Run) -> None:
    assert aiex(place, "run", "sandbox", "--domain", "a b", "--", "true").returncode == 2


def test_it_is_shown_what_confines_and_what_may_be_touched(place: Path) -> None:
    (place / ".env").write_text("x")
    (place / ".git").mkdir()
    text = start(place, "show", "sandbox").stdout.decode()
    assert f"commands are confined by {choose().name}" in text
    rows = {line.rpartition("  ")[0].strip(): line.rpartition("  ")[2] for line in text.splitlines() if "  " in line}
    assert rows[str(place / ".env")] == "holds secrets, so nobody sees it"
    assert rows[str(place / ".git")] == "may be read only"
    assert rows[str(place)] == "may be written"
    assert "network: none" in text


def test_the_same_for_programs(place: Path, aiex: Run) -> None:
    told = json.loads(aiex(place, "show", "sandbox", "--domain", "example.org", "-o", "json").stdout)[
        "structured_output"
    ]
    assert told["backend"] == choose().name
    assert {row["name"] for row in told["backends"]} == {"bubblewrap", "landlock", "seatbelt", "plain"}
    assert {"path": str(place), "access": "write", "why": "may be written"} in told["paths"]
    assert told["domains"] == ["example.org"]
    works = [row["name"] for row in told["backends"] if row["works"]]
    assert told["backend"] == works[0]
    assert probe_of(choose()).works
