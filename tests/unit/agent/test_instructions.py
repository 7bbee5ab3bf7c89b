"""What a project wants of whoever works on it, and when it counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiex.agent.instructions import MOST_BYTES, Instruction, Instructions, load_instructions, render_instructions
from aiex.guard.trust import trust
from aiex.wiring import Services


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_without_trust_nothing_is_given_and_the_command_is_named(tmp_path: Path) -> None:
    write(tmp_path, AGENTS_md="Use tabs.")
    found, (warned,) = load_instructions(Services(str(tmp_path)))
    assert found == []
    assert "AGENTS.md is not given to the model" in warned.message
    assert "aiex add trust" in warned.hint
    assert Instructions(Services(str(tmp_path))).nearest("a/b.py") == []


def test_a_workspace_without_instructions_is_silent(tmp_path: Path) -> None:
    assert load_instructions(Services(str(tmp_path))) == ([], [])


def test_a_trusted_project_needs_no_settings_and_may_change_its_instructions(tmp_path: Path) -> None:
    write(tmp_path, AGENTS_md="Use tabs.\n")
    trust(str(tmp_path))
    assert load_instructions(Services(str(tmp_path))) == ([Instruction("AGENTS.md", "Use tabs.")], [])
    write(tmp_path, AGENTS_md="Use spaces.\n")
    assert load_instructions(Services(str(tmp_path)))[0][0].text == "Use spaces."


def test_trust_that_ended_because_of_settings_ends_here_too(tmp_path: Path) -> None:
    write(tmp_path, AGENTS_md="Use tabs.")
    trust(str(tmp_path))
    (tmp_path / ".aiex").mkdir()
    (tmp_path / ".aiex" / "config.toml").write_text('model = "offline"\n')
    assert load_instructions(Services(str(tmp_path)))[0] == []


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (["CLAUDE.md", "GEMINI.md"], "CLAUDE.md"),
        (["GEMINI.md"], "GEMINI.md"),
        (["AGENTS.md", "CLAUDE.md"], "AGENTS.md"),
    ],
)
def test_other_names_count_where_there_is_no_agents_file(tmp_path: Path, names: list[str], first: str) -> None:
    for name in names:
        (tmp_path / name).write_text(f"see @other.md in {name}")
    (tmp_path / "other.md").write_text("imported")
    trust(str(tmp_path))
    assert load_instructions(Services(str(tmp_path)))[0] == [Instruction(first, f"see @other.md in {first}")]


def test_folders_give_theirs_once_the_nearest_last(tmp_path: Path) -> None:
    write(tmp_path, AGENTS_md="root", a__AGENTS_md="of a", a__b__c__CLAUDE_md="of c")
    trust(str(tmp_path))
    instructions = Instructions(Services(str(tmp_path)))
    assert [one.path for one in instructions.load()[0]] == ["AGENTS.md"]
    assert [one.path for one in instructions.nearest("a/b/c/d/x.py")] == ["a/AGENTS.md", "a/b/c/CLAUDE.md"]
    assert instructions.nearest("a/b/c/y.py") == []
    assert (
        instructions.nearest("top.py") == instructions.nearest("../else/x.py") == instructions.nearest("/etc/x") == []
    )


def test_all_together_are_bounded_and_what_is_cut_is_said(tmp_path: Path) -> None:
    write(tmp_path, AGENTS_md="a line\n" * 10_000, sub__AGENTS_md="more")
    trust(str(tmp_path))
    instructions = Instructions(Services(str(tmp_path)))
    (one,), (warned,) = instructions.load()
    assert len(one.text) < MOST_BYTES + 100
    assert one.text.endswith("a line\n… cut here; read AGENTS.md for the rest")
    assert "AGENTS.md was cut" in warned.message
    assert instructions.nearest("sub/x.py") == []


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    root.mkdir()
    (tmp_path / "secret.md").write_text("outside")
    (root / "AGENTS.md").symlink_to(tmp_path / "secret.md")
    trust(str(root))
    found, (warned,) = load_instructions(Services(str(root)))
    assert found == []
    assert "AGENTS.md is left out" in warned.message


def test_the_model_reads_where_they_stand() -> None:
    said = render_instructions([Instruction("AGENTS.md", "Use tabs."), Instruction("a/AGENTS.md", "Use spaces.")])
    assert said == (
        "Instructions of the project (AGENTS.md):\nUse tabs.\n\n"
        "Instructions for a; they count before those of the folders above (a/AGENTS.md):\nUse spaces."
    )
    assert render_instructions([]) == ""
