"""What was made of a value is made once."""

from aiex.memo import Memo


def test_a_value_is_made_once_for_the_same_object() -> None:
    memo: Memo[int] = Memo()
    key, made = ["a"], iter([1, 2])
    assert memo.get(key, (), lambda: next(made)) == memo.get(key, (), lambda: next(made)) == 1
    assert memo.get(["a"], (), lambda: next(made)) == 2  # an equal one is another one


def test_a_value_is_made_anew_with_others_beside_it() -> None:
    memo: Memo[int] = Memo()
    key, one, other, made = ["a"], ["b"], ["c"], iter([1, 2])
    assert memo.get(key, (one,), lambda: next(made)) == memo.get(key, (one,), lambda: next(made)) == 1
    assert memo.get(key, (other,), lambda: next(made)) == 2


def test_a_full_memo_forgets() -> None:
    memo: Memo[int] = Memo(most=2)
    keys, made = [["a"], ["b"], ["c"]], iter(range(9))
    assert [memo.get(key, (), lambda: next(made)) for key in keys] == [0, 1, 2]
    assert [memo.get(key, (), lambda: next(made)) for key in keys] == [3, 4, 5]
