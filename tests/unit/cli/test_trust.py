"""`add`, `list`, `rm` and `show trust`: only a directory that is there can be trusted, a gone one can be let go."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiex.cli.driver import execute
from aiex.cli.main import parse
from aiex.cli.work import Events
from aiex.errors import UsageError
from aiex.events import TurnEnded
from aiex.wiring import Services


def _run(cwd: Path, *words: str) -> TurnEnded:
    services = Services(str(cwd))
    events: Events = parse(list(words)).work.prepare(services)()
    assert isinstance(events, Iterator)
    return execute(events, lambda _event: None, waits=False)


@pytest.mark.parametrize("verb", ["add", "show"])
@pytest.mark.parametrize(("folder", "problem"), [("nowhere", "no such directory"), ("a.py", "not a directory")])
def test_what_is_no_directory_is_not_taken_for_the_one_above(
    verb: str, folder: str, problem: str, tmp_path: Path
) -> None:
    (tmp_path / "a.py").touch()
    with pytest.raises(UsageError, match=f"{folder}: {problem}"):
        _run(tmp_path, verb, "trust", folder)
    assert _run(tmp_path, "list", "trust").answer == "no workspace is trusted"


def test_a_workspace_that_is_gone_is_listed_as_gone_and_can_be_let_go(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    _run(project, "add", "trust")
    shutil.rmtree(project)
    assert _run(tmp_path, "list", "trust").answer.endswith("gone")
    assert "not trusted any more" in _run(tmp_path, "rm", "trust", "project").answer
    assert _run(tmp_path, "list", "trust").answer == "no workspace is trusted"


def test_what_trust_gives_to_the_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("Use tabs.")
    (tmp_path / ".agents/skills").mkdir(parents=True)
    assert _run(tmp_path, "show", "trust").answer.endswith("not given to the model: AGENTS.md, .agents/skills")
    assert _run(tmp_path, "add", "trust").answer.endswith("\ngiven to the model: AGENTS.md, .agents/skills")
    assert _run(tmp_path, "show", "trust").answer.endswith("\ngiven to the model: AGENTS.md, .agents/skills")
