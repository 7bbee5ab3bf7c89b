"""The warm tier: what it keeps besides values by key, and what it knows of their use."""

import sqlite3
from pathlib import Path

import pytest

from aiex import sqlite
from aiex.context.facts import FileFacts, Symbol, to_heavy, to_light, without_uses
from aiex.context.tiers import warm as module
from aiex.context.tiers._ledger import DAY_NS, HOUR_NS, Bounds
from aiex.context.tiers.warm import FactsRow, FileRow, Warm, decode, pack_facts, unpack_facts

SYMBOL = Symbol("f", "f", "function", "def f()", "", 1, 2, 0, 9, -1, True)
FACTS = FileFacts("python", 2, 9, "full", "", "", (SYMBOL,), (), (), (), (), (1,), 0)


def facts_row(key: str, *, uses: bool = True) -> FactsRow:
    return FactsRow(key, to_light(FACTS), to_heavy(FACTS) if uses else None)


def file_row(path: str, digest: str = "d") -> FileRow:
    return FileRow(path, 9, 1, 2, 3, digest, "python", " os ")


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "code.db")


def change(path: str, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as store:
        store.execute(statement, values)


def used_ns(path: str) -> dict[str, int]:
    with sqlite3.connect(path) as store:
        return dict(store.execute("select key, used_ns from kept"))


def test_facts_count_with_their_size(path: str):
    warm = Warm(path, "v")
    row = facts_row("a:python")
    warm.save([file_row("a.py", "a")], [row], [])
    assert warm.statistics()[1:3] == (1, len(row.light) + len(row.heavy or b""))
    assert [warm.is_due(1, Bounds(spare_facts=spare)) for spare in (0, -1)] == [False, True]


def test_light_facts_count_a_hit_or_a_miss_each(path: str):
    warm = Warm(path, "v")
    warm.save([], [facts_row("a:python")], [])
    assert dict(warm.light_facts(["a:python", "b:python"])) == {
        "a:python": without_uses(FACTS)._replace(complexity=(1,))
    }
    assert warm.statistics()[4:6] == (1, 1)


def test_facts_of_another_version_are_missing_and_go_with_the_upkeep(path: str):
    old, new = Warm(path, "old"), Warm(path, "new")
    old.save([], [facts_row("a:python"), facts_row("b:python")], [])
    assert new.facts("a:python") is None
    outdated = new.find_outdated()
    new.save([], [facts_row("b:python")], [])
    new.drop_outdated(outdated)
    assert (old.facts("a:python"), new.facts("b:python"), new.statistics().items) == (None, FACTS, 1)


def test_reading_alone_writes_nothing(path: str):
    first = Warm(path, "v")
    first.save([], [facts_row("a:python")], [])
    first.close()
    before = Path(path).read_bytes()
    second = Warm(path, "v")
    second.facts("a:python")
    second.close()
    assert Path(path).read_bytes() == before


def test_uses_of_runs_that_only_read_are_written_once_a_day(path: str):
    first = Warm(path, "v")
    first.save([], [facts_row("a:python"), facts_row("b:python")], [])
    first.close()
    change(path, "update kept set used_ns = used_ns - ?", 2 * DAY_NS)
    change(path, "update counts set value = value - ? where name = 'flushed'", 2 * DAY_NS)
    before = used_ns(path)
    second = Warm(path, "v")
    second.facts("a:python")
    second.close()
    after = used_ns(path)
    assert (after["a:python"] > before["a:python"] + DAY_NS, after["b:python"]) == (True, before["b:python"])


def test_uses_within_an_hour_are_not_written_again(path: str):
    warm = Warm(path, "v")
    warm.save([], [facts_row("a:python")], [])
    before = used_ns(path)
    warm.facts("a:python")
    warm.put("other", b"x")
    assert used_ns(path)["a:python"] == before["a:python"]
    change(path, "update kept set used_ns = used_ns - ?", 2 * HOUR_NS)
    warm.facts("a:python")
    warm.put("other", b"x")
    assert used_ns(path)["a:python"] >= before["a:python"]


def test_idle_are_the_unused_those_of_no_file_and_those_beyond_the_bound(path: str):
    warm = Warm(path, "v")
    warm.save([file_row("a.py", "a")], [facts_row("a:python")], [])
    for key in ("gone1:python", "gone2:python", "gone3:python"):
        warm.save([], [facts_row(key)], [])
    for key in ("old", "first", "second"):
        warm.put(key, b"x" * 1_000)
    change(path, "update kept set used_ns = 5 where key = 'old'")
    assert [kept.key for kept in warm.find_idle(1, 6, 10**6)] == ["old", "gone1:python", "gone2:python"]
    total = warm.statistics().size_bytes
    assert [kept.key for kept in warm.find_idle(9, 0, total - 1_001)] == ["old", "a:python"]
    assert warm.find_idle(3, 0, 10**6) == []


def test_what_was_written_or_removed_meanwhile_is_not_handed_down(path: str):
    warm = Warm(path, "v")
    for key in "abc":
        warm.put(key, b"1")
    idle = warm.find_idle(0, 2**62, 0)
    warm.put("b", b"2")
    warm.remove("c")
    taken: list[str] = []
    assert warm.hand_down(idle, lambda found: not taken.extend(kept.key for kept, _ in found))
    assert (taken, warm.get("a"), warm.get("b"), warm.statistics().demotions) == (["a"], None, b"2", 1)


def test_nothing_is_deleted_that_was_not_taken(path: str):
    warm = Warm(path, "v")
    warm.put("a", b"1")
    assert not warm.hand_down(warm.find_idle(0, 2**62, 0), lambda found: False)
    assert (warm.get("a"), warm.statistics().demotions) == (b"1", 0)
    warm.put("b", b"2")
    assert warm.get("b") == b"2"


def test_what_comes_back_does_not_replace_what_is_newer(path: str):
    warm = Warm(path, "v")
    warm.put("a", b"new")
    warm.save([], [facts_row("k:python")], [])
    other = FACTS._replace(doc="older")
    warm.take_back([FactsRow("k:python", to_light(other), to_heavy(other))], [("a", b"old"), ("b", b"back")])
    assert (warm.get("a"), warm.get("b"), warm.facts("k:python")) == (b"new", b"back", FACTS)


def test_facts_with_uses_replace_those_without_when_they_come_back(path: str):
    warm = Warm(path, "v")
    warm.save([], [facts_row("k:python", uses=False)], [])
    warm.take_back([facts_row("k:python")], [])
    assert warm.facts("k:python") == FACTS


@pytest.mark.parametrize("uses", [True, False])
def test_packed_facts_come_back_whole(*, uses: bool):
    row = facts_row("k", uses=uses)
    packed = pack_facts(row.light, row.heavy)
    assert packed is not None
    again = unpack_facts("k", packed)
    assert again is not None
    assert (decode(again.light, again.heavy), again.heavy is not None) == (FACTS, uses)


def test_damaged_facts_are_deleted_and_not_handed_down(path: str):
    warm = Warm(path, "v")
    warm.save([], [facts_row("a:python"), facts_row("b:python")], [])
    change(path, "update facts set heavy = x'00ff' where key = 'a:python'")
    taken: list[str] = []
    assert warm.hand_down(warm.find_idle(0, 2**62, 0), lambda found: not taken.extend(kept.key for kept, _ in found))
    assert (taken, warm.statistics()[1], warm.statistics()[6:]) == (["b:python"], 0, (1, 0, 1))


def test_a_note_that_was_changed_by_damage_is_forgotten(path: str):
    warm = Warm(path, "v")
    warm.remember("listing", '{"a": 1}', 1)
    assert warm.recall("listing") == '{"a": 1}'
    change(path, "update notes set value = replace(value, 'a', 'b')")
    assert warm.recall("listing") is None


@pytest.mark.parametrize("column", ["size_bytes", "mtime_ns", "inode", "checked_ns", "digest", "language"])
def test_a_row_of_wrong_types_is_damage(path: str, column: str):
    warm = Warm(path, "v")
    warm.save([file_row("a.py")], [], [])
    change(path, f"update files set {column} = x'00'")
    with pytest.raises(sqlite.DamagedStore, match="damaged"):
        warm.rows()


def test_text_that_is_not_utf8_is_damage(path: str):
    warm = Warm(path, "v")
    warm.save([file_row("a.py")], [], [])
    change(path, "update files set digest = cast(x'ff61' as text)")
    with pytest.raises(sqlite.DamagedStore):
        warm.rows()


def test_old_notes_go_when_there_are_many(path: str):
    warm = Warm(path, "v")
    for number in range(module.SPARE_NOTES + 10):
        warm.remember(str(number), "x", number)
    warm.drop_notes()
    assert [warm.recall(key) for key in ("0", "9", "10")] == [None, None, "x"]


def test_a_store_of_the_first_schema_keeps_its_files_and_facts(path: str):
    row = facts_row("a:python")
    first = sqlite.connect(path, migrations=module.MIGRATIONS[:1])
    with first:
        first.execute("insert into files values (?, 9, 1, 2, 3, 'a', 'python', ' os ')", (b"a.py",))
        first.execute("insert into facts values (?, 'v', ?, ?)", row)
        first.execute("insert into notes values ('listing', '{}', 1)")
    first.close()
    warm = Warm(path, "v")
    assert (warm.rows(), warm.facts("a:python")) == ({"a.py": file_row("a.py", "a")._replace(mentions="")}, FACTS)
    assert (warm.statistics()[1:3], warm.recall("listing")) == ((1, len(row.light) + len(row.heavy or b"")), None)
