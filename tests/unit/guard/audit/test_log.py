"""Appending: what was written is read again, sealed, by session, and refused or counted when it cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aiex.errors import Denied, StoreError, UsageError
from aiex.events import SecurityNoticed
from aiex.guard.actions import Action, Decision
from aiex.guard.audit.entries import Note, Outcome
from aiex.guard.audit.export import to_data
from aiex.guard.audit.heads import read_lines
from aiex.guard.audit.log import keep_in_file, open_keys
from aiex.guard.audit.reading import Reading, Wanted
from aiex.guard.audit.verify import Checked
from tests.conftest import SOURCE_ROOT
from tests.unit.guard.audit.conftest import ALLOWED, DENIED, STATUS, Records


def test_what_was_written_is_read_again(records: Records, done: Callable[[int], Outcome]) -> None:
    log = records.open(clock=lambda: 1700000000.5)
    first = log.append("one", STATUS, ALLOWED, who="ada")
    log.append("one", STATUS, done(first), who="ada")
    log.close()
    decision, outcome = records.read()
    assert (decision.seq, decision.at_ms, decision.what, decision.effect) == (1, 1700000000500, "decision", "allow")
    assert decision.entry is not None
    assert (decision.entry.session, decision.entry.who) == ("one", "ada")
    assert (decision.entry.action, decision.entry.verdict) == (STATUS, ALLOWED)
    assert outcome.entry is not None
    assert outcome.entry.verdict == Outcome("done", 1, "exit code 0")
    assert records.check(deep=True).is_intact


@pytest.mark.skipif(sys.platform == "win32", reason="names of users are asked for in another way")
def test_who_did_it_is_known_without_being_told(records: Records) -> None:
    import pwd

    records.fill(1)
    (found,) = records.read()
    assert found.entry is not None
    assert found.entry.who == pwd.getpwuid(os.geteuid()).pw_name


def test_numbers_go_on_in_the_next_process_and_object(records: Records) -> None:
    records.fill(3)
    records.fill(2, "two")
    assert [found.seq for found in records.read()] == [1, 2, 3, 4, 5]


def test_nothing_that_was_said_stands_in_a_file_and_nobody_else_may_read_one(records: Records) -> None:
    log = records.open()
    log.append("the-session", Action("command", "deploy planet-express"), ALLOWED, who="somebody-known")
    log.close()
    files = [path for path in records.folder.rglob("*") if path.is_file()]
    assert len(files) >= 5
    for path in files:
        assert not any(
            word in path.read_bytes() for word in (b"the-session", b"planet", b"somebody", b"built-in: safe")
        )
        assert path.stat().st_mode & 0o777 == 0o600


def test_filters_choose_by_what_stands_in_the_open(records: Records) -> None:
    now = iter(range(100, 200))
    log = records.open(clock=lambda: next(now))
    log.append("one", Action("read", "a"), ALLOWED)
    log.append("two", Action("write", "b"), DENIED)
    log.append("one", Action("network", "c:443"), ALLOWED)
    log.append("two", Action("network", "d:443"), Outcome("refused"))
    log.close()
    assert records.subjects(Wanted(session="one")) == ["a", "c:443"]
    assert records.subjects(Wanted(kind="network")) == ["c:443", "d:443"]
    assert records.subjects(Wanted(denied=True)) == ["b", "d:443"]
    assert records.subjects(Wanted(since_ms=102_000)) == ["c:443", "d:443"]
    assert records.subjects(Wanted(seq=2)) == ["b"]
    assert records.subjects(Wanted(session=records.read()[1].tag)) == ["b", "d:443"]
    assert records.subjects(Wanted(session="three")) == []


def test_an_erased_session_cannot_be_read_and_the_log_stays_whole(records: Records) -> None:
    records.fill(2, "one")
    records.fill(2, "two")
    log = records.open()
    assert log.erase("one")
    assert not log.erase("one")
    assert not log.erase("never")
    with pytest.raises(UsageError):
        log.erase("")
    log.close()
    assert records.subjects() == ["", "", "file0.py", "file1.py", ""]
    checked = records.check(deep=True)
    assert (checked.is_intact, checked.is_complete, checked.erased, checked.records) == (True, True, 1, 5)


def test_an_erased_session_takes_no_more_records(records: Records) -> None:
    records.fill(1, "one")
    log = records.open(mode="required")
    log.erase("one")
    with pytest.raises(Denied, match="were erased"):
        log.append("one", STATUS, ALLOWED)
    assert log.append("two", STATUS, ALLOWED)


def test_what_erasing_left_on_the_disk_is_useless_after_rotation(records: Records) -> None:
    records.fill(2)
    records.save()
    log = records.open()
    log.erase("one")
    log.rotate()
    log.close()
    records.put_back("audit.keys")
    with pytest.raises(StoreError, match="key that opens"):
        records.read()


def test_keys_rotate_while_two_write(records: Records) -> None:
    ours, theirs = records.open(), records.open()
    ours.append("one", STATUS, ALLOWED)
    theirs.append("two", STATUS, ALLOWED)
    before = open_keys(records.places).header()
    assert ours.rotate() == 4  # the chain, the log's own notes and two sessions
    for log in (ours, theirs):
        log.append("one", STATUS, ALLOWED)
        log.append("three", STATUS, ALLOWED)
    assert theirs.rotate() == 5
    ours.append("four", STATUS, ALLOWED)
    for log in (ours, theirs):
        log.close()
    after = open_keys(records.places).header()
    assert (after.rotations, after.seal != before.seal) == (2, True)
    assert records.subjects().count("git status") == 7
    assert records.check(deep=True).is_complete
    assert Path(records.places.kek).read_bytes().count(after.seal.id.encode()) == 1
    assert before.seal.id.encode() not in Path(records.places.kek).read_bytes()


def test_heads_are_given_to_who_keeps_copies(records: Records, tmp_path: Path) -> None:
    copy = tmp_path / "heads"
    for count in (2, 3):
        log = records.open(copies=[keep_in_file(str(copy))])
        for _ in range(count):
            log.append("one", STATUS, ALLOWED)
        log.close()
    chain = open_keys(records.places).open_chain()
    heads = list(read_lines(chain, copy.read_text()))
    assert [head.seq for head in heads] == [2, 5]
    assert records.check(kept=tuple(heads)).is_complete
    for changed in (copy.read_text().replace(" 2 ", " 3 ", 1), copy.read_text().replace("A", "B", 1)):
        with pytest.raises(StoreError, match="line"):
            list(read_lines(chain, changed))


def test_a_long_command_is_cut_and_says_so(records: Records) -> None:
    log = records.open()
    log.append("one", Action("command", "x" * 3_000_000, {"cwd": "src"}), ALLOWED)
    log.append("one", STATUS, ALLOWED)
    log.close()
    first, second = records.subjects()
    assert len(first) < 100_000
    assert "[cut: 3000000 characters" in first
    assert second == "git status"
    assert records.check(deep=True).is_intact


def test_an_action_that_no_record_can_hold_is_refused(records: Records) -> None:
    log = records.open(mode="required")
    with pytest.raises(Denied, match="more of itself"):
        log.append("one", Action("tool", "x", {f"name{number}": "v" * 500 for number in range(2000)}), ALLOWED)


# --- what cannot be written -----------------------------------------------------------------------------------------


@contextmanager
def blocked(path: Path) -> Iterator[None]:
    """A directory lies where a file should; works for root too."""
    kept = path.with_name(f"{path.name}.kept")
    os.rename(path, kept)
    path.mkdir()
    yield
    path.rmdir()
    os.rename(kept, path)


@pytest.mark.parametrize("name", ["log", "head", "keys", "lock"])
def test_required_refuses_what_cannot_be_written_and_says_why(records: Records, name: str) -> None:
    records.fill(1)
    path = Path(getattr(records.places, name))
    log = records.open(mode="required")
    with blocked(path), pytest.raises(Denied, match="cannot be written into the audit log") as caught:
        log.append("two", STATUS, ALLOWED)
    assert path.name in caught.value.message
    assert log.append("two", STATUS, ALLOWED)


def test_otherwise_the_log_says_later_how_many_are_missing(records: Records) -> None:
    records.fill(1)
    told: list[SecurityNoticed] = []
    log = records.open(tell=told.append)
    with blocked(Path(records.places.log)):
        assert log.append("one", STATUS, ALLOWED) == 0
        assert log.append("one", STATUS, ALLOWED) == 0
    assert log.missed == 2
    assert [(event.kind, event.session) for event in told] == [("unrecorded", "one")]
    assert log.append("one", STATUS, ALLOWED) == 3
    log.close()
    note = records.read()[1].entry
    assert note is not None
    assert note.verdict == Note("missed", "2 records could not be written", {"count": 2})
    checked = records.check()
    assert checked.is_intact
    assert checked.missing == ("before record 2 some could not be written",)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_named(records: Records) -> None:
    records.fill(1)
    os.remove(records.places.head)
    os.symlink("/dev/full", records.places.head)
    log = records.open(mode="required")
    with pytest.raises(Denied, match=r"audit\.log|audit\.head"):
        log.append("one", STATUS, ALLOWED)


def test_a_log_without_its_keys_is_not_written_on_with_new_ones(records: Records) -> None:
    records.fill(1)
    os.remove(records.places.keys)
    with pytest.raises(Denied, match="its keys are missing"):
        records.open(mode="required").append("one", STATUS, ALLOWED)


def test_a_file_of_keys_that_others_may_read_is_not_used(records: Records) -> None:
    records.fill(1)
    os.chmod(records.places.kek, 0o644)
    with pytest.raises(Denied, match="others may read"):
        records.open(mode="required").append("one", STATUS, ALLOWED)


def test_a_link_in_place_of_the_log_is_not_followed(records: Records, tmp_path: Path) -> None:
    records.fill(1)
    os.rename(records.places.log, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", records.places.log)
    with pytest.raises(Denied):
        records.open(mode="required").append("one", STATUS, ALLOWED)


def test_a_denied_decision_is_no_failure_of_the_log(records: Records) -> None:
    log = records.open(mode="required")
    assert log.append("one", STATUS, Decision("deny", "rule", "managed")) == 1


def test_threads_share_one_log(records: Records) -> None:
    log = records.open()

    def write(number: int) -> list[int]:
        return [log.append(f"session{number}", STATUS, ALLOWED) for _ in range(50)]

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(write, range(4)))
    log.close()
    assert sorted(seq for one in told for seq in one) == list(range(1, 201))
    assert records.check(deep=True).is_intact


LIMITED = """
import resource, sys
from aiex.guard.actions import Action, Decision
from aiex.guard.audit.log import AuditLog, find_places
log = AuditLog(find_places(), mode="required")
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
while True:
    print(log.append("one", Action("read", "x" * 999), Decision("allow", "r", "user")), flush=True)
