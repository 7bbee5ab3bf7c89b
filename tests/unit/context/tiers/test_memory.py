"""The tiered memory: values move down when nobody uses them and up when somebody does, and none is lost on the way."""

import json
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aiex.context import memory as module
from aiex.context.engine import Engine, open_engine
from aiex.context.facts import without_uses
from aiex.context.memory import Memory
from aiex.context.tiers._ledger import DAY_NS, Bounds
from aiex.context.upkeep import demote, tend
from aiex.events import Warned
from aiex.guard.sandbox.files import Workspace
from tests.unit.context.tiers.facts import NOTHING_STAYS, make_facts, make_file, make_row


class Opened:
    """One run after the other on the same files."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "code.db")
        self.warnings: list[Warned] = []

    def run(self, version: str = "v") -> Memory:
        return Memory(self.path, version, self.warnings)

    def counts(self, memory: Memory) -> dict[str, tuple[int, ...]]:
        """Items, promotions and demotions of the tiers on disk."""
        found = {str(one["tier"]): one for one in memory.statistics()}
        return {
            name: tuple(int(found[name][key]) for key in ("items", "promotions", "demotions"))
            for name in ("warm", "cold")
        }


@pytest.fixture
def runs(tmp_path: Path) -> Opened:
    return Opened(tmp_path)


def save(memory: Memory, numbers: range, *, with_files: bool = False) -> None:
    files = [make_file(number) for number in numbers] if with_files else []
    memory.save(files, [make_row(number) for number in numbers], [], known_files=len(files))


def test_facts_that_moved_down_come_back_and_move_up(runs: Opened):
    first = runs.run()
    save(first, range(5))
    assert first.tend(NOTHING_STAYS)
    assert runs.counts(first) == {"warm": (0, 0, 5), "cold": (5, 0, 0)}
    first.close()
    second = runs.run()
    assert second.facts("3:python") == make_facts(3)
    assert second.light_facts(["1:python", "9:python"]) == {
        "1:python": without_uses(make_facts(1))._replace(complexity=(1,))
    }
    second.close()
    third = runs.run()
    assert runs.counts(third) == {"warm": (2, 0, 5), "cold": (3, 2, 0)}
    assert (third.facts("1:python"), third.facts("3:python")) == (make_facts(1), make_facts(3))
    assert runs.warnings == []


def test_facts_of_files_stay_where_they_are_and_spare_ones_move_down(runs: Opened):
    memory = runs.run()
    save(memory, range(10), with_files=True)
    for number in range(10, 30):
        save(memory, range(number, number + 1))
    assert memory.tend(Bounds(spare_facts=8))
    assert runs.counts(memory)["warm"] == (14, 0, 16)
    assert [memory.warm.facts(f"{number}:python") is not None for number in (0, 9, 10, 25, 26, 29)] == [
        True, True, False, False, True, True,
    ]  # fmt: skip


def test_values_over_the_bound_move_down_oldest_first(runs: Opened):
    memory = runs.run()
    for number in range(20):
        memory.put(str(number), b"x" * 1_000)
    memory.warm.limit_bytes = 10_000
    assert memory.tend()
    assert runs.counts(memory) == {"warm": (9, 0, 11), "cold": (11, 0, 0)}
    assert [memory.get(str(number)) for number in range(20)] == [b"x" * 1_000] * 20


def test_upkeep_runs_in_the_background_when_a_bound_is_passed(runs: Opened):
    memory = runs.run()
    memory.warm.limit_bytes = 1  # of this connection; the upkeep has its own
    save(memory, range(2_200))
    memory.wait()
    assert runs.counts(memory) == {"warm": (1_000, 0, 1_200), "cold": (1_200, 0, 0)}
    memory.close()
    assert runs.warnings == []


def test_short_runs_do_no_upkeep_before_it_is_due(runs: Opened):
    for number in range(3):
        memory = runs.run()
        save(memory, range(number, number + 1))
        memory.close()
    memory = runs.run()
    assert not Path(memory.cold_path).exists()
    assert runs.counts(memory)["warm"] == (3, 0, 0)


def test_upkeep_is_due_after_a_day(runs: Opened):
    first = runs.run()
    save(first, range(2))
    first.put("old", b"x")
    first.close()
    with sqlite3.connect(runs.path) as store:
        store.execute("update counts set value = value - ? where name = 'tended'", (2 * DAY_NS,))
        store.execute("update kept set used_ns = used_ns - ?", (31 * DAY_NS,))
    second = runs.run()
    save(second, range(2, 4))
    second.wait()
    assert runs.counts(second) == {"warm": (2, 0, 3), "cold": (3, 0, 0)}
    save(second, range(4, 5))
    second.close()
    with sqlite3.connect(runs.path) as store:
        due = store.execute("select value from counts where name = 'tended'").fetchone()[0]
    assert due > 2 * DAY_NS


def test_upkeep_that_is_stopped_goes_on_where_it_was(runs: Opened):
    memory = runs.run()
    save(memory, range(250))
    answers = iter([False, True])
    assert not tend(memory.warm, memory.cold_shelf, NOTHING_STAYS, lambda: next(answers))
    assert runs.counts(memory) == {"warm": (50, 0, 200), "cold": (200, 0, 0)}
    assert memory.tend(NOTHING_STAYS)
    assert runs.counts(memory) == {"warm": (0, 0, 250), "cold": (250, 0, 0)}


def test_upkeep_that_is_stopped_at_once_does_some_of_it(runs: Opened):
    memory = runs.run()
    save(memory, range(250))
    assert not tend(memory.warm, memory.cold_shelf, NOTHING_STAYS, lambda: True)
    assert runs.counts(memory) == {"warm": (150, 0, 100), "cold": (100, 0, 0)}


def test_closing_at_once_stops_the_upkeep_and_loses_nothing(runs: Opened):
    first = runs.run()
    save(first, range(2_200))
    first.close()
    second = runs.run()
    assert len(second.light_facts([f"{number}:python" for number in range(2_200)])) == 2_200
    second.close()
    assert runs.warnings == []


def test_facts_of_other_versions_leave_both_tiers(runs: Opened):
    old = runs.run("old")
    save(old, range(4))
    assert old.tend(NOTHING_STAYS)
    save(old, range(4, 6))
    old.close()
    new = runs.run("new")
    save(new, range(6, 7))
    assert new.facts("0:python") is None
    assert new.tend(Bounds())
    assert {name: counts[0] for name, counts in runs.counts(new).items()} == {"warm": 1, "cold": 0}


def test_archived_values_are_only_cold_until_they_are_asked_for(runs: Opened):
    memory = runs.run()
    memory.put("talk", b"draft")
    memory.archive("talk", b"said " * 1_000)
    assert runs.counts(memory) == {"warm": (0, 0, 0), "cold": (1, 0, 0)}
    memory.close()
    again = runs.run()
    assert again.get("talk") == b"said " * 1_000
    again.settle()
    assert runs.counts(again) == {"warm": (1, 0, 0), "cold": (0, 1, 0)}


def test_a_later_value_wins_over_an_archived_one_also_in_the_next_run(runs: Opened):
    first = runs.run()
    first.archive("key", b"old")
    first.put("key", b"new")
    first.close()
    with sqlite3.connect(runs.path) as store:
        store.execute("delete from items")
    assert runs.run().get("key") is None


def test_two_that_tidy_at_once_lose_nothing(runs: Opened):
    one, two = runs.run(), runs.run()
    save(one, range(20))
    idle = two.warm.find_idle(0, 2**62, 0)
    assert one.tend(NOTHING_STAYS)
    assert demote(two.warm, two.cold_shelf, idle)
    assert two.facts("7:python") == make_facts(7)


def test_what_goes_down_again_while_it_comes_up_is_not_lost(runs: Opened):
    one, two = runs.run(), runs.run()
    one.archive("key", b"value")
    save(one, range(3))
    assert one.tend(NOTHING_STAYS)
    assert (two.get("key"), two.facts("1:python")) == (b"value", make_facts(1))  # on their way up
    assert (one.get("key"), one.facts("1:python")) == (b"value", make_facts(1))
    assert one.tend(NOTHING_STAYS)
    two.settle()
    assert one.tend(NOTHING_STAYS)
    again = runs.run()
    assert (again.get("key"), again.facts("1:python")) == (b"value", make_facts(1))


def test_facts_without_uses_stay_cold_when_uses_are_asked_for(runs: Opened):
    first = runs.run()
    first.save([], [make_row(1)._replace(heavy=None)], [], known_files=0)
    assert first.tend(NOTHING_STAYS)
    assert first.facts("1:python") is None
    first.put("other", b"x")
    first.settle()
    assert set(first.light_facts(["1:python"])) == {"1:python"}


def test_without_a_place_everything_works_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    warnings: list[Warned] = []
    memory = Memory(None, "v", warnings)
    save(memory, range(3))
    memory.put("key", b"value")
    memory.archive("other", b"cold")
    assert memory.tend(NOTHING_STAYS)
    assert (memory.facts("2:python"), memory.get("key"), memory.get("other")) == (make_facts(2), b"value", b"cold")
    memory.close()
    assert (warnings, list(tmp_path.iterdir())) == ([], [])


def test_a_value_of_a_newer_codec_is_told_once(runs: Opened):
    memory = runs.run()
    for key in ("a", "b"):
        memory.archive(key, b"x")
    with sqlite3.connect(memory.cold_path) as store:
        store.execute("update items set value = x'c800000000'")
    assert (memory.get("a"), memory.get("b")) == (None, None)
    assert ["codec 200" in warning.message for warning in runs.warnings] == [True]


def test_statistics_are_plain_data_and_make_no_file(runs: Opened):
    memory = runs.run()
    memory.put("key", b"value")
    memory.get("key")
    found = json.loads(json.dumps(memory.statistics()))
    assert [(tier["tier"], tier["items"], tier["hits"]) for tier in found] == [
        ("hot", 1, 1),
        ("warm", 1, 0),
        ("cold", 0, 0),
    ]
    assert found[1]["file_bytes"] > 0
    assert not Path(memory.cold_path).exists()


def test_what_is_found_in_the_cold_tier_moves_up_before_memory_fills(runs: Opened, monkeypatch: pytest.MonkeyPatch):
    first = runs.run()
    save(first, range(10))
    first.tend(NOTHING_STAYS)
    monkeypatch.setattr(module, "SETTLE_EVERY", 4)
    first.light_facts([f"{number}:python" for number in range(10)])
    assert runs.counts(runs.run())["warm"][0] == 8


def engine_on(root: Path, folder: Path) -> Engine:
    return open_engine(Workspace(str(root)), cache_path=str(folder / "cache" / "code.db"), workers=1)


def switch(root: Path, branch: str, stamp: int) -> None:
    """Both files as they are on a branch."""
    root.mkdir(exist_ok=True)
    for name in ("a.py", "b.py"):
        place = root / name
        place.write_text(f"def {branch}_{name[0]}():\n    return run()\n")
        os.utime(place, ns=(stamp, stamp))


def test_a_branch_that_comes_back_is_not_parsed_again(tmp_path: Path):
    root = tmp_path / "ws"
    for turn, branch in enumerate(["main", "topic", "main"]):
        switch(root, branch, 10**18 + turn)
        engine = engine_on(root, tmp_path)
        assert [symbol.name for symbol in engine.facts("a.py").symbols] == [f"{branch}_a"]
        assert {path: facts.symbols[0].name for path, facts in engine.many(["a.py", "b.py"])} == {
            "a.py": f"{branch}_a",
            "b.py": f"{branch}_b",
        }
        if branch == "topic":
            engine.save()
            assert engine.memory.tend(Bounds(spare_facts=0))
        engine.close()
        assert engine.warnings == []
    last = engine_on(root, tmp_path).memory.statistics()
    assert [(tier["tier"], tier["items"], tier["promotions"], tier["demotions"]) for tier in last[1:]] == [
        ("warm", 4, 0, 2),
        ("cold", 0, 2, 0),
    ]


def test_facts_of_a_file_that_changed_leave_the_hot_tier_first(tmp_path: Path):
    root = tmp_path / "ws"
    switch(root, "main", 10**18)
    engine = engine_on(root, tmp_path)
    engine.facts("a.py")
    old = engine.rows["a.py"].key
    engine.facts("b.py")
    for _ in range(3):
        engine.hot.get(old)
    (root / "a.py").write_text("def other():\n    return 1\n")
    engine.facts("a.py")
    engine.hot.shrink(engine.hot.size_bytes - 1)
    keys = [old, engine.rows["a.py"].key, engine.rows["b.py"].key]
    assert [engine.hot.get(key) is not None for key in keys] == [False, True, True]


KEYS = st.sampled_from(["a", "b", "ü", "facts/x", "item/a", ""])
NUMBERS = st.integers(0, 5)


class AgainstModel(RuleBasedStateMachine):
    """Whatever is done, values are those of a dictionary, in whichever tier they are."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.warnings: list[Warned] = []
        self.values: dict[str, bytes] = {}
        self.saved: set[int] = set()
        self.memory = self.open()

    def open(self) -> Memory:
        return Memory(f"{self.folder}/code.db", "v", self.warnings)

    @rule(key=KEYS, value=st.binary(max_size=50))
    def put(self, key: str, value: bytes) -> None:
        self.memory.put(key, value)
        self.values[key] = value

    @rule(key=KEYS, value=st.binary(max_size=50))
    def archive(self, key: str, value: bytes) -> None:
        self.memory.archive(key, value)
        self.values[key] = value

    @rule(key=KEYS)
    def remove(self, key: str) -> None:
        self.memory.remove(key)
        self.values.pop(key, None)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        assert self.memory.get(key) == self.values.get(key)

    @rule(number=NUMBERS)
    def save(self, number: int) -> None:
        self.memory.save([], [make_row(number)], [], known_files=0)
        self.saved.add(number)

    @rule(number=NUMBERS)
    def facts(self, number: int) -> None:
        assert self.memory.facts(f"{number}:python") == (make_facts(number) if number in self.saved else None)

    @rule(numbers=st.lists(NUMBERS, unique=True))
    def light(self, numbers: list[int]) -> None:
        found = self.memory.light_facts([f"{number}:python" for number in numbers])
        assert set(found) == {f"{number}:python" for number in numbers if number in self.saved}

    @rule(spare=st.integers(0, 3))
    def demote(self, spare: int) -> None:
        assert self.memory.tend(NOTHING_STAYS if spare == 0 else Bounds(spare_facts=spare))

    @rule()
    def settle(self) -> None:
        self.memory.settle()

    @rule()
    def cool(self) -> None:
        self.memory.hot.shrink(0)

    @rule()
    def begin_another_run(self) -> None:
        self.memory.close()
        self.memory = self.open()

    @precondition(lambda self: self.values)
    @rule()
    def open_a_second_process(self) -> None:
        other = self.open()
        assert {key: other.get(key) for key in self.values} == self.values
        other.close()

    @invariant()
    def nothing_failed(self) -> None:
        assert self.warnings == []

    def teardown(self) -> None:
        self.memory.close()
        shutil.rmtree(self.folder)


AgainstModel.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAgainstModel = AgainstModel.TestCase
