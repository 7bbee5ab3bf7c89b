"""Circles are noticed, and work that moves is not taken for one."""

from __future__ import annotations

import pytest

from aiex.agent.progress import MOST_CUT, MOST_EMPTY, MOST_FAILED_TURNS, STOP_AT, Progress, Stuck
from aiex.events import ToolFinished
from aiex.messages import ToolCall

CALL = ToolCall("c", "read", {"path": "a", "limit": 3})


def finished(text: str = "x", *, is_error: bool = False) -> ToolFinished:
    return ToolFinished("c", "read", text, is_error)


def test_a_call_counts_with_its_result_and_the_order_of_its_arguments_does_not() -> None:
    progress = Progress()
    again = ToolCall("d", "read", {"limit": 3, "path": "a"})
    counts = [progress.count_result(one, finished(text)) for one in (CALL, again) for text in ("x", "y")]
    assert counts == [1, 1, 2, 2]
    assert progress.count_result(ToolCall("e", "read", {"path": "b"}), finished()) == 1
    progress.note_change()
    assert progress.count_result(CALL, finished()) == 1


def test_words_that_are_no_unicode_are_compared_all_the_same() -> None:
    progress = Progress()
    odd = ToolCall("c", "read", {"path": "caf\udce9"})
    assert [progress.count_result(odd, finished("\udce9")) for _ in range(2)] == [1, 2]


def test_so_many_repetitions_end_it() -> None:
    progress = Progress()
    progress.note_turn([finished()], [STOP_AT - 1])
    with pytest.raises(Stuck, match="6 times"):
        progress.note_turn([finished(), finished()], [1, STOP_AT])


def test_answers_whose_calls_all_fail_end_it_and_one_that_works_starts_anew() -> None:
    progress = Progress()
    bad = finished("no such file", is_error=True)
    for _ in range(MOST_FAILED_TURNS - 1):
        progress.note_turn([bad, bad], [1, 1])
    progress.note_turn([bad, finished()], [1, 1])
    for _ in range(MOST_FAILED_TURNS - 1):
        progress.note_turn([bad], [1])
    with pytest.raises(Stuck, match="no such file"):
        progress.note_turn([bad], [1])


def test_empty_and_cut_answers_count_in_a_row() -> None:
    progress = Progress()
    for may_be, most in ((progress.may_be_empty, MOST_EMPTY), (progress.may_be_cut, MOST_CUT)):
        assert [may_be() for _ in range(most + 1)] == [True] * most + [False]
    progress.note_turn([finished()], [1])
    assert (progress.may_be_empty(), progress.may_be_cut()) == (True, True)
