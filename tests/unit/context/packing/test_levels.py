"""Five levels of detail for every kind of file."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.context.packing.levels import LONGEST_LINE_CHARS, Level, lines_at, named_in
from aiex.context.packing.render import close_gaps, render_file
from aiex.context.packing.source import Source
from tests.unit.context.packing.material import ENGINE, open_source, sources

LINED = [Level.SIGNATURE, Level.ELIDED, Level.CODE, Level.WHOLE]


def shown(source: Source, level: Level, first: int = 1, last: int = 10_000, focus: tuple[int, ...] = ()) -> str:
    lines = close_gaps(source, lines_at(source, first, last, level, focus))
    names = named_in(source, first, last) if level is Level.OUTLINE else ()
    return render_file(source, lines, names)


def test_whole_is_the_file_itself(engine: Source) -> None:
    assert shown(engine, Level.WHOLE) == f"## src/engine.py (46 lines)\n```\n{ENGINE}```\n"


def test_code_leaves_out_long_documentation_only(engine: Source) -> None:
    text = shown(engine, Level.CODE)
    assert '    """Runs things.\n… lines 9-14 …\n    """\n' in text
    assert "print(first, word, name)" in text


def test_elided_keeps_signatures_documentation_and_what_is_between(engine: Source) -> None:
    text = shown(engine, Level.ELIDED)
    assert '        """Begin the work."""\n… lines 21-26 …' in text
    assert "    @property\n    def stopped(\n        self,\n        *names: str,\n    ) -> bool:" in text
    assert "        def helper(value: int) -> int:" in text
    assert "    limit = 10" in text
    assert "print(first" not in text
    assert "total = value" not in text


def test_elided_shows_the_lines_that_matter(engine: Source) -> None:
    assert "print(first, word, name)" in shown(engine, Level.ELIDED, focus=(24,))


def test_signature_keeps_outermost_definitions(engine: Source) -> None:
    text = shown(engine, Level.SIGNATURE)
    assert "class Engine:" in text
    assert "def main() -> None:" in text
    assert "def start" not in text


def test_outline_names_what_is_there_with_its_lines(engine: Source) -> None:
    assert shown(engine, Level.OUTLINE) == ("## src/engine.py (46 lines)\n… lines 1-46: Engine 7-39, main 42-46 …\n")


def test_a_method_comes_with_the_head_of_its_class(engine: Source) -> None:
    assert "class Engine:" in shown(engine, Level.WHOLE, 18, 26)


def test_a_span_inside_a_function_comes_with_its_signature(engine: Source) -> None:
    text = shown(engine, Level.SIGNATURE, 23, 25)
    assert "    def start(self, name: str) -> None:" in text


def test_plain_text_is_shown_by_its_beginning_and_what_matters() -> None:
    source = Source("notes.txt", "\n".join(f"this is line {number} of the notes" for number in range(1, 101)))
    lines = lines_at(source, 1, 100, Level.ELIDED, (50,))
    assert sorted(lines) == [*range(1, 7), *range(47, 54)]


def test_a_line_of_data_is_never_delivered() -> None:
    source = Source("data.js", f"var a = 1;\n{'x' * (LONGEST_LINE_CHARS + 1)}\nvar b = 2;")
    assert lines_at(source, 1, 3, Level.WHOLE) == {1, 3}


def test_facts_of_an_older_text_do_no_harm(engine: Source) -> None:
    stale = Source("src/engine.py", "a = 1\n", engine)
    for level in Level:
        assert lines_at(stale, 1, 100, level) <= {1}


def test_text_that_looks_like_a_fence_cannot_end_the_fence() -> None:
    source = Source("a.md", "```\ncode\n```\n")
    assert render_file(source, [1, 2, 3]).splitlines()[1] == "````"


def test_a_path_cannot_add_a_line() -> None:
    assert "a\\n## b" in render_file(Source("a\n## b", "x\n"), [1])


@given(sources(), st.integers(-2, 70), st.integers(-2, 70), st.lists(st.integers(-5, 80), max_size=4))
def test_each_level_holds_the_one_below_and_costs_no_less(source: Source, first: int, last: int, focus: list[int]):
    rendered = [shown(source, level, first, last, tuple(focus)) for level in LINED]
    kept = [lines_at(source, first, last, level, focus) for level in LINED]
    assert all(low <= high for low, high in pairwise(kept))
    assert all(len(low) <= len(high) for low, high in pairwise(rendered))


@given(sources(), st.integers(1, 60), st.integers(1, 60), st.sampled_from(LINED))
def test_delivered_lines_are_lines_of_the_file_in_order(source: Source, first: int, last: int, level: Level):
    lines = close_gaps(source, lines_at(source, first, last, level))
    rows = iter(render_file(source, lines).split("\n"))
    assert all(source.lines[number - 1] in rows for number in lines)
    assert lines == sorted(set(lines))
    assert all(1 <= number <= source.line_count for number in lines)


@pytest.mark.parametrize(
    ("path", "text", "last"),
    [
        ("a.go", "func Add(a int,\n\tb int) int {\n\tc := a\n\tc += b\n\td := c * a * b\n\treturn c + d\n}\n", 2),
        ("a.rs", "fn add(a: i32) -> i32\nwhere\n    i32: Copy,\n{\n    let b = a;\n    b + 1\n}\n", 3),
        ("a.ts", "export function add(\n  a: number,\n): number {\n  const b = a;\n  return b;\n}\n", 3),
        ("a.rb", "def add(a, b)\n  c = a\n  c + b\nend\n", 1),
    ],
)
def test_signatures_end_where_they_end_in_every_language(path: str, text: str, last: int) -> None:
    source = open_source(path, text)
    assert source.head_end(0) == last
