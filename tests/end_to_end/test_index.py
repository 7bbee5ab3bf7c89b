"""The index and its questions as commands: interrupted, killed, several at once, with words and files of any kind."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aiex import dirs
from tests.conftest import RunAiex
from tests.fakes.processes import is_gone
from tests.fakes.started import start_aiex

ADD = "put something in the basket"


def make_large(root: Path) -> Path:
    """A tree that takes half a second to index, in a handful of segments."""
    root.mkdir()
    for number in range(8):
        lines = [f"word{number} other{line % 977} line{line % 31}\n" for line in range(10_000)]
        (root / f"f{number}.txt").write_text("".join(lines))
    return root


def start(root: Path, *words: str, **pipes: Any) -> subprocess.Popen[str]:
    return start_aiex(*words, cwd=root, text=True, **pipes)


def store_of(root: Path) -> Path:
    return Path(dirs.workspace_dir(dirs.cache_dir(), str(root)), "index.db")


def spans_in(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def state_of(run_warm: RunAiex, root: Path) -> dict[str, Any]:
    done = run_warm("show", "index", "-o", "json", cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    state: dict[str, Any] = json.loads(done.stdout)["structured_output"]
    return state


# --- an end in the middle -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_large(tmp_path_factory.mktemp("large") / "ws")


def count_segments(store: sqlite3.Connection) -> int:
    return int(store.execute("select count(*) from segments").fetchone()[0])


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def stop(process: subprocess.Popen[str], store: sqlite3.Connection, after: int, number: int) -> list[int]:
    """Send a signal when there are workers and so many segments, while nobody can write another; gives the workers."""
    while len(children := children_of(process.pid)) < 2 or count_segments(store) < after:
        assert process.poll() is None
        time.sleep(0.002)
    store.execute("begin immediate")
    process.send_signal(number)
    store.rollback()
    return children


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_an_interrupted_index_is_valid_and_the_next_run_completes_it(
    large: Path, run_warm: RunAiex, number: int, code: int, after: int
):
    assert state_of(run_warm, large)["files"] == 0
    with closing(sqlite3.connect(store_of(large), timeout=60, isolation_level=None)) as store:
        process = start(large, "create", "index", "--set", "context.workers=2")
        children = stop(process, store, after, number)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (code, "", "" if code < 0 else "interrupted\n")
    assert all(is_gone(child) for child in children)
    some = state_of(run_warm, large)
    assert after <= some["files"] < 8
    done = run_warm("create", "index", cwd=large)
    assert (done.returncode, done.stderr) == (0, "")
    whole = state_of(run_warm, large)
    assert (whole["files"], whole["stale"]) == (8, 0)


# --- several at once ------------------------------------------------------------------------------------------------


def test_several_that_build_and_ask_at_once_never_meet_a_lock(tmp_path: Path, run_warm: RunAiex):
    root = make_large(tmp_path / "ws")
    words = [["create", "index"], ["query", "context", "--task", "word3", "--json"], ["show", "index"]]
    processes = [start(root, *one) for one in [*words, *words]]
    ends = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0] * 6
    assert not any("cache" in err or "error" in err for _, err in ends), ends
    assert spans_in(ends[1][0])[0]["path"] == spans_in(ends[4][0])[0]["path"] == "f3.txt"
    assert state_of(run_warm, root)["files"] == 8


# --- questions ------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_in_json_lines(workspace: Path, run_warm: RunAiex):
    done = run_warm("query", "context", "--task", ADD, "--json", cwd=workspace)
    spans = spans_in(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(spans[0]) == ["path", "start_line", "end_line", "symbol", "score", "why"]
    assert (spans[0]["path"], spans[0]["symbol"]) == ("shop/basket.py", "Basket.add")
    assert run_warm("context", "query", "--task", ADD, "--json", cwd=workspace).stdout == done.stdout
    assert run_warm("query", "context", "--task", ADD, "--json", "-q", cwd=workspace).stdout == done.stdout


def test_a_question_is_answered_for_a_person_and_for_a_program(workspace: Path, run_warm: RunAiex):
    plain = run_warm("query", "context", "--task", ADD, cwd=workspace)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert "shop/basket.py:" in plain.stdout
    told = json.loads(run_warm("query", "context", "--task", ADD, "-o", "json", "--budget", "1", cwd=workspace).stdout)
    assert [span["path"] for span in told["structured_output"]["spans"]] == ["shop/basket.py"]
    assert told["structured_output"]["budget_tokens"] == 1


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    return tmp_path / "task.txt"


def ask_file(run_warm: RunAiex, workspace: Path, path: object) -> subprocess.CompletedProcess[str]:
    return run_warm("query", "context", "--task-file", str(path), "--json", cwd=workspace)


HUGE = f"{ADD}\n" + "".join(f"noise{number} in the log of a run\n" for number in range(130_000))
TASKS = {
    "plain": ADD.encode(),
    "CRLF": b"Basket\r\n\r\nput something in the basket\r\n",
    "binary around it": b"\xff\xfe\x00 put something in the basket \x80\x00\x1b[31m",
    "almost 4 MB": HUGE[:3_900_000].encode(),
}


@pytest.mark.parametrize("kind", TASKS)
def test_a_task_file_of_any_content_is_read(workspace: Path, run_warm: RunAiex, task_file: Path, kind: str):
    task_file.write_bytes(TASKS[kind])
    done = ask_file(run_warm, workspace, task_file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "shop/basket.py" in {span["path"] for span in spans_in(done.stdout)}


def test_a_task_comes_from_standard_input(workspace: Path, run_warm: RunAiex):
    done = run_warm("query", "context", "--task-file", "-", "--json", cwd=workspace, input=ADD)
    assert (done.returncode, spans_in(done.stdout)[0]["path"]) == (0, "shop/basket.py")


@pytest.mark.skipif(os.name != "posix", reason="pipes with names")
def test_a_task_comes_from_a_named_pipe(workspace: Path, tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = start(workspace, "query", "context", "--task-file", str(pipe), "--json")
    pipe.write_text(ADD)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err, spans_in(out)[0]["path"]) == (0, "", "shop/basket.py")


WRONG = [
    (["query", "context"], 2, "query context for what?"),
    (["query", "context", "--task", ""], 2, "query context for what?"),
    (["query", "context", "--task", " \n\t"], 2, "the task is empty"),
    (["query", "context", "--task", "x", "--task-file", "y"], 2, "twice"),
    (["query", "context", "--task", "x", "--budget", "0"], 2, "--budget"),
    (["query", "context", "--task", "x", "--budget", "many"], 2, "--budget"),
    (["query", "context", "more", "--task", "x"], 2, "more"),
    (["query", "context", "--task-file", "missing.txt"], 74, "no such file"),
    (["query", "context", "--task-file", "shop"], 74, "it is a directory"),
    (["query", "context", "--task-file", "empty.txt"], 2, "the task is empty"),
    (["query", "context", "--task-file", "huge.txt"], 74, "4,000,000"),
    (["query", "context", "--task-file", "-"], 2, "the task is empty"),
    (["create", "index", "shop"], 2, "shop"),
    (["create", "index", "--set", "context.workers=-1"], 78, "context.workers"),
]


@pytest.mark.parametrize(("words", "code", "said"), WRONG)
def test_wrong_words_are_refused(workspace: Path, run_warm: RunAiex, words: list[str], code: int, said: str):
    (workspace / "empty.txt").write_text("")
    if "huge.txt" in words:
        (workspace / "huge.txt").write_bytes(b"x" * 4_000_001)
    done = run_warm(words, cwd=workspace)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_words_that_are_not_utf8_find_the_rest(workspace: Path, run_warm: RunAiex):
    done = run_warm(
        "query", "context", "--task", f"\udcff\udc80 {ADD} def\udce9 Basket.\udcff", "--json", cwd=workspace
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert spans_in(done.stdout)[0]["path"] == "shop/basket.py"


def test_warnings_leave_the_json_lines_alone(workspace: Path, run_warm: RunAiex):
    expected = run_warm("query", "context", "--task", ADD, "--json", cwd=workspace).stdout
    for quiet in ([], ["-q"]):
        store_of(workspace).write_bytes(b"no database" * 1_000)
        done = run_warm("query", "context", "--task", ADD, "--json", quiet, cwd=workspace)
        assert (done.returncode, done.stdout) == (0, expected)
        assert ("set aside" in done.stderr, done.stderr == "") == (not quiet, bool(quiet))


def test_a_cache_that_cannot_be_made_costs_speed_only(workspace: Path, tmp_path: Path, run_warm: RunAiex):
    (tmp_path / "file").write_text("")
    elsewhere = {"AIEX_CACHE_DIR": str(tmp_path / "file" / "cache")}
    done = run_warm("query", "context", "--task", ADD, "--json", cwd=workspace, env=elsewhere)
    assert (done.returncode, spans_in(done.stdout)[0]["path"]) == (0, "shop/basket.py")
    assert done.stderr.startswith("warning: ")
    shown = run_warm("show", "index", cwd=workspace, env=elsewhere)
    assert (shown.returncode, "no index yet" in shown.stdout) == (0, True)


def test_a_reader_who_left_ends_it_quietly(workspace: Path, run_warm: RunAiex):
    reader, writer = os.pipe()
    os.close(reader)
    process = start(workspace, "query", "context", "--task", ADD, "--json", stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (141, "")


# --- the index ------------------------------------------------------------------------------------------------------


def test_the_index_is_made_shown_and_removed(workspace: Path, run_warm: RunAiex):
    assert "no index yet" in run_warm("show", "index", cwd=workspace).stdout
    assert run_warm("create", "index", cwd=workspace).stdout.startswith("8 files read; ")
    state = state_of(run_warm, workspace)
    assert (state["files"], state["listed"], state["stale"], state["place"]) == (8, 8, 0, str(store_of(workspace)))
    (workspace / "shop/prices.py").write_text("PRICES = {}\n")
    assert state_of(run_warm, workspace)["stale"] == 1
    assert run_warm("create", "index", "--anew", cwd=workspace).stdout.startswith("8 files read; ")
    assert run_warm("rm", "index", cwd=workspace).stdout.startswith("the index is gone")
    assert state_of(run_warm, workspace)["files"] == 0
    assert run_warm("rm", "index", cwd=workspace).returncode == 0


def test_one_is_not_told_as_many(tmp_path: Path, run_warm: RunAiex):
    (tmp_path / "shop.py").write_text("def put():\n    pass\n")
    made = run_warm("create", "index", cwd=tmp_path)
    assert made.stdout.startswith("1 file read; 1 piece of 1 file, ")


def test_a_first_map_is_shown_once_and_is_gone_with_the_full_index(tmp_path: Path, run_warm: RunAiex):
    root = tmp_path / "ws"
    root.mkdir()
    for number in range(5):
        (root / f"f{number}.txt").write_text(f"{'much text ' * 100}\n" * 1_000)
    asked = run_warm("query", "context", "--task", "walrus", "--json", cwd=root)
    assert (asked.returncode, "first map" in asked.stderr) == (0, True)
    rows = run_warm("show", "index", cwd=root).stdout.splitlines()
    assert [row.split(maxsplit=1)[1] for row in rows if row.startswith("map")] == [
        "a first map of 5 files stands in for what is missing"
    ]
    assert state_of(run_warm, root)["mapped"] == 5
    run_warm("create", "index", cwd=root)
    assert "map" not in run_warm("show", "index", cwd=root).stdout


@pytest.fixture(autouse=True)
def no_leftovers(home: Path) -> Iterator[None]:
    """Nothing but the cache is written."""
    yield
    assert {entry.name for entry in home.iterdir()} <= {"cache", "state", "runtime"}
