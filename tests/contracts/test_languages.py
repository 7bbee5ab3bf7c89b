"""What every file in `languages/` promises; a new language is tested by being there."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex import plugins
from aiex.context.extract import extract
from aiex.context.facts import FileFacts, from_rows, to_heavy, to_light
from aiex.context.language import find_language, get_language, load_grammar
from aiex.context.languages import ROOM
from tests.fakes.languages import SAMPLES
from tests.fakes.tables import each

NAMES = plugins.names(ROOM)
MARKS = "(){}[]<>=.,:;'\"`|&*!?@#$%^~/\\+-_ \t\n ad1"
"""What means something to one language or another: brackets, quotes, comments, levels, and a little to go between."""
FAULTS = {"raise", "catch", "exit", "assert"}
EFFECTS = {
    "state", "file", "network", "process", "environment", "time", "random", "database", "output", "input", "thread",
    "code",
}  # fmt: skip


def sample(name: str) -> bytes:
    files = sorted((SAMPLES / name).glob("sample.*"))
    assert files, f"tests/data/languages/{name} needs a file sample.*"
    return files[0].read_bytes()


def check_any(name: str, source: bytes) -> None:
    """Any content gives facts of the language it was read as, and they hold together."""
    facts = extract(source, get_language(name))
    assert (facts.language, facts.size_bytes) == (name, len(source))
    check_facts(facts, source)


def check_facts(facts: FileFacts, source: bytes) -> None:
    assert len(facts.complexity) == len(facts.symbols)
    for index, symbol in enumerate(facts.symbols):
        assert -1 <= symbol.parent < index
        assert 0 <= symbol.start_byte < symbol.end_byte <= len(source)
        assert 1 <= symbol.start_line <= symbol.end_line <= max(1, facts.line_count)
        assert symbol.name
        assert symbol.name in symbol.qualified
        assert "\n" not in symbol.signature + symbol.doc
    for item in (*facts.references, *facts.faults, *facts.effects):
        assert 1 <= item.line <= max(1, facts.line_count)
        assert -1 <= item.inside < len(facts.symbols)
    assert {fault.kind for fault in facts.faults} <= FAULTS
    assert {effect.kind for effect in facts.effects} <= EFFECTS


@pytest.mark.parametrize("name", NAMES)
def test_the_grammar_loads_and_the_query_compiles(name: str) -> None:
    from tree_sitter import Query

    language = get_language(name)
    assert language.name == name
    Query(load_grammar(language.grammar), language.uses or "(_) @x")


@pytest.mark.parametrize("name", NAMES)
def test_names_are_unique_to_a_language(name: str) -> None:
    mine = get_language(name)
    for other in map(get_language, NAMES):
        if other.name != name:
            assert not set(mine.extensions) & set(other.extensions)
            assert not set(mine.filenames) & set(other.filenames)


@each("name", NAMES)
@each("field", ["extensions", "filenames", "interpreters"])
def test_names_can_be_read_without_an_import(name: str, field: str) -> None:
    assert plugins.literals(ROOM, name, field) == getattr(get_language(name), field)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_recognised_by_its_extension(name: str) -> None:
    for extension in get_language(name).extensions:
        language = find_language("folder/file" + extension.upper())
        assert language is not None
        assert language.name == name


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_is_read_in_full(name: str) -> None:
    source = sample(name)
    facts = extract(source, get_language(name))
    assert (facts.language, facts.parsed, facts.note) == (name, "full", "")
    assert facts.symbols
    check_facts(facts, source)


@pytest.mark.parametrize("name", NAMES)
def test_facts_survive_the_store(name: str) -> None:
    facts = extract(sample(name), get_language(name))
    assert from_rows(to_light(facts), to_heavy(facts)) == facts


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_sample_still_gives_facts(name: str) -> None:
    source, chance = bytearray(sample(name)), random.Random(7)
    for _ in range(30):
        at = chance.randrange(len(source))
        source[at : at + chance.randrange(6)] = bytes(chance.randrange(256) for _ in range(chance.randrange(4)))
        check_any(name, bytes(source))


@settings(max_examples=30)
@given(start=st.integers(0, 1_000_000), size=st.integers(0, 1_000_000))
@each("name", NAMES)
def test_a_sample_with_a_piece_cut_out_still_gives_facts(name: str, start: int, size: int) -> None:
    source = sample(name)
    start %= len(source) + 1
    stop = start + size % (len(source) - start + 1)
    check_any(name, source[:start] + source[stop:])


@given(source=st.binary(max_size=2_000))
@each("name", NAMES)
def test_any_bytes_give_facts(name: str, source: bytes) -> None:
    check_any(name, source)


@given(source=st.text())
@each("name", NAMES)
def test_any_text_gives_facts(name: str, source: str) -> None:
    check_any(name, source.encode())


@settings(max_examples=100)
@given(source=st.text(st.sampled_from(MARKS), max_size=200))
@each("name", NAMES)
def test_any_order_of_marks_gives_facts(name: str, source: str) -> None:
    check_any(name, source.encode())


@pytest.mark.parametrize("name", NAMES)
def test_deep_nesting_ends(name: str) -> None:
    for piece in (b"[", b"{", b"(", b"<a>", b"a(", b"if x {", b"- "):
        check_any(name, (piece * 20_000)[:19_000])
