"""What nobody used for long moves to the cold tier while a command works on something else."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.conftest import RunAiex

DAY_NS = 24 * 3_600 * 10**9


def age(path: Path, days: int) -> None:
    """Move every use, and the last upkeep, into the past."""
    store = sqlite3.connect(path)
    with store:
        store.execute("update kept set used_ns = used_ns - ?", (days * DAY_NS,))
        store.execute("update counts set value = value - ? where name = 'tended'", (days * DAY_NS,))
    store.close()


def count_in(path: Path, query: str) -> int:
    store = sqlite3.connect(path)
    try:
        return int(store.execute(query).fetchone()[0])
    finally:
        store.close()


def test_a_command_moves_what_is_idle_and_finds_it_again(workspace: Path, home: Path, run_warm: RunAiex) -> None:
    before = run_warm("explain", ".", "--offline", cwd=workspace)
    assert before.returncode == 0, before.stderr
    (warm,) = home.rglob("code.db")
    known = count_in(warm, "select count(*) from facts")
    assert known > 3
    age(warm, days=40)
    (workspace / "fresh.py").write_text("def fresh():\n    return 1\n")
    assert run_warm("explain", "fresh.py", "--offline", cwd=workspace).returncode == 0
    assert count_in(warm, "select count(*) from facts") < known
    assert count_in(warm.with_name("cold.db"), "select count(*) from kept") > 0
    (workspace / "fresh.py").unlink()
    assert run_warm("explain", ".", "--offline", cwd=workspace).stdout == before.stdout
    assert count_in(warm, "select count(*) from facts") >= known
