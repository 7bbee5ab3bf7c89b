"""Time that is spent waiting for the person does not count as work."""

from __future__ import annotations

from aiex.tui.stopwatch import Stopwatch


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_it_stands_while_any_question_is_open() -> None:
    clock = Clock()
    watch, shown = Stopwatch(clock), list[float]()
    for then in (lambda: watch.ask(1), lambda: watch.ask(2), lambda: watch.close(1), lambda: watch.close(2), list):
        clock.now_s += 10
        then()
        shown.append(watch.elapsed_s)
    assert shown == [10, 10, 10, 10, 20]


def test_a_question_that_nobody_asked_changes_nothing() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    clock.now_s += 5
    watch.close(7)
    assert (watch.elapsed_s, watch.stands) == (5, False)
    watch.start()
    assert watch.elapsed_s == 0
