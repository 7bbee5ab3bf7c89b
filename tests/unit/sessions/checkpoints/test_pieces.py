"""Pieces joined are the whole, and a change moves only the cuts about it."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.sessions.checkpoints.pieces import LEAST_BYTES, MOST_BYTES, cut


def pieces_of(data):
    return list(cut([data]))


def noise(size, seed=1):
    return Random(seed).randbytes(size)


def prose(size, seed=1):
    chance = Random(seed)
    words = ["".join(chance.choices("abcdefghij", k=chance.randint(2, 9))) for _ in range(900)]
    return " ".join(chance.choices(words, k=size // 6)).encode()


def table(size):
    """Numbers of four bytes that grow slowly, as in a file of coordinates."""
    return b"".join((number * 3).to_bytes(4, "little") for number in range(size // 4))


KINDS = {"noise": noise(2 << 20), "prose": prose(2 << 20), "table": table(2 << 20)}


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_pieces_are_the_whole_and_within_their_sizes(data):
    pieces = pieces_of(data)
    assert b"".join(pieces) == data
    assert all(LEAST_BYTES <= len(piece) <= MOST_BYTES for piece in pieces[:-1])
    assert len(pieces) > 7


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("inserted", [b"!", b"some words", bytes(70_000)], ids=["a byte", "words", "much"])
def test_insertion_changes_only_pieces_nearby(data, inserted):
    place = len(data) // 3
    before = set(pieces_of(data))
    after = pieces_of(data[:place] + inserted + data[place:])
    assert sum(len(piece) for piece in after if piece not in before) <= len(inserted) + 4 * MOST_BYTES


def test_removal_at_the_start_changes_only_pieces_there():
    data = KINDS["noise"]
    before = set(pieces_of(data))
    assert sum(piece not in before for piece in pieces_of(data[777:])) <= 3


@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=6))
def test_cuts_do_not_depend_on_how_the_bytes_arrive(sizes):
    data = KINDS["noise"][: 600 << 10]
    chunks, place = [], 0
    while place < len(data):
        chunks.append(data[place : place + sizes[len(chunks) % len(sizes)]])
        place += len(chunks[-1])
    assert list(cut(chunks)) == pieces_of(data)


def test_run_of_one_byte_is_cut_by_size():
    assert len(set(pieces_of(bytes(2 << 20)))) <= 2


@pytest.mark.parametrize("size", [0, 1, LEAST_BYTES, LEAST_BYTES + 1, MOST_BYTES, MOST_BYTES + 1])
def test_small_contents_come_back(size):
    assert b"".join(pieces_of(noise(size))) == noise(size)
