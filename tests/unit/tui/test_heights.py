"""Heights of blocks one under another."""

from hypothesis import given
from hypothesis import strategies as st

from aiex.tui.heights import Heights

SOME = st.lists(st.integers(0, 9), max_size=40)


@given(SOME, SOME, st.data())
def test_heights_answer_as_a_plain_list_would(first: list[int], more: list[int], data: st.DataObject) -> None:
    heights, plain = Heights(first), list(first)
    if plain:
        count = data.draw(st.integers(0, len(plain)))
        heights.truncate(count)
        del plain[count:]
    heights.extend(more)
    plain += more
    heights.prepend(first)
    plain[:0] = first
    if plain:
        at, height = data.draw(st.integers(0, len(plain) - 1)), data.draw(st.integers(0, 9))
        assert heights.set(at, height) == height - plain[at]
        plain[at] = height
    rows = [at for at, height in enumerate(plain) for _ in range(height)]
    assert heights.total == len(rows)
    assert [heights.top(at) for at in range(len(plain) + 1)] == [sum(plain[:at]) for at in range(len(plain) + 1)]
    assert [heights.at(row) for row in range(len(rows))] == rows
    assert heights.at(len(rows)) == len(plain)
