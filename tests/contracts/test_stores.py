"""What every session store keeps, found by name: one suite over a file and a server."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aiex import plugins
from aiex.errors import StoreError
from aiex.sessions.stores import ROOM, Draft, Head, Kind, Moved, Row, Snapshot, Store
from tests.fakes.postgres_server import NoServer, PostgresServer, shared_server

ONE, OTHER = "0123456789abcdef", "fedcba9876543210"
NAMES = [name for name in plugins.names(ROOM) if hasattr(importlib.import_module(f"{ROOM}.{name}"), "STORE")]
Open = Callable[[], Store]


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    try:
        return shared_server()
    except NoServer as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=NAMES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same store as often as it is called."""
    kind: Kind = plugins.load(ROOM, request.param, "STORE").STORE
    if kind.place == "address":
        server: PostgresServer = request.getfixturevalue("postgres")
    place = server.new_address() if kind.place == "address" else str(tmp_path / "sessions.db")
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(kind.open(place))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Open) -> Store:
    return open_store()


def draft(number: int, data: bytes = b"{}") -> Draft:
    return Draft(1_000 + number, 1, "text_delta", 1, data, bytes([number % 256]) * 16)


def drafts(count: int) -> list[Draft]:
    return [draft(number) for number in range(count)]


def seqs(rows: Iterator[Row] | list[Row]) -> list[int]:
    return [row.seq for row in rows]


def test_there_is_a_store_in_a_file_and_one_on_a_server():
    assert NAMES == ["postgres", "sqlite"]


def test_rows_come_back_as_they_were_added(store: Store):
    added = [
        Draft(1, 0, "session_started", 2, b'{"a":"\xc3\xa4"}', b"\0" * 16),
        Draft(2**41, 7, "dreamt of ∞", 1, bytes(range(256)) * 40, b"\xff" * 16, sealed=True, copied=True),
        Draft(-5, 1, "empty", 1, b"", b"abcdefghijklmnop"),
    ]
    last = store.append(ONE, added, after_seq=0, synced=True)
    rows = list(store.read(ONE))
    assert rows == [
        Row(row.position, ONE, seq, one.at_ms, one.turn, one.type, one.v, one.data, one.link, one.sealed, one.copied)
        for seq, (row, one) in enumerate(zip(rows, added, strict=True), 1)
    ]
    assert rows[-1].position == last


@pytest.mark.parametrize("synced", [True, False])
def test_another_opening_reads_what_was_added(open_store: Open, synced: bool):
    open_store().append(ONE, drafts(3), after_seq=0, synced=synced)
    assert seqs(open_store().read(ONE)) == [1, 2, 3]


def test_numbers_have_no_gap_and_positions_rise_over_all_sessions(store: Store):
    for seq in range(3):
        store.append(ONE, [draft(seq)], after_seq=seq, synced=False)
        store.append(OTHER, [draft(seq)], after_seq=seq, synced=False)
    followed = store.follow(0, limit=100)
    assert [(row.session, row.seq) for row in followed] == [(name, seq) for seq in (1, 2, 3) for name in (ONE, OTHER)]
    positions = [row.position for row in followed]
    assert positions == sorted(set(positions))


@pytest.mark.parametrize("after_seq", [0, 1, 3, 99])
def test_who_does_not_know_the_end_adds_nothing(store: Store, after_seq: int):
    store.append(ONE, drafts(2), after_seq=0, synced=False)
    with pytest.raises(Moved, match="ends with event 2"):
        store.append(ONE, drafts(2), after_seq=after_seq, synced=True)
    assert seqs(store.read(ONE)) == [1, 2]
    store.append(ONE, drafts(1), after_seq=2, synced=True)


def test_a_session_does_not_begin_in_the_middle(store: Store):
    with pytest.raises(Moved):
        store.append(ONE, drafts(1), after_seq=4, synced=False)
    assert (store.head(ONE), store.sessions()) == (None, [])


def test_rows_that_cannot_be_kept_leave_none_of_their_transaction(store: Store):
    broken = draft(1)._replace(data=None)
    with pytest.raises(StoreError):
        store.append(ONE, [draft(0), broken], after_seq=0, synced=False)
    store.append(ONE, drafts(1), after_seq=0, synced=False)
    assert seqs(store.read(ONE)) == [1]


