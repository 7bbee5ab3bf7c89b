"""Completion as the shells run it: the script is loaded, and its function is called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import SOURCE_ROOT

needs_bash = pytest.mark.skipif(shutil.which("bash") is None or os.name != "posix", reason="needs bash")


@pytest.fixture
def folder_with_aiex(tmp_path):
    """A folder for PATH with an `aiex` that runs the package under test."""
    program = tmp_path / "bin" / "aiex"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{SOURCE_ROOT}" exec "{sys.executable}" -m aiex "$@"\n')
    program.chmod(0o755)
    return program.parent


def complete_in_bash(folder, *words: str) -> tuple[set[str], str]:
    """What bash offers for the last word, and what it said on standard error."""
    script = """
    eval "$(aiex completion bash)"
    compopt() { printf 'compopt %s %s\\n' "$1" "$2"; }
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _aiex_completion aiex
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", "aiex", *words],
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split("\n")) - {""}, done.stderr


@needs_bash
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ex"], {"explain", "export"}),
        (
            ["list", ""],
            {
                "approval",
                "audit",
                "checkpoint",
                "config",
                "context",
                "key",
                "language",
                "model",
                "policy",
                "provider",
                "session",
                "trust",
                "usage",
            },
        ),
        (["show", "co"], {"config", "context"}),
        (["create", ""], {"checkpoint", "index"}),
        (["query", ""], {"context"}),
        (["query", "context", "--task"], {"--task", "--task-file"}),
        (["show", "context", "--bu"], {"--budget"}),
        (["context", ""], {"list", "query", "show"}),
        (["index", ""], {"create", "rm", "show"}),
        (["ask", "why", "--no-co"], {"--no-code", "--no-color"}),
        (["config", "s"], {"set", "show"}),
        (["get", "config", "budget_"], {"budget_tokens"}),
        (["explain", "--bu"], {"--budget"}),
        (["explain", "--off"], {"--offline"}),
        (["--json", "list", "l"], {"language"}),
        (["-o", "s"], {"stream-json"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
        (["help", "targ"], {"targets"}),
        (["explain", "a"], {"compopt -o default"}),
        (["-C", "a"], {"compopt -o dirnames"}),
    ],
)
def test_bash_offers(words, offered, folder_with_aiex):
    assert complete_in_bash(folder_with_aiex, *words) == (offered, "")


@needs_bash
def test_bash_offers_every_command_at_the_start(folder_with_aiex):
    offered, _said = complete_in_bash(folder_with_aiex, "")
    assert {"explain", "doctor", "help", "version", "completion", "create", "list", "query", "rm", "show"} <= offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_that_asks_aiex(shell, run_aiex):
    script = run_aiex("completion", shell).stdout
    assert f"_AIEX_COMPLETE={shell}_complete" in script
    program = shutil.which(shell)
    if program:
        subprocess.run([program, "-n"], input=script, text=True, check=True, timeout=60)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_answers_for_other_shells_name_the_commands(shell, run_aiex):
    asked = {
        "_AIEX_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "aiex expl",
        "COMP_CWORD": "1" if shell == "zsh" else "expl",
    }
    done = run_aiex(env=asked)
    assert "explain" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_wish_of_a_script_is_refused_quietly(run_aiex):
    done = run_aiex(env={"_AIEX_COMPLETE": "tcsh_complete"})
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
