"""Running commands: output while and after they run, ends of every kind, and what they see of the machine."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aiex import dirs
from aiex.errors import Denied, StoreError, UsageError
from aiex.guard.sandbox.bounds import make_policy
from aiex.guard.sandbox.isolation import bubblewrap
from aiex.guard.sandbox.isolation.plain import ISOLATION
from aiex.guard.sandbox.probing import backends, choose, lost, probe_of
from aiex.guard.sandbox.runner import Ended, Runner, Wrote
from tests.fakes.confined import possible_backends
from tests.fakes.processes import is_gone

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands are not run on Windows yet")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    root.mkdir()
    return root


@pytest.fixture(params=possible_backends())
async def runner(request: pytest.FixtureRequest, root: Path) -> AsyncIterator[Runner]:
    """One for each backend that works."""
    isolation = next(one for one in backends() if one.name == request.param)
    if not probe_of(isolation).works:
        pytest.skip(f"{request.param} does not work here: {probe_of(isolation).reason}")
    async with Runner(make_policy(str(root)), isolation=isolation, memory_bytes=10_000, output_bytes=100_000) as runner:
        yield runner


async def test_a_command_tells_its_output_and_its_code(runner: Runner) -> None:
    ended, output = await runner.run("echo out; echo err >&2; exit 3", approved=True)
    assert (ended.code, ended.timed_out, ended.killed, ended.lost_bytes) == (3, False, False, 0)
    assert sorted(output.split()) == [b"err", b"out"]
    assert ended.size_bytes == 8


async def test_a_program_with_arguments_needs_no_shell(runner: Runner) -> None:
    ended, output = await runner.run(["printf", "%s|", "a b", "$HOME", "*"], approved=True)
    assert (ended.code, output) == (0, b"a b|$HOME|*|")


async def test_a_signal_is_told_as_a_shell_does(runner: Runner) -> None:
    ended, _ = await runner.run("kill -TERM $$", approved=True)
    assert ended.code == 128 + 15


async def test_events_come_while_it_runs(runner: Runner) -> None:
    command = await runner.start("echo one; read line; echo two >&2", stdin=b"", approved=True)
    told = [event async for event in command.events()]
    assert told[:-1] == [Wrote("stdout", b"one\n"), Wrote("stderr", b"two\n")]
    assert isinstance(told[-1], Ended)


async def test_the_first_output_does_not_wait_for_the_end(runner: Runner) -> None:
    command = await runner.start("echo up; sleep 600", approved=True)
    async for event in command.events():
        assert event == Wrote("stdout", b"up\n")
        break
    assert command.ended is None


async def test_output_of_a_command_in_the_background_is_read_by_windows(runner: Runner) -> None:
    command = await runner.start("seq 1 1000", approved=True)
    await command.wait()
    whole = b"".join(b"%d\n" % number for number in range(1, 1001))
    assert command.read(0, 8) == whole[:8]
    assert command.read(3000, 100) == whole[3000:3100]
    assert command.read(len(whole) - 5, 100) == whole[-5:]
    assert command.read(10**9) == b""


async def test_output_beyond_memory_is_kept_in_a_file_without_a_name(runner: Runner) -> None:
    command = await runner.start("yes 0123456789abcde | head -c 60000", approved=True)
    ended = await command.wait()
    assert (ended.size_bytes, ended.lost_bytes) == (60_000, 0)
    assert command.read(9_000, 4_000) == (b"0123456789abcde\n" * 4000)[9_000:13_000]
    kept = os.path.join(os.environ["AIEX_STATE_DIR"], "sandbox")
    files = [name for folder, _, names in os.walk(kept) for name in names if "run-" in folder]
    assert files == []


async def test_a_slow_reader_gets_everything(root: Path) -> None:
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        command = await runner.start("head -c 20000000 /dev/zero", approved=True)
        size = 0
        async for event in command.events():
            if isinstance(event, Wrote):
                size += len(event.data)
                if size > 19_000_000:
                    await asyncio.sleep(0.05)
        assert size == 20_000_000


async def test_a_reader_who_left_holds_nothing_up(root: Path) -> None:
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        command = await runner.start("head -c 50000000 /dev/zero; sleep 600", approved=True)
        events = command.events()
        await anext(events)  # and never again
        ended = await asyncio.wait_for(command.end(), 60)
        assert (ended.killed, ended.code) == (True, 137)


async def test_output_beyond_every_bound_is_counted(runner: Runner) -> None:
    ended, _ = await runner.run("head -c 300000 /dev/zero", approved=True)
    assert (ended.code, ended.size_bytes, ended.lost_bytes) == (0, 100_000, 200_000)


async def test_input_is_read_to_its_end(runner: Runner) -> None:
    ended, output = await runner.run("wc -c", stdin=b"x" * 300_000, approved=True)
    assert (ended.code, output.strip()) == (0, b"300000")


async def test_input_that_nobody_reads_is_no_problem(runner: Runner) -> None:
    ended, _ = await runner.run("exit 0", stdin=b"x" * 300_000, approved=True)
    assert ended.code == 0


async def test_a_file_that_is_read_cannot_be_written(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_text("read\n" * 50_000)
    with path.open() as file:
        command = "cat | wc -l; echo evil > /proc/self/fd/0 || echo evil > /dev/stdin"
        _ended, output = await runner.run(command, stdin=file.fileno(), approved=True)
    assert output.split()[0] == b"50000"
    assert path.read_text() == "read\n" * 50_000


async def test_a_socket_is_read_to_its_end(runner: Runner) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"word\n")
        ours.shutdown(socket.SHUT_WR)
        _ended, output = await runner.run("cat; test -S /dev/stdin || echo none", stdin=theirs.fileno(), approved=True)
    assert output == b"word\nnone\n"


async def test_a_directory_is_no_input(runner: Runner, tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(UsageError, match="cannot read from a directory"):
            await runner.run("ls /proc/self/fd/0/", stdin=fd, approved=True)
    finally:
        os.close(fd)


async def test_without_input_there_is_none(runner: Runner) -> None:
    assert (await runner.run("cat", approved=True))[1] == b""


async def test_a_command_that_takes_too_long_is_ended(runner: Runner) -> None:
    ended, output = await runner.run("echo begun; sleep 600 & sleep 600", timeout_s=1, approved=True)
    assert (ended.timed_out, ended.code, output) == (True, 137, b"begun\n")


async def test_a_command_is_ended_on_demand(runner: Runner) -> None:
    command = await runner.start("trap '' TERM; echo up; sleep 600", approved=True)
    await anext(command.events())
    ended = await command.end()
    assert (ended.killed, ended.timed_out, ended.code) == (True, False, 137)


async def test_cancelling_the_wait_ends_the_command(runner: Runner) -> None:
    command = await runner.start("echo up; sleep 600", approved=True)
    waiting = asyncio.ensure_future(command.wait())
    await anext(command.events())
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await command.end()).code == 137


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("name", possible_backends())
async def test_a_start_that_is_broken_off_runs_nothing(root: Path, name: str, steps: int) -> None:
    isolation = next(one for one in backends() if one.name == name)
    if not probe_of(isolation).works:
        pytest.skip(f"{name} does not work here: {probe_of(isolation).reason}")
    (root / "free").mkdir()
    async with Runner(make_policy(str(root)), isolation=isolation) as runner:
        mark = f"4{os.getpid()}{steps}"
        starting = asyncio.ensure_future(runner.start(["sleep", mark], approved=True))
        for _ in range(steps):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        assert mark.encode() not in words or is_gone(int(name))
    assert [path.name for path in root.iterdir()] == ["free"]


async def test_closing_the_runner_ends_what_runs(root: Path) -> None:
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        command = await runner.start(["sleep", "600"], approved=True)
        while not command.pid:
            await asyncio.sleep(0.01)
        pid = command.pid
    assert is_gone(pid)
    assert command.ended


async def test_closing_that_is_broken_off_leaves_nothing(runner: Runner, root: Path) -> None:
    commands = [await runner.start("sleep 600", approved=True) for _ in range(2)]
    while not all(pids := [command.pid for command in commands]):
        await asyncio.sleep(0.01)
    closing = asyncio.ensure_future(runner.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert not list(Path(dirs.state_dir(), "sandbox").glob("run-*"))
    assert [command.ended or (await command.end()) for command in commands]
    assert all(map(is_gone, pids))
    await runner.close()
    assert list(root.iterdir()) == []


async def test_many_commands_run_side_by_side(runner: Runner) -> None:
    commands = [await runner.start(f"echo {number}; sleep 0.2", approved=True) for number in range(6)]
    for command in commands:
        await command.wait()
    assert [command.read() for command in commands] == [b"%d\n" % number for number in range(6)]


async def test_the_environment_is_clean(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    monkeypatch.setenv("LD_PRELOAD", "/evil.so")
    _, output = await runner.run("env", environ={"WANTED": "yes"}, approved=True)
    found = dict(line.partition("=")[::2] for line in output.decode().splitlines())
    assert "canary" not in output.decode()
    assert "LD_PRELOAD" not in found
    assert (found["WANTED"], found["PAGER"], found["GIT_EDITOR"], found["GIT_TERMINAL_PROMPT"]) == (
        "yes",
        "cat",
        "false",
        "0",
    )


async def test_git_starts_nothing_by_itself(runner: Runner) -> None:
    _, output = await runner.run(
        "git config core.hooksPath; git config core.fsmonitor; git var GIT_PAGER", approved=True
    )
    assert output.decode().split() == ["/dev/null", "false", "cat"]


async def test_a_session_of_its_own_without_a_terminal(runner: Runner) -> None:
    program = """