@pytest.mark.parametrize(("after", "upto"), [(0, None), (0, 0), (0, 700), (1, 2), (255, 513), (1_300, None), (5, 3)])
def test_any_stretch_of_a_long_session_is_read(store: Store, after: int, upto: int | None):
    store.append(ONE, drafts(1_300), after_seq=0, synced=False)
    assert seqs(store.read(ONE, after_seq=after, upto_seq=upto)) == list(range(1, 1_301))[after:upto]


def test_reading_goes_on_while_somebody_adds(open_store: Open):
    reader, writer = open_store(), open_store()
    writer.append(ONE, drafts(600), after_seq=0, synced=False)
    reading = reader.read(ONE)
    assert next(reading).seq == 1
    writer.append(ONE, drafts(600), after_seq=600, synced=False)
    reader.append(ONE, drafts(1), after_seq=1_200, synced=False)
    assert seqs(reading) == list(range(2, 1_202))


def test_following_goes_on_where_it_stopped(store: Store):
    store.append(ONE, drafts(5), after_seq=0, synced=False)
    first = store.follow(0, limit=3)
    assert seqs(first + store.follow(first[-1].position, limit=3)) == [1, 2, 3, 4, 5]
    assert store.follow(store.follow(0, limit=9)[-1].position, limit=3) == []


def test_followers_never_see_a_later_position_before_an_earlier_one(open_store: Open):
    """Four writers and a follower who never looks back."""
    names = [f"{number:016x}" for number in range(4)]

    def write(session: str) -> None:
        store = open_store()
        for seq in range(50):
            store.append(session, [draft(seq)], after_seq=seq, synced=seq % 5 == 0)

    follower, seen, position = open_store(), [], 0
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, name) for name in names]
        while len(seen) < 200:
            if all(writer.done() for writer in writers):
                [writer.result() for writer in writers]
                rows = follower.follow(position, limit=300)
                seen += rows
                break
            rows = follower.follow(position, limit=7)
            seen += rows
            position = rows[-1].position if rows else position
    assert sorted((row.session, row.seq) for row in seen) == [(name, seq) for name in names for seq in range(1, 51)]


def test_threads_share_one_store(store: Store):
    def write(number: int) -> None:
        for seq in range(25):
            store.append(f"{number:016x}", [draft(seq)], after_seq=seq, synced=False)
            store.head(f"{number:016x}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(store.follow(0, limit=1_000)) == 100


def test_the_head_is_the_last_row(store: Store):
    last = store.append(ONE, drafts(3), after_seq=0, synced=False)
    assert store.head(ONE) == Head(3, last, b"\2" * 16, 1, 1_002)
    assert store.head(OTHER) is None


def test_sessions_are_named_in_the_order_they_began(store: Store):
    for name in (OTHER, ONE, "8" * 16):
        store.append(name, drafts(2), after_seq=0, synced=False)
    assert store.sessions() == [OTHER, ONE, "8" * 16]


def test_the_last_snapshot_is_kept(store: Store):
    assert store.snapshot(ONE) is None
    for snapshot in (Snapshot(3, b"a" * 16, 1, b"\0old"), Snapshot(9, b"b" * 16, 2, b"new")):
        store.keep_snapshot(ONE, snapshot)
    assert (store.snapshot(ONE), store.snapshot(OTHER)) == (Snapshot(9, b"b" * 16, 2, b"new"), None)


def test_a_session_that_went_on_is_not_removed_as_it_was(store: Store):
    store.append(ONE, drafts(2), after_seq=0, synced=False)
    with pytest.raises(Moved, match="ends with event 2, not 1"):
        store.remove(ONE, at_seq=1)
    assert len(list(store.read(ONE))) == 2
    assert store.remove(ONE, at_seq=2)
    with pytest.raises(Moved, match="ends with event 0, not 2"):
        store.remove(ONE, at_seq=2)


def test_a_removed_session_is_gone_and_its_positions_are_not_used_again(store: Store):
    store.append(ONE, drafts(2), after_seq=0, synced=False)
    last = store.append(OTHER, drafts(2), after_seq=0, synced=False)
    store.keep_snapshot(OTHER, Snapshot(2, b"a" * 16, 1, b"state"))
    assert (store.remove(OTHER), store.remove(OTHER)) == (True, False)
    assert (store.sessions(), store.snapshot(OTHER), list(store.read(OTHER))) == ([ONE], None, [])
    assert store.append(OTHER, drafts(1), after_seq=0, synced=False) > last
