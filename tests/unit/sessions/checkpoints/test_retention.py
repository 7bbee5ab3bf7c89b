"""Enough is kept and no more; what stays can be read whole, whatever went."""

from __future__ import annotations

from random import Random

import pytest

from aiex.sessions.checkpoints.retention import Rules, choose, clean, sweep
from aiex.sessions.checkpoints.stores.catalogue import Checkpoint
from aiex.sessions.checkpoints.verify import verify
from aiex.sqlite import DamagedStore
from tests.unit.sessions.checkpoints.contents import DAY_MS, keep, open_store, read_tree


def make(number: int, *, day: int = 0, tag: str = "") -> Checkpoint:
    return Checkpoint(f"{number:012x}", number, day * DAY_MS, "", "", "", 0, 0, tag)


def numbers(known, rules, **more):
    return [checkpoint.number for checkpoint in choose(known, rules, now_ms=100 * DAY_MS, **more)]


def test_no_rule_removes_nothing():
    assert numbers([make(number) for number in range(9)], Rules()) == []


def test_the_newest_of_a_number_stay():
    assert numbers([make(number) for number in range(1, 7)], Rules(number=4)) == [1, 2]


def test_older_ones_than_an_age_go():
    assert numbers([make(day, day=day) for day in (80, 89, 91, 99)], Rules(age_days=10)) == [80, 89]


def test_the_last_one_stays_however_old():
    assert numbers([make(1), make(2)], Rules(age_days=1, number=1)) == [1]


def test_tagged_and_wanted_ones_stay():
    known = [make(1, tag="v1"), make(2), make(3), make(4)]
    assert numbers(known, Rules(age_days=1), keep={make(2).id}) == [3]


def test_tagged_ones_do_not_take_the_place_of_others():
    assert numbers([make(1, tag="v1"), make(2), make(3), make(4)], Rules(number=2)) == [2]


def history(objects, catalogue, steps, *, tagged=()):
    """A file that grows and one that is replaced; the files of each checkpoint."""
    trees = []
    text = b"".join(b"line %d of many\n" % number for number in range(500))
    for step in range(steps):
        text = text.replace(b"line %d of" % (step * 7), b"line changed in %d of" % step)
        noise = Random(step).randbytes(20_000)
        files = {"src/app.py": text, "data/noise": noise, f"only/{step}": b"%d" % step * 9, "LICENSE": b"free"}
        keep(objects, catalogue, files, created_ms=step * DAY_MS, tag=f"v{step}" if step in tagged else "")
        trees.append(files)
    return trees


def test_what_stays_is_whole_and_what_went_is_gone(tmp_path):
    with open_store(tmp_path) as (objects, catalogue):
        trees = history(objects, catalogue, 30, tagged=(3, 11))
        cleaned = clean(objects, catalogue, Rules(number=5), now_ms=30 * DAY_MS)
        kept = catalogue.list()
        assert [known.number for known in kept] == [4, 12, 26, 27, 28, 29, 30]
        assert [read_tree(objects, known.tree) for known in kept] == [trees[known.number - 1] for known in kept]
        assert verify(objects, catalogue).is_whole
        assert len(cleaned.checkpoints) == 23
        assert cleaned.bytes > 23 * 20_000


def test_space_is_given_back_to_the_disk(tmp_path):
    with open_store(tmp_path) as (objects, catalogue):
        history(objects, catalogue, 30)
        clean(objects, catalogue, Rules(number=2), now_ms=0)
    assert (tmp_path / "checkpoints.db").stat().st_size < 200_000


def test_size_rule_removes_the_oldest_until_it_is_kept(tmp_path):
    with open_store(tmp_path) as (objects, catalogue):
        trees = history(objects, catalogue, 30, tagged=(0,))
        clean(objects, catalogue, Rules(size_bytes=300_000), now_ms=0)
        kept = [known.number for known in catalogue.list()]
        assert objects.database.size_bytes() <= 300_000
        assert kept == [1, *range(kept[1], 31)]
        assert len(kept) > 5
        assert read_tree(objects, catalogue.find("1").tree) == trees[0]


def test_size_that_cannot_be_kept_leaves_the_last_one(tmp_path):
    with open_store(tmp_path) as (objects, catalogue):
        trees = history(objects, catalogue, 4)
        clean(objects, catalogue, Rules(size_bytes=1), now_ms=0)
        assert [read_tree(objects, known.tree) for known in catalogue.list()] == [trees[-1]]


def test_sweep_of_what_is_needed_removes_nothing(tmp_path):
    with open_store(tmp_path) as (objects, catalogue):
        history(objects, catalogue, 25)
        assert sweep(objects, catalogue) == (0, 0)


def test_sweep_takes_what_a_step_left_behind(tmp_path):
    with open_store(tmp_path) as (objects, catalogue):
        history(objects, catalogue, 2)
        loose = objects.put(Random(1).randbytes(3 << 20))
        count, size = sweep(objects, catalogue)
        assert (count > 10, size > 3 << 20, objects.has(loose)) == (True, True, False)


def test_pieces_of_a_kept_file_stay_when_another_with_them_goes(tmp_path):
    data = Random(1).randbytes(2 << 20)
    with open_store(tmp_path) as (objects, catalogue):
        keep(objects, catalogue, {"big": data})
        keep(objects, catalogue, {"big": data[:5] + data[9:]})
        clean(objects, catalogue, Rules(number=1), now_ms=0)
        assert read_tree(objects, catalogue.last().tree) == {"big": data[:5] + data[9:]}


@pytest.mark.parametrize("what", ["tree", "entry"])
def test_nothing_is_removed_while_a_checkpoint_cannot_be_read(tmp_path, what):
    with open_store(tmp_path) as (objects, catalogue):
        history(objects, catalogue, 6)
        before = len(objects.rows.heads())
        if what == "tree":
            objects.rows.remove([objects.rows.find(bytes.fromhex(catalogue.find("5").tree)).n])
            before -= 1
        else:
            objects.database.connection.execute("update checkpoints set reason = 'x' where number = 5")
            objects.database.connection.commit()
        with pytest.raises(DamagedStore):
            clean(objects, catalogue, Rules(number=3), now_ms=0)
        assert len(objects.rows.heads()) == before
        assert len(catalogue.entries()) == 6
