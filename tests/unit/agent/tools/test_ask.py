"""Questions of the model to a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aiex.agent.kit import ApprovalRequest, Kit
from aiex.agent.tools import is_offered
from aiex.agent.tools.ask import NOBODY, TOOL
from aiex.errors import ToolError
from aiex.wiring import Services
from tests.fakes.toolcalls import call


class Somebody:
    """Answers what they were given to say."""

    def __init__(self, said: str | None) -> None:
        self.said = said
        self.heard: list[tuple[str, list[str]]] = []

    async def approve(self, request: ApprovalRequest) -> None:
        return None

    async def answer(self, question: str, options: Sequence[str]) -> str | None:
        self.heard.append((question, [*options]))
        return self.said


def kit_with(root: Path, person: Somebody | None) -> Kit:
    return Kit(Services(str(root)), person=person)


async def test_the_person_is_asked_and_their_answer_is_told(tmp_path: Path) -> None:
    person = Somebody("red")
    called = await call(TOOL, kit_with(tmp_path, person), question="Which colour?", options=["red", "blue"])
    assert called.text == "red"
    assert person.heard == [("Which colour?", ["red", "blue"])]


@pytest.mark.parametrize("said", [None, "  "])
async def test_no_answer_leaves_the_decision_to_the_model(tmp_path: Path, said: str | None) -> None:
    assert (await call(TOOL, kit_with(tmp_path, Somebody(said)), question="Which?")).text == NOBODY


async def test_where_nobody_is_there_it_is_not_offered_and_says_so(tmp_path: Path) -> None:
    kit = kit_with(tmp_path, None)
    assert not is_offered(TOOL, kit)
    assert is_offered(TOOL, kit_with(tmp_path, Somebody("x")))
    assert (await call(TOOL, kit, question="Which?")).text == NOBODY


@pytest.mark.parametrize("arguments", [{"question": " "}, {"question": "a", "options": [""]}, {"question": "a" * 5000}])
def test_what_is_no_question_is_refused(tmp_path: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolError):
        TOOL.plan(arguments, kit_with(tmp_path, Somebody("x")))
