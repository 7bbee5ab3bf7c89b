"""Steps, undo and redo, and checkpoints, as processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiex.events import CheckpointTaken, Event, FileEdited, Imported, SessionStarted, TurnEnded, UserSpoke
from aiex.guard.sandbox.probing import choose
from aiex.messages import Text
from aiex.sessions.checkpoints.opening import Checkpoints
from aiex.sessions.keeping import Sessions, open_sessions
from aiex.sessions.requests import conversation
from aiex.settings import load
from tests.conftest import SOURCE_ROOT, RunAiex
from tests.fakes.started import start_aiex

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands are not run on Windows yet")
Told = list[dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace that is no git directory."""
    place = tmp_path / "ws"
    place.mkdir()
    (place / "a.txt").write_text("one\ntwo\n")
    if choose().requires_approval:
        pytest.skip("nothing on this machine confines commands")
    return place


@pytest.fixture
def aiex(run_warm: RunAiex, place: Path) -> Callable[..., Any]:
    return lambda *words, **more: run_warm(*words, cwd=more.pop("cwd", place), **more)


@pytest.fixture
def step(aiex: Callable[..., Any]) -> Callable[..., Told]:
    """Run a command of the shell as a step; its lines."""

    def run(script: str, *flags: str) -> Told:
        done = aiex("run", "sandbox", "-o", "stream-json", *flags, "--", "sh", "-c", script)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def files(place: Path) -> dict[str, str]:
    return {
        os.fsencode(path.relative_to(place)).decode("utf-8", "backslashreplace"): path.read_text()
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


def data(done: Any) -> Any:
    return json.loads(done.stdout)["structured_output"]


def data_folder(place: Path) -> str:
    """Where the checkpoints of the only workspace are."""
    (folder,) = Path(os.environ["AIEX_DATA_DIR"], "workspaces").glob(f"*-{place.name}/checkpoints")
    return str(folder)


# --- a step ---------------------------------------------------------------------------------------------------------


def test_what_a_command_did_to_the_files_is_found_by_looking(place: Path, step: Callable[..., Told]) -> None:
    (place / "gone").write_text("x\n")
    told = step("printf 'one\\nTWO\\nthree\\n' > a.txt; mkdir -p d/e; touch d/new; mkdir empty; rm gone")
    edits = [one for one in told if one.get("subtype") == "file_edited"]
    assert {one["path"]: (one["change"], one["added_lines"], one["removed_lines"]) for one in edits} == {
        "a.txt": ("changed", 2, 1),
        "d/e/": ("created", 0, 0),
        "d/new": ("created", 0, 0),
        "empty/": ("created", 0, 0),
        "gone": ("deleted", 0, 1),
    }
    assert [one["type"] for one in told][:3] == ["init", "checkpoint", "tool_use"]
    assert sorted(told[-1]["files_changed"]) == sorted(one["path"] for one in edits)


def test_a_step_that_changed_nothing_is_none_to_undo(aiex: Callable[..., Any], step: Callable[..., Told]) -> None:
    assert step("cat a.txt")[-1]["files_changed"] == []
    done = aiex("undo")
    assert (done.returncode, done.stderr) == (2, "error: there is nothing to be undone\n")


def test_a_reason_is_kept_without_secrets_and_can_be_carried_elsewhere_however_long(
    place: Path, tmp_path: Path, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    key = "ghp_" + "0iJcWCIkijVlvHvasdCYKgYsCQExceiVj3xK"
    assert step(f"echo x >> a.txt; : {key} {'long ' * 2000}")[-1]["exit_code"] == 0
    assert aiex("create", "checkpoint", "with", key, "--tag", "mine").returncode == 0
    kept = b"".join(path.read_bytes() for path in Path(os.environ["AIEX_DATA_DIR"]).rglob("checkpoints.db*"))
    assert b"long long" in kept
    assert key.encode() not in kept
    known = data(aiex("list", "checkpoint", "-o", "json"))["checkpoints"]
    out = str(tmp_path / "all.aiexck")
    assert aiex("export", "checkpoint", *[one["id"] for one in known], "--out", out).returncode == 0
    done = aiex("import", "checkpoint", out)
    assert (done.returncode, done.stderr) == (0, "")


def test_where_sessions_are_encrypted_no_command_stands_in_the_clear(place: Path, step: Callable[..., Told]) -> None:
    assert step("echo x > zebra.txt; : walrus", "--set", "sessions.encrypt=on")[-1]["exit_code"] == 0
    kept = [path for path in Path(os.environ["AIEX_DATA_DIR"]).rglob("*") if path.is_file()]
    assert [path for path in kept if b"walrus" in path.read_bytes()] == []


def test_no_checkpoint_is_taken_of_what_writes_nothing_or_when_nobody_wants_one(
    place: Path, step: Callable[..., Told]
) -> None:
    for flags in (["--read-only"], ["--set", "checkpoints.mode=off"]):
        assert "checkpoint" not in [one["type"] for one in step("true", *flags)]


def test_where_no_checkpoint_can_be_taken_the_command_runs_and_that_is_told(
    place: Path, step: Callable[..., Told]
) -> None:
    folder = Path(os.environ["AIEX_DATA_DIR"], "workspaces")
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.write_text("in the way")
    told = step("echo x > b.txt")
    warned = [one["message"] for one in told if one.get("severity") == "warning"]
    assert any(text.startswith("no checkpoint could be taken, so this cannot be undone: ") for text in warned)
    assert (told[-1]["exit_code"], files(place)["b.txt"]) == (0, "x\n")


def test_what_was_decided_about_names_holds_in_the_next_process(place: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from aiex.sessions.checkpoints.opening import Checkpoints\n"
        "from aiex.guard.sandbox.tree import Ignoring\n"
        "asked = []\n"
        "rules = Ignoring(lambda folder, names: asked.extend(names) or set(), b'rules')\n"
        "kept = Checkpoints(sys.argv[1], sys.argv[2], ignoring=lambda: rules)\n"
        "kept.take('x')\n"
        "print(len(asked))\n"
    )
    counts = [
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "kept"), str(place)],
            env={**os.environ, "PYTHONPATH": SOURCE_ROOT, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert counts == ["1", "0"]


# --- undo and redo --------------------------------------------------------------------------------------------------


def test_undo_and_redo_go_through_the_steps_of_all_sessions(
    place: Path, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    states = [files(place)]
    for script in ("echo 1 > a.txt", "mkdir d; echo 2 > d/b.txt", "rm a.txt; chmod 755 d/b.txt"):
        step(script)
        states.append(files(place))
    assert aiex("undo").returncode == 0
    assert files(place) == states[2]
    assert (place / "d/b.txt").stat().st_mode & 0o777 != 0o755
    done = aiex("undo", "2", "-o", "json")
    assert (files(place), json.loads(done.stdout)["files_changed"]) == (states[0], ["a.txt", "d", "d/b.txt"])
    assert aiex("redo").returncode == 0
    assert files(place) == states[1]
    assert aiex("redo", "2").returncode == 0
    assert (files(place), (place / "d/b.txt").stat().st_mode & 0o777) == (states[3], 0o755)
    assert aiex("undo", "3").returncode == 0
    assert files(place) == states[0]


def test_undo_without_a_step_or_of_too_many_says_what_there_is(
    aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    assert (aiex("undo").returncode, aiex("redo").stderr) == (2, "error: there is nothing to be redone\n")
    step("echo 1 > a.txt")
    done = aiex("undo", "3")
    assert (done.returncode, done.stderr) == (2, "error: 3 steps cannot be undone\nhint: one step can\n")
    assert aiex("undo", "0").stderr == "error: 0 steps cannot be undone\nhint: 1 or more\n"


def test_what_a_person_changed_since_is_refused_merged_or_forced_and_never_lost(
    place: Path, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    (place / "a.txt").write_text("".join(f"{n}\n" for n in range(9)))
    step("sed -i s/^0/zero/ a.txt")
    (place / "a.txt").write_text((place / "a.txt").read_text() + "mine\n")
    (place / "own.txt").write_text("mine\n")
    mine = files(place)
    done = aiex("undo")
    assert (done.returncode, files(place)) == (6, mine)
    assert "a.txt" in done.stderr
    dry = aiex("undo", "--dry-run")
    assert (dry.returncode, dry.stdout, dry.stderr) == (6, done.stdout, done.stderr)
    forced = data(aiex("undo", "--force", "--dry-run", "-o", "json"))
    assert [one["path"] for one in forced["changes"]] == ["a.txt", "own.txt"]
    dry = aiex("undo", "--merge", "--dry-run")
    assert dry.stdout.splitlines()[1:] == [
        "  changed  a.txt", "would join with what was changed since: a.txt", "would leave as it is: own.txt"
    ]  # fmt: skip
    would = data(aiex("undo", "--merge", "--dry-run", "-o", "json"))
    assert ([one["path"] for one in would["changes"]], would["merged"], would["left"]) == (
        ["a.txt"], ["a.txt"], ["own.txt"]
    )  # fmt: skip
    assert files(place) == mine
    assert len(data(aiex("list", "checkpoint", "-o", "json"))["checkpoints"]) == 2
    assert aiex("undo", "--merge").returncode == 0
    assert files(place) == {"a.txt": "".join(f"{n}\n" for n in range(9)) + "mine\n", "own.txt": "mine\n"}
    done = aiex("redo", "--force", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert files(place) == mine
    assert aiex("restore", "checkpoint", data(done)["undo"]).returncode == 0
    assert files(place)["a.txt"].startswith("0\n")


def test_what_a_person_changed_between_two_steps_does_not_go_with_them(
    place: Path, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    step("echo 1 > a.txt")
    (place / "own.txt").write_text("mine\n")
    step("echo 2 > a.txt")
    now = files(place)
    done = aiex("undo", "2")
    assert (done.returncode, "own.txt" in done.stderr, files(place)) == (6, True, now)
    assert aiex("undo", "2", "--dry-run").stderr == done.stderr
    assert aiex("undo").returncode == 0
    done = aiex("undo")
    assert (done.returncode, "own.txt" in done.stderr) == (6, True)
    assert aiex("undo", "--merge").returncode == 0
    assert files(place) == {"a.txt": "one\ntwo\n", "own.txt": "mine\n"}


def test_what_no_checkpoint_holds_is_named_when_it_cannot_be_undone(
    place: Path, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    small = ("--set", "checkpoints.max_file_mb=0.001")
    for name in ("old", "lost"):
        (place / name).write_bytes(bytes(5000))
    step("echo x > a.txt; echo x > old; head -c 5000 /dev/zero > big; mkfifo pipe; rm lost", *small)
    dry, done = aiex("undo", "--dry-run", *small), aiex("undo", *small)
    assert (done.returncode, (place / "a.txt").read_text()) == (0, "one\ntwo\n"), done.stderr
    assert done.stderr == dry.stderr
    assert "left as they are, because no checkpoint holds them: big (large), pipe (special)\n" in done.stderr
    assert "not brought back, because the checkpoint does not hold them: lost, old\n" in done.stderr
    assert "for large files: aiex show config checkpoints" in done.stderr


def test_what_a_step_made_and_had_ignored_is_told_in_a_number(
    place: Path, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    step("printf 'out\\npipe\\n' > .gitignore; echo x > out; mkdir sub; echo x > sub/out; mkfifo sub/fifo")
    done = aiex("undo")
    assert (done.returncode, files(place)) == (0, {"a.txt": "one\ntwo\n", "out": "x\n", "sub/out": "x\n"})
    assert "2 names that came since are ignored, and stay\n" in done.stderr
    assert "left as it is, because no checkpoint holds it: sub/fifo (special)\n" in done.stderr
    assert "for large files" not in done.stderr


@pytest.mark.parametrize("way", ["undo", "redo", "rewind"])
def test_what_a_killed_process_moved_but_did_not_tell_comes_back(
    place: Path, aiex: Callable[..., Any], step: Callable[..., Told], way: str
) -> None:
    session = step("echo new > a.txt; echo b > b.txt")[0]["session_id"]
    ends = [{"a.txt": "one\ntwo\n"}, files(place)]
    if way == "redo":
        assert aiex("undo").returncode == 0
    begun = data(aiex(way.replace("rewind", "undo"), "--dry-run", "-o", "json"))["steps"][0]["checkpoint"]
    words = {"undo": ["undo"], "redo": ["redo"], "rewind": ["rewind", "session", session, "--to", "0"]}[way]
    back = {"undo": ["redo"], "redo": ["undo"], "rewind": ["redo"]}[way]
    opened = Checkpoints(data_folder(place), str(place))
    opened.restorer.restore(begun, on_conflict="force")  # and here it is killed: no session was told
    opened.close()
    assert files(place) == ends[way == "redo"]
    assert aiex(*words).returncode == 0
    assert files(place) == ends[way == "redo"]
    assert aiex(*back).returncode == 0
    assert files(place) == ends[way != "redo"]


def test_a_later_step_of_another_session_takes_away_what_it_touched_only_by_name(
    place: Path, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    step("echo 1 > a.txt")
    aiex("undo")
    step("echo 2 > a.txt")
    done = aiex("redo")
    assert (done.returncode, files(place)["a.txt"]) == (6, "2\n")
    assert "a.txt" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_step_that_was_interrupted_can_be_undone(
    place: Path, aiex: Callable[..., Any], number: signal.Signals
) -> None:
    before = files(place)
    script = "echo x > a.txt; touch new; echo up; sleep 600"
    with start_aiex("run", "sandbox", "--", "sh", "-c", script, cwd=place) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        process.send_signal(number)
        assert process.wait() == 128 + number
    assert files(place) != before
    done = aiex("undo")
    assert (done.returncode, files(place)) == (0, before), done.stderr


def test_of_a_step_that_was_killed_undo_asks_what_it_may_take_back(place: Path, aiex: Callable[..., Any]) -> None:
    before = files(place)
    script = "echo x > a.txt; echo up; sleep 600"
    with start_aiex("run", "sandbox", "--", "sh", "-c", script, cwd=place) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        process.kill()
        process.wait()
    done = aiex("undo")
    assert (done.returncode, "aiex resume session" in done.stderr) == (6, True), done.stderr
    assert aiex("resume", "session").returncode == 0
    done = aiex("undo")
    assert (done.returncode, "a.txt" in done.stderr) == (6, True), done.stderr
    assert aiex("undo", "--force").returncode == 0
    assert files(place) == before


def test_a_viewer_undoes_nothing(place: Path, aiex: Callable[..., Any], step: Callable[..., Told]) -> None:
    step("echo 1 > a.txt")
    for words in (("undo",), ("undo", "--dry-run"), ("create", "checkpoint"), ("rewind", "session", "--to", "0")):
        done = aiex(*words, "--set", "policy.role=viewer")
        assert done.returncode == 4, done.stderr
    assert files(place)["a.txt"] == "1\n"


def test_a_rule_about_a_file_counts_for_undo_as_well(
    place: Path, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    step("echo 1 > a.txt")
    aiex("add", "policy", 'deny write "a.txt"')
    done = aiex("undo")
    assert (done.returncode, files(place)["a.txt"]) == (4, "1\n")
    dry = aiex("undo", "--dry-run")
    assert (dry.returncode, dry.stderr) == (4, done.stderr)


# --- the noun -------------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_made_shown_and_restored(place: Path, aiex: Callable[..., Any]) -> None:
    made = data(aiex("create", "checkpoint", "before", "lunch", "--tag", "v1", "-o", "json"))
    assert (made["reason"], made["tag"], made["files"]) == ("before lunch", "v1", 1)
    (place / "a.txt").write_text("other\n")
    (place / "b.txt").write_text("new\n")
    shown = aiex("show", "checkpoint", "v1").stdout
    assert "before lunch" in shown
    assert "changed  a.txt" in shown
    assert "created  b.txt" in shown
    dry = aiex("restore", "checkpoint", "v1", "--dry-run")
    done = aiex("restore", "checkpoint", made["id"][:6])
    assert (done.returncode, files(place)["a.txt"]) == (6, "other\n")
    assert (dry.returncode, dry.stderr) == (6, done.stderr)
    dry = aiex("restore", "checkpoint", "v1", "--force", "--dry-run")
    assert (dry.returncode, dry.stdout) == (0, "would change\n  changed  a.txt\n  deleted  b.txt\n")
    assert files(place)["a.txt"] == "other\n"
    done = aiex("restore", "checkpoint", "1", "--force", "-o", "json")
    assert (done.returncode, files(place)) == (0, {"a.txt": "one\ntwo\n"})
    assert aiex("restore", "checkpoint", data(done)["undo"]).returncode == 0
    assert files(place) == {"a.txt": "other\n", "b.txt": "new\n"}
    listed = aiex("list", "checkpoints").stdout
    assert "before lunch" in listed


def test_paths_are_restored_alone(place: Path, aiex: Callable[..., Any]) -> None:
    aiex("create", "checkpoint")
    for name in ("a.txt", "b.txt"):
        (place / name).write_text("x\n")
    assert aiex("restore", "checkpoint", "1", "a.txt", "--force").returncode == 0
    assert files(place) == {"a.txt": "one\ntwo\n", "b.txt": "x\n"}
    done = aiex("restore", "checkpoint", "1", "../x")
    assert (done.returncode, "no path beneath the workspace" in done.stderr) == (2, True)
    assert aiex("restore", "checkpoint", "1", "absent.txt").returncode == 2


def test_an_unknown_or_ambiguous_checkpoint_names_the_nearest(aiex: Callable[..., Any]) -> None:
    done = aiex("show", "checkpoint", "v1")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "error: no checkpoint was taken in this workspace yet",
    )
    aiex("create", "checkpoint", "--tag", "v1")
    done = aiex("show", "checkpoint", "v11")
    assert (done.returncode, "the nearest: v1" in done.stderr) == (2, True)
    done = aiex("diff", "checkpoint", "v1", "ffff")
    assert (done.returncode, "no checkpoint is called ffff" in done.stderr) == (2, True)


@pytest.mark.parametrize("name", ["a\x1b[31mb", "", "-x", "a b"])
def test_names_of_other_characters_are_refused(aiex: Callable[..., Any], name: str) -> None:
    aiex("create", "checkpoint")
    done = aiex("create", "checkpoint", f"--tag={name}" if name else "--tag=\n")
    assert (done.returncode, "\x1b" in done.stderr) == (2, False)
    assert len(data(aiex("list", "checkpoint", "-o", "json"))["checkpoints"]) == 1
    assert aiex("create", "checkpoint", "one\x1b]0;two").returncode == 2


@pytest.mark.skipif(sys.platform == "darwin", reason="names are text there")
def test_names_of_files_that_are_no_text_are_kept_and_shown_harmless(
    place: Path, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    before = files(place)
    name = b"bad\xff\x1b[2J\n"
    told = step("printf x > \"$(printf 'bad\\377\\033[2J\\n.')\"")
    assert told[-1]["exit_code"] == 0
    assert len(told[-1]["files_changed"]) == 1
    shown = aiex("diff", "checkpoint", "1").stdout
    assert ('"b/bad\\377\\033[2J\\n."' in shown, "\x1b" in shown) == (True, False)
    done = aiex("undo")
    assert (done.returncode, "\x1b" in done.stdout, files(place)) == (0, False, before)
    assert os.fsencode(place) + b"/" + name not in os.listdir(os.fsencode(place))


def test_a_difference_is_a_patch_that_git_applies(place: Path, tmp_path: Path, aiex: Callable[..., Any]) -> None:
    (place / "gone file.txt").write_text("x\n")
    (place / "d").mkdir()
    aiex("create", "checkpoint")
    shutil.copytree(place, tmp_path / "copy")
    (place / "a.txt").write_text("one\nzwei\nthree")
    (place / "gone file.txt").unlink()
    (place / "d/ü new.sh").write_text("#!/bin/sh\n")
    (place / "d/ü new.sh").chmod(0o755)
    (place / "link").symlink_to("a.txt")
    patch = aiex("diff", "checkpoint", "1").stdout
    git = ["git", "apply", "--unsafe-paths", "--directory", str(tmp_path / "copy"), "-"]
    subprocess.run(git, input=patch.encode("utf-8", "surrogateescape"), check=True, cwd=tmp_path)
    assert files(tmp_path / "copy") == files(place)
    assert (tmp_path / "copy/link").is_symlink()
    only = aiex("diff", "checkpoint", "1", "d").stdout
    assert ("new.sh" in only, "a.txt" in only) == (True, False)


def test_checkpoints_are_carried_elsewhere_and_a_changed_archive_is_refused(
    place: Path, tmp_path: Path, aiex: Callable[..., Any]
) -> None:
    made = data(aiex("create", "checkpoint", "-o", "json"))
    archive = tmp_path / "out.aiexck"
    assert aiex("export", "checkpoint", made["id"], "--out", str(archive)).returncode == 0
    assert aiex("export", "checkpoint", made["id"], "--out", str(archive)).returncode == 2
    other = tmp_path / "other"
    other.mkdir()
    for change in (slice(0, 40), slice(40, None), slice(None, -5)):
        whole = archive.read_bytes()
        (tmp_path / "bad").write_bytes(whole[change])
        done = aiex("import", "checkpoint", str(tmp_path / "bad"), cwd=other)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert data(aiex("list", "checkpoint", "-o", "json", cwd=other))["count"] == 0
    assert aiex("import", "checkpoint", str(archive), cwd=other).returncode == 0
    assert aiex("restore", "checkpoint", made["id"], "--force", cwd=other).returncode == 0
    assert files(other) == files(place)
    for bad in (str(tmp_path), str(tmp_path / "absent")):
        assert aiex("import", "checkpoint", bad, cwd=other).returncode == 2


def test_a_file_of_zeros_is_carried_elsewhere_as_far_as_the_setting_allows(
    place: Path, tmp_path: Path, aiex: Callable[..., Any]
) -> None:
    (place / "z").write_bytes(bytes(3_000_000))
    assert aiex("create", "checkpoint", "--tag", "z").returncode == 0
    assert aiex("export", "checkpoint", "z", "--out", str(tmp_path / "o")).returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    done = aiex("import", "checkpoint", str(tmp_path / "o"), "--set", "checkpoints.max_file_mb=2", cwd=other)
    assert (done.returncode, "--set checkpoints.max_file_mb=3" in done.stderr) == (2, True), done.stderr
    done = aiex("import", "checkpoint", str(tmp_path / "o"), cwd=other)
    assert done.returncode == 0, done.stderr
    assert aiex("restore", "checkpoint", "1", "--force", cwd=other).returncode == 0
    assert (other / "z").stat().st_size == 3_000_000


def test_who_brings_or_names_a_checkpoint_needs_leave_and_it_goes_on_record(
    tmp_path: Path, aiex: Callable[..., Any]
) -> None:
    made = data(aiex("create", "checkpoint", "-o", "json"))["id"]
    archive = tmp_path / "out.aiexck"
    assert aiex("export", "checkpoint", made, "--out", str(archive)).returncode == 0
    for words in (("tag", "checkpoint", made, "v1"), ("import", "checkpoint", str(archive))):
        done = aiex(*words, "--set", "policy.role=viewer")
        assert (done.returncode, "viewer" in done.stderr) == (4, True), done.stderr
        assert aiex(*words).returncode == 0
    records = data(aiex("list", "audit", "-o", "json", "--last", "0"))["records"]
    told = [
        (words, one["effect"])
        for one in records
        for words in one["detail"].items()
        if one["subject"] == "checkpoint" and words[0] in ("tag", "file")
    ]
    ways = ["deny", "allow", "done"]
    assert told == [*((("tag", "v1"), way) for way in ways), *((("file", str(archive)), way) for way in ways)]


def test_a_damaged_checkpoint_is_found_and_the_others_stay(place: Path, aiex: Callable[..., Any]) -> None:
    aiex("create", "checkpoint", "one")
    (place / "b.txt").write_text("new\n")
    aiex("create", "checkpoint", "two")
    assert aiex("verify", "checkpoint").returncode == 0
    (file,) = Path(os.environ["AIEX_DATA_DIR"]).rglob("checkpoints.db")
    connection = sqlite3.connect(file)
    connection.execute("update objects set data = x'00' where n = (select max(n) from objects where kind = 0)")
    if not connection.total_changes:
        connection.execute("update objects set data = x'00' where n = (select max(n) from objects)")
    connection.commit()
    connection.close()
    done = aiex("verify", "checkpoint", "-o", "json")
    assert (done.returncode, data(done)["whole"]) == (3, False)
    assert aiex("rm", "checkpoint", "1").returncode in (0, 74)


def test_checkpoints_are_removed_and_what_that_means_is_told(
    place: Path, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    step("echo 1 > a.txt")
    first = data(aiex("list", "checkpoint", "-o", "json"))["checkpoints"][0]["id"]
    done = aiex("rm", "checkpoint", first)
    assert (done.returncode, "1 step cannot be undone any more" in done.stderr) == (0, True)
    done = aiex("undo")
    assert (done.returncode, f"checkpoint {first}" in done.stderr) == (2, True)


def test_two_processes_take_checkpoints_at_once(place: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": SOURCE_ROOT}
    words = [sys.executable, "-m", "aiex", "create", "checkpoint"]
    running = [subprocess.Popen(words, cwd=place, env=environ, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]


# --- rewinds --------------------------------------------------------------------------------------------------------


@pytest.fixture
def sessions(home: Path) -> Iterator[Sessions]:
    """All sessions of this person."""
    opened = open_sessions(load(None))
    yield opened
    opened.close()


def worked(place: Path, checkpoint: Callable[[], str], sessions: Sessions) -> str:
    """A session with three steps, each of which wrote its number to a file; as an assistant leaves it."""
    session = sessions.new_id()
    events: list[Event] = [SessionStarted("1", str(place), "ask", "anthropic", "m", str(place))]
    for number in range(1, 4):
        events += [UserSpoke((Text(f"do {number}"),)), CheckpointTaken(checkpoint(), f"step {number}")]
        (place / "a.txt").write_text(f"{number}\n")
        (place / f"{number}.txt").write_text("x")
        events += [FileEdited("a.txt", "changed", 1, 1), TurnEnded("success", "answered", 0, answer="done")]
    sessions.log.append(session, events, after_seq=0, turn=3, at_ms=sessions.now_ms())
    checkpoint()
    return session


@pytest.fixture
def session(place: Path, sessions: Sessions, aiex: Callable[..., Any]) -> str:
    def checkpoint() -> str:
        return str(data(aiex("create", "checkpoint", "-o", "json"))["id"])

    return worked(place, checkpoint, sessions)


def test_a_session_is_rewound_with_its_files_and_comes_back(
    place: Path, session: str, sessions: Sessions, aiex: Callable[..., Any]
) -> None:
    now = files(place)
    done = aiex("rewind", "session", session[:6], "--to", "5", "-o", "json")
    assert (done.returncode, data(done)["what"]) == (0, "both"), done.stderr
    assert files(place) == {"a.txt": "1\n", "1.txt": "x"}
    assert len(conversation(sessions.state(session))) == 2
    done = aiex("rewind", "session", session, "--to", "13")
    assert (done.returncode, files(place)) == (0, now), done.stderr
    assert len(conversation(sessions.state(session))) == 6
    assert aiex("undo").returncode == 0
    assert files(place)["a.txt"] == "2\n"


def test_files_and_talk_are_rewound_alone(
    place: Path, session: str, sessions: Sessions, aiex: Callable[..., Any]
) -> None:
    now = files(place)
    assert aiex("rewind", "session", session, "--to", "5", "--only", "chat").returncode == 0
    assert (files(place), len(conversation(sessions.state(session)))) == (now, 2)
    assert aiex("rewind", "session", "--to", "9", "--only", "files").returncode == 0
    assert (files(place)["a.txt"], len(conversation(sessions.state(session)))) == ("2\n", 2)


def test_nobody_rewinds_to_the_future_or_past_an_import(
    place: Path, session: str, sessions: Sessions, aiex: Callable[..., Any]
) -> None:
    done = aiex("rewind", "session", session, "--to", "99")
    assert (done.returncode, done.stderr) == (
        2, f"error: session {session} has no event 99\nhint: it has the events 1 to 13\n",
    )  # fmt: skip
    sessions.log.append(session, [Imported("old.jsonl", "00")], after_seq=13, turn=3, at_ms=sessions.now_ms())
    done = aiex("rewind", "session", session, "--to", "5")
    assert (done.returncode, "came with the import at event 14" in done.stderr) == (2, True)
    assert files(place)["a.txt"] == "3\n"
    assert aiex("rewind", "session", "unknown-one", "--to", "5").returncode == 2


def test_a_rewind_asks_before_it_takes_back_what_another_session_did(
    place: Path, session: str, aiex: Callable[..., Any], step: Callable[..., Told]
) -> None:
    step("echo mine > other.txt")
    now = files(place)
    done = aiex("rewind", "session", session, "--to", "5")
    assert (done.returncode, "other sessions changed files since" in done.stderr, files(place)) == (6, True, now)
    assert aiex("rewind", "session", session, "--to", "5", "--merge").returncode == 0
    assert files(place) == {"a.txt": "1\n", "1.txt": "x", "other.txt": "mine\n"}


def test_a_session_that_is_open_elsewhere_is_not_touched(
    place: Path, session: str, sessions: Sessions, run_aiex: RunAiex
) -> None:
    lock = sessions.lock(session)
    lock.acquire()
    try:
        for words in (("undo",), ("rewind", "session", session, "--to", "5")):
            done = run_aiex(*words, cwd=place)
            assert (done.returncode, str(os.getpid()) in done.stderr) == (6, True), done.stderr
    finally:
        lock.release()
    assert files(place)["a.txt"] == "3\n"


# --- the search for a step ------------------------------------------------------------------------------------------


def test_the_step_that_broke_it_is_found_and_the_files_are_as_they_were(
    place: Path, session: str, aiex: Callable[..., Any]
) -> None:
    (place / "own.txt").write_text("mine\n")
    (place / "own.txt").chmod(0o640)
    now, before = files(place), data(aiex("list", "checkpoint", "-o", "json"))["count"]
    script = "touch made-by-the-check; echo saw $(cat a.txt); test ! -e 2.txt"
    done = aiex("bisect", "session", session, "-o", "json", "--", "sh", "-c", script)
    found = data(done)
    assert (done.returncode, found["step"], found["after_seq"]) == (0, "step 2", 7), done.stderr
    assert found["files"] == ["2.txt", "a.txt"]
    assert found["output"] == "saw 2\n"
    assert (files(place), (place / "own.txt").stat().st_mode & 0o777) == (now, 0o640)
    assert data(aiex("list", "checkpoint", "-o", "json"))["count"] == before + 1


def test_the_ends_of_a_search_are_checked_first(place: Path, session: str, aiex: Callable[..., Any]) -> None:
    now = files(place)
    done = aiex("bisect", "session", "--", "true")
    assert (done.returncode, "passes now" in done.stderr) == (2, True)
    done = aiex("bisect", "session", "--", "false")
    assert (done.returncode, "so no step broke it" in done.stderr) == (2, True)
    assert aiex("bisect", "session").returncode == 2
    assert aiex("bisect", "session", "--from", "99", "--", "false").returncode == 2
    assert files(place) == now


def test_a_command_that_cannot_tell_is_skipped(place: Path, session: str, aiex: Callable[..., Any]) -> None:
    script = "case $(cat a.txt) in 3) exit 1;; 1|2) exit 125;; esac"
    done = aiex("bisect", "session", "-o", "json", "--", "sh", "-c", script)
    assert (done.returncode, data(done)["found"]) == (1, False)
    assert files(place)["a.txt"] == "3\n"


def test_a_search_that_is_interrupted_brings_the_files_back(place: Path, session: str) -> None:
    now = files(place)
    with start_aiex("bisect", "session", "--", "sh", "-c", "echo $$ > up; sleep 600", cwd=place) as process:
        _wait_for(place / "up", process)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert files(place) == now


def test_a_search_that_is_killed_is_told_of_with_the_way_back(
    place: Path, session: str, aiex: Callable[..., Any]
) -> None:
    now = files(place)
    script = "test -e 3.txt && exit 1; echo > up; sleep 600"
    with start_aiex("bisect", "session", "--", "sh", "-c", script, cwd=place) as process:
        _wait_for(place / "up", process)
        busy = aiex("undo")
        process.kill()
        process.wait()
    assert (busy.returncode, f"process {process.pid} searches" in busy.stderr) == (6, True), busy.stderr
    assert files(place) != now
    warned = aiex("list", "checkpoints").stderr
    assert "was cut off" in warned
    words = warned.split("to bring them back: aiex ")[1].split()
    assert aiex("bisect", "session", "--", "false").returncode == 6
    assert aiex(*words).returncode == 0
    assert files(place) == now
    assert aiex("list", "checkpoints").stderr == ""


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists():
        assert process.poll() is None, "it ended before it came so far"
        time.sleep(0.02)
