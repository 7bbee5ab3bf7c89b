"""The cold tier: small, exact, and missing rather than wrong."""

import sqlite3
import sys
import zlib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.context.tiers.cold import Cold, codecs, pack


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "cold.db")


def stored(path: str, key: str) -> bytes:
    with sqlite3.connect(path) as store:
        return store.execute("select value from items where key = ?", (key,)).fetchone()[0]


def overwrite(path: str, value: object) -> None:
    with sqlite3.connect(path) as store:
        store.execute("update items set value = ?", (value,))


@given(st.binary(max_size=2_000), st.integers(1, 200))
def test_every_codec_gives_back_every_value(value: bytes, times: int):
    for codec in codecs().values():
        assert codec.unpack(codec.pack(value * times)) == value * times


@pytest.mark.parametrize(
    ("value", "number"),
    [(Random(1).randbytes(500), 0), (b"text " * 100, 1), (b"long text\n" * 20_000, 2)],
    ids=["random", "text", "long"],
)
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="zstd packs all that can be packed")
def test_the_first_byte_says_the_codec_that_suits_the_value(path: str, value: bytes, number: int):
    cold = Cold(path)
    cold.put("key", value)
    packed = stored(path, "key")
    assert (packed[0], cold.get("key")) == (number, value)
    assert cold.statistics().size_bytes == len(packed) <= len(value) + 5


@pytest.mark.skipif(sys.version_info < (3, 14), reason="needs compression.zstd")
def test_zstd_packs_where_python_has_it(path: str):
    cold = Cold(path)
    cold.put("key", b"text " * 100)
    assert (stored(path, "key")[0], cold.get("key")) == (3, b"text " * 100)


def test_values_of_every_codec_known_here_can_be_read(path: str):
    cold = Cold(path)
    cold.put("key", b"x")
    for number, codec in codecs().items():
        overwrite(path, bytes([number]) + zlib.crc32(b"other").to_bytes(4) + codec.pack(b"other"))
        assert cold.get("key") == b"other"


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\1", b"\0\0\0\0\0raw", pack(b"text " * 100)[:-9], b"\1\0\0\0\0rubbish", b"\2\0\0\0\0rubbish", "text", 7],
)
def test_damaged_values_are_missing(path: str, damaged: object):
    cold = Cold(path)
    cold.put("key", b"value")
    overwrite(path, damaged)
    assert (cold.get("key"), cold.unknown_codecs, cold.statistics().misses) == (None, set(), 1)


def test_a_flipped_bit_anywhere_makes_a_value_missing(path: str):
    cold = Cold(path)
    value = Random(2).randbytes(40)
    cold.put("key", value)
    packed = stored(path, "key")
    for place in range(1, len(packed)):
        overwrite(path, packed[:place] + bytes([packed[place] ^ 4]) + packed[place + 1 :])
        assert cold.get("key") is None


def test_an_unknown_codec_is_missing_and_remembered(path: str):
    cold = Cold(path)
    cold.put("key", b"value")
    overwrite(path, b"\xc8\0\0\0\0value")
    assert (cold.get("key"), cold.unknown_codecs) == (None, {200})


def test_space_of_evicted_values_is_given_back(path: str):
    cold = Cold(path)
    chance = Random(3)
    cold.put_many([(str(number), chance.randbytes(10_000)) for number in range(300)])
    cold.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = Path(path).stat().st_size
    cold.shrink(100_000)
    cold.close()
    assert Path(path).stat().st_size < before / 10


def test_keys_are_listed_by_how_they_begin(path: str):
    cold = Cold(path)
    cold.put_many([(key, b"x") for key in ("a/1", "a/2", "ab", "b/1", "a_/3")])
    assert (cold.keys("a/"), cold.keys("c")) == (["a/1", "a/2"], [])
