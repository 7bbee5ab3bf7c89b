"""Briefings within a budget: never over, the important parts last to go, and honest about what went."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex import tokens
from aiex.context.engine import Engine
from aiex.errors import UsageError
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.briefing.code import Sources, brief_file
from aiex.jobs.briefing.fit import FLOOR_TOKENS, fit
from aiex.jobs.briefing.material import Material
from aiex.jobs.briefing.model import Briefing, Outlined, Subject
from aiex.jobs.briefing.render import Links
from aiex.jobs.briefing.section import Line, Section
from aiex.jobs.target import Target

Open = Callable[..., tuple[Engine, Workspace]]


def estimate(text: str) -> int:
    return tokens.estimate(text).tokens


def outlined(name: str, line: int) -> Outlined:
    return Outlined(name, name, "function", f"def {name}()", "Does it.", "a.py", line, line + 1, 0, True, 1)


def briefing_of(names: list[str]) -> Briefing:
    subject = Subject("file", "a.py", "a.py", 1, 9, "python", 9, 90, "full", ())
    return Briefing(subject, outline=tuple(outlined(name, line) for line, name in enumerate(names, 1)))


@given(names=st.lists(st.text(min_size=1, max_size=300), max_size=60), budget=st.integers(FLOOR_TOKENS, 2000))
def test_the_text_never_passes_the_budget(names: list[str], budget: int) -> None:
    fitted = fit(briefing_of(names), budget, estimate, Links())
    assert estimate(fitted.text) == fitted.tokens <= budget


def test_even_a_path_longer_than_the_budget_fits() -> None:
    subject = Subject("file", "x", "é/" * 2000, 1, 9, "python", 9, 90, "full", ("n" * 5000,))
    fitted = fit(Briefing(subject), FLOOR_TOKENS, estimate, Links())
    assert fitted.tokens <= FLOOR_TOKENS


def test_exact_counts_hold_as_well() -> None:
    def exact(text: str) -> int:
        return tokens.count(text, "openai/gpt-4o").tokens

    briefing = briefing_of([f"name_{number}" for number in range(200)])
    for budget in (200, 333, 500, 1000):
        assert exact(fit(briefing, budget, exact, Links()).text) <= budget


def test_a_budget_below_the_floor_is_refused_with_the_floor() -> None:
    with pytest.raises(UsageError) as raised:
        fit(briefing_of([]), FLOOR_TOKENS - 1, estimate, Links())
    assert str(FLOOR_TOKENS) in raised.value.hint


def test_what_was_cut_is_said_in_the_text() -> None:
    fitted = fit(briefing_of([f"name_{number}" for number in range(200)]), 500, estimate, Links())
    assert "Cut to fit the budget: Outline (" in fitted.text
    assert fitted.cut[0].startswith("Outline (")


def test_nothing_is_cut_when_there_is_room() -> None:
    fitted = fit(briefing_of(["f"]), 2000, estimate, Links())
    assert fitted.cut == ()
    assert "Cut to fit" not in fitted.text


def test_more_budget_shows_more(open_tree: Open) -> None:
    source = "\n".join(f"def f{number}(x):\n    return open(f{number + 1}(x))\n" for number in range(80))
    engine, workspace = open_tree({"a.py": source})
    material = Material("a.py", engine.source("a.py"), engine.facts("a.py"))
    briefing = brief_file(Sources(engine, workspace, None), material, Target("a.py"))
    sizes = [fit(briefing, budget, estimate, Links()).tokens for budget in (250, 500, 1000, 2000, 8000)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 3 * sizes[0]


def test_of_the_lines_those_with_low_ranks_stay_in_their_order() -> None:
    section = Section("S", tuple(Line(str(number), number % 3) for number in range(9)), 4, 0, noun="things")
    assert [line.text for line in section.kept(3)] == ["0", "3", "6"]
    assert section.render(3).endswith("- … and 6 more things")


def test_one_line_too_many_is_shown_rather_than_announced() -> None:
    section = Section("S", tuple(Line(str(number)) for number in range(5)), 4, 0)
    assert len(section.kept(4)) == 5
