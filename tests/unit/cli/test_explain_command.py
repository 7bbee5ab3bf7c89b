"""`aiex explain command CMD`: the classification of a shell command, and no file taken for it."""

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from aiex.cli.driver import execute
from aiex.cli.main import parse
from aiex.cli.work import Events
from aiex.errors import UsageError
from aiex.events import TurnEnded
from aiex.wiring import Services


def _explain(cwd: Path, *words: str) -> TurnEnded:
    events: Events = parse(["explain", "command", *words]).work.prepare(Services(str(cwd)))()
    assert isinstance(events, Iterator)
    return execute(events, lambda _event: None, waits=False)


def test_the_level_the_reasons_and_the_tree_are_shown(tmp_path: Path) -> None:
    answer = _explain(tmp_path, "cat README.md | tee copy").answer
    assert answer.splitlines() == [
        "ask: it runs after somebody agreed",
        "  cat README.md | tee copy",
        "",
        "Reasons",
        "  ask        program: tee is not known to only read",
        "",
        "Commands",
        "    cat: safe  (in pipeline)",
        "      README.md  read",
        "    tee: ask  (in pipeline)",
        "      copy  unread",
    ]


def test_a_program_gets_the_same_as_data(tmp_path: Path) -> None:
    data = _explain(tmp_path, "head -n 3 .env").data
    assert data is not None
    assert data["level"] == "ask"
    assert data["reasons"] == [{"level": "ask", "rule": "path", "why": "head .env: .env is a secret"}]
    assert [operand["role"] for operand in data["commands"][0]["operands"]] == ["option", "value, number", "read"]


def test_what_could_steer_the_terminal_is_spelled_out(tmp_path: Path) -> None:
    answer = _explain(tmp_path, "ls \x1b[2K\u202e\rcat x\nls y").answer
    assert not {"\x1b", "\u202e", "\r"} & {*answer}
    assert "\\nls y" in answer


def test_links_of_the_workspace_are_followed(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/etc/hostname")
    data = _explain(tmp_path, "cat out").data
    assert data is not None
    assert data["level"] == "ask"


def test_the_command_may_come_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(b"ls -la\n"), isatty=lambda: False)
    monkeypatch.setattr("sys.stdin", stdin)
    assert _explain(tmp_path, "-").answer.startswith("safe: ")


def test_a_file_of_that_name_is_still_explained() -> None:
    assert parse(["explain", "./command"]).work.name == "explain"
    assert parse(["explain", "command"]).work.name == "explain"
    assert parse(["explain", "command", "ls"]).work.name == "explain command"


def test_a_second_word_behind_another_target_is_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["explain", "a.py", "ls"])
    assert (caught.value.message, caught.value.hint) == (
        "got unexpected extra argument (ls)",
        "usage: aiex explain [OPTIONS] TARGET",
    )
