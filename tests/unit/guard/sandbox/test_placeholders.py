"""Stand-ins for names that are missing: there while commands run, gone afterwards, never in place of something real."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.guard.sandbox import placeholders
from aiex.guard.sandbox.placeholders import Placeholders
from tests.fakes.syscalls import missing, watch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="they are for Linux")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    root.mkdir()
    return root


def wanted(root: Path) -> list[tuple[str, bool]]:
    return [(str(root / ".claude"), True), (str(root / ".envrc"), False)]


def test_they_come_and_go(root: Path, tmp_path: Path) -> None:
    stand_ins = Placeholders(str(root), str(tmp_path / "state"))
    stand_ins.take(wanted(root))
    assert sorted(path.name for path in root.iterdir()) == [".claude", ".envrc"]
    assert stand_ins.is_ours(str(root / ".envrc"))
    stand_ins.give_back()
    assert list(root.iterdir()) == []


def test_they_stay_until_the_last_command_ended(root: Path, tmp_path: Path) -> None:
    some, others = (Placeholders(str(root), str(tmp_path / "state")) for _ in range(2))
    some.take(wanted(root))
    some.take(wanted(root))
    others.take(wanted(root))
    some.give_back()
    some.give_back()
    assert len(list(root.iterdir())) == 2
    others.give_back()
    assert list(root.iterdir()) == []


def test_those_of_others_stay_for_a_command_that_still_looks_what_is_missing(root: Path, tmp_path: Path) -> None:
    ending, starting = (Placeholders(str(root), str(tmp_path / "state")) for _ in range(2))
    ending.take(wanted(root)[:1])
    starting.take(())
    ending.give_back()
    assert [path.name for path in root.iterdir()] == [".claude"]
    starting.add(wanted(root))
    assert [starting.is_ours(path) for path, _ in wanted(root)] == [False, True]
    starting.give_back()
    assert list(root.iterdir()) == []


def test_what_was_there_and_what_was_put_in_stays(root: Path, tmp_path: Path) -> None:
    (root / ".envrc").write_text("")
    stand_ins = Placeholders(str(root), str(tmp_path / "state"))
    stand_ins.take([*wanted(root), (str(root / ".mcp.json"), False)])
    (root / ".mcp.json").chmod(0o644)
    (root / ".mcp.json").write_text("{}")
    stand_ins.give_back()
    assert sorted(path.name for path in root.iterdir()) == [".envrc", ".mcp.json"]


def test_what_a_killed_process_left_goes_with_the_next(root: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    program = f"""
import os
from aiex.guard.sandbox.placeholders import Placeholders
Placeholders({str(root)!r}, {state!r}).take({wanted(root)!r})
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    assert len(list(root.iterdir())) == 2
    stand_ins = Placeholders(str(root), state)
    stand_ins.take([])
    assert list(root.iterdir()) == []
    stand_ins.give_back()


def test_nothing_is_made_or_removed_behind_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.envrc").touch(0o444)
    (root / "part").mkdir()
    stand_ins = Placeholders(str(root), str(tmp_path / "state"))
    stand_ins.take([(str(root / "part/.envrc"), False)])
    (root / "part").rename(root / "moved")
    (root / "part").symlink_to(tmp_path / "out")
    stand_ins.take([(str(root / "part/.claude"), True)])
    stand_ins.give_back()
    stand_ins.give_back()
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".envrc"]


async def test_in_a_loop_they_go_a_moment_later(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placeholders, "IDLE_S", 0.01)
    stand_ins = Placeholders(str(root), str(tmp_path / "state"))
    stand_ins.take(wanted(root))
    stand_ins.give_back()
    assert len(list(root.iterdir())) == 2
    while list(root.iterdir()):
        await asyncio.sleep(0.01)


def test_a_place_that_cannot_be_written_needs_none(root: Path, tmp_path: Path) -> None:
    stand_ins = Placeholders(str(root), str(tmp_path / "state"))
    stand_ins.take([(str(root / "missing/.git"), True), (os.path.join("/proc", ".git"), True)])
    stand_ins.give_back()
    assert list(root.iterdir()) == []


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_full_disk_is_named_and_what_it_cut_off_spoils_no_other_name(root: Path, tmp_path: Path) -> None:
    def take(say: Callable[[object], None]) -> None:
        try:
            Placeholders(str(root), str(tmp_path / "state")).take(wanted(root))
        except StoreError as error:
            say([error.message, error.hint])

    full = watch(take, lambda call: errno.ENOSPC if call.name == "write" else "go")
    assert full.said[0][0].startswith(f"cannot write {tmp_path / 'state'}/")
    assert "space on this disk" in full.said[0][1]
    assert list(root.iterdir()) == []
    watch(take, lambda call: "cut" if call.name == "write" else "go")
    killed = watch(take, lambda call: "kill" if call.name == "rmdir" else "go")
    assert killed.code == 0
    assert len(list(root.iterdir())) == 2
    Placeholders(str(root), str(tmp_path / "state")).sweep()
    assert list(root.iterdir()) == []
