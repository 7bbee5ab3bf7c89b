"""`aiex fix`: a command that fails is mended until it passes, or the outcome says that it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.repositories import REPOSITORIES
from tests.fakes.server import call

Run = Callable[..., CompletedProcess[str]]
BASKET = REPOSITORIES["python"]


def edit(old: str, new: str) -> tuple[str, str]:
    return call("edit", path=BASKET.code, old=old, new=new)


WRONG, RIGHT = edit(*BASKET.wrong), edit(*BASKET.right)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return BASKET.write(tmp_path / "basket")


@pytest.fixture
def fix(run_warm: Run, vendor: FakeOpenAI, root: Path) -> Run:
    """`aiex fix …` in the basket; results as JSON."""
    settings = (f"providers.one.base_url={vendor.base_url}", "retry.max_attempts=1")
    flags = [*(word for one in settings for word in ("--set", one)), "-m", "one/fake-1", "-o", "json"]

    def run(*words: str, **how: Any) -> CompletedProcess[str]:
        at = words.index("--") if "--" in words else len(words)
        return run_warm("fix", *flags, *words[:at], *words[at:], **{"cwd": root, **how})

    return run


def test_what_passes_at_once_needs_no_model(fix: Run, vendor: FakeOpenAI) -> None:
    done = fix("--", "true")
    result = json.loads(done.stdout)
    assert (done.returncode, result["result"], vendor.requests) == (0, "Nothing to mend: true passes.", [])
    assert [(check["command"], check["passed"]) for check in result["checks"]] == [("true", True)]


def test_what_fails_is_mended_until_it_passes(fix: Run, vendor: FakeOpenAI, root: Path) -> None:
    vendor.say("I mend it.", calls=(WRONG,))
    vendor.say("Now it is right.")
    vendor.say("It was not.", calls=(RIGHT,))
    vendor.say("Now it is.")
    done = fix("--permission-mode", "accept-edits", "--", "make", "test")
    result = json.loads(done.stdout)
    assert (done.returncode, result["exit_code"], result["result"]) == (0, 0, "Now it is.")
    assert [(check["passed"], check["current"]) for check in result["checks"]] == [(True, True)]
    assert result["files_changed"] == [BASKET.code]
    assert (root / BASKET.code).read_text() == BASKET.mended
    first, third = (json.dumps(vendor.requests[at].body["messages"]) for at in (0, 2))
    assert "This fails: make test" in first
    assert "AssertionError: 2 != 3" in first
    assert "After your changes this check fails: make test" in third


def test_what_never_passes_ends_with_three(fix: Run, vendor: FakeOpenAI, root: Path) -> None:
    for text in ("one", "two"):
        vendor.say("", calls=(call("write", path="notes.md", content=f"# {text}\n"),))
        vendor.say(f"Try {text}.")
    done = fix("--rounds", "2", "--permission-mode", "accept-edits", "--", "make test")
    result = json.loads(done.stdout)
    assert (done.returncode, result["exit_code"], result["status"], result["subtype"]) == (3, 3, "error", "red")
    assert [(check["exit_code"], check["current"]) for check in result["checks"]] == [(2, True)]
    assert len(vendor.requests) == 4
    assert "a check fails: make test" in done.stderr


def test_words_without_a_change_leave_it_red(fix: Run, vendor: FakeOpenAI) -> None:
    vendor.say("It cannot be mended here.")
    done = fix("--", "make", "test")
    assert (done.returncode, len(vendor.requests)) == (3, 1)


@pytest.mark.parametrize("command", ["no-such-program --fast", "./missing.sh"])
def test_a_command_that_is_not_there_is_no_work_for_a_model(fix: Run, vendor: FakeOpenAI, command: str) -> None:
    done = fix("--", command)
    assert (done.returncode, vendor.requests) == (2, [])
    assert "cannot be run" in done.stderr


def test_without_a_command_the_checks_of_a_trusted_project_run(
    fix: Run, vendor: FakeOpenAI, run_warm: Run, root: Path
) -> None:
    untrusted = fix()
    assert (untrusted.returncode, "there is no check to run" in untrusted.stderr) == (2, True)
    assert run_warm("add", "trust", cwd=root).returncode == 0
    vendor.say("", calls=(edit("result = item\n", "result += item\n"),))
    vendor.say("Mended.")
    done = fix("--permission-mode", "auto")
    result = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [check["passed"] for check in result["checks"]] == [True]


def test_a_note_goes_with_it_and_a_command_that_is_refused_says_so(fix: Run, vendor: FakeOpenAI) -> None:
    vendor.say("I see.")
    fix("--note", "only the loop is wrong", "--", "make", "test")
    assert "only the loop is wrong" in json.dumps(vendor.requests[0].body["messages"])
    refused = fix("--", "rm -rf /")
    assert (refused.returncode, len(vendor.requests)) == (4, 1)
