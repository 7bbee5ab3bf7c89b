"""What works on a machine is tried once for each boot."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aiex.guard.sandbox import probing
from aiex.guard.sandbox.isolation import Isolation, Probe
from aiex.guard.sandbox.probing import backends, forget_lost, lost, probe_of


class Counting:
    """A backend that counts how often it is tried."""

    name = "counting"
    rank = 5
    requires_approval = False

    def __init__(self, *, works: bool = True) -> None:
        self.tried = 0
        self.works = works

    def probe(self) -> Probe:
        self.tried += 1
        return Probe(self.works, f"tried {self.tried}", ("a gap",))


@pytest.fixture(autouse=True)
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "boot_id"
    path.write_text("one\n")
    monkeypatch.setattr(probing, "_BOOT", str(path))
    return path


def test_the_answer_is_kept_for_the_boot() -> None:
    counting = Counting()
    assert probe_of(counting) == probe_of(counting) == Probe(True, "tried 1", ("a gap",))


def test_what_did_not_work_is_tried_again() -> None:
    counting = Counting(works=False)
    probe_of(counting)
    counting.works = True
    assert probe_of(counting) == probe_of(counting) == Probe(True, "tried 2", ("a gap",))


def test_what_ceased_to_work_is_forgotten() -> None:
    counting = Counting()
    probe_of(counting)
    counting.works = False
    probe_of(counting, again=True)
    assert probe_of(counting) == Probe(False, "tried 3", ("a gap",))


def test_another_boot_tries_again(boot: Path) -> None:
    counting = Counting()
    probe_of(counting)
    boot.write_text("two\n")
    assert probe_of(counting).reason == "tried 2"


def test_a_wish_tries_again() -> None:
    counting = Counting()
    probe_of(counting)
    assert probe_of(counting, again=True).reason == "tried 2"
    assert probe_of(counting).reason == "tried 2"


def chosen_after_loss() -> tuple[Counting, Isolation]:
    """The strongest way, which worked once and does not now, and the last resort."""
    counting, last = Counting(), backends()[-1]
    counting.name = backends()[0].name
    probe_of(counting)
    counting.works = False
    probe_of(counting, again=True)
    return counting, last


def test_a_stronger_way_that_ceased_to_work_is_told_until_it_is_seen() -> None:
    counting, last = chosen_after_loss()
    assert lost(last) == ((counting.name, "tried 2"),)
    probe_of(counting)
    assert lost(last) == ((counting.name, "tried 3"),)
    assert lost(backends()[0]) == ()
    forget_lost()
    probe_of(counting)
    assert lost(last) == ()


def test_a_way_that_works_again_is_not_lost() -> None:
    counting, last = chosen_after_loss()
    counting.works = True
    probe_of(counting)
    assert lost(last) == ()


def test_a_way_that_never_worked_is_not_lost() -> None:
    never = Counting(works=False)
    never.name = backends()[0].name
    probe_of(never)
    assert lost(backends()[-1]) == ()


def test_another_setting_of_the_machine_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch = tmp_path / "max_user_namespaces"
    monkeypatch.setattr(probing, "_SWITCHES", (str(switch),))
    counting = Counting()
    probe_of(counting)
    switch.write_text("0\n")
    assert probe_of(counting).reason == "tried 2"


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"counting": 1}', '{"counting": {"key": "x"}}'])
def test_a_damaged_file_is_no_answer(damage: str) -> None:
    counting = Counting()
    probe_of(counting)
    path = Path(os.environ["AIEX_STATE_DIR"], "sandbox/probes.json")
    assert json.loads(path.read_text())["counting"]["works"] is True
    path.write_text(damage)
    assert probe_of(counting).reason == "tried 2"


def test_without_a_name_for_the_boot_each_start_tries(boot: Path) -> None:
    boot.unlink()
    counting = Counting()
    probe_of(counting)
    assert probe_of(counting).reason == "tried 2"
