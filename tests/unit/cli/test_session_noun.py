"""`list`, `show`, `search`, `resume`, `fork`, `rename`, `diff`, `replay`, `export`, `import`, `archive`, `restore` and
`rm session`: their words, and what they hand on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aiex.cli.driver import execute
from aiex.cli.groups import Root
from aiex.cli.main import parse
from aiex.cli.nouns.session import NOUN, _complete_sessions
from aiex.errors import AiexError, Conflict, UsageError
from aiex.events import Event, Noted, SessionRenamed, TextDelta, ToolStarted, TurnEnded, Warned
from aiex.sessions.keeping import Sessions, open_sessions
from aiex.wiring import Services
from tests.fakes.histories import START_MS, answered, ended, said, started, used

ONE, TWO, OTHER = "5e55000000000001", "5e55000000000002", "abcd000000000003"


def run(cwd: Path, *words: str) -> tuple[TurnEnded, list[Event]]:
    told: list[Event] = []
    invocation = parse(list(words))
    with closing(
        Services(str(cwd), overrides=invocation.flags.overrides, flags=invocation.flags.to_settings())
    ) as services:
        ended = execute(invocation.work.prepare(services)(), told.append, waits=invocation.work.waits)
    return ended, told


def answer(cwd: Path, *words: str) -> str:
    return run(cwd, *words)[0].answer


def data(cwd: Path, *words: str) -> dict[str, object]:
    return dict(run(cwd, *words)[0].data or {})


@pytest.fixture
def sessions(home: Path, workspace: Path) -> Iterator[Sessions]:
    """Two sessions of the workspace, the second cut off in a call, and one of another."""
    opened = open_sessions(Services(str(workspace)).settings)
    root = str(workspace)
    for session, at_ms, events in (
        (
            ONE,
            0,
            [started(root), said("why?"), used(10, 2), answered("because"), ended(), SessionRenamed("The parser")],
        ),
        (OTHER, 3000, [started("/code/lib"), said("why not?"), answered("so"), ended()]),
        (TWO, 2000, [started(root), said("build it"), ToolStarted("c1", "make", {})]),
    ):
        opened.log.append(session, events, after_seq=0, turn=1, at_ms=START_MS + at_ms)
    yield opened
    opened.close()


@pytest.mark.parametrize("verb", sorted(NOUN.verbs))
def test_every_verb_says_what_is_missing_before_there_is_a_session(verb: str, workspace: Path, home: Path) -> None:
    words = {"rename": [ONE, "x"], "search": ["x"], "diff": ["--from", "0"], "import": ["gone"]}
    operands = words.get(verb, [ONE] if verb in ("archive", "restore", "rm") else [])
    if verb in ("list", "search"):
        assert "no" in answer(workspace, verb, "session", *operands)
    elif verb not in ("bisect", "rewind"):
        with pytest.raises(UsageError):
            run(workspace, verb, "session", *operands)
    assert not (home / "data" / "sessions" / "sessions.db").exists()


@pytest.mark.usefixtures("sessions")
def test_the_list_is_of_this_workspace(workspace: Path) -> None:
    lines = answer(workspace, "list", "sessions").split("\n")
    assert lines[0].split() == ["ID", "WHEN", "STATE", "TITLE", "MODEL", "TURNS", "TOKENS", "COST", "FILES"]
    assert [line.split()[0] for line in lines[1:]] == [TWO, ONE]
    assert "cut off" in lines[1]
    everything = answer(workspace, "list", "sessions", "--all", "--last", "1")
    assert everything.split("\n")[0].endswith("WORKSPACE")
    assert everything.endswith("1 of 3 sessions; all of them: --last 0")
    assert data(workspace, "list", "sessions", "--archived") == {"sessions": [], "count": 0}


@pytest.mark.usefixtures("sessions")
def test_without_an_id_it_is_the_last_one_here(workspace: Path, tmp_path: Path) -> None:
    assert data(workspace, "show", "session")["id"] == TWO
    with pytest.raises(UsageError, match="no session in this workspace"):
        run(tmp_path, "show", "session")


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize("verb", ["archive", "restore", "rm"])
def test_what_changes_a_session_for_long_wants_it_named(verb: str, workspace: Path) -> None:
    with pytest.raises(UsageError):
        run(workspace, verb, "session")
    with pytest.raises(UsageError, match="which session"):
        run(workspace, verb, "session", " ")
    assert data(workspace, "list", "sessions")["count"] == 2


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("show", "session", "5e55"), "may be one of 2", ONE),
        (("show", "session", "5e5500000000000f"), "there is no session", "did you mean"),
        (("show", "session", "the parsr"), "there is no session", "The parser"),
        (("show", "session", "a\x1b[31m"), "there is no session a␛", ""),
        (("fork", "session", ONE, "--at", "7"), "no event 7", "1 to 6"),
        (("fork", "session", ONE, "--at", "2099-01-01"), "not come yet", "10m"),
        (("show", "session", ONE, "--at", "soon"), "cannot read soon as a place", "10m"),
        (("diff", "session", ONE, "--from", "5", "--to", "2"), "comes before", "--from"),
        (("replay", "session", ONE, "--from", "5", "--to", "2"), "comes before", "--from"),
        (("rename", "session", ONE, "a\x07b"), "one line of printable", "control characters"),
        (("search", "session", "..."), "holds no word", "phrases"),
        (("restore", "session", ONE), "is not archived", ""),
        (("import", "session", "."), "it is a directory", ""),
    ],
)
def test_bad_words_are_answered_with_what_would_do(
    words: tuple[str, ...], message: str, hint: str, workspace: Path
) -> None:
    with pytest.raises(AiexError) as caught:
        run(workspace, *words)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "\x1b" not in caught.value.message + caught.value.hint


@pytest.mark.usefixtures("sessions")
def test_a_session_is_taken_up_and_its_id_stands_in_the_outcome(workspace: Path) -> None:
    done, _ = run(workspace, "resume", "session")
    assert (done.resume, dict(done.data or {})["was_interrupted"]) == (TWO, True)
    assert "in flight: make (c1)" in done.answer
    assert data(workspace, "resume", "session", TWO)["was_interrupted"] is False


def test_a_session_that_is_open_elsewhere_is_left_alone(workspace: Path, sessions: Sessions) -> None:
    lock = sessions.lock(ONE)
    lock.acquire()
    for words in (("resume", ONE), ("rename", ONE, "x"), ("archive", ONE), ("restore", ONE), ("rm", ONE)):
        with pytest.raises(Conflict, match="is open in process"):
            run(workspace, words[0], "session", *words[1:])
    assert "open in process" in answer(workspace, "show", "session", ONE)
    assert data(workspace, "fork", "session", ONE)["parent"] == ONE
    lock.release()


@pytest.mark.usefixtures("sessions")
def test_a_fork_a_title_and_a_removal(workspace: Path) -> None:
    done, _ = run(workspace, "fork", "session", "the parser", "--at", "2")
    child = str(done.resume)
    assert (
        run(workspace, "rename", "session", child, "Another", "way")[0].answer
        == f"session {child} is called Another way"
    )
    assert data(workspace, "show", "session", "another way")["parent"] == ONE
    assert answer(workspace, "rename", "session", child, "") == f"session {child} has no title"
    run(workspace, "rm", "session", child)
    with pytest.raises(UsageError):
        run(workspace, "show", "session", child)


@pytest.mark.usefixtures("sessions")
def test_an_archived_session_is_shown_searched_and_brought_back(workspace: Path) -> None:
    run(workspace, "archive", "session", ONE)
    assert [one["id"] for one in data(workspace, "list", "sessions")["sessions"]] == [TWO]  # type: ignore[attr-defined]
    assert ONE in answer(workspace, "list", "sessions", "--archived")
    assert "archived" in answer(workspace, "show", "session", ONE)
    assert ONE in answer(workspace, "search", "session", "because")
    with pytest.raises(Conflict, match="is archived"):
        run(workspace, "rename", "session", ONE, "x")
    run(workspace, "restore", "session", ONE)
    assert ONE in answer(workspace, "list", "sessions")


@pytest.mark.usefixtures("sessions")
def test_search_is_in_this_workspace_or_in_all(workspace: Path) -> None:
    hits = data(workspace, "search", "session", "why")["hits"]
    assert [hit["session"] for hit in hits] == [ONE]  # type: ignore[attr-defined]
    assert answer(workspace, "search", "session", "--all", "why", "not").count(OTHER) == 1
    assert answer(workspace, "search", "session", "nowhere") == "nothing was found"
    assert answer(workspace, "search", "session", "--kind", "assistant", "why") == "nothing was found"


@pytest.mark.usefixtures("sessions")
def test_a_difference_goes_to_the_end_by_default(workspace: Path) -> None:
    found = data(workspace, "diff", "session", ONE, "--from", "2")
    assert (found["from"], found["to"]) == (2, 6)
    assert "+ [4] assistant: because" in answer(workspace, "diff", "session", ONE, "--from", "0")


@pytest.mark.usefixtures("sessions")
def test_a_replay_comes_in_three_forms(workspace: Path) -> None:
    done, told = run(workspace, "replay", "session", ONE, "--from", "2", "--to", "2")
    assert [event.text for event in told if isinstance(event, TextDelta)] == [
        "     2  2026-09-21 14:13:20  message               You: why?\n"
    ]
    assert dict(done.data or {})["events"] == 1
    _, told = run(workspace, "replay", "session", ONE, "--lines")
    lines = [json.loads(event.text) for event in told if isinstance(event, TextDelta)]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5, 6]
    _, told = run(workspace, "replay", "session", ONE, "-o", "stream-json")
    assert [event.data for event in told if isinstance(event, Noted)] == lines
    assert data(workspace, "replay", "session", ONE, "--json")["lines"] == lines


@pytest.mark.usefixtures("sessions")
def test_a_replay_from_a_time_begins_behind_it(workspace: Path) -> None:
    """Everything in the session happened in one second, long ago."""
    assert data(workspace, "replay", "session", TWO, "--to", "1m")["events"] == 3
    with pytest.raises(UsageError, match="comes before"):
        run(workspace, "replay", "session", TWO, "--from", "1m")


@pytest.mark.usefixtures("sessions")
def test_an_export_is_taken_in_again(workspace: Path) -> None:
    written = data(workspace, "export", "session", ONE, "--out", "talk.jsonl")
    assert written["bytes"] == (workspace / "talk.jsonl").stat().st_size
    with pytest.raises(UsageError, match="exists already"):
        run(workspace, "export", "session", ONE, "--out", "talk.jsonl")
    _, told = run(workspace, "export", "session", ONE)
    assert (
        "".join(event.text for event in told if isinstance(event, TextDelta)) == (workspace / "talk.jsonl").read_text()
    )
    assert answer(workspace, "export", "session", ONE, "--json") == (workspace / "talk.jsonl").read_text()
    done, told = run(workspace, "import", "session", "talk.jsonl")
    assert [type(event) for event in told] == [Warned]
    assert dict(done.data or {})["original"] == ONE
    run(workspace, "rm", "session", ONE)
    assert data(workspace, "import", "session", "talk.jsonl")["session"] == ONE


@pytest.mark.usefixtures("sessions")
def test_a_file_that_was_changed_is_refused_by_name_and_line(workspace: Path) -> None:
    run(workspace, "export", "session", ONE, "--out", "talk.jsonl")
    path = workspace / "talk.jsonl"
    path.write_text(path.read_text().replace("because", "Because"))
    with pytest.raises(UsageError, match=r"cannot take in talk\.jsonl: line 5"):
        run(workspace, "import", "session", "talk.jsonl")
    assert data(workspace, "list", "sessions", "--all")["count"] == 3


@pytest.mark.usefixtures("sessions")
def test_ids_are_completed_with_their_titles(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import click

    monkeypatch.chdir(workspace)
    run(workspace, "list", "sessions")
    items = _complete_sessions(click.Context(Root()), click.Option(["--x"]), "5e55")
    assert [(item.value, item.help) for item in items] == [(TWO, "build it"), (ONE, "The parser")]


def test_nothing_is_completed_where_nothing_can_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import click

    monkeypatch.chdir(home)
    assert _complete_sessions(click.Context(Root()), click.Option(["--x"]), "") == []
    (home / "data" / "sessions").mkdir(parents=True)
    (home / "data" / "sessions" / "views.db").write_bytes(b"no database" * 99)
    assert _complete_sessions(click.Context(Root()), click.Option(["--x"]), "") == []
