"""Packs never have more tokens than allowed, and hold the best of what was found."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.context.packing.pack import pack
from aiex.context.packing.packed import Candidate
from aiex.context.packing.source import Source
from aiex.errors import UsageError
from aiex.tokens import estimate
from tests.unit.context.packing.material import open_source, reader, sources, words

OTHER = open_source("lib/other.py", "def other(a):\n    b = a + 1\n    c = b + 2\n    return c * b\n")


def spans(*places: tuple[str, int, int]) -> list[Candidate]:
    return [Candidate(*place, why=f"rank {rank}") for rank, place in enumerate(places)]


def test_everything_is_whole_when_there_is_room(engine: Source) -> None:
    found = pack(spans(("src/engine.py", 1, 46), ("lib/other.py", 1, 4)), 4_000, words, reader(engine, OTHER))
    assert [(part.path, part.level, part.why) for part in found.parts] == [
        ("src/engine.py", "whole", "rank 0"),
        ("lib/other.py", "whole", "rank 1"),
    ]
    assert found.delivered == {"lib/other.py": [(1, 4)], "src/engine.py": [(1, 46)]}
    assert found.tokens == words(found.text) == found.effect.after_tokens


def test_documentation_and_bodies_give_way_when_there_is_not(engine: Source) -> None:
    candidates = spans(("src/engine.py", 1, 46))
    levels = [pack(candidates, budget, words, reader(engine)).parts[0].level for budget in (1_000, 300, 180, 70)]
    assert levels == ["whole", "code", "elided", "signature"]


def test_of_a_function_that_is_too_long_the_first_pieces_are_packed():
    body = "".join(f"    step_{number} = compute({number})\n" for number in range(200))
    source = open_source("long.py", f"def long():\n{body}")
    found = pack(spans(("long.py", 1, 201)), 600, words, reader(source))
    assert found.delivered["long.py"][0][0] == 1
    assert "step_20 = compute(20)" in found.text
    assert 300 < found.tokens <= 600


def test_spans_that_touch_or_overlap_are_one(engine: Source) -> None:
    candidates = spans(("src/engine.py", 18, 22), ("src/engine.py", 23, 26), ("src/engine.py", 20, 24))
    found = pack(candidates, 1_000, words, reader(engine))
    assert (18, 26) in found.delivered["src/engine.py"]
    assert found.text.count("self.running = True") == 1


def test_the_class_around_a_method_is_shown(engine: Source) -> None:
    found = pack(spans(("src/engine.py", 19, 26)), 1_000, words, reader(engine))
    assert "class Engine:\n… lines 8-18 …\n    def start" in found.text


def test_a_span_that_does_not_fit_leaves_room_for_the_next(engine: Source) -> None:
    found = pack(spans(("src/engine.py", 1, 46), ("lib/other.py", 1, 4)), 90, words, reader(engine, OTHER))
    assert "return c * b" in found.text
    assert found.tokens <= 90


def test_files_stand_in_the_order_of_their_best_span(engine: Source) -> None:
    candidates = spans(("src/engine.py", 42, 46), ("lib/other.py", 1, 4), ("src/engine.py", 19, 26))
    assert pack(candidates, 1_000, words, reader(engine, OTHER)).files == ("src/engine.py", "lib/other.py")


def test_lines_that_the_conversation_holds_are_not_repeated(engine: Source) -> None:
    read = reader(engine, OTHER)
    before = pack(spans(("src/engine.py", 42, 46)), 1_000, words, read)
    again = spans(("src/engine.py", 42, 46), ("lib/other.py", 1, 4))
    found = pack(again, 1_000, words, read, known=before.delivered)
    assert found.files == ("lib/other.py",)
    assert [(one.path, one.reason) for one in found.dropped] == [("src/engine.py", "known")]


def test_what_must_be_in_comes_before_better_ranks(engine: Source) -> None:
    candidates = [*spans(("lib/other.py", 1, 4)), Candidate("src/engine.py", 42, 46, must=True)]
    found = pack(candidates, 70, words, reader(engine, OTHER))
    assert 'engine.start("three")' in found.text
    assert "return c * b" not in found.text


def test_a_tail_ends_the_text_and_is_counted(engine: Source) -> None:
    found = pack(spans(("src/engine.py", 1, 46)), 200, words, reader(engine), tail="the map\n" * 10)
    assert found.text.endswith("the map\n" * 10)
    assert found.tokens <= 200
    with pytest.raises(UsageError):
        pack([], 5, words, reader(), tail="the map\n" * 10)


def test_reserved_tokens_stay_free(engine: Source) -> None:
    found = pack(spans(("src/engine.py", 1, 46)), 400, words, reader(engine), reserve_tokens=250)
    assert 0 < found.tokens <= 150


def test_numbers_stand_before_lines_where_wanted(engine: Source) -> None:
    found = pack(spans(("src/engine.py", 42, 46)), 1_000, words, reader(engine), numbered=True)
    assert "   42 def main() -> None:" in found.text


def test_what_is_not_in_the_pack_is_said(engine: Source) -> None:
    found = pack(spans(("gone.py", 1, 9), ("src/engine.py", 1, 46)), 15, words, reader(engine))
    assert [(one.path, one.reason) for one in found.dropped] == [
        ("gone.py", "not readable"),
        ("src/engine.py", "no room"),
    ]
    assert found.text == ""


def test_the_effect_can_be_stored(engine: Source) -> None:
    found = pack(spans(("src/engine.py", 1, 46)), 180, words, reader(engine))
    data = json.loads(json.dumps(found.to_data()))
    assert data["effect"]["levels"] == {"elided": 1}
    assert data["effect"]["before_tokens"] > data["effect"]["after_tokens"] == found.tokens
    assert 0 < data["effect"]["saved_share"] < 1


def merging(text: str) -> int:
    """A counter whose count of the whole exceeds that of its lines."""
    return len(text.split()) + len(text) // 40 + text.count("\n\n") * 9


@settings(max_examples=150)
@given(
    st.lists(sources(), max_size=5),
    st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 70), st.integers(0, 40)), max_size=20),
    st.integers(0, 600),
    st.sampled_from([words, merging, lambda text: estimate(text).tokens]),
)
def test_a_pack_never_has_more_tokens_than_allowed(files, places, budget, count):
    paths = [source.path for source in files] + ["missing.py"] * 7
    candidates = spans(*((paths[at], first, first + length) for at, first, length in places))
    found = pack(candidates, budget, count, reader(*files))
    assert count(found.text) == found.tokens <= budget
    assert len(found.parts) + len(found.dropped) >= len(candidates)
    assert pack(candidates, budget, count, reader(*files)) == found
    by_path = {source.path: source for source in files}
    rows = iter(found.text.split("\n"))
    for path, ranges in found.delivered.items():
        for first, last in ranges:
            assert all(by_path[path].lines[number - 1] in rows for number in range(first, last + 1))


def test_why_something_is_left_out_is_told(engine: Source) -> None:
    bundle = open_source("bundle.js", f"var a = [{'1,' * 6_000}1];\n")
    candidates = spans(("bundle.js", 1, 1), ("lib/other.py", 1, 4), ("lib/other.py", 9, 12), ("gone.py", 1, 2))
    found = pack([*candidates, *spans(("src/engine.py", 1, 46))], 60, words, reader(engine, OTHER, bundle))
    assert [(one.path, one.reason) for one in found.dropped] == [
        ("bundle.js", "long lines"),
        ("lib/other.py", "not readable"),
        ("gone.py", "not readable"),
        ("src/engine.py", "no room"),
    ]
