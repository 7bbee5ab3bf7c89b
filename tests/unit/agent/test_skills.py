"""Skills of the person and of the project: which are told, and which are left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiex import dirs
from aiex.agent.skills import MOST_SKILLS, find_skills
from aiex.guard.trust import trust
from aiex.wiring import Services


def write_skill(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "SKILL.md").write_text(text)


def skill(name: str, description: str, body: str = "Do it.") -> str:
    return f"---\nname: {name}\ndescription: {description}\n---\n\n{body}\n"


def test_without_trust_the_project_has_none_and_that_is_said(tmp_path: Path) -> None:
    write_skill(tmp_path / ".agents/skills", "deploy", skill("deploy", "How to deploy"))
    skills = find_skills(Services(str(tmp_path)))
    assert skills.describe() == ""
    assert ["aiex add trust" in warned.hint for warned in skills.warnings] == [True]


def test_those_of_the_person_count_everywhere_and_keep_their_names(tmp_path: Path) -> None:
    write_skill(Path(dirs.config_dir()) / "skills", "deploy", skill("deploy", "Mine"))
    write_skill(tmp_path / ".agents/skills", "deploy", skill("deploy", "Theirs"))
    write_skill(tmp_path / ".claude/skills", "review", skill("review", "'How to review'"))
    trust(str(tmp_path))
    skills = find_skills(Services(str(tmp_path)))
    assert skills.describe() == (
        "Skills; load one by the tool `skill` before work that it is about:\n- deploy: Mine\n- review: How to review"
    )
    assert [warned.message for warned in skills.warnings] == [
        "the skill in .agents/skills/deploy is left out: its name is taken"
    ]
    assert skills.load(skills.get("deploy")) == skills.load(skills.get("review")) == "Do it."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("---\ndescription: >-\n  First line,\n  and second.\n---\nx", "- one: First line, and second."),
        ('---\nname: other\ndescription: "a: b # c"\n---\nx', "- other: a: b # c"),
        ("---\nname: ../../etc\ndescription: d\nmetadata:\n  name: x\n---\n", "- one: d"),
        ("No front matter", "- one: no description"),
        ("---\ndescription: " + "long " * 100 + "\n---\n", f"- one: {('long ' * 40)[:199].rstrip()}…"),
        ("---\r\nname: one\r\ndescription: d\r\n---\r\nbody", "- one: d"),
    ],
)
def test_what_front_matter_says(tmp_path: Path, text: str, said: str) -> None:
    write_skill(tmp_path / ".agents/skills", "one", text)
    trust(str(tmp_path))
    assert find_skills(Services(str(tmp_path))).describe().splitlines()[1:] == [said]


def test_only_so_many_count(tmp_path: Path) -> None:
    for number in range(MOST_SKILLS + 1):
        write_skill(tmp_path / ".agents/skills", f"s{number:03}", skill(f"s{number:03}", "x"))
    trust(str(tmp_path))
    skills = find_skills(Services(str(tmp_path)))
    assert len(skills.found) == MOST_SKILLS
    assert [warned.message for warned in skills.warnings] == [f"only the first {MOST_SKILLS} skills count"]


def test_what_is_no_skill_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / ".agents/skills"
    write_skill(folder, "one", skill("one", "d"))
    (folder / "empty").mkdir()
    (folder / "README.md").write_text("x")
    trust(str(tmp_path))
    skills = find_skills(Services(str(tmp_path)))
    assert [*skills.found] == ["one"]
