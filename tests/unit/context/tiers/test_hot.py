"""The hot tier keeps what is used and lets the rest go."""

from random import Random
from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from aiex.context.tiers.hot import LARGEST_SHARE, Hot


def filled(hot: Hot, keys: list[str], size_bytes: int = 100) -> None:
    for key in keys:
        hot.put(key, key.upper(), size_bytes)


def kept(hot: Hot, keys: list[str]) -> list[str]:
    return [key for key in keys if hot.get(key) is not None]


def test_one_pass_over_many_values_does_not_drive_out_what_is_used():
    hot = Hot(1_000)
    filled(hot, ["a", "b", "c"])
    for _ in range(2):
        kept(hot, ["a", "b", "c"])
    filled(hot, [f"once{number}" for number in range(500)])
    assert kept(hot, ["a", "b", "c"]) == ["a", "b", "c"]


def test_what_is_not_used_any_more_leaves_in_the_end():
    hot = Hot(1_000)
    filled(hot, ["old"])
    kept(hot, ["old"] * 5)
    for turn in range(8):
        fresh = [f"{turn}/{number}" for number in range(9)]
        filled(hot, fresh)
        kept(hot, fresh * 3)
    assert hot.get("old") is None


def test_a_value_that_comes_back_soon_after_it_left_stays_longer():
    hot = Hot(1_000)
    filled(hot, [f"first{number}" for number in range(12)])
    assert hot.get("first0") is None
    filled(hot, ["first0"])
    filled(hot, [f"second{number}" for number in range(30)])
    assert hot.get("first0") == "FIRST0"


def test_stale_values_leave_before_all_others_even_when_they_were_used():
    hot = Hot(1_000)
    keys = [f"k{number}" for number in range(10)]
    filled(hot, keys)
    kept(hot, keys[3:5] * 3)
    hot.mark_stale("k3")
    hot.mark_stale("k4")
    hot.mark_stale("unknown")
    assert hot.get("k3") == "K3"
    filled(hot, ["new0", "new1"])
    assert kept(hot, [*keys, "new0", "new1"]) == ["k0", "k1", "k2", "k5", "k6", "k7", "k8", "k9", "new0", "new1"]


def test_a_stale_value_that_is_put_again_is_fresh():
    hot = Hot(1_000)
    filled(hot, [f"k{number}" for number in range(10)])
    hot.mark_stale("k9")
    filled(hot, ["k9", "new"])
    assert kept(hot, ["k0", "k9", "new"]) == ["k9", "new"]


def test_one_huge_value_does_not_empty_the_tier():
    hot = Hot(1_000)
    keys = [f"k{number}" for number in range(9)]
    filled(hot, keys)
    hot.put("huge", "x", 900)
    assert (kept(hot, keys), hot.get("huge"), hot.statistics().evictions) == (keys, None, 1)


def test_a_value_that_grew_too_large_is_not_served_in_its_old_form():
    hot = Hot(1_000)
    hot.put("k", "old", 10)
    hot.put("k", "new", 900)
    assert hot.get("k") is None


def test_sizes_are_estimated_when_none_is_given():
    hot = Hot()
    hot.put("text", "x" * 10_000)
    assert 10_000 <= hot.size_bytes <= 10_100


def test_closing_forgets_everything():
    hot = Hot(1_000)
    filled(hot, ["a", "b"])
    hot.close()
    assert hot.statistics()[1:3] == (0, 0)


STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "get", "remove", "stale"]), st.integers(0, 12), st.integers(0, 60)), max_size=80
)


@given(STEPS)
def test_bound_and_sizes_hold_whatever_happens(steps: list[tuple[str, int, int]]):
    hot, model = Hot(100), {}
    for act, number, size in steps:
        key = str(number)
        if act == "put":
            model[key] = (size, number)
            hot.put(key, (size, number), size)
        elif act == "remove":
            model.pop(key, None)
            hot.remove(key)
        elif act == "stale":
            hot.mark_stale(key)
        else:
            assert hot.get(key) in (None, model.get(key))
        assert hot.size_bytes <= 100
    left = {key: hot.get(key) for key in model}
    present = {key: value for key, value in left.items() if value is not None}
    assert present == {key: model[key] for key in present}
    assert hot.size_bytes == sum(value[0] for value in present.values())
    assert all(value[0] <= 100 * LARGEST_SHARE for value in present.values())
    assert hot.statistics().items == len(present)


def test_readers_see_whole_values_while_others_put_and_evict():
    hot, wrong = Hot(5_000), []

    def read(seed: int) -> None:
        chance = Random(seed)
        for _ in range(5_000):
            key = str(chance.randrange(200))
            if hot.get(key) not in (None, key.upper()):
                wrong.append(key)

    def write(seed: int) -> None:
        chance = Random(seed)
        for _ in range(2_000):
            key = str(chance.randrange(200))
            hot.put(key, key.upper(), chance.randrange(300))
            hot.mark_stale(str(chance.randrange(200)))

    threads = [Thread(target=act, args=(seed,)) for seed, act in enumerate([read, read, write, write])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = hot.statistics()
    assert wrong == []
    assert found.hits + found.misses == 10_000
    assert 0 <= found.size_bytes <= 5_000
