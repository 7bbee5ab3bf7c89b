"""Contents come back byte for byte, once each, and small; what is damaged is named and never given back."""

from __future__ import annotations

import sqlite3
import tracemalloc
from contextlib import closing
from random import Random
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.sessions.checkpoints.objects import DELTA_BYTES, MOST_DEPTH, WHOLE_BYTES, Objects, digest
from aiex.sqlite import DamagedStore, FullStore, NewerStore
from tests.unit.sessions.checkpoints.contents import open_store

TEXT = b"".join(b"value_%d = compute(%d)\n" % (number, number * number) for number in range(400))


@pytest.fixture
def objects(tmp_path):
    with Objects(str(tmp_path / "checkpoints.db")) as opened:
        yield opened


def stored_bytes(objects):
    return sum(head.stored for head in objects.rows.heads())


@given(st.lists(st.one_of(st.binary(max_size=3_000), st.text(max_size=3_000).map(str.encode)), min_size=1, max_size=8))
def test_any_contents_come_back(contents):
    with Objects(":memory:") as objects:
        ids, like = [], None
        for data in contents:
            like = objects.put(data, like=like)
            ids.append(like)
        assert [objects.get(id) for id in ids] == contents


@pytest.mark.parametrize("size", [0, 1, WHOLE_BYTES - 1, WHOLE_BYTES, WHOLE_BYTES + 1, DELTA_BYTES + 1])
def test_contents_of_every_size_come_back_whole_and_in_pieces(objects, size):
    data = Random(size).randbytes(size)
    id = objects.put(data)
    assert (objects.get(id), b"".join(objects.stream(id)), objects.size(id)) == (data, data, size)


def test_same_content_has_one_id_however_it_was_put(objects):
    data = Random(1).randbytes(3 << 20)
    chunks = (data[start : start + 70_000] for start in range(0, len(data), 70_000))
    assert objects.put_chunks(chunks) == objects.put(data) == digest(1, data).hex()


def test_directory_and_file_of_the_same_bytes_are_two(objects):
    assert objects.put(b"x") != objects.put_tree(b"x")


def test_same_content_is_kept_once(objects):
    objects.put(TEXT)
    before = len(objects.rows.heads())
    assert objects.put(TEXT) == objects.put(TEXT, like=objects.put(b"other"))
    assert len(objects.rows.heads()) == before + 1


def test_edit_of_a_known_content_costs_little(objects):
    id = objects.put(TEXT)
    before = stored_bytes(objects)
    objects.put(TEXT.replace(b"value_200 ", b"value_two_hundred "), like=id)
    assert stored_bytes(objects) - before < 40


def test_unknown_or_unlike_base_does_no_harm(objects):
    other = objects.put(Random(1).randbytes(5_000))
    assert objects.get(objects.put(TEXT, like="00" * 20)) == TEXT
    assert objects.get(objects.put(TEXT + b"!", like=other)) == TEXT + b"!"


def test_many_versions_can_each_be_read_in_few_steps(objects):
    ids = [objects.put(TEXT)]
    for number in range(70):
        ids.append(objects.put(TEXT.replace(b"value_%d " % number, b"renamed "), like=ids[-1]))
    objects.forget()
    assert max(objects.rows.find(bytes.fromhex(id)).depth for id in ids) == MOST_DEPTH
    assert [objects.get(id) for id in ids[1:]] == [TEXT.replace(b"value_%d " % n, b"renamed ") for n in range(70)]


def test_large_contents_share_their_pieces(objects):
    data = Random(2).randbytes(4 << 20)
    objects.put(data)
    before = stored_bytes(objects)
    edited = data[: 1 << 20] + b"inserted" + data[1 << 20 :]
    assert objects.get(objects.put(edited)) == edited
    assert stored_bytes(objects) - before < 600_000


def test_small_edit_of_a_large_text_costs_little(objects):
    data = b"".join(b"%d,%d,%s\n" % (number, number * 7, b"words " * 5) for number in range(40_000))
    id = objects.put(data)
    before = stored_bytes(objects)
    edited = data.replace(b"\n7,", b"\nseven,").replace(b"\n39000,", b"\nlater,")
    assert objects.get(objects.put(edited, like=id)) == edited
    assert stored_bytes(objects) - before < 60