"""


def run_as_writer(code: str, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "AIEX_DATA_DIR": f"{folder}/data", "AIEX_STATE_DIR": f"{folder}/state"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**environ, "PYTHONPATH": SOURCE_ROOT},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
def test_a_write_that_does_not_fit_is_refused_and_what_was_acknowledged_is_whole(records: Records) -> None:
    done = run_as_writer(LIMITED, records.folder)
    assert "aiex.errors.Denied: refused, because it cannot be written into the audit log" in done.stderr
    assert "File too large" in done.stderr
    assert [found.seq for found in records.read()] == list(map(int, done.stdout.split()))
    checked = records.check(deep=True)
    assert checked.records > 50
    assert (checked.is_intact, checked.is_complete) == (True, True)


ORDINARY = """
import os, sqlite3, tempfile
from aiex.guard.actions import Action, Decision
from aiex.guard.audit.log import AuditLog, find_places
with tempfile.TemporaryDirectory() as warm:  # the libraries may lie where an ordinary user cannot read them
    places = find_places({"AIEX_DATA_DIR": warm, "AIEX_STATE_DIR": warm})
    AuditLog(places).append("one", Action("read", "x"), Decision("allow", "r", "user"))
os.setgid(65534); os.setuid(65534)
AuditLog(find_places(), mode="required").append("one", Action("read", "x"), Decision("allow", "r", "user"))
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_is_told_which_directory_cannot_be_written() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        done = run_as_writer(ORDINARY, Path(folder))
        assert os.listdir(folder) == []
    assert "Denied: refused, because it cannot be written into the audit log" in done.stderr
    assert f"{folder}/data" in done.stderr
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("clock", [-5.0, 1e30])
def test_a_clock_that_is_far_off_keeps_nothing_from_being_written(records: Records, clock: float) -> None:
    log = records.open(clock=lambda: clock)
    assert log.append("one", STATUS, ALLOWED) == 1
    log.close()
    assert records.check() == Checked(records=1, last_seq=1, sessions=1, heads=1)
    assert to_data(records.read()[0])["subject"] == "git status"


def test_only_the_last_records_are_given_and_all_are_counted(records: Records) -> None:
    records.fill(7)
    reading = Reading(records.places.log, open_keys(records.places), Wanted(last=2))
    assert ([found.seq for found in reading], reading.count) == ([6, 7], 7)
