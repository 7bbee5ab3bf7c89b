"""The work on a wish: who takes part, what is checked behind it, and how it ends."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiex.events import ApprovalGiven, CheckpointTaken, CheckRan, FileEdited, TurnEnded, UserSpoke, Warned
from aiex.guard.trust import trust
from aiex.jobs.verifying import typed_check
from aiex.jobs.working import Wish, find_window, work
from aiex.messages import Document, Text
from aiex.wiring import Services
from tests.fakes.legality import faults_of_session
from tests.fakes.scripted_model import Bench, says

Open = Callable[..., Bench]
EDIT = ("edit", {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'})
BACK = ("edit", {"path": "shop/prices.py", "old": '"apple": 45', "new": '"apple": 40'})
GREP = "grep -q '\"apple\": 40' shop/prices.py"


def checks(*commands: str, repairs: int = 2) -> dict[str, Any]:
    listed = ", ".join(f'"{command}"'.replace("'\"", "'\\\"").replace('": 4', '\\": 4') for command in commands)
    return {"overrides": (f"checks.commands=[{listed}]", f"checks.repairs={repairs}")}


# --- what is checked behind it ----------------------------------------------------------------------------------------


async def test_checks_run_behind_the_last_edit_and_what_fails_is_mended(bench: Open) -> None:
    made = bench(says("", EDIT), says("Done."), says("", BACK), says("Mended."), **checks("sh check.sh"))
    (made.root / "check.sh").write_text(f"{GREP} || {{ echo the price is wrong; exit 7; }}\n")
    ran = await made.work()
    assert [(one.exit_code, one.passed) for one in ran.of(CheckRan)] == [(7, False), (0, True)]
    assert (ran.end.exit_code, ran.end.answer) == (0, "Mended.")
    wish = ran.of(UserSpoke)[1]
    (document,) = [part for part in wish.parts if isinstance(part, Document)]
    assert "the price is wrong" in document.text
    assert [check["current"] for check in ran.end.checks] == [True]
    assert faults_of_session(made.state) == []


async def test_a_check_that_stays_red_ends_with_three_after_so_many_repairs(bench: Open) -> None:
    answers = [says("", EDIT), says("One."), says("", BACK), says("Two."), says("", EDIT), says("Three.")]
    made = bench(*answers, **checks("false", repairs=2))
    ran = await made.work()
    assert (ran.end.exit_code, ran.end.subtype, len(made.requests)) == (3, "red", 6)
    assert [check["current"] for check in ran.end.checks] == [True]


async def test_a_model_that_leaves_it_red_without_another_edit_is_not_asked_again(bench: Open) -> None:
    made = bench(says("", EDIT), says("One."), says("It failed before."), **checks("false", repairs=2))
    ran = await made.work()
    assert (ran.end.exit_code, ran.end.answer) == (3, "It failed before.")


async def test_what_the_model_saw_fail_behind_its_edit_it_is_asked_to_mend(bench: Open) -> None:
    check = ("run", {"command": "make test"})
    made = bench(says("", EDIT, check), says("Done."), says("", BACK, check), says("Mended."), **checks("make test"))
    (made.root / "Makefile").write_text(f"test:\n\t{GREP}\n")
    ran = await made.work()
    assert (ran.end.exit_code, ran.end.answer) == (0, "Mended.")
    assert [type(part) for part in ran.of(UserSpoke)[1].parts] == [Text]
    assert "After your changes this check fails: make test" in str(ran.of(UserSpoke)[1])


async def test_without_an_edit_nothing_is_checked(bench: Open) -> None:
    ran = await bench(says("It is fine."), **checks("false")).work()
    assert (ran.of(CheckRan), ran.end.exit_code) == ([], 0)


async def test_what_the_model_ran_behind_its_last_edit_is_not_run_again(bench: Open) -> None:
    made = bench(says("", EDIT, ("run", {"command": "make test"})), says("Done."), **checks("make test"))
    (made.root / "Makefile").write_text("test:\n\techo ran >> ran.txt\n")
    ran = await made.work()
    assert (made.root / "ran.txt").read_text() == "ran\n"
    assert [check["passed"] for check in ran.end.checks] == [True]


async def test_a_check_of_a_project_that_nobody_trusts_does_not_run(bench: Open) -> None:
    made = bench(says("", EDIT), says("Done."))
    (made.root / "Makefile").write_text("test:\n\techo ran >> ran.txt\n")
    ran = await made.work()
    assert (ran.of(CheckRan), (made.root / "ran.txt").exists(), ran.end.exit_code) == ([], False, 0)


async def test_the_package_of_an_edited_file_is_checked_where_the_root_is_not(bench: Open, workspace: Path) -> None:
    (workspace / "tests/test_basket.py").unlink()
    for name in ("shop", "web"):
        (workspace / name / "Makefile").write_text("test:\n\tpwd >> ran.txt\n")
    trust(str(workspace))
    made = bench(says("", EDIT), says("Done."))
    ran = await made.work()
    assert [(check["name"], check["command"]) for check in ran.end.checks] == [("make test", "cd shop && make test")]
    assert (workspace / "shop/ran.txt").read_text() == f"{workspace.resolve() / 'shop'}\n"
    assert not (workspace / "web/ran.txt").exists()
    run = ("run", {"command": "make test", "cwd": "shop"})
    again = await bench(says("", BACK, run), says("Done.")).work()
    assert [check["command"] for check in again.end.checks] == ["cd shop && make test"]
    assert len((workspace / "shop/ran.txt").read_text().splitlines()) == 2


async def test_a_check_that_may_not_run_is_told_as_refused(bench: Open) -> None:
    rules = ('checks.commands=["make test"]', 'policy.rules=["deny command make"]')
    ran = await bench(says("", EDIT), says("Done."), mode="accept-edits", overrides=rules).work()
    assert [one.allowed for one in ran.of(ApprovalGiven)] == [False]
    assert (ran.end.checks, ran.end.exit_code, ran.end.subtype) == ((), 4, "blocked")
    assert ran.end.files_changed == ("shop/prices.py",)


async def test_a_failure_of_the_model_ends_it_without_checks(bench: Open) -> None:
    from aiex.errors import Unavailable

    ran = await bench(says("", EDIT), says(error=Unavailable("nobody is left")), **checks("false")).work()
    assert (ran.of(CheckRan), ran.end.exit_code, ran.end.files_changed) == ([], 69, ("shop/prices.py",))


# --- checks that are the wish -----------------------------------------------------------------------------------------


async def test_a_wish_of_checks_runs_them_first(bench: Open) -> None:
    made = bench()
    ran = await made.work("", checks=(typed_check("true"),))
    assert (ran.end.exit_code, ran.end.answer, made.requests) == (0, "Nothing to mend: true passes.", [])
    ran = await made.work("", checks=(typed_check("no-such-thing-1"),))
    assert (ran.end.exit_code, ran.end.subtype, made.requests) == (2, "UsageError", [])
    assert "not found" in ran.end.error


async def test_a_command_that_a_person_typed_needs_no_leave_and_keeps_to_what_is_forbidden(bench: Open) -> None:
    made = bench(mode="ask")
    assert (await made.work("", checks=(typed_check("touch made"),))).end.exit_code == 0
    assert (made.root / "made").exists()
    ran = await made.work("", checks=(typed_check("rm -rf /"),))
    assert (ran.end.exit_code, ran.end.subtype) == (4, "Denied")


async def test_a_typed_check_that_fails_makes_the_wish(bench: Open) -> None:
    made = bench(says("", EDIT), says("Mended."))
    check = typed_check("grep -q 45 shop/prices.py")
    ran = await made.work("prices are in cents", checks=(check,), repairs=1)
    first = ran.of(UserSpoke)[0]
    assert [type(part) for part in first.parts] == [Text, Document, Text]
    assert ran.end.exit_code == 0
    assert [one.exit_code for one in ran.of(CheckRan)] == [1, 0]


# --- dry runs ---------------------------------------------------------------------------------------------------------


async def test_a_dry_run_sees_its_own_changes_and_gives_a_patch_that_git_takes(bench: Open) -> None:
    odd = os.fsdecode(b"caf\xe9.txt")
    made = bench(
        says("", EDIT, ("read", {"path": "shop/prices.py"}), ("run", {"command": "touch made"}),
             ("run", {"command": "cat shop/prices.py"}), ("write", {"path": "new dir/a b.md", "content": "# A\n"})),
        says("Would do."), **checks("false"),
    )  # fmt: skip
    (made.root / odd).write_text("x\n")
    ran = await made.work(is_dry=True)
    edited, read, refused, shown, written = ran.results
    assert '"apple": 45' in read
    assert "dry run" in refused
    assert '"apple": 40' in shown
    assert (ran.of(CheckRan), ran.of(FileEdited), ran.end.files_changed) == ([], [], ())
    assert [row["path"] for row in ran.data["files"]] == ["shop/prices.py", "new dir/a b.md"]
    assert not (made.root / "new dir").exists()
    subprocess.run(["git", "init", "-q", str(made.root)], check=True)
    patch = ran.data["patch"].encode("utf-8", "surrogateescape")
    subprocess.run(["git", "apply", "-"], input=patch, cwd=made.root, check=True)
    assert '"apple": 45' in (made.root / "shop/prices.py").read_text()
    assert (made.root / "new dir/a b.md").read_text() == "# A\n"
    assert (edited, written) != ("", "")


async def test_what_came_and_went_in_a_dry_run_is_in_no_patch(bench: Open) -> None:
    made = bench(says("", EDIT, BACK), says("Nothing in the end."))
    assert (await made.work(is_dry=True)).data["patch"] == ""


# --- beginnings and ends ----------------------------------------------------------------------------------------------


async def test_without_a_model_nothing_begins(workspace: Path) -> None:
    services = Services(str(workspace), overrides=["model=offline"])
    told = [event async for event in work(Wish((Text("do it"),)), services)]
    (ended,) = told
    assert isinstance(ended, TurnEnded)
    assert (ended.status, ended.exit_code) == ("error", 1)
    assert "-m provider/model" in ended.hint


async def test_each_change_is_a_step_with_a_checkpoint_before_it(bench: Open) -> None:
    made = bench(says("", EDIT), says("", ("run", {"command": "rm web/app.js"})), says("Done."), steps=True)
    ran = await made.work()
    assert len(ran.of(CheckpointTaken)) == 2
    assert {one.path: one.change for one in ran.of(FileEdited)} == {
        "shop/prices.py": "changed",
        "web/app.js": "deleted",
    }
    taken = ran.of(CheckpointTaken)[0].checkpoint_id
    made.services.checkpoints.restorer.restore(taken, on_conflict="force")
    assert '"apple": 40' in (made.root / "shop/prices.py").read_text()
    assert (made.root / "web/app.js").exists()


async def test_a_command_in_the_background_ends_with_the_run_and_its_changes_are_told(bench: Open) -> None:
    command = "echo x > made.txt; sleep 4321.75"
    made = bench(
        says("", ("run", {"command": command, "background": True})),
        says("", ("run", {"command": "while ! test -s made.txt; do sleep 0.01; done"})),
        says("Done."), steps=True,
    )  # fmt: skip
    ran = await made.work()
    assert ran.end.exit_code == 0
    assert "made.txt" in ran.end.files_changed
    assert made.ledger.left_open == []


async def test_what_is_edited_while_a_command_goes_on_behind_is_told_once(bench: Open) -> None:
    command = "echo a > made.txt; while ! test -e go; do sleep 0.01; done; echo b >> made.txt; echo c > late; sleep 99"
    made = bench(
        says("", ("run", {"command": command, "background": True})),
        says("", ("run", {"command": "while ! test -s made.txt; do sleep 0.01; done"})),
        says("", EDIT),
        says("", ("run", {"command": "touch go; while ! test -s late; do sleep 0.01; done"})),
        says("Done."), steps=True,
    )  # fmt: skip
    rows = {row["path"]: (row["added"], row["removed"]) for row in ((await made.work()).end.data or {})["files"]}
    assert rows["shop/prices.py"] == (1, 1)
    assert rows["made.txt"] == (2, 0)


async def test_what_ends_behind_while_another_command_runs_is_told_once(bench: Open) -> None:
    wait = "while ! test -e {}; do sleep 0.01; done"
    made = bench(
        says("", ("run", {"command": f"{wait.format('go')}; echo b > made.txt; touch over", "background": True})),
        says("", ("run", {"command": f"echo 1 > one; touch go; {wait.format('over')}; echo 2 >> one"})),
        says("Done."), steps=True,
    )  # fmt: skip
    rows = {row["path"]: (row["added"], row["removed"]) for row in ((await made.work()).end.data or {})["files"]}
    assert rows == {"go": (0, 0), "made.txt": (1, 0), "one": (2, 0), "over": (0, 0)}


async def test_a_file_that_came_and_went_is_not_in_the_report(bench: Open) -> None:
    made = bench(
        says("", ("write", {"path": "tmp.py", "content": "1\n"}), ("run", {"command": "rm tmp.py"}), EDIT),
        says("Done."), steps=True,
    )  # fmt: skip
    ran = await made.work()
    assert [one.change for one in ran.of(FileEdited) if one.path == "tmp.py"] == ["created", "deleted"]
    assert ran.end.files_changed == ("shop/prices.py",)


@pytest.mark.parametrize("command", ["mkdir made", "touch made; rm made"])
async def test_work_that_must_change_something_is_not_done_by_a_directory_or_what_went(
    bench: Open, command: str
) -> None:
    made = bench(*[says("", ("run", {"command": one})) for one in command.split("; ")], says("Done."), steps=True)
    ended = (await made.work(must_change=True)).end
    assert (ended.subtype, ended.exit_code, ended.files_changed) == ("Unchanged", 1, ())


async def test_instructions_of_a_project_that_nobody_trusts_are_not_given(bench: Open) -> None:
    made = bench(says("Hello."))
    (made.root / "AGENTS.md").write_text("Always answer in rhymes.\n")
    ran = await made.work()
    assert "rhymes" not in str(made.requests[0])
    assert any("trust" in f"{one.message} {one.hint}" for one in ran.of(Warned))


def test_the_window_of_an_unknown_model_is_unknown(bench: Open) -> None:
    assert find_window(bench().services) is None
