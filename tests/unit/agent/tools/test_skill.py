"""Skills as a model loads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiex.agent.kit import Kit
from aiex.agent.tools import is_offered
from aiex.agent.tools.skill import TOOL
from aiex.errors import Denied, ToolError
from aiex.guard.trust import trust
from aiex.wiring import Services
from tests.fakes.toolcalls import call


def write_skill(root: Path, body: str = "Run make release.") -> None:
    folder = root / ".agents/skills/release"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(f"---\nname: release\ndescription: How to release\n---\n{body}\n")
    trust(str(root))


async def test_a_skill_says_what_to_do_and_where_it_lies(tmp_path: Path) -> None:
    write_skill(tmp_path)
    kit = Kit(Services(str(tmp_path)))
    assert is_offered(TOOL, kit)
    called = await call(TOOL, kit, name="release")
    assert called.text == "Skill release; its files lie in .agents/skills/release.\n\nRun make release."
    assert [passage.admitted.action.subject for passage in called.passages] == [".agents/skills/release/SKILL.md"]


async def test_it_is_not_offered_where_there_are_none(tmp_path: Path) -> None:
    kit = Kit(Services(str(tmp_path)))
    assert not is_offered(TOOL, kit)
    with pytest.raises(ToolError, match="no skill 'release'"):
        TOOL.plan({"name": "release"}, kit)


async def test_a_rule_can_forbid_it(tmp_path: Path) -> None:
    write_skill(tmp_path)
    kit = Kit(Services(str(tmp_path)))
    assert TOOL.plan({"name": "release"}, kit).title == "skill release"
    strict = Kit(Services(str(tmp_path), overrides=['policy.rules=["deny read \\".agents/**\\""]']))
    with pytest.raises((Denied, ToolError)):
        await call(TOOL, strict, name="release")


async def test_a_long_one_is_cut_and_says_so(tmp_path: Path) -> None:
    write_skill(tmp_path, "word " * 10_000)
    called = await call(TOOL, Kit(Services(str(tmp_path))), name="release")
    assert len(called.text) < 30_000
    assert called.text.endswith("… cut here: it is longer than 28,000 bytes")
