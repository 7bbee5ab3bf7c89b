"""Small things are done beside the screen, one after another."""

from __future__ import annotations

import threading

from aiex.tui.aside import Aside


def test_all_is_done_in_order_before_the_end():
    done: list[int] = []
    aside = Aside(lambda _: None)
    for number in range(5):
        aside.do(lambda number=number: done.append(number))  # type: ignore[misc]
    aside.close()
    aside.do(lambda: done.append(99))

    assert done == [0, 1, 2, 3, 4]


def test_of_one_kind_only_the_newest_that_waits_is_done():
    done: list[int] = []
    began, goes_on = threading.Event(), threading.Event()
    aside = Aside(lambda _: None)
    aside.do(lambda: (began.set(), goes_on.wait()))
    began.wait()
    for number in range(5):
        aside.do(lambda number=number: done.append(number), "asked")  # type: ignore[misc]
    aside.do(goes_on.is_set)
    goes_on.set()
    finished = threading.Event()
    aside.do(finished.set)
    finished.wait()
    aside.close()

    assert done == [4]


def test_what_breaks_is_told_and_the_rest_is_done():
    told: list[Exception] = []
    done: list[int] = []
    aside = Aside(told.append)
    aside.do(lambda: 1 / 0)
    aside.do(lambda: done.append(1))
    aside.close()

    assert ([type(error) for error in told], done) == ([ZeroDivisionError], [1])


def test_nothing_was_begun_where_nothing_was_asked():
    before = set(threading.enumerate())
    Aside(lambda _: None).close()
    assert set(threading.enumerate()) <= before
