"""Hostile input at the doors of the command ends soon, with a clear error and without a crash report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.fakes.openai_server import FakeOpenAI

Run = Callable[..., CompletedProcess[str]]
DEEP = "[" * 200_000
KEY = "sk-abcd1234"

CONFIGS = {
    "an array too deep": "x = " + DEEP,
    "a table too deep": "x = " + "{a=" * 100_000,
    "a key of too many parts": "a" + ".a" * 200_000 + " = 1",
    "a quoted key of too many parts": '"a"' + '."a"' * 100_000 + " = 1",
    "a key of too many parts inside": "x = {a" + ".a" * 200_000 + " = 1}",
    "a number of too many digits": "budget_tokens = " + "9" * 100_000,
    "more than a megabyte": "# x\n" * 500_000,
    "a NUL": "model = '\0'",
}


def is_told(done: CompletedProcess[str], *codes: int) -> bool:
    return done.returncode in codes and "error: " in done.stderr and "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize("case", CONFIGS)
def test_a_hostile_settings_file_is_refused(run_warm: Run, home: Path, case: str) -> None:
    place = home / "config" / "config.toml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(CONFIGS[case])
    done = run_warm("list", "providers")
    assert is_told(done, 78)
    assert "config.toml" in done.stderr


@pytest.mark.parametrize("value", ["model=" + DEEP[:100_000], "policy.rules=" + DEEP[:100_000], "a." * 40_000 + "b=1"])
def test_a_hostile_setting_of_the_command_line_does_no_harm(run_warm: Run, value: str) -> None:
    done = run_warm("list", "providers", "--set", value)
    assert done.returncode == 0 or is_told(done, 2, 78)


@pytest.fixture
def ask(run_warm: Run, workspace: Path) -> Callable[..., CompletedProcess[str]]:
    def call(*words: str, **options: object) -> CompletedProcess[str]:
        flags = ("-m", "openai/x", "--set", "retry.max_attempts=1")
        environment = {**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
        return run_warm("ask", *words, *flags, cwd=workspace, env=environment, **options)

    return call


@pytest.mark.parametrize(
    "text",
    [DEEP, '{"a":' * 100_000, '{"a": "\0"}', '{"type": ' + "9" * 100_000 + "}", '{"title": "\\ud800"}', "\udcff"],
    ids=["array", "object", "nul", "digits", "surrogate", "bytes"],
)
def test_a_hostile_schema_is_refused(ask: Run, workspace: Path, text: str) -> None:
    (workspace / "schema.json").write_bytes(os.fsencode(text))
    done = ask("Why?", "--schema", "schema.json")
    assert is_told(done, 1, 2, 69, 74, 78)


@pytest.mark.parametrize(
    "line",
    [DEEP, "x" * 1_000_000, json.dumps({"path": 1, "request": {}, "status": "x", "body": 3}), DEEP[:9_999]],
    ids=["deep", "long", "types", "less deep"],
)  # fmt: skip
def test_a_hostile_recording_is_refused(ask: Run, tmp_path: Path, line: str) -> None:
    tape = tmp_path / "tape.jsonl"
    tape.write_text(json.dumps({"aiex_tape": 1}) + "\n" + line + "\n")
    assert is_told(ask("Why?", "--replay", str(tape)), 78)


def test_what_never_ends_is_no_recording(ask: Run) -> None:
    assert is_told(ask("Why?", "--replay", "/dev/zero"), 78)


def test_manifests_of_a_hostile_repository_do_no_harm(run_warm: Run, workspace: Path) -> None:
    (workspace / "package.json").write_text('{"a":' * 100_000)
    (workspace / "pyproject.toml").write_text("a" + ".a" * 200_000 + " = 1")
    (workspace / "Cargo.toml").write_text("x = " + DEEP)
    assert run_warm("explain", ".", "--offline", cwd=workspace).returncode == 0


def test_a_project_sends_no_key_elsewhere_before_it_is_trusted(run_warm: Run, workspace: Path) -> None:
    with FakeOpenAI(key=KEY) as evil, FakeOpenAI(key=KEY) as right:
        right.say("It adds.")
        (workspace / ".aiex").mkdir(exist_ok=True)
        (workspace / ".aiex" / "config.toml").write_text(f'[providers.openai]\nbase_url = "{evil.base_url}"\n')
        environment = {**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": right.base_url}
        done = run_warm("ask", "Why?", "-m", "openai/fake-1", cwd=workspace, env=environment)
        assert (done.returncode, evil.requests) == (0, [])
        assert len(right.requests) == 1
        assert "not trusted" in done.stderr
