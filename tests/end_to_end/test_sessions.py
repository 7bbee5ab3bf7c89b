"""Sessions at the door: the real command, in a pipe, beside other processes, where things are damaged or missing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from aiex import dirs
from aiex.events import ApprovalAsked, AssistantSpoke, CheckpointTaken, FileEdited, SessionRenamed, ToolStarted
from aiex.messages import Text, ToolCall
from aiex.sessions.keeping import Sessions, open_sessions
from aiex.wiring import Services
from tests.conftest import RunAiex
from tests.fakes.histories import START_MS, Histories, answered, ended, said, started, used
from tests.fakes.postgres_server import NoServer, shared_server
from tests.fakes.started import start_aiex, start_python

ONE, TWO = "5e55000000000001", "5e55000000000002"
TURN = (said("why does the parser fail?"), used(1200, 340), answered("Because of the bracket"), ended())
CUT = (
    said("build it"),
    AssistantSpoke((Text("I build it"), ToolCall("c1", "make", {})), "anthropic", "claude-x"),
    CheckpointTaken("aaaaaaaaaaaa", "before make"),
    ToolStarted("c1", "make", {}),
)
HOLD = """
import sys
from aiex.sessions.keeping import Sessions
Sessions(sys.argv[1]).lock(sys.argv[2]).acquire()
print("open", flush=True)
sys.stdin.read()
"""


def open_mine(workspace: Path) -> Sessions:
    return open_sessions(Services(str(workspace)).settings)


@pytest.fixture
def sessions(home: Path, workspace: Path) -> Iterator[Sessions]:
    """A session that went well, and one whose process died in a call."""
    with closing(open_mine(workspace)) as opened:
        for session, events in ((ONE, TURN), (TWO, CUT)):
            opened.log.append(session, [started(str(workspace)), *events], after_seq=0, turn=1, at_ms=START_MS)
        yield opened


@pytest.fixture
def folder(home: Path) -> Path:
    return Path(dirs.data_dir(os.environ), "sessions")


# --- looking --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sessions")
def test_what_happened_is_told_to_people_and_programs_alike(run_warm: RunAiex, workspace: Path) -> None:
    listed = run_warm("list", "sessions", cwd=workspace)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.count("\n") == 3
    shown = run_warm("show", "session", ONE[:-1] + "1", cwd=workspace)
    assert "    Because of the bracket\n" in shown.stdout
    result = json.loads(run_warm("show", "session", ONE, "--json", cwd=workspace).stdout)
    heads = [entry["head"] for entry in result["structured_output"]["conversation"]]
    assert heads[1:] == ["You", "anthropic/claude-x", "Done"]
    lines = run_warm("replay", "session", ONE, "--lines", cwd=workspace).stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3, 4, 5]


@pytest.mark.usefixtures("sessions")
def test_the_stream_of_a_replay_has_one_result_and_its_own_numbers(run_warm: RunAiex, workspace: Path) -> None:
    done = run_warm("replay", "session", ONE, "-o", "stream-json", "-q", cwd=workspace)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["seq"] for line in lines] == [*range(1, 8)]
    assert [line["type"] for line in lines] == ["init", *["progress"] * 5, "result"]
    assert [line["data"]["type"] for line in lines[1:-1]] == ["init", "message", "usage", "message", "result"]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("sessions")
def test_a_session_is_read_while_another_process_has_it_open(run_warm: RunAiex, workspace: Path, folder: Path) -> None:
    holder = start_python("-c", HOLD, str(folder), TWO, stdin=subprocess.PIPE, text=True)
    with holder as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "open\n"
        owner = f"process {process.pid} of "
        assert "working" in run_warm("list", "sessions", cwd=workspace).stdout
        assert owner in run_warm("show", "session", TWO, cwd=workspace).stdout
        for words in (("resume",), ("rename",), ("archive",), ("rm",)):
            refused = run_warm(*words, "session", TWO, *(["x"] if words == ("rename",) else []), cwd=workspace)
            assert refused.returncode == 6
            assert f"session {TWO} is open in {owner}" in refused.stderr
        assert run_warm("fork", "session", TWO, cwd=workspace).returncode == 0
        assert run_warm("export", "session", TWO, cwd=workspace).stdout.count("\n") == 7
        process.stdin.close()
        process.wait(timeout=60)
    resumed = run_warm("resume", "session", TWO, cwd=workspace)
    assert resumed.returncode == 0
    assert "died with it open" in resumed.stdout
    assert "in flight: make (c1), begun at event 5" in resumed.stdout
    assert "interrupted" in run_warm("list", "sessions", cwd=workspace).stdout


HOSTILE = "a\x1b]0;owned\x07\x9b2J\u202eb\nc"
"""The title of a window, an erased screen in one character of C1, words the other way round, and a line of its own."""


@pytest.fixture
def hostile(sessions: Sessions, workspace: Path) -> str:
    """A session in which every word came from somebody who wants to steer the terminal."""
    talk = (said(HOSTILE), answered(HOSTILE), ToolStarted(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}))
    events = (*talk, FileEdited(HOSTILE, "changed", 1, 1), ApprovalAsked(*[HOSTILE] * 3), SessionRenamed(HOSTILE))
    begin = replace(started(str(workspace)), provider=HOSTILE, model=HOSTILE)
    sessions.log.append("66" * 8, [begin, *events], after_seq=0, turn=1, at_ms=START_MS)
    return "66" * 8


SHOWING = (
    "list", "show", "show --json", "search c", "diff --from 0", "replay", "replay --lines", "replay -o stream-json",
    "export --as markdown", "export --as html", "export --json", "fork", "resume",
)  # fmt: skip


@pytest.mark.parametrize("words", SHOWING)
def test_nothing_that_a_session_holds_steers_a_terminal(
    words: str, hostile: str, run_warm: RunAiex, workspace: Path
) -> None:
    verb, *rest = words.split()
    one = [] if verb in ("list", "search") else [hostile]
    done = run_warm(verb, "session", *one, *rest, cwd=workspace)
    assert done.returncode == 0
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", done.stdout + done.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("words", ["export", "replay --lines"])
def test_what_is_verbatim_for_programs_is_harmless_on_a_terminal(words: str, hostile: str, workspace: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    verb, *rest = words.split()
    with start_aiex(verb, "session", hostile, *rest, cwd=workspace, stdout=theirs) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux tells in this way that the other side is closed
            while piece := os.read(ours, 65536):
                shown += piece
        assert process.wait(timeout=60) == 0
    os.close(ours)
    assert b"session_id" in shown or b"aiex session" in shown
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", shown.decode())


def test_a_reader_who_has_enough_ends_a_replay_quietly(workspace: Path, sessions: Sessions) -> None:
    sessions.log.append(ONE, [said("word " * 2000) for _ in range(300)], after_seq=5, turn=2, at_ms=START_MS)
    with start_aiex("replay", "session", ONE, "--lines", cwd=workspace) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["type"] == "init"
        process.stdout.close()
        assert (process.wait(timeout=60), process.stderr.read()) == (141, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="a directory in use cannot be removed there")
@pytest.mark.usefixtures("sessions")
def test_sessions_are_there_where_the_directory_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, [sys.executable, '-m', 'aiex', *sys.argv[1:]])"
    )
    with start_python("-c", code, "list", "sessions", cwd=gone, text=True) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert ONE in out
    assert TWO in out


# --- going elsewhere ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sessions")
def test_a_session_goes_to_another_machine_through_a_pipe(run_warm: RunAiex, workspace: Path, tmp_path: Path) -> None:
    exported = run_warm("export", "session", ONE, cwd=workspace).stdout
    there = {"AIEX_DATA_DIR": str(tmp_path / "there")}
    brought = run_warm("import", "session", "-", cwd=workspace, env=there, input=exported)
    assert (brought.returncode, brought.stderr) == (0, "")
    assert "imported   from standard input" in run_warm("show", "session", ONE, cwd=workspace, env=there).stdout
    again = run_warm("export", "session", ONE, cwd=workspace, env=there).stdout.splitlines()
    assert [line.replace('"copied":true', '"copied":false') for line in again[1:6]] == exported.splitlines()[1:6]


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize("spoiled", ["cut", "changed", "empty", "noise"])
def test_what_is_no_whole_export_is_refused(spoiled: str, run_warm: RunAiex, workspace: Path, tmp_path: Path) -> None:
    exported = run_warm("export", "session", ONE, cwd=workspace).stdout
    data = {"cut": exported[:-20], "changed": exported.replace("bracket", "racket"), "empty": "", "noise": "\0" * 99}
    (tmp_path / "talk\x1b.jsonl").write_text(data[spoiled])
    refused = run_warm("import", "session", str(tmp_path / "talk\x1b.jsonl"), cwd=workspace)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "talk␛.jsonl: line " in refused.stderr
    assert run_warm("list", "sessions", "--all", cwd=workspace).stdout.count("\n") == 3


@pytest.mark.usefixtures("sessions")
def test_an_export_to_a_stream_of_another_encoding_is_refused(run_aiex: RunAiex, workspace: Path) -> None:
    latin = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    refused = run_aiex("export", "session", ONE, cwd=workspace, env=latin)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert run_aiex("export", "session", ONE, "--out", "t.jsonl", cwd=workspace, env=latin).returncode == 0


def test_every_export_of_odd_sessions_is_taken_in_again_and_tells_the_same(
    run_warm: RunAiex, workspace: Path, tmp_path: Path
) -> None:
    with closing(open_mine(workspace)) as opened:
        histories = Histories(opened.log, 7)
        for _ in range(4):
            session = histories.begin()
            for _ in range(60):
                histories.live(session)
    there = {"AIEX_DATA_DIR": str(tmp_path / "there")}
    for session in histories.ids:
        exported = run_warm("export", "session", session, cwd=workspace)
        assert (exported.returncode, exported.stderr) == (0, "")
        assert run_warm("import", "session", "-", cwd=workspace, env=there, input=exported.stdout).returncode == 0
        here, copy = (
            run_warm("replay", "session", session, "--lines", "--to", "61", cwd=workspace, env=env).stdout
            for env in ({}, there)
        )
        assert here == copy
        assert here.count("\n") >= 61
        for form in ("markdown", "html"):
            read = run_warm("export", "session", session, "--as", form, cwd=workspace)
            assert (read.returncode, read.stderr) == (0, "")


# --- damaged, sealed, read-only -------------------------------------------------------------------------------------


def test_an_encrypted_session_goes_everywhere_a_plain_one_goes(run_warm: RunAiex, workspace: Path) -> None:
    services = Services(str(workspace), overrides=["sessions.encrypt=on"])
    with closing(open_sessions(services.settings)) as opened:
        opened.log.append(ONE, [started(str(workspace)), *TURN, SessionRenamed("The parser")], after_seq=0, turn=1,
                          at_ms=START_MS)  # fmt: skip

    def run(*words: str) -> str:
        done = run_warm(*words, cwd=workspace)
        assert (done.returncode, done.stderr) == (0, ""), words
        return done.stdout

    assert "The parser" in run("list", "sessions")
    assert "encrypted" in run("show", "session", "the parser")
    assert ONE in run("search", "session", "bracket")
    assert run("export", "session", ONE).count("\n") == 8
    run("archive", "session", ONE)
    assert ONE in run("search", "session", "bracket")
    assert "Because of the bracket" in run("show", "session", ONE)
    run("restore", "session", ONE)
    child = run("fork", "session", ONE, "--at", "4").split()[1]
    run("rm", "session", ONE)
    assert "Because of the bracket" in run("show", "session", child)


def test_a_session_whose_key_is_gone_is_told_as_that_and_can_be_removed(
    run_warm: RunAiex, workspace: Path, folder: Path
) -> None:
    services = Services(str(workspace), overrides=["sessions.encrypt=on"])
    with closing(open_sessions(services.settings)) as opened:
        opened.log.append(ONE, [started(str(workspace)), *TURN], after_seq=0, turn=1, at_ms=START_MS)
        assert [one.id for one in opened.views.listed()] == [ONE]
        opened.log.erase(ONE)
    assert ONE in run_warm("list", "sessions", cwd=workspace).stdout
    shown = run_warm("show", "session", ONE, cwd=workspace)
    assert (shown.returncode, shown.stdout) == (74, "")
    assert "erased" in shown.stderr
    searched = run_warm("search", "session", "bracket", cwd=workspace)
    assert searched.returncode == 0
    assert f"left out: {ONE}" in searched.stderr
    assert run_warm("rm", "session", ONE, cwd=workspace).returncode == 0
    assert ONE not in run_warm("list", "sessions", cwd=workspace).stdout
    assert folder.is_dir()


@pytest.mark.usefixtures("sessions")
def test_a_damaged_session_is_shown_as_far_as_it_is_whole_and_the_others_wholly(
    run_warm: RunAiex, workspace: Path, folder: Path
) -> None:
    import sqlite3

    with closing(sqlite3.connect(folder / "sessions.db")) as file, file:
        file.execute("UPDATE events SET at_ms = at_ms + 1 WHERE session = ? AND seq = 4", [ONE])
    shown = run_warm("show", "session", ONE, cwd=workspace)
    assert shown.returncode == 0
    assert "damaged at event 4" in shown.stderr
    assert "why does the parser fail?" in shown.stdout
    assert "bracket" not in shown.stdout
    exported = run_warm("export", "session", ONE, "--out", "talk.jsonl", cwd=workspace)
    assert exported.returncode == 74
    assert not (workspace / "talk.jsonl").exists()
    assert run_warm("export", "session", TWO, cwd=workspace).returncode == 0


def test_sessions_on_a_server_are_worked_with_in_the_same_way(run_warm: RunAiex, workspace: Path, home: Path) -> None:
    try:
        address = shared_server().new_address()
    except NoServer as reason:
        pytest.skip(str(reason))
    environ = {"AIEX_SESSIONS_URL": address}
    settings = Services(str(workspace), overrides=["sessions.store=postgres"]).settings
    with closing(open_sessions(settings, {**os.environ, **environ})) as opened:
        for session, events in ((ONE, TURN), (TWO, CUT)):
            opened.log.append(session, [started(str(workspace)), *events], after_seq=0, turn=1, at_ms=START_MS)

    def run(*words: str) -> str:
        done = run_warm(*words, "--set", "sessions.store=postgres", cwd=workspace, env=environ)
        assert (done.returncode, done.stderr) == (0, ""), words
        return done.stdout

    listed = run("list", "sessions")
    assert "working" in listed, "another machine may be at it"
    assert listed.count("\n") == 3
    assert "in flight: make (c1)" in run("resume", "session", TWO)
    child = run("fork", "session", ONE, "--at", "2").split()[1]
    run("rename", "session", child, "Elsewhere")
    run("archive", "session", "elsewhere")
    assert "archived" in run("show", "session", child)
    run("restore", "session", child)
    assert run("export", "session", ONE).count("\n") == 7
    run("rm", "session", child)
    assert run("list", "sessions", "--all").count("\n") == 3
    assert not (home / "data" / "sessions" / "sessions.db").exists()
