from __future__ import annotations

from aiex import events as told
from aiex.runs.standing import Standing
from aiex.tui.desk import BackgroundJob, Desk, Item


def fold(*events: told.Event) -> Desk:
    desk = Desk()
    for event in events:
        desk.take(event)
    return desk


def run(call: str, text: str, **arguments: object) -> tuple[told.Event, told.Event]:
    return told.ToolStarted(call, "run", arguments), told.ToolFinished(call, "run", text)


def test_the_last_list_counts_once_its_call_was_good() -> None:
    first = told.ToolStarted("1", "todo", {"items": ["one"]}), told.ToolFinished("1", "todo", "ok")
    bad = told.ToolStarted("2", "todo", {"items": ["two"]}), told.ToolFinished("2", "todo", "no", is_error=True)
    assert fold(*first, *bad).items == (Item("one", "open"),)


def test_items_are_made_harmless() -> None:
    items = [{"text": "a\x1b[2J\nb", "state": "doing"}, {"text": "c", "state": "odd"}, 7]
    desk = fold(told.ToolStarted("1", "todo", {"items": items}), told.ToolFinished("1", "todo", "ok"))
    assert [item.state for item in desk.items] == ["doing", "open"]
    assert "\x1b" not in desk.items[0].text


def test_a_job_runs_until_its_end_is_read_or_the_turn_ends() -> None:
    first = run("1", 'runs in the background as job "1"', command="make serve")
    second = run("2", 'runs in the background as job "2"', command="make watch")
    desk = fold(*first, *second, *run("3", "exit code 2, 1.0 s\noutput", job="1"))
    assert desk.jobs["1"] == BackgroundJob("1", "make serve", "failed", "exit code 2")
    assert desk.jobs["2"].state == "running"
    desk.take(told.TurnEnded("success", "done", 1))
    assert [job.state for job in desk.jobs.values()] == ["failed", "gone"]


def test_output_that_speaks_of_jobs_starts_none() -> None:
    assert fold(*run("1", 'exit code 0, 0.1 s\nas job "7"', command="echo")).jobs == {}


def test_how_a_session_stands_takes_the_place_of_what_was_folded() -> None:
    desk = fold(told.FileEdited("a.py", "changed", 1, 1), told.FileEdited("b.py", "created", 1, 0))
    desk.stand(Standing(frozenset(), {"b\x1b.py": "created"}, {"pytest": True}, ["again"]))
    assert desk.files == {"b␛.py": "created"}
    assert desk.items == (Item("again", "open"),)
    assert desk.checks == {"pytest": True}
