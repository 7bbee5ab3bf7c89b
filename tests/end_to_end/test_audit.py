"""The audit log at the door: what is printed comes in pieces, and may be read in part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiex.guard.actions import Action, Decision
from aiex.guard.audit.log import AuditLog, find_places
from tests.conftest import RunAiex
from tests.fakes.started import start_aiex

RECORDS, LONG = 60, "x" * 40_000


@pytest.fixture
def log(home: Path) -> None:
    audit = AuditLog(find_places())
    for number in range(RECORDS):
        audit.append("one", Action("command", f"{number} {LONG}"), Decision("allow", "r", "user"))
    audit.close()


@pytest.mark.usefixtures("log")
def test_an_export_ends_quietly_when_its_reader_has_enough() -> None:
    with start_aiex("export", "audit") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["audit_export"] == 1
        process.stdout.close()
        assert (process.wait(timeout=60), process.stderr.read()) == (141, b"")


@pytest.mark.usefixtures("log")
def test_an_export_needs_no_more_memory_than_a_piece_of_it(run_aiex: RunAiex, tmp_path: Path) -> None:
    done = run_aiex("export", "audit", "-o", "stream-json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    pieces = [event["text"] for event in events if event["type"] == "message"]
    assert max(map(len, pieces)) < 4 * len(LONG)
    assert events[-1]["structured_output"] == {"records": RECORDS}
    (tmp_path / "copy.jsonl").write_text("".join(pieces))
    assert run_aiex("verify", "audit", str(tmp_path / "copy.jsonl")).returncode == 0
    assert run_aiex("export", "audit").stdout == "".join(pieces)
