"""The one way from the work to the screen."""

from __future__ import annotations

from threading import Thread

from aiex.tui.bus import Bus


def test_the_reader_is_woken_once_for_all_that_lies_there():
    bus, woken = Bus[int](), []
    bus.listen(lambda: woken.append(1))
    for number in range(3):
        bus.post(number)
    assert (len(woken), bus.take()) == (1, [0, 1, 2])
    bus.post(3)
    assert (len(woken), bus.take()) == (2, [3])


def test_what_came_before_anybody_listened_wakes_at_once():
    bus, woken = Bus[int](), []
    bus.post(1)
    bus.listen(lambda: woken.append(1))
    assert (len(woken), bus.take()) == (1, [1])


def test_nothing_is_lost_or_doubled_between_threads():
    bus, seen = Bus[tuple[int, int]](), []
    bus.listen(lambda: None)
    writers = [Thread(target=lambda one=one: [bus.post((one, n)) for n in range(2_000)]) for one in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen += bus.take()
    seen += bus.take()
    for one in range(4):
        assert [n for writer, n in seen if writer == one] == list(range(2_000))
