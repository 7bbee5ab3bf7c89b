"""Commands that a model runs: what it hears of them, what may happen, and that they are gone afterwards."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aiex.agent.kit import Kit
from aiex.agent.tools import Answer
from aiex.agent.tools.run import TOOL
from aiex.errors import Denied, ToolError
from aiex.events import FileEdited, ToolWrote
from aiex.guard.sandbox.probing import choose
from tests.fakes.processes import is_gone
from tests.fakes.toolcalls import Called, begin, call, open_kit

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands are not run on Windows yet")
TOOK = re.compile(r", \d+\.\d s")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    root.mkdir()
    if choose().requires_approval:
        pytest.skip("nothing on this machine confines commands")
    return root


@pytest.fixture
async def kit(root: Path) -> AsyncIterator[Kit]:
    async with open_kit(root) as kit:
        yield kit


async def run(kit: Kit, command: str, **more: object) -> Called:
    return await call(TOOL, kit, command=command, **more)


def plain(called: Called) -> str:
    return TOOK.sub("", called.text)


async def test_the_answer_begins_with_the_exit_code(kit: Kit) -> None:
    called = await run(kit, "echo hi; echo no >&2; exit 3")
    assert plain(called) == "exit code 3\nhi\nno"
    assert not called.answer.is_error
    assert (called.passages[0].status, called.passages[0].text) == ("failed", "exit code 3")
    assert called.passages[0].detail["exit_code"] == "3"


async def test_output_comes_as_it_is_written(kit: Kit) -> None:
    assert (await run(kit, "printf 'a\\xffb'; :")).written == "a\udcffb"


async def test_silence_is_said(kit: Kit) -> None:
    assert plain(await run(kit, "true; :")) == "exit code 0\n(no output)"


async def test_what_is_for_terminals_is_left_out(kit: Kit) -> None:
    called = await run(kit, r"printf '\033[31mred\033[0m 10%%\r 20%%\rdone\n\033]0;title\007end\n'")
    assert plain(called) == "exit code 0\ndone\nend"


async def test_a_command_that_changes_files_is_a_step(kit: Kit, root: Path) -> None:
    (root / "old").write_text("1\n")
    called = await run(kit, "echo 2 >> old; echo 3 > new")
    assert called.edited == [("new", "created"), ("old", "changed")]
    assert called.kinds[0] == "CheckpointTaken"


async def test_a_command_that_only_reads_is_no_step_and_can_write_nothing(kit: Kit, root: Path) -> None:
    (root / "a.txt").write_text("hello\n")
    called = await run(kit, "cat a.txt | wc -l")
    assert plain(called) == "exit code 0\n1"
    assert "CheckpointTaken" not in called.kinds


async def test_in_a_dry_run_only_commands_run_that_only_read(root: Path) -> None:
    (root / "a.txt").write_text("hello\n")
    async with open_kit(root, is_dry=True) as kit:
        assert plain(await run(kit, "cat a.txt")) == "exit code 0\nhello"
        with pytest.raises(ToolError, match="dry run"):
            await run(kit, "touch b.txt")
    assert not (root / "b.txt").exists()


async def test_what_asks_and_nobody_answers_is_denied(root: Path) -> None:
    async with open_kit(root, mode="ask") as kit:
        with pytest.raises(Denied):
            await run(kit, "make all")
        assert plain(await run(kit, "ls")) == "exit code 0\n(no output)"


async def test_a_command_ends_at_its_limit_of_time(kit: Kit) -> None:
    called = await run(kit, "echo begun; sleep 600", timeout_s=1)
    assert called.text.startswith("timed out after 1 s and was ended, exit code 137")
    assert called.text.endswith("\nbegun")
    assert called.passages[0].detail["timed_out"] == "yes"


async def test_it_runs_in_a_folder(kit: Kit, root: Path) -> None:
    (root / "sub").mkdir()
    assert plain(await run(kit, "basename $PWD; :", cwd="sub")) == "exit code 0\nsub"
    with pytest.raises(ToolError, match="no directory"):
        await run(kit, "ls", cwd="nowhere")
    with pytest.raises(Denied, match="outside"):
        await run(kit, "touch x", cwd="..")


async def test_long_output_has_a_gap_that_can_be_read(kit: Kit) -> None:
    called = await run(kit, "for i in $(seq 20000); do echo line $i; done")
    assert len(called.text) < 31_000
    assert "\nline 1\n" in called.text
    assert "\nline 20000\n" in called.text
    found = re.search(r'read on with job "(\d+)" offset (\d+)', called.text)
    assert found
    last_shown = called.text.partition("\n…")[0].rpartition("line ")[2]
    more = await call(TOOL, kit, job=found[1], offset=int(found[2]), limit=200)
    lines = more.text.splitlines()
    assert lines[1] == f"line {int(last_shown) + 1}"
    assert re.fullmatch(r"… [\d,]+ bytes more: offset \d+", lines[-1])


async def test_a_job_in_the_background_is_read_on_and_stopped(kit: Kit) -> None:
    called = await run(kit, "echo one; read line < pipe; echo two; sleep 600", background=True)
    assert called.text == 'runs in the background as job "1"'
    seen = await call(TOOL, kit, job="1", timeout_s=0.01)
    while "one" not in seen.text:
        seen = await call(TOOL, kit, job="1", timeout_s=0.01)
    stopped = await call(TOOL, kit, job="1", stop=True)
    assert stopped.text.startswith("was stopped, exit code 137")
    assert "one" not in stopped.text


async def test_a_secret_that_a_command_made_is_named_as_what_undo_leaves(kit: Kit, root: Path) -> None:
    called = await call(TOOL, kit, command="echo token > .npmrc; echo a > plain")
    assert sorted(called.edited) == [(".npmrc", "created"), ("plain", "created")]
    assert called.text.splitlines()[-1] == (
        "warning: not kept in checkpoints, so undo leaves it as it is: .npmrc (created)"
    )


async def test_what_a_job_changed_is_told_when_it_ends(kit: Kit, root: Path) -> None:
    await run(kit, "echo made > made", background=True)
    ended = await call(TOOL, kit, job="1", timeout_s=600)
    assert plain(ended) == "exit code 0\n(no more output)"
    assert [type(event).__name__ for event in kit.news] == ["CheckpointTaken", "FileEdited"]
    assert kit.news[1] == FileEdited("made", "created", 1, 0)


async def test_a_job_ends_with_the_run(root: Path) -> None:
    async with open_kit(root) as kit:
        await run(kit, "touch made; sleep 600 & sleep 600", background=True)
        process = kit.processes.find("1")
        while not (root / "made").exists():
            await asyncio.sleep(0)
        pid = process.command.pid
        assert not process.command.ended
    assert is_gone(pid)
    assert [event.path for event in kit.news if isinstance(event, FileEdited)] == ["made"]


async def test_a_call_that_is_broken_off_ends_its_command(kit: Kit, root: Path) -> None:
    called = Called(Answer(""))

    async def consume() -> None:
        async for told in begin(TOOL, kit, {"command": "touch made; echo on; sleep 600"}, called):
            if isinstance(told, ToolWrote):
                begun.set()

    begun = asyncio.Event()
    task = asyncio.create_task(consume())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert called.passages[0].status == "cancelled"
    assert [runner.commands for runner in kit.processes._runners] == [[]]
    reasons = [one.reason for one in kit.means.checkpoints.catalogue.list()]
    assert any(reason.startswith("after: run touch made") for reason in reasons)


async def test_a_host_that_no_rule_allows_is_not_reached_and_the_model_hears_it(root: Path) -> None:
    async with open_kit(root, 'policy.rules=["allow network \\"shop.example\\""]') as kit:
        program = "import urllib.request as r\ntry: r.urlopen('http://other.example/')\nexcept OSError: pass"
        called = await run(kit, f'python3 -c "{program}"')
    assert "refused to reach other.example:80" in called.text
    assert called.kinds[-1] == "Warned"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "either a command or a job"),
        ({"command": "ls", "job": "1"}, "either a command or a job"),
        ({"job": "7"}, "no job '7'"),
        ({"command": "ls", "timeout_s": 4000}, "at most 1800"),
        ({"command": "ls \0"}, "NUL"),
        ({"command": "ls \ud800"}, "text"),
    ],
)
async def test_what_makes_no_sense_is_refused(kit: Kit, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ToolError, match=said):
        TOOL.plan(arguments, kit)


async def test_a_command_of_several_lines_is_shown_whole(kit: Kit) -> None:
    plan = TOOL.plan({"command": "cd x\nmake"}, kit)
    assert (plan.title, plan.preview) == ("run cd x …", "cd x\nmake")


async def test_a_signal_has_its_name(kit: Kit) -> None:
    assert plain(await run(kit, "kill -SEGV $$")).startswith("exit code 139 (SIGSEGV)")


async def test_nothing_of_the_environment_that_is_secret_reaches_it(kit: Kit) -> None:
    os.environ["SHOP_API_KEY"] = "do-not-tell"
    try:
        assert "do-not-tell" not in (await run(kit, "env; :")).text
    finally:
        del os.environ["SHOP_API_KEY"]
