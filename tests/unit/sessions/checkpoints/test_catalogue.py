"""Checkpoints are found by tag, number or the beginning of an id, and the nearest is offered."""

from __future__ import annotations

from threading import Thread

import pytest

from aiex.errors import UsageError
from aiex.sessions.checkpoints.stores.catalogue import Catalogue, Checkpoint
from aiex.sqlite import DamagedStore
from tests.unit.sessions.checkpoints.contents import open_store


@pytest.fixture
def catalogue(tmp_path):
    with open_store(tmp_path) as (_, opened):
        yield opened


def add(catalogue: Catalogue, id: str, reason: str = "before a step") -> Checkpoint:
    return catalogue.add(Checkpoint(id, 0, 1_700_000_000_000, reason, "0123456789abcdef", "ab" * 20, 3, 42))


def test_checkpoint_comes_back_as_it_was_added(catalogue):
    made = add(catalogue, "a1b2c3d4e5f6")
    assert made.number == 1
    assert catalogue.list() == [made]
    assert catalogue.last() == made


def test_numbers_are_never_used_again(catalogue):
    catalogue.remove([add(catalogue, "a1b2c3d4e5f6").number])
    assert (add(catalogue, "a1b2c3d4e5f6").number, len(catalogue.list())) == (2, 1)


@pytest.mark.parametrize("wanted", ["a1b2c3d4e5f6", "a1b2", "A1B2C", "1", "#1", "before-refactoring"])
def test_checkpoint_is_found(catalogue, wanted):
    made = catalogue.tag(add(catalogue, "a1b2c3d4e5f6").number, "before-refactoring")
    add(catalogue, "ffff00000000")
    assert catalogue.find(wanted) == made


def test_ambiguous_beginning_names_both(catalogue):
    add(catalogue, "a1b2c3d4e5f6")
    add(catalogue, "a1b2ffffffff")
    with pytest.raises(UsageError, match="begins the ids of 2") as raised:
        catalogue.find("a1b2")
    assert "a1b2c3d4e5f6, a1b2ffffffff" in raised.value.hint


@pytest.mark.parametrize("wanted", ["a1b2c3d4e5f7", "zzz", "", "99", "a1", "x\x1b[31m", "\udc80"])
def test_unknown_id_offers_the_nearest(catalogue, wanted):
    add(catalogue, "a1b2c3d4e5f6")
    with pytest.raises(UsageError) as raised:
        catalogue.find(wanted)
    assert "a1b2c3d4e5f6" in raised.value.hint
    assert "\x1b" not in raised.value.message


def test_empty_list_says_so(catalogue):
    with pytest.raises(UsageError) as raised:
        catalogue.find("a1b2")
    assert "none was taken" in raised.value.hint


def test_tag_belongs_to_one_checkpoint(catalogue):
    one, other = add(catalogue, "a1b2c3d4e5f6"), add(catalogue, "ffff00000000")
    catalogue.tag(one.number, "v1")
    with pytest.raises(UsageError, match="a1b2c3d4e5f6 is tagged v1"):
        catalogue.tag(other.number, "v1")
    catalogue.tag(one.number, "")
    assert catalogue.tag(other.number, "v1") == catalogue.find("v1")


@pytest.mark.parametrize("tag", [" ", "-x", "a b", "x" * 65, "a\nb", "é", "x\x1b", "12", "a1b2c3d4e5f6"])
def test_what_is_no_tag_is_refused(catalogue, tag):
    with pytest.raises(UsageError, match="cannot be a tag"):
        catalogue.tag(add(catalogue, "a1b2c3d4e5f6").number, tag)


def test_reason_may_hold_any_bytes_of_a_name(catalogue):
    assert add(catalogue, "a1b2c3d4e5f6", "edit \udcff").reason == "edit \\udcff"


def test_changed_entry_is_not_believed(catalogue):
    add(catalogue, "a1b2c3d4e5f6")
    whole = add(catalogue, "ffff00000000")
    catalogue._database.connection.execute("update checkpoints set tree = x'cd' where number = 1")
    assert catalogue.list() == [whole]
    assert [known.number for known, _ in catalogue.faults()] == [1]
    with pytest.raises(DamagedStore, match="checkpoint 1 "):
        catalogue.find("1")


def test_last_passes_over_a_changed_entry(catalogue):
    whole = add(catalogue, "ffff00000000")
    add(catalogue, "a1b2c3d4e5f6")
    catalogue._database.connection.execute("update checkpoints set files = 7 where number = 2")
    assert catalogue.last() == whole


def test_note_is_there_until_it_is_damaged(catalogue):
    catalogue.note("seen", b"one")
    catalogue.note("seen", b"two")
    assert (catalogue.noted("seen"), catalogue.noted("other")) == (b"two", None)
    catalogue._database.connection.execute("update notes set value = x'00'")
    assert catalogue.noted("seen") is None


def test_tag_for_a_checkpoint_that_is_not_there_is_refused(catalogue):
    with pytest.raises(UsageError, match="no checkpoint is called 7"):
        catalogue.tag(7, "v1")


def test_many_at_once_get_numbers_without_gaps(tmp_path):
    def add_some(start):
        with open_store(tmp_path) as (objects, mine):
            for step in range(15):
                with objects.writing():
                    objects.put(b"%d" % step)
                    add(mine, f"{start + step:012x}")

    threads = [Thread(target=add_some, args=(number * 100,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_store(tmp_path) as (_, catalogue):
        assert [known.number for known in catalogue.list()] == list(range(1, 61))
