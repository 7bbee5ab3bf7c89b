"""Conversations with a model that are kept and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from aiex import dirs
from aiex.sessions.keeping import Sessions
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.postgres_server import NoServer, shared_server
from tests.fakes.started import start_aiex

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


@pytest.fixture
def flags(server: FakeOpenAI) -> list[str]:
    return ["--set", f"providers.one.base_url={server.base_url}", "--set", "retry.max_attempts=1", "-m", "one/fake-1"]


@pytest.fixture
def run(flags: list[str], run_warm: Run, workspace: Path) -> Run:
    def call(*words: str, **options: object) -> CompletedProcess[str]:
        return run_warm(*words, *flags, cwd=workspace, **options)

    return call


@pytest.fixture
def sessions(home: Path) -> Iterator[Sessions]:
    opened = Sessions(os.path.join(dirs.data_dir(os.environ), "sessions"))
    yield opened
    opened.close()


def said(body: Any) -> list[tuple[str, str]]:
    """Role and last line of each message but the first."""

    def words(content: Any) -> str:
        return (content if isinstance(content, str) else str(content[-1]["text"])).splitlines()[-1]

    return [(message["role"], words(message["content"])) for message in body["messages"][1:]]


def start_asking(server: FakeOpenAI, flags: list[str], workspace: Path, *words: str) -> subprocess.Popen[str]:
    """A process that has heard the beginning of an answer and waits for the rest; later ones get `Yes.`"""
    server.say("It will be a long story that nobody hears to its end. " * 9, silent_at_byte=1000)
    server.say("Yes.")
    process = start_aiex("ask", "Anybody?", "--no-code", "-o", "stream-json", *words, *flags, cwd=workspace, text=True)
    assert process.stdout is not None
    assert any('"delta":true' in line for line in process.stdout)
    return process


def test_a_command_behind_a_talk_is_not_what_is_gone_on_with(run: Run, server: FakeOpenAI) -> None:
    server.say("A word.")
    run("ask", "Say a word.")
    confined = run("run", "sandbox", "--approve", "--isolation", "plain", "--", "true")
    assert (confined.returncode, run("show", "session").stdout.count("Say a word.")) == (0, 0)
    done = run("ask", "-c", "And another?")
    assert done.returncode == 0, done.stderr
    assert "Say a word." in json.dumps(server.requests[-1].body["messages"])


def test_a_question_goes_on_with_the_last_session(run: Run, server: FakeOpenAI) -> None:
    server.say("It adds.")
    server.say("Nowhere.")
    assert run("ask", "What does it do?", "shop/basket.py").returncode == 0
    done = run("ask", "-c", "And where is it tested?", "--no-code")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Nowhere.\n", "")
    assert said(server.requests[1].body) == [
        ("user", "What does it do?"),
        ("assistant", "It adds."),
        ("user", "And where is it tested?"),
    ]


def test_what_is_printed_has_the_numbers_of_the_log(run: Run, sessions: Sessions) -> None:
    first = [json.loads(line) for line in run("ask", "One?", "--no-code", "-o", "stream-json").stdout.splitlines()]
    session = first[-1]["resume"]
    again = run("ask", "-r", session[:6], "Two?", "--no-code", "-o", "stream-json")
    lines = first + [json.loads(line) for line in again.stdout.splitlines()]
    kept = list(sessions.log.read(session))
    assert [line["seq"] for line in lines] == [one.seq for one in kept] == list(range(1, len(kept) + 1))
    assert [line["turn"] for line in lines] == [one.turn for one in kept]
    assert {line["session_id"] for line in lines} == {session}
    assert [line["type"] for line in lines if line["type"] in ("init", "result")] == ["init", "result"] * 2


def test_a_fork_leaves_the_session_as_it_is(run: Run, server: FakeOpenAI, sessions: Sessions) -> None:
    run("ask", "One?", "--no-code")
    first = sessions.find()
    before = list(sessions.log.read(first))
    forked = json.loads(run("ask", "-c", "--fork", "Two?", "--no-code", "-o", "json").stdout)["resume"]
    assert forked != first
    assert list(sessions.log.read(first)) == before
    assert [one[1] for one in said(server.requests[1].body) if one[0] == "user"] == ["One?", "Two?"]
    assert sessions.state(forked).forked_from is not None


def test_a_failure_and_its_outcome_are_kept(run: Run, server: FakeOpenAI, sessions: Sessions) -> None:
    server.say(status=500)
    done = run("ask", "One?", "--no-code")
    assert done.returncode != 0
    state = sessions.state(sessions.find())
    assert not state.interrupted
    assert state.ended is not None
    assert state.ended.exit_code == done.returncode


def test_an_interrupted_run_says_so_and_can_be_gone_on_with(
    run: Run, server: FakeOpenAI, flags: list[str], workspace: Path, sessions: Sessions
) -> None:
    process = start_asking(server, flags, workspace)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (json.loads(out.splitlines()[-1])["exit_code"], err, process.returncode) == (130, "interrupted\n", 130)
    assert sessions.dead() == {}
    assert run("ask", "-c", "Two?", "--no-code").stdout == "Yes.\n"


def test_a_session_whose_process_died_is_told_of_and_not_gone_on_with_blindly(
    run: Run, server: FakeOpenAI, flags: list[str], workspace: Path, sessions: Sessions
) -> None:
    process = start_asking(server, flags, workspace)
    process.kill()
    process.communicate()
    (session,) = sessions.dead()
    other = run("ask", "Two?", "--no-code")
    assert other.returncode == 0
    assert f"session {session} was cut off: its process died" in other.stderr
    assert f"aiex resume session {session}" in other.stderr
    refused = run("ask", "-r", session, "Three?", "--no-code")
    assert refused.returncode == 6
    assert "was cut off in the middle of a turn" in refused.stderr


def test_a_session_that_is_open_elsewhere_is_not_written_to(
    run: Run, server: FakeOpenAI, flags: list[str], workspace: Path, sessions: Sessions
) -> None:
    run("ask", "One?", "--no-code")
    process = start_asking(server, flags, workspace, "-c")
    done = run("ask", "-c", "Three?", "--no-code")
    process.kill()
    process.communicate()
    assert done.returncode == 6
    assert f"is open in process {process.pid}" in done.stderr
    assert "aiex fork session" in done.stderr


def test_nothing_is_kept_when_nobody_wants_it(run: Run, sessions: Sessions) -> None:
    assert run("ask", "One?", "--no-code", "--set", "sessions.record=off").returncode == 0
    assert run("ask", "One?", "--no-code", "--explain").returncode == 0
    assert not sessions.exist
    refused = run("ask", "-c", "Two?", "--set", "sessions.record=off")
    assert refused.returncode == 2
    assert "sessions.record is off" in refused.stderr


def test_where_nothing_can_be_kept_the_work_goes_on(run: Run, home: Path, server: FakeOpenAI) -> None:
    server.say("Yes.")
    place = Path(dirs.data_dir(os.environ))
    place.mkdir(parents=True, exist_ok=True)
    (place / "sessions").touch()
    done = run("ask", "One?", "--no-code")
    assert (done.returncode, done.stdout) == (0, "Yes.\n")
    assert "this run is not kept" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-c", "-r", "abcd"], "use one of them"),
        (["--fork"], "--fork copies a session that is there"),
        (["-r", ""], "-r needs the session"),
        (["-c", "--explain"], "--explain shows what is asked now"),
        (["-r", "abcd"], "there is no session"),
    ],
)
def test_words_that_make_no_sense_are_refused(run: Run, words: list[str], said: str) -> None:
    done = run("ask", "One?", "--no-code", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_sealed_session_goes_on_and_shows_nothing_on_disk(run: Run, server: FakeOpenAI, sessions: Sessions) -> None:
    server.say("The moon.")
    server.say("The sun.")
    sealed = ["--set", "sessions.encrypt=on"]
    run("ask", "Zanzibar?", "--no-code", *sealed)
    run("ask", "-c", "And then?", "--no-code", *sealed)
    assert [one[1] for one in said(server.requests[1].body)] == ["Zanzibar?", "The moon.", "And then?"]
    folder = Path(dirs.data_dir(os.environ), "sessions")
    on_disk = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert b"Zanzibar" not in on_disk
    assert b"The moon" not in on_disk


def test_sessions_on_a_server_go_on_from_any_machine(run: Run, server: FakeOpenAI, home: Path) -> None:
    try:
        address = shared_server().new_address()
    except NoServer as error:
        pytest.skip(str(error))
    there = ("--set", "sessions.store=postgres")
    for text in ("The moon.", "The sun."):
        server.say(text)
    asked = run("ask", "One?", "--no-code", *there, env={"AIEX_SESSIONS_URL": address})
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "The moon.\n", "")
    other = {"AIEX_SESSIONS_URL": address, "AIEX_DATA_DIR": str(home / "another")}
    assert run("ask", "-c", "Two?", "--no-code", *there, env=other).stdout == "The sun.\n"
    assert [one[1] for one in said(server.requests[1].body)] == ["One?", "The moon.", "Two?"]


@pytest.mark.parametrize(("address", "said"), [("", "AIEX_SESSIONS_URL is not set"), ("host=/nowhere", "not kept")])
def test_a_server_that_is_not_there_is_named(run: Run, address: str, said: str) -> None:
    pytest.importorskip("psycopg")
    done = run("ask", "One?", "--no-code", "--set", "sessions.store=postgres", env={"AIEX_SESSIONS_URL": address})
    assert said in done.stderr
    assert "Traceback" not in done.stderr
