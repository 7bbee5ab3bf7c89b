"""Briefings on code from the real engine: flow, types, relations, faults, hot spots, tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aiex.context.engine import Engine
from aiex.errors import UsageError
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.briefing.code import Sources, brief_file, brief_lines, brief_symbol
from aiex.jobs.briefing.material import Material
from aiex.jobs.briefing.model import Briefing
from aiex.jobs.briefing.render import Links, render_head
from aiex.jobs.target import Target, parse_target

Open = Callable[..., tuple[Engine, Workspace]]


def brief(opened: tuple[Engine, Workspace], text: str) -> Briefing:
    engine, workspace = opened
    target = parse_target(text)
    material = Material(target.path, engine.source(target.path), engine.facts(target.path))
    sources = Sources(engine, workspace, None)
    if target.symbol:
        return brief_symbol(sources, material, target)
    return brief_lines(sources, material, target) if target.start_line else brief_file(sources, material, target)


def steps_of(briefing: Briefing) -> list[tuple[int, str, str]]:
    assert briefing.flow is not None
    return [(step.depth, step.call, step.note) for step in briefing.flow.steps]


# --- flow ----------------------------------------------------------------------------------------------------------


def test_a_main_guard_is_where_the_flow_starts(open_tree: Open) -> None:
    source = "def work():\n    pass\n\ndef main():\n    work()\n\nif __name__ == '__main__':\n    main()\n"
    briefing = brief(open_tree({"a.py": source}), "a.py")
    assert briefing.flow is not None
    assert (briefing.flow.start, briefing.flow.place.line) == ("the main guard", 7)
    assert steps_of(briefing) == [(1, "main", ""), (2, "work", "")]


def test_without_an_entry_the_function_that_reaches_most_is_the_start(open_tree: Open) -> None:
    source = "def low():\n    pass\n\ndef mid():\n    low()\n\ndef high():\n    mid()\n\ndef other():\n    low()\n"
    briefing = brief(open_tree({"a.py": source}), "a.py")
    assert briefing.flow is not None
    assert briefing.flow.start == "high"
    assert "reaches 2 of the 4" in briefing.flow.why


def test_recursion_ends_and_is_named(open_tree: Open) -> None:
    source = "def main():\n    ping()\n\ndef ping():\n    pong()\n\ndef pong():\n    ping()\n"
    assert steps_of(brief(open_tree({"a.py": source}), "a.py")) == [
        (1, "ping", ""),
        (2, "pong", ""),
        (3, "ping", "recursive"),
    ]


def test_what_was_unfolded_is_not_unfolded_again(open_tree: Open) -> None:
    source = "def main():\n    a()\n    b()\n\ndef a():\n    c()\n\ndef b():\n    c()\n\ndef c():\n    pass\n"
    assert steps_of(brief(open_tree({"a.py": source}), "a.py"))[-1] == (2, "c", "shown above")


def test_calls_outside_are_named_when_an_import_binds_them(open_tree: Open) -> None:
    source = "import shutil\n\ndef main(data):\n    shutil.rmtree(data)\n    print(len(data))\n"
    assert steps_of(brief(open_tree({"a.py": source}), "a.py")) == [(1, "shutil.rmtree", "outside")]


def test_the_flow_is_bounded_and_says_what_it_left_out(open_tree: Open) -> None:
    calls = "\n".join(f"    f{number}()" for number in range(90))
    bodies = "\n".join(f"def f{number}():\n    pass\n" for number in range(90))
    briefing = brief(open_tree({"a.py": f"def main():\n{calls}\n\n{bodies}"}), "a.py")
    assert briefing.flow is not None
    assert len(briefing.flow.steps) + briefing.flow.left_out == 90
    assert briefing.flow.left_out > 0


# --- declared types ------------------------------------------------------------------------------------------------


def test_a_typed_parameter_leads_to_the_method(open_tree: Open) -> None:
    files = {
        "app.py": "class App:\n    def run(self):\n        pass\n",
        "use.py": "from app import App\n\ndef main(app: 'App'):\n    app.run()\n",
    }
    briefing = brief(open_tree(files), "use.py::main")
    assert briefing.callees is not None
    assert [(item.call, item.target) for item in briefing.callees] == [("app.run", ("app.py", 2))]


def test_a_typed_field_leads_to_the_method(open_tree: Open) -> None:
    files = {
        "app.py": "class App:\n    def run(self):\n        pass\n",
        "use.py": "from app import App\n\nclass User:\n    app: App\n\n    def go(self):\n        self.app.run()\n",
    }
    briefing = brief(open_tree(files), "use.py::User.go")
    assert briefing.callees is not None
    assert [item.target for item in briefing.callees] == [("app.py", 2)]


def test_a_receiver_in_go_leads_to_the_method_in_another_file(open_tree: Open) -> None:
    files = {
        "go.mod": "module m\n",
        "a.go": "package m\n\ntype Engine struct {\n}\n\nfunc (e *Engine) Serve() {\n\te.handle()\n}\n",
        "b.go": "package m\n\nfunc (e *Engine) handle() {\n}\n",
    }
    briefing = brief(open_tree(files), "a.go::Engine.Serve")
    assert briefing.flow is not None
    assert [step.target for step in briefing.flow.steps] == [("b.go", 3)]


def test_a_type_of_another_package_is_not_guessed(open_tree: Open) -> None:
    files = {
        "a.py": "import x\n\nclass App:\n    def run(self):\n        pass\n\ndef main(app: x.App):\n    app.run()\n"
    }
    briefing = brief(open_tree(files), "a.py::main")
    assert briefing.callees is not None
    assert briefing.callees[0].target is None


# --- relations -----------------------------------------------------------------------------------------------------


def test_imports_are_grouped_by_where_they_lead(open_tree: Open) -> None:
    files = {"a.py": "import os\nimport requests\nfrom b import x, y\nfrom b import z\n", "b.py": "x = y = z = 1\n"}
    briefing = brief(open_tree(files), "a.py")
    assert briefing.needs is not None
    assert [(need.module, need.origin, need.names) for need in briefing.needs] == [
        ("b", "repository", ("x", "y", "z")),
        ("requests", "third-party", ()),
        ("os", "standard", ()),
    ]


def test_a_module_imported_as_a_whole_says_what_is_used_of_it(open_tree: Open) -> None:
    files = {"a.py": "def f():\n    pass\n\ndef g():\n    pass\n", "b.py": "import a\n\na.f()\n"}
    briefing = brief(open_tree(files), "a.py")
    assert briefing.dependents is not None
    assert [(item.path, item.names) for item in briefing.dependents] == [("b.py", ("f",))]


def test_users_through_a_package_count_when_they_take_a_name_of_the_file(open_tree: Open) -> None:
    files = {
        "p/__init__.py": "from p.a import f\nfrom p.b import g\n",
        "p/a.py": "def f():\n    pass\n",
        "p/b.py": "def g():\n    pass\n",
        "use_f.py": "from p import f\n\nf()\n",
        "use_g.py": "from p import g\n\ng()\n",
    }
    briefing = brief(open_tree(files), "p/a.py")
    assert briefing.dependents is not None
    assert [(item.path, item.via) for item in briefing.dependents] == [
        ("p/__init__.py", ""),
        ("use_f.py", "p/__init__.py"),
    ]


def test_neighbours_in_a_go_package_are_users(open_tree: Open) -> None:
    files = {
        "go.mod": "module m\n",
        "a.go": "package m\n\nfunc Parse() {\n}\n",
        "b.go": "package m\n\nfunc Use() {\n\tParse()\n}\n",
        "a_test.go": 'package m\n\nimport "testing"\n\nfunc TestParse(t *testing.T) {\n\tParse()\n}\n',
    }
    briefing = brief(open_tree(files), "a.go")
    assert briefing.dependents is not None
    assert [(item.path, item.test) for item in briefing.dependents] == [("b.go", False), ("a_test.go", True)]
    assert briefing.tests is not None
    assert [(test.path, [case.name for case in test.cases]) for test in briefing.tests] == [
        ("a_test.go", ["TestParse"])
    ]


# --- what is seen --------------------------------------------------------------------------------------------------


def test_a_handler_that_catches_everything_is_marked(open_tree: Open) -> None:
    guarded = "    try:\n        g()\n    except"
    source = f"def f():\n{guarded}:\n        pass\n{guarded} KeyError:\n        raise ValueError('x')\n"
    briefing = brief(open_tree({"a.py": source}), "a.py")
    assert briefing.faults is not None
    assert [(fault.kind, fault.what, bool(fault.note)) for fault in briefing.faults] == [
        ("catch", "except", True),
        ("catch", "except KeyError", False),
        ("raise", "ValueError('x')", False),
    ]


def test_effects_are_listed_by_kind_with_their_place(open_tree: Open) -> None:
    source = "import os\nimport requests\n\ndef f():\n    print('x')\n    os.remove('y')\n    requests.get('z')\n"
    briefing = brief(open_tree({"a.py": source}), "a.py")
    assert briefing.effects is not None
    assert [(effect.kind, effect.line, effect.inside) for effect in briefing.effects] == [
        ("network", 7, "f"),
        ("file", 6, "f"),
        ("output", 5, "f"),
    ]


def test_complex_long_and_deep_functions_are_hot_spots(open_tree: Open) -> None:
    branches = "\n".join(f"    if x == {number}:\n        return {number}" for number in range(14))
    long = "\n".join("    x = 1" for _ in range(70))
    source = f"def complex(x):\n{branches}\n\ndef long():\n{long}\n\ndef small():\n    pass\n"
    briefing = brief(open_tree({"a.py": source}), "a.py")
    assert briefing.hot_spots is not None
    assert [(spot.qualified, spot.complexity, spot.line_count) for spot in briefing.hot_spots] == [
        ("complex", 15, 29),
        ("long", 1, 71),
    ]


def test_tests_named_after_a_file_count_without_an_import(open_tree: Open) -> None:
    files = {
        "src/basket.py": "def total():\n    pass\n",
        "tests/test_basket.py": "def test_x():\n    run('total')\n",
    }
    briefing = brief(open_tree(files), "src/basket.py")
    assert briefing.tests is not None
    assert [(test.path, test.why) for test in briefing.tests] == [("tests/test_basket.py", "is named after it")]


def test_a_usual_name_alone_is_no_mention(open_tree: Open) -> None:
    files = {
        "a.py": "class Box:\n    def get(self):\n        pass\n",
        "tests/test_a.py": "from a import Box\n\ndef test_one():\n    c.get()\n\ndef test_two():\n    Box().get()\n",
    }
    briefing = brief(open_tree(files), "a.py")
    assert briefing.tests is not None
    assert [case.name for case in briefing.tests[0].cases] == ["test_two"]


# --- symbols and lines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Box.get", "get", "BOX.GET", "Box::get", "Box#get", "Box.get()"])
def test_a_symbol_is_found_however_it_is_written(open_tree: Open, name: str) -> None:
    briefing = brief(open_tree({"a.py": "class Box:\n    def get(self):\n        pass\n"}), f"a.py::{name}")
    assert briefing.subject.target == "a.py::Box.get"


def test_a_test_is_found_by_its_title(open_tree: Open) -> None:
    source = "describe('app.del()', function () {\n  it('is #1: a::b', function () {\n    go();\n  });\n});\n"
    opened = open_tree({"test/app.js": source})
    for symbol in opened[0].facts("test/app.js").symbols:
        assert brief(opened, f"test/app.js::{symbol.qualified}").subject.start_line == symbol.start_line


def test_of_overloads_the_one_with_a_body_is_meant(open_tree: Open) -> None:
    source = "export function f(x: string): void;\nexport function f(x: any) {\n  g(x);\n}\n"
    briefing = brief(open_tree({"a.ts": source}), "a.ts::f")
    assert briefing.callees is not None
    assert [item.call for item in briefing.callees] == ["g"]


def test_an_unknown_symbol_offers_the_nearest(open_tree: Open) -> None:
    opened = open_tree({"a.py": "class Basket:\n    def add(self):\n        pass\n"})
    with pytest.raises(UsageError) as raised:
        brief(opened, "a.py::Baskets.ad")
    assert "a.py::Basket.add" in raised.value.hint


def test_a_range_that_covers_a_function_says_so(open_tree: Open) -> None:
    source = "x = 1\n\ndef f():\n    return 1\n\ndef g():\n    return 2\n"
    opened = open_tree({"a.py": source})
    covered, inside, above = (brief(opened, f"a.py:{lines}") for lines in ("3-4", "7", "1"))
    assert covered.purpose is not None
    assert covered.purpose.text.startswith("Covers `f`")
    assert inside.purpose is not None
    assert inside.purpose.text.startswith("Part of `g`")
    assert inside.symbols is not None
    assert [symbol.name for symbol in inside.symbols] == ["g"]
    assert above.callees == ()


def test_a_range_ends_at_the_last_line(open_tree: Open) -> None:
    briefing = brief(open_tree({"a.py": "x = 1\ny = 2\n"}), "a.py:2-99")
    assert briefing.subject.target == "a.py:2"
    assert briefing.source is not None
    assert briefing.source.text == "y = 2"


def test_text_without_flow_has_no_empty_sections(open_tree: Open) -> None:
    briefing = brief(open_tree({"notes.md": "# Title\n\nWords.\n"}), "notes.md")
    assert briefing.effects is None
    assert briefing.purpose is not None
    assert briefing.purpose.text.startswith("Title")


def test_a_text_of_no_known_kind_shows_how_it_begins(open_tree: Open) -> None:
    briefing = brief(open_tree({"a.xyz": "one\ntwo\n"}), "a.xyz")
    assert briefing.source is not None
    assert briefing.source.text.startswith("one\ntwo")


def test_targets_carry_the_path_they_were_asked_for() -> None:
    assert str(Target("a.py", 3, 3)) == "a.py:3"


def test_a_promising_name_that_leads_nowhere_is_not_the_start(open_tree: Open) -> None:
    source = "def run():\n    a()\n\ndef a():\n    pass\n\n"
    source += (
        "def serve():\n    b()\n\ndef b():\n    c()\n\ndef c():\n    d()\n\ndef d():\n    e()\n\ndef e():\n    pass\n"
    )
    briefing = brief(open_tree({"a.py": source}), "a.py")
    assert briefing.flow is not None
    assert briefing.flow.start == "serve"


def test_the_head_of_a_single_line_names_one_line(open_tree: Open) -> None:
    single, several = (
        render_head(brief(open_tree({"a.py": "x = 1\ny = 2\n"}), target), Links()) for target in ("a.py:2", "a.py:1-2")
    )
    assert "line 2 of 2" in single
    assert "lines 1 to 2 of 2" in several


def test_the_purpose_of_few_tests_is_a_whole_sentence(open_tree: Open) -> None:
    briefing = brief(open_tree({"tests/test_app.py": "def test_it():\n    pass\n"}), "tests/test_app.py")
    assert briefing.purpose is not None
    assert briefing.purpose.text == "Tests about “app”: 1 test function."
