"""Whatever a session holds, the doors tell it, compare it and take it up."""

from __future__ import annotations

import re
from random import Random

import pytest

from aiex.jobs.sessions.changing import render as render_taken_up
from aiex.jobs.sessions.changing import take_up
from aiex.jobs.sessions.comparing import compare, render, to_data
from aiex.jobs.sessions.replaying import replay
from aiex.jobs.sessions.showing import list_sessions, show_session, to_cells
from aiex.jsonform import dump
from tests.fakes.histories import Histories

HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@pytest.mark.parametrize("seed", range(6))
def test_any_session_can_be_shown_compared_told_again_and_taken_up(sessions, seed):
    histories, random = Histories(sessions.log, seed), Random(seed)
    for _ in range(2):
        histories.begin()
    for _ in range(50):
        histories.live(random.choice(histories.ids))
    histories.fork(histories.ids[0])
    for session in histories.ids:
        last = sessions.log.head(session).seq
        first = random.randint(0, last)
        shown, found = show_session(sessions, session), compare(sessions, session, first, last)
        assert not HARMFUL.search(shown.text + render(found))
        assert dump([shown.data, to_data(found)])
        assert len(list(replay(sessions, session, 1, last, "lines"))) == last + 1
        assert session in render_taken_up(take_up(sessions, session, "editor"))
        assert not sessions.state(session).interrupted
    rows, count = list_sessions(sessions, root="", archived=None, last=0)
    assert count == 3
    assert not any(HARMFUL.search(cell) for row in rows for cell in to_cells(row))
