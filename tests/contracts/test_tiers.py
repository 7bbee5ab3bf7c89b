"""What every storage tier keeps, found by name: a new file in `aiex/context/tiers` is tested as it is."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from aiex import plugins
from aiex.context.tiers import ORDER, ROOM, Kind, Tier

NAMES = plugins.names(ROOM)
VALUES = {"empty": b"", "short": b"x", "text": b"def f(): pass\n" * 200, "bytes": bytes(range(256)) * 4}


@pytest.fixture(params=NAMES)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = plugins.load(ROOM, request.param, "TIER").TIER
    return found


@pytest.fixture
def tier(kind: Kind, tmp_path: Path) -> Iterator[Tier]:
    opened = kind.open(str(tmp_path / kind.file))
    yield opened
    opened.close()


def numbered(count: int, size: int) -> dict[str, bytes]:
    """Values that no codec makes smaller."""
    from random import Random

    chance = Random(1)
    return {f"key{number:04}": chance.randbytes(size) for number in range(count)}


def test_every_tier_has_its_place_in_the_order():
    assert sorted(ORDER) == NAMES


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_comes_back_as_it_was_put(tier: Tier, value: bytes):
    tier.put("key", value)
    assert tier.get("key") == value


@pytest.mark.parametrize("key", ["", "a b", "'; drop table items; --", "ünï/∞", "x" * 3_000])
def test_any_text_is_a_key(tier: Tier, key: str):
    tier.put(key, b"value")
    assert (tier.get(key), tier.get(key + "!")) == (b"value", None)


def test_a_value_that_was_never_put_is_none(tier: Tier):
    assert tier.get("missing") is None


def test_a_later_value_replaces_an_earlier_one(tier: Tier):
    tier.put("key", b"one")
    tier.put("key", b"other")
    assert (tier.get("key"), tier.statistics().items) == (b"other", 1)


def test_a_removed_value_is_gone_and_removing_it_twice_is_no_error(tier: Tier):
    tier.put("key", b"one")
    for _ in range(2):
        tier.remove("key")
    assert (tier.get("key"), tier.statistics()[1:3]) == (None, (0, 0))


def test_sizes_follow_what_is_kept(tier: Tier):
    values = numbered(50, 1_000)
    for key, value in values.items():
        tier.put(key, value, 1_000)
    assert 50_000 <= tier.statistics().size_bytes <= 50_000 * 1.02
    for key in list(values)[10:]:
        tier.remove(key)
    assert 10_000 <= tier.statistics().size_bytes <= 10_000 * 1.02


def test_shrinking_evicts_what_was_put_first_and_counts_it(tier: Tier):
    values = numbered(50, 1_000)
    for key, value in values.items():
        tier.put(key, value, 1_000)
    tier.shrink(20_500)
    kept = [key for key in values if tier.get(key) is not None]
    done = tier.statistics()
    assert done.size_bytes <= 20_500
    assert kept == list(values)[-len(kept) :]
    assert (len(kept) >= 19, done.items, done.evictions) == (True, len(kept), 50 - len(kept))
    assert done.limit_bytes > 1_000_000


def test_hits_and_misses_are_counted(tier: Tier):
    tier.put("key", b"value")
    for key in ("key", "key", "missing", "key", "other"):
        tier.get(key)
    done = tier.statistics()
    assert (done.tier in NAMES, done.hits, done.misses) == (True, 3, 2)
    assert tier.statistics() == done


def test_threads_may_use_one_tier(tier: Tier):
    values = numbered(40, 100)
    wrong: list[object] = []

    def work(start: int) -> None:
        try:
            for key, value in list(values.items())[start:] + list(values.items())[:start]:
                tier.put(key, value)
                if tier.get(key) != value:
                    wrong.append(key)
                tier.get("missing")
                tier.put(f"{key}/{start}", value)
                tier.remove(f"{key}/{start}")
        except Exception as error:
            wrong.append(error)

    threads = [Thread(target=work, args=(start,)) for start in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = tier.statistics()
    assert (wrong, done.items, done.hits, done.misses) == ([], 40, 160, 160)


def test_a_tier_with_a_file_keeps_its_values_and_counts_over_its_end(kind: Kind, tmp_path: Path):
    if not kind.file:
        pytest.skip("in memory")
    place = str(tmp_path / kind.file)
    first = kind.open(place)
    first.put("key", b"value")
    first.get("key")
    first.put("more", b"value")
    before = first.statistics()
    first.close()
    second = kind.open(place)
    assert (second.statistics(), second.get("key")) == (before, b"value")
    second.close()
