"""A long list of blocks in little memory."""

from pathlib import Path

import pytest

from aiex.tui.blocks import Call, Note
from aiex.tui.shelf import LOOSE, PAGE, Packed, Shelf

MANY = PAGE * (LOOSE + 4) + 17


def shelf_of(count: int) -> Shelf:
    shelf = Shelf()
    for number in range(count):
        shelf.append(Note(f"note {number}"))
    return shelf


def texts(shelf: Shelf) -> list[str]:
    return [block.words() for block in shelf]


def packed(shelf: Shelf) -> int:
    return sum(isinstance(page, Packed) for page in shelf._pages)


def test_old_blocks_are_compressed_and_come_back_as_they_were() -> None:
    shelf = shelf_of(MANY)
    assert packed(shelf) >= 3
    assert [shelf[at].words() for at in range(MANY)] == [f"note {number}" for number in range(MANY)]
    assert [shelf[at].number for at in (0, MANY - 1)] == [0, MANY - 1]


def test_looking_at_everything_opens_only_a_few_pages_at_a_time() -> None:
    shelf = shelf_of(MANY)
    before = packed(shelf)
    for at in range(MANY):
        shelf[at].words()
    assert packed(shelf) >= before - LOOSE


def test_a_change_of_an_old_block_stays() -> None:
    shelf = shelf_of(MANY)
    note = Note("old", detail="more")
    shelf.prepend([note])
    shelf[0].fold(False)
    for at in range(MANY):
        shelf[at].words()
    assert not shelf[0].is_folded


def test_each_change_of_an_old_block_stays() -> None:
    shelf = shelf_of(MANY)
    shelf.prepend([Note("old", detail="more")])
    for is_folded in (False, True, False):
        shelf[0].fold(is_folded)
        for at in range(MANY):
            shelf[at].words()
        assert shelf[0].is_folded == is_folded


def test_old_blocks_take_no_memory_and_stay_in_memory_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(shelf: Shelf) -> list[bool]:
        return [isinstance(page.kept, bytes) for page in shelf._pages if isinstance(page, Packed)]

    assert not any(kept(shelf_of(MANY)))
    (tmp_path / "taken").touch()
    monkeypatch.setenv("AIEX_CACHE_DIR", str(tmp_path / "taken"))
    shelf = shelf_of(MANY)
    assert kept(shelf)
    assert all(kept(shelf))
    assert texts(shelf) == [f"note {number}" for number in range(MANY)]


def test_a_page_with_a_call_that_runs_is_left_as_it_is() -> None:
    shelf = Shelf()
    call = Call("1", "run")
    shelf.append(call)
    for number in range(MANY):
        shelf.append(Note(f"note {number}"))
    assert shelf[0] is call


def test_a_past_is_put_before_and_numbers_stay() -> None:
    shelf = shelf_of(PAGE + 3)
    last = shelf[-1].number
    shelf.prepend([Note(f"past {number}") for number in range(2 * PAGE + 5)])
    assert texts(shelf)[:2] == ["past 0", "past 1"]
    assert [shelf[at].words() for at in range(len(shelf))] == texts(shelf)
    assert (shelf[-1].number, shelf[0].number) == (last, -(2 * PAGE + 5))


def test_the_end_is_cut_off_across_pages() -> None:
    shelf = shelf_of(2 * PAGE + 3)
    shelf.truncate(PAGE - 1)
    shelf.append(Note("new"))
    assert len(shelf) == PAGE
    assert (shelf[-1].words(), shelf[-2].words()) == ("new", f"note {PAGE - 2}")


def test_what_is_compressed_is_counted_without_being_opened() -> None:
    shelf = shelf_of(MANY)
    hand = list(shelf.at_hand())
    assert len(hand) == MANY
    assert hand.count(None) == packed(shelf) * PAGE
    assert [block is None or block is shelf[at] for at, block in enumerate(hand)] == [True] * MANY
