"""The code around a target: found from the briefing, in order, once, and never from files that stay out."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from aiex.context.engine import Engine
from aiex.context.gathering import Gathered
from aiex.context.packing.packed import Candidate
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.asking import Planned, plan
from aiex.jobs.briefing.code import Sources, brief_file, brief_lines, brief_symbol
from aiex.jobs.briefing.material import Material
from aiex.jobs.briefing.model import Briefing
from aiex.jobs.briefing.render import Links
from aiex.jobs.surrounding import FIRST_OF_KIND, TITLE, gather_around, merge, plan_around
from aiex.jobs.target import Target
from aiex.tokens import Count, estimate

Opened = tuple[Engine, Workspace]
Open = Callable[..., Opened]

FILES: dict[str, str] = {
    "tax.py": "from rates import rate_of\n\n\ndef tax(sum):\n    return sum * rate_of('de')\n",
    "rates.py": "RATES = {'de': 19}\n\n\ndef rate_of(country):\n    return RATES[country]\n",
    "bill.py": "from tax import tax\n\n\ndef other():\n    return 0\n\n\ndef total(all):\n    return tax(sum(all))\n",
    "print.py": "from tax import tax\n\nprint(tax(3))\n",
    "tests/test_tax.py": "from tax import tax\n\n\ndef test_tax():\n    assert tax(100) == 1900\n",
}


def brief(opened: Opened, target: Target) -> tuple[Briefing, Material]:
    engine, workspace = opened
    material = Material(target.path, engine.source(target.path), engine.facts(target.path))
    make = brief_symbol if target.symbol else brief_lines if target.start_line else brief_file
    return make(Sources(engine, workspace, None), material, target), material


def around(opened: Opened, target: Target, base: str = ".") -> Gathered:
    return gather_around(brief(opened, target)[0], *opened, Links(base).path)


def places(gathered: Gathered) -> list[tuple[str, int, int, tuple[str, ...]]]:
    return [(one.path, one.start_line, one.end_line, one.why) for one in gathered.results]


def test_of_a_symbol_come_callers_then_tests_then_what_it_calls(open_tree: Open) -> None:
    assert places(around(open_tree(FILES), Target("tax.py", symbol="tax"))) == [
        ("bill.py", 8, 9, ("calls tax",)),
        ("print.py", 1, 3, ("calls tax",)),
        ("tests/test_tax.py", 4, 5, ("tests it",)),
        ("rates.py", 4, 5, ("called by it",)),
    ]


def test_of_lines_come_the_callers_of_their_function(open_tree: Open) -> None:
    found = places(around(open_tree(FILES), Target("tax.py", 5, 5)))
    assert ("bill.py", 8, 9, ("calls tax",)) in found
    assert found[-1] == ("rates.py", 4, 5, ("called by it",))


def test_of_a_file_come_tests_then_what_it_calls_then_those_that_import_it(open_tree: Open) -> None:
    assert places(around(open_tree(FILES), Target("tax.py"))) == [
        ("tests/test_tax.py", 4, 5, ("tests it",)),
        ("rates.py", 4, 5, ("called by it",)),
        ("bill.py", 8, 9, ("imports it",)),
        ("print.py", 1, 3, ("imports it",)),
    ]


def test_a_method_that_only_shares_the_name_is_said_to_be_a_guess(open_tree: Open) -> None:
    files = {
        "box.py": "class Box:\n    def open(self):\n        return 1\n",
        "use.py": "from box import Box\n\n\ndef go(box):\n    return box.open()\n",
    }
    found = places(around(open_tree(files), Target("box.py", symbol="Box.open")))
    assert found == [("use.py", 4, 5, ("may call Box.open",))]


def test_many_callers_do_not_hide_the_tests(open_tree: Open) -> None:
    many = {f"use{n:02}.py": f"from tax import tax\n\n\ndef use{n}():\n    return tax({n})\n" for n in range(30)}
    found = places(around(open_tree({**FILES, **many}), Target("tax.py", symbol="tax")))
    whys = [why for *_, why in found]
    assert whys[: FIRST_OF_KIND + 2] == [("calls tax",)] * FIRST_OF_KIND + [("tests it",), ("called by it",)]
    assert len(found) == 34


def test_the_same_stretch_comes_once_with_all_its_reasons() -> None:
    places = [Candidate("a.py", 1, 9, why=("calls f",), focus=(7,)), Candidate("b.py", 1, 2, why=("tests it",))]
    again = Candidate("a.py", 1, 9, why=("imports it",), focus=(3,))
    assert merge([*places, again]) == (
        Candidate("a.py", 1, 9, why=("calls f", "imports it"), focus=(3, 7)),
        Candidate("b.py", 1, 2, why=("tests it",)),
    )


@pytest.mark.parametrize("path", ["build/gen.py", ".env", "deploy/id_rsa", "../outside.py"])
def test_ignored_files_and_secrets_stay_out_even_when_a_briefing_names_them(open_tree: Open, path: str) -> None:
    caller = "from tax import tax\n\n\ndef hidden():\n    return tax(1)\n"
    opened = open_tree({**FILES, ".gitignore": "build/\n", path: caller})
    briefing, _ = brief(opened, Target("tax.py", symbol="tax"))
    assert path not in str(briefing.callers)
    named = briefing._replace(callers=tuple(caller._replace(path=path) for caller in briefing.callers or ()))
    assert {one.path for one in gather_around(named, *opened, str).results} == {"tests/test_tax.py", "rates.py"}


def test_a_file_that_went_away_is_left_out(open_tree: Open) -> None:
    engine, workspace = open_tree(FILES)
    briefing, _ = brief((engine, workspace), Target("tax.py", symbol="tax"))
    os.unlink(os.path.join(workspace.root, "bill.py"))
    found = gather_around(briefing, engine, workspace, str)
    assert "bill.py" not in {one.path for one in found.results}


def test_the_file_itself_is_not_shown_twice(open_tree: Open) -> None:
    files = {"loop.py": "def f():\n    return g()\n\n\ndef g():\n    return f()\n"}
    assert around(open_tree(files), Target("loop.py", symbol="f")).results == ()


def test_every_answer_is_the_same(open_tree: Open) -> None:
    opened = open_tree(FILES)
    assert around(opened, Target("tax.py")).results == around(opened, Target("tax.py")).results


# --- the request ---------------------------------------------------------------------------------------------------


def counting(text: str, _model: str) -> Count:
    return estimate(text)


def planned_with(
    opened: Opened, target: Target, budget: int, base: str = ".", count: Callable[[str, str], Count] = counting
) -> tuple[Planned, list[str]]:
    """The request, and the files whose code was added."""
    briefing, material = brief(opened, target)
    links = Links(base)
    alone = plan(briefing, [material], model="x/y", budget_tokens=budget, counting=count, links=links)
    found = gather_around(briefing, *opened, links.path)
    kind = briefing.subject.kind
    planned, packed = plan_around(alone, found, budget_tokens=budget, counting=count, kind=kind)
    return planned, list(packed.files) if packed else []


def test_the_code_stands_behind_the_source_and_the_prompt_says_what_it_is(open_tree: Open) -> None:
    planned, files = planned_with(open_tree(FILES), Target("tax.py", symbol="tax"), 6_000)
    assert [part.title for part in planned.parts] == ["prompt", "wish", "briefing", "tax.py", TITLE]
    system, user = planned.request.messages
    assert f'A document named "{TITLE}" comes too' in system.parts[0].text  # type: ignore[union-attr]
    assert [getattr(part, "title", "wish") for part in user.parts] == ["briefing", "tax.py", TITLE, "wish"]
    assert "    8 def total(all):" in user.parts[2].text  # type: ignore[union-attr]
    assert files == ["bill.py", "print.py", "tests/test_tax.py", "rates.py"]


def test_the_request_never_passes_its_budget(open_tree: Open) -> None:
    many = {f"use{n}.py": f"from tax import tax\n\n\ndef use{n}():\n    return tax({n})\n" for n in range(40)}
    opened = open_tree({**FILES, **many})
    for budget in (*range(900, 3_400, 119), 9_000):
        planned, _ = planned_with(opened, Target("tax.py", symbol="tax"), budget)
        overhead = planned.tokens - sum(part.tokens for part in planned.parts)
        assert overhead >= 12 * len(planned.parts), budget
        assert sum(estimate(part.text).tokens for part in planned.parts) + overhead <= budget


def test_a_target_that_fills_the_budget_comes_alone_and_that_is_told(open_tree: Open) -> None:
    long = FILES["tax.py"] + "".join(f"\n\ndef more{n}(x):\n    return x + {n}\n" for n in range(300))
    planned, files = planned_with(open_tree({**FILES, "tax.py": long}), Target("tax.py"), 2_000)
    assert [part.title for part in planned.parts] == ["prompt", "wish", "briefing", "tax.py"]
    assert (files, planned.cut[-1]) == ([], TITLE)
    assert TITLE not in planned.parts[0].text


def test_without_anything_around_nothing_is_said_of_it(open_tree: Open) -> None:
    planned, files = planned_with(open_tree({"alone.py": "X = 1\n"}), Target("alone.py"), 6_000)
    assert (files, planned.cut) == ([], ())
    assert TITLE not in planned.parts[0].text


def test_paths_above_the_code_are_written_as_everywhere_in_the_request(open_tree: Open) -> None:
    files = {f"app/{path}": text for path, text in FILES.items()}
    planned, _ = planned_with(open_tree(files), Target("app/tax.py", symbol="tax"), 6_000, base="app/tests")
    assert "## test_tax.py (5 lines)" in planned.parts[-1].text
    assert "## ../bill.py (9 lines)" in planned.parts[-1].text


def test_code_that_is_only_estimated_makes_the_whole_an_estimate(open_tree: Open) -> None:
    opened = open_tree(FILES)

    def mostly(text: str, _model: str) -> Count:
        return Count(estimate(text).tokens, exact="def other" not in text and "def total" not in text)

    assert planned_with(opened, Target("rates.py"), 6_000, count=mostly)[0].exact
    assert not planned_with(opened, Target("tax.py", symbol="tax"), 6_000, count=mostly)[0].exact
