"""A store that cannot be written: what it holds is read, and what is added lives as long as the process."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import aiex
from aiex.context.stores.history import HistoryStore
from tests.fakes.damages import AS_NOBODY, make_newer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")

PARTS = {"commits": b"\x00\x01" * 5_000, "head": b"abc"}
WORK = f"""
import contextlib, glob, json, sqlite3, sys
from aiex import sqlite
from aiex.context.shelf import Shelf
from aiex.context.stores.history import HistoryStore
{AS_NOBODY}
sqlite.MOST_COPIED_BYTES = int(sys.argv[2])
said = []
for path in glob.glob("*.db"):
    Shelf(HistoryStore, path, said).ask(HistoryStore.load, {{}})
shelf = Shelf(HistoryStore, sys.argv[1], said)
before = shelf.ask(HistoryStore.load, {{}})
shelf.tell(lambda store: store.save({{"new": b"part"}}))
after = shelf.ask(HistoryStore.load, {{}})
print(json.dumps([
    [{{name: part.hex() for name, part in parts.items()}} for parts in (before, after)],
    [warning.message.partition("; ")[2] for warning in said],
]))
"""
USED, WITHOUT = "what it holds is used, and nothing new is kept", "going on without a cache"


@pytest.fixture
def place() -> Iterator[Path]:
    """A store in a folder of its own that every user of the machine can reach."""
    with TemporaryDirectory() as outer:
        Path(outer).chmod(0o755)
        folder = Path(outer) / "cache of #1?"
        folder.mkdir()
        with closing(HistoryStore(str(folder / "a b.db"))) as store:
            store.save(PARTS)
        yield folder / "a b.db"
        folder.chmod(0o755)


def look(place: Path, *, most_bytes: int = 1 << 20, folder_mode: int = 0o555) -> tuple[list[dict[str, bytes]], str]:
    """What a user who may only read finds before and after a change of theirs, and what is told."""
    for file in place.parent.iterdir():
        file.chmod(0o444)
    place.parent.chmod(folder_mode)
    done = subprocess.run(
        [sys.executable, "-c", WORK, place.name, str(most_bytes)],
        cwd=place.parent,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(aiex.__file__))},
    )
    assert (done.returncode, done.stderr) == (0, "")
    states, (said,) = json.loads(done.stdout)
    return [{name: bytes.fromhex(part) for name, part in state.items()} for state in states], said


@pytest.mark.parametrize("folder_mode", [0o555, 0o777], ids=["folder too", "file alone"])
def test_a_store_that_may_only_be_read_is_used(place: Path, folder_mode: int):
    kept = place.read_bytes()
    assert look(place, folder_mode=folder_mode) == ([PARTS, {"new": b"part"}], USED)
    assert place.read_bytes() == kept


def test_a_folder_that_may_only_be_read_is_told_of_once_for_all_its_stores(place: Path):
    shutil.copy(place, place.with_name("other.db"))
    assert look(place) == ([PARTS, {"new": b"part"}], USED)


def leave_log(place: Path) -> None:
    """As after a process that was killed: the last change stands in the log alone."""
    aside = place.parent.with_name("aside")
    with closing(HistoryStore(str(place))) as store:
        store.connection.execute("pragma wal_autocheckpoint = 0")
        store.save({"head": b"later"})
        shutil.copytree(place.parent, aside)
    shutil.rmtree(place.parent)
    aside.rename(place.parent)


def test_changes_that_stand_in_the_log_are_read_too(place: Path):
    leave_log(place)
    assert Path(f"{place}-wal").stat().st_size
    assert look(place) == ([{"head": b"later"}, {"new": b"part"}], USED)


def test_a_store_whose_log_cannot_be_read_is_not_taken_for_whole(place: Path):
    leave_log(place)
    Path(f"{place}-shm").unlink()
    states, said = look(place)
    assert (states[0], said) in [({}, WITHOUT), ({"head": b"later"}, USED)]


def test_a_store_that_is_too_large_to_copy_is_left_alone(place: Path):
    assert look(place, most_bytes=1_000) == ([{}, {"new": b"part"}], WITHOUT)


def test_a_newer_store_that_may_only_be_read_is_left_alone(place: Path):
    make_newer(place)
    assert look(place) == ([{}, {"new": b"part"}], WITHOUT)


def test_what_is_no_store_and_may_only_be_read_is_left_alone(place: Path):
    place.write_bytes(b"no database " * 500)
    assert look(place) == ([{}, {"new": b"part"}], WITHOUT)


def test_a_store_that_others_hold_is_not_copied(place: Path):
    with closing(sqlite3.connect(place)) as other:
        other.execute("pragma locking_mode = exclusive")
        other.execute("begin exclusive")
        states, said = look(place)
    assert (states[1], said) == ({"new": b"part"}, WITHOUT)