import os
print(os.getsid(0) != os.getppid(), os.isatty(0))
try:
    open("/dev/tty")
except OSError:
    print("none")
"""
    _, output = await runner.run(["python3", "-c", program], approved=True)
    assert output.split()[1:] == [b"False", b"none"]


async def test_it_runs_where_it_is_told(runner: Runner, root: Path) -> None:
    (root / "inner").mkdir()
    _, output = await runner.run("pwd; echo $PWD", cwd="inner", approved=True)
    assert output.decode().split() == [str(root / "inner")] * 2


@pytest.mark.parametrize("cwd", ["..", "/", "/etc", "link"])
async def test_it_does_not_run_outside(root: Path, cwd: str) -> None:
    (root / "link").symlink_to("/etc")
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        with pytest.raises(Denied, match="outside the workspace"):
            await runner.run("true", cwd=cwd, approved=True)


async def test_what_cannot_run_says_why(runner: Runner) -> None:
    with pytest.raises(StoreError, match="not installed"):
        await runner.run(["no-such-program"], approved=True)
    with pytest.raises(StoreError, match="no such file"):
        await runner.run(["./no-such-file"], approved=True)
    with pytest.raises(UsageError, match="empty"):
        await runner.run("", approved=True)
    with pytest.raises(UsageError, match="NUL"):
        await runner.run("a\0b", approved=True)
    with pytest.raises(UsageError, match="no directory"):
        await runner.run("true", cwd="missing", approved=True)


async def test_without_isolation_each_command_needs_an_approval(root: Path) -> None:
    async with Runner(make_policy(str(root)), isolation=ISOLATION) as runner:
        with pytest.raises(Denied, match="needs an approval"):
            await runner.run("true")
        assert (await runner.run("true", approved=True))[0].code == 0
        with pytest.raises(Denied, match="needs an approval"):
            await runner.run("true")


@pytest.mark.parametrize("name", [name for name in possible_backends() if name != "plain"])
async def test_a_workspace_for_reading_is_seen(root: Path, name: str) -> None:
    isolation = next(one for one in backends() if one.name == name)
    if not probe_of(isolation).works:
        pytest.skip(f"{name} does not work here: {probe_of(isolation).reason}")
    (root / "file").write_text("seen\n")
    async with Runner(make_policy(str(root), read_only=True), isolation=isolation) as runner:
        ended, output = await runner.run("exec 2>&1; cat file; ls; echo x > new || echo refused")
    assert (ended.code, output.decode().splitlines()[:2]) == (0, ["seen", "file"])
    assert [path.name for path in root.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "then", ["", "#!/bin/sh\necho 'bwrap: no more namespaces' >&2\nexit 1\n"], ids=["gone", "fails"]
)
async def test_a_way_that_ceased_to_work_runs_nothing_and_says_why(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    if not probe_of(bubblewrap.ISOLATION).works:
        pytest.skip("bubblewrap does not work here")
    program = tmp_path / "bin/bwrap"
    program.parent.mkdir()
    program.symlink_to(bubblewrap.find_bwrap())
    monkeypatch.setattr(bubblewrap, "_FOLDERS", (str(program.parent),))
    async with Runner(make_policy(str(root)), isolation=bubblewrap.ISOLATION) as runner:
        assert (await runner.run("true"))[0].code == 0
        program.unlink()
        if then:
            program.write_text(then)
            program.chmod(0o755)
        with pytest.raises(Denied, match="any more: bwrap.* no" if then else "any more: bwrap is not installed"):
            await runner.run("touch ran")
    assert list(root.iterdir()) == []
    assert [name for name, _ in lost(ISOLATION)] == ["bubblewrap"]


async def test_what_keeps_a_command_from_being_confined_is_said_in_its_own_words(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not probe_of(bubblewrap.ISOLATION).works:
        pytest.skip("bubblewrap does not work here")
    real, program = bubblewrap.find_bwrap(), tmp_path / "bin/bwrap"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\ncase $1 in --args) echo 'bwrap: no room for mounts' >&2; exit 1;; esac\nexec {real} \"$@\"\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "_FOLDERS", (str(program.parent),))
    async with Runner(make_policy(str(root)), isolation=bubblewrap.ISOLATION) as runner:
        with pytest.raises(Denied) as refused:
            await runner.run("touch ran")
    assert refused.value.message == "nothing was run: bwrap did not start: bwrap: no room for mounts"
    assert "aiex show sandbox" in refused.value.hint


@pytest.mark.parametrize("variable", [("", "x"), ("A=B", "x"), ("A", "x\0--bind\0/\0/"), ("A\0B", "x")])
async def test_what_cannot_be_a_variable_is_refused(runner: Runner, variable: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="no variable can be so"):
        await runner.run("true", environ=dict([variable]), approved=True)


@pytest.mark.parametrize(
    "filling",
    [
        "import os; os.chdir(os.environ['TMPDIR'])\nfor _ in range(1500): os.mkdir('d'); os.chdir('d')",
        "import os; os.chdir(os.environ['TMPDIR']); os.makedirs('a/b'); os.chmod('a', 0); os.chmod('.', 0o555)",
        "import os; os.chdir(os.environ['TMPDIR']); os.makedirs('lifted-0/x/y'); os.makedirs('lifted-1/x/y')",
    ],
    ids=["deep", "shut", "named alike"],
)
async def test_temporary_files_go_whatever_they_are(runner: Runner, filling: str) -> None:
    ended, output = await runner.run(["python3", "-I", "-c", filling], approved=True)
    assert ended.code == 0, output
    await runner.close()
    assert not list(Path(dirs.state_dir(), "sandbox").glob("run-*"))


async def test_nothing_stays_in_the_workspace(runner: Runner, root: Path) -> None:
    await runner.run("true", approved=True)
    await runner.close()
    assert list(root.iterdir()) == []


def test_the_strongest_that_works_is_chosen() -> None:
    works = [one for one in backends() if probe_of(one).works]
    assert choose() is works[0]
    assert [one.rank for one in backends()] == sorted(one.rank for one in backends())


def test_a_way_that_does_not_work_is_not_taken_by_its_name() -> None:
    missing = next(one for one in backends() if not probe_of(one).works)
    with pytest.raises(UsageError, match="does not work here"):
        choose(missing.name)
    with pytest.raises(UsageError, match="no isolation called 'none'"):
        choose("none")


def test_the_root_of_the_machine_is_no_workspace() -> None:
    with pytest.raises(Denied, match="no workspace"):
        make_policy("/")
