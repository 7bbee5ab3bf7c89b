"""Finding what was said."""

from __future__ import annotations

import pytest

from aiex.errors import StoreError, UsageError
from aiex.events import SessionForked, TextDelta, ToolFinished, ToolStarted, TurnEnded
from aiex.guard.protectors import KeyFileProtector
from aiex.sessions.log import EventLog
from aiex.sessions.projections import Views
from aiex.sessions.sealing import Sealing, open_keys_with
from aiex.sessions.search import excerpt, fits, parse_question, search
from aiex.sessions.stores.sqlite import SqliteStore
from tests.fakes.histories import START_MS, answered, said, started

ONE = "00000000000000b1"
TWO = "00000000000000b2"


@pytest.fixture
def desk(tmp_path):
    log = EventLog(SqliteStore(str(tmp_path / "sessions.db")))
    views = Views(str(tmp_path / "views.db"), log)
    yield log, views
    views.close()
    log.close()


def add(log, session, *events, at_ms=START_MS):
    head = log.head(session)
    log.append(session, events, after_seq=head.seq if head else 0, turn=1, at_ms=at_ms)


def find(desk, question, **options):
    log, views = desk
    views.catch_up()
    return [(hit.session, hit.seq) for hit in search(views, log, question, **options).hits]


def test_words_of_people_models_and_tools_are_found(desk):
    add(
        desk[0],
        ONE,
        started(),
        said("Why does the Parser hang?"),
        TextDelta("parser"),
        answered("A café loop in parse_all()"),
    )
    add(desk[0], ONE, ToolStarted("c", "run", {}), ToolFinished("c", "run", "RecursionError at line 7"))
    assert find(desk, "parser hang") == [(ONE, 2)]
    assert find(desk, "CAFE") == [(ONE, 4)]
    assert find(desk, "parse_all") == [(ONE, 4)]
    assert find(desk, "recursion*") == [(ONE, 6)]
    assert find(desk, "recursion") == []
    assert find(desk, "recursionerror", kinds=["user"]) == []
    assert find(desk, '"line 7"') == [(ONE, 6)]
    assert find(desk, '"7 line"') == []


def test_an_answer_that_only_the_end_of_its_turn_tells_is_found(desk):
    add(desk[0], ONE, started(), said("explain a.py"), TurnEnded("success", "answered", 0, "It is a tokenizer"))
    assert find(desk, "tokenizer") == [(ONE, 3)]


def test_words_that_are_commands_of_the_index_are_words(desk):
    add(desk[0], ONE, started(), said('a NEAR b OR text: NOT (c) "quoted" -- *'))
    for question in ("NEAR", "NOT", "text:", "(c)", 'quoted"', '"quoted', "a* OR", "b -- *", "x' OR 1=1"):
        find(desk, question)
    assert find(desk, 'text: OR "quoted') == [(ONE, 2)]


@pytest.mark.parametrize("question", ["", "   ", '""', "--", "* _ *", " ".join(["a"] * 100)])
def test_a_question_without_words_or_with_far_too_many_is_refused(question):
    with pytest.raises(UsageError):
        parse_question(question)


def test_what_a_fork_copied_is_found_once(desk):
    add(desk[0], ONE, started(), said("original words"))
    desk[0].copy(ONE, 2, TWO)
    add(desk[0], TWO, SessionForked(ONE, 2))
    assert find(desk, "original") == [(ONE, 2)]
    desk[0].remove(ONE)
    assert find(desk, "original") == [(TWO, 2)]


def test_only_sessions_of_a_workspace_are_searched_when_one_is_named(desk):
    add(desk[0], ONE, started("/code/a"), said("same words"))
    add(desk[0], TWO, started("/code/b"), said("same words"), at_ms=START_MS + 1)
    assert find(desk, "same", root="/code/b") == [(TWO, 2)]


def test_a_sealed_session_is_in_no_index_and_found_while_its_key_is_there(tmp_path):
    protector = KeyFileProtector(str(tmp_path / "kek"), "the keys of the test")
    sealing = Sealing(open_keys_with(str(tmp_path), protector), new_sessions=True)
    log = EventLog(SqliteStore(str(tmp_path / "sessions.db")), seal=sealing)
    views = Views(str(tmp_path / "views.db"), log)
    add(log, ONE, started(), said("the Quetzalcoatl plan"), answered("about quetzalcoatl"))
    views.catch_up()
    found = search(views, log, '"quetzalcoatl plan"')
    assert [(hit.session, hit.seq, hit.excerpt) for hit in found.hits] == [(ONE, 2, "the Quetzalcoatl plan")]
    assert [(row.words, row.sealed, row.turns) for row in views.listed()] == [("the Quetzalcoatl plan", True, 1)]
    views.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("views.db"))
    assert b"uetzalcoatl" not in kept
    sealing.erase(ONE)
    blind = EventLog(SqliteStore(str(tmp_path / "sessions.db")))
    views = Views(str(tmp_path / "views.db"), blind)
    views.catch_up()
    found = search(views, blind, "quetzalcoatl")
    assert (found.hits, found.not_opened) == ([], [ONE])
    assert [row.words for row in views.listed()] == [""]
    with pytest.raises(StoreError):
        list(blind.read(ONE))
    views.close()
    log.close()
    blind.close()


@pytest.mark.parametrize(
    ("question", "does_fit"),
    [("foo bar", True), ('"foo bar"', False), ("fo*", True), ("fo", False), ("NAIVE", True), ('"bar naiv"', False)],
)
def test_reading_finds_what_the_index_would(desk, question, does_fit):
    text = "foo, a bar naïve_x"
    add(desk[0], ONE, started(), said(text))
    assert fits(text, parse_question(question)) is does_fit
    assert bool(find(desk, question)) is does_fit


def test_an_excerpt_shows_the_words_in_their_place():
    text = "start " + "filler " * 100 + "the needle stands here " + "filler " * 100
    shown = excerpt(text, parse_question("needle"))
    assert "needle stands here" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) < 200