def test_large_file_is_never_whole_in_memory(objects):
    piece = Random(3).randbytes(1 << 20)
    tracemalloc.start()
    id = objects.put_chunks(number.to_bytes(4, "big") + piece for number in range(12))
    size = sum(map(len, objects.stream(id)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (size, peak < 7 << 20) == (12 * (len(piece) + 4), True)


def test_what_cannot_be_packed_is_kept_as_it_is(objects):
    data = Random(4).randbytes(50_000)
    objects.put(data)
    assert stored_bytes(objects) == len(data)


def test_missing_content_is_named(objects):
    with pytest.raises(DamagedStore, match="ab" * 20):
        objects.get("ab" * 20)


def test_changed_content_is_named_and_not_given_back(tmp_path):
    with Objects(str(tmp_path / "c.db")) as objects:
        id = objects.put(Random(5).randbytes(2_000))
    with closing(sqlite3.connect(tmp_path / "c.db")) as database, database:
        data = bytearray(database.execute("select data from objects").fetchone()[0])
        data[1_000] ^= 1
        database.execute("update objects set data = ?", (bytes(data),))
    with Objects(str(tmp_path / "c.db")) as objects, pytest.raises(DamagedStore, match=id):
        objects.get(id)


def test_damaged_base_does_not_keep_the_next_version_from_being_kept(tmp_path):
    with Objects(str(tmp_path / "c.db")) as objects:
        id = objects.put(TEXT)
        objects.rows.remove([1])
        objects.database.connection.execute(
            "insert into objects values (1, ?, 1, 0, 0, null, 3, x'616263')", (bytes.fromhex(id),)
        )
        objects.database.connection.commit()
        assert objects.get(objects.put(TEXT + b"more\n", like=id)) == TEXT + b"more\n"


def test_nothing_of_a_failed_transaction_is_kept(objects):
    def fail():
        with objects.writing():
            objects.put(b"one")
            with objects.writing():
                objects.put(b"two")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert objects.rows.heads() == []


def test_transactions_within_one_another_are_one(objects):
    with objects.writing():
        with objects.writing():
            id = objects.put(b"one")
        assert objects.database.connection.in_transaction
    assert objects.get(id) == b"one"


def test_threads_take_turns(objects):
    def write(number):
        for step in range(20):
            with objects.writing():
                ids[number].append(objects.put(b"%d %d" % (number, step)))
                ids[number].append(objects.put(b"more %d %d" % (number, step)))

    ids = [[] for _ in range(4)]
    threads = [Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [objects.get(id) for id in ids[3][:2]] == [b"3 0", b"more 3 0"]
    assert len(objects.rows.heads()) == 160


def test_two_connections_see_each_other(tmp_path):
    with open_store(tmp_path) as (one, _), open_store(tmp_path) as (other, _):
        assert other.get(one.put(b"shared")) == b"shared"
        other.put(b"shared")
        assert len(one.rows.heads()) == 1


def test_store_of_a_newer_aiex_is_left_alone(tmp_path):
    Objects(str(tmp_path / "c.db")).close()
    with closing(sqlite3.connect(tmp_path / "c.db")) as database:
        database.execute("pragma user_version = 99")
    with pytest.raises(NewerStore):
        Objects(str(tmp_path / "c.db"))


def test_full_disk_takes_back_the_whole_step_and_no_more(objects):
    before = objects.put(b"before")
    connection = objects.database.connection
    pages = connection.execute("pragma page_count").fetchone()[0]
    connection.execute(f"pragma max_page_count = {pages + 2}").fetchone()

    def fill():
        with objects.writing():
            objects.put(b"small")
            objects.put(Random(1).randbytes(500_000))

    with pytest.raises(FullStore):
        fill()
    connection.execute("pragma max_page_count = 1000000").fetchone()
    assert [head.id.hex() for head in objects.rows.heads()] == [before]
    fill()
    assert len(objects.rows.heads()) == 3


def test_file_is_laid_out_to_waste_little_and_to_shrink(objects):
    ask = objects.database.connection.execute
    assert [ask(f"pragma {name}").fetchone()[0] for name in ("page_size", "auto_vacuum")] == [16_384, 2]
