"""The code that goes with a question: found by the index, never more than fits, never a secret."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.context.gathering import (
    FEWEST_TOKENS,
    MAP_HEAD,
    MAP_SHARE,
    MAP_TOKENS,
    RESERVED_TOKENS,
    Gathered,
    gather,
    pack_gathered,
    pack_with_map,
)
from aiex.context.meaning import Meaning
from aiex.context.retrieval import Retrieval
from aiex.events import Progressed, Warned
from aiex.jobs.gathering import tell_code, to_code, to_map
from aiex.tokens import estimate
from tests.unit.context.vectors.conftest import Embedder

Open = Callable[[dict[str, str | bytes]], Retrieval]

PARSER = '"""Reads tables."""\n\n\ndef parse_table(text):\n    """Split a table into rows."""\n' + "".join(
    f"    row_{number} = text.split()[{number}]\n" for number in range(60)
)
FILES: dict[str, str | bytes] = {
    "src/table.py": PARSER,
    "src/paint.py": "def paint(colour):\n    return colour\n",
    "tests/test_table.py": "from src.table import parse_table\n\n\ndef test_rows():\n    assert parse_table('a')\n",
}


def count(text: str) -> int:
    return estimate(text).tokens


def found_by(retrieval: Retrieval, text: str) -> Gathered:
    *_, last = gather(text, retrieval)
    assert isinstance(last, Gathered)
    return last


def test_the_code_of_a_question_is_found_and_the_indexing_is_told(open_retrieval: Open) -> None:
    *told, gathered = gather("parse_table drops a row", open_retrieval(FILES))
    assert isinstance(gathered, Gathered)
    assert gathered.results[0].path == "src/table.py"
    assert told[-1] == Progressed("indexing", 3, 3)


def test_a_first_map_answers_where_much_is_to_be_read_and_that_is_told(open_retrieval: Open) -> None:
    filling = "".join(f"value_{number} = '{'much text ' * 100}'\n" for number in range(900))
    tree: dict[str, str | bytes] = {f"data/part_{number}.py": filling for number in range(5)}
    retrieval = open_retrieval({**FILES, **tree})
    *_, warning, gathered = gather("parse_table drops a row", retrieval)
    assert isinstance(warning, Warned)
    assert "first map" in warning.message
    assert isinstance(gathered, Gathered)
    assert gathered.results[0].path == "src/table.py"
    for _ in retrieval.refresh():
        pass
    assert not [news for news in gather("parse_table", retrieval) if isinstance(news, Warned)]


def test_what_is_packed_never_passes_the_room(open_retrieval: Open) -> None:
    found = found_by(open_retrieval(FILES), "parse_table drops a row")
    for room in (*range(FEWEST_TOKENS, 900, 23), 3_000):
        packed = pack_gathered(found, room, count)
        assert packed is not None, room
        assert count(packed.text) <= packed.tokens <= room


def test_without_room_or_results_nothing_is_packed(open_retrieval: Open) -> None:
    gathered = found_by(open_retrieval(FILES), "parse_table")
    assert pack_gathered(gathered, FEWEST_TOKENS - 1, count) is None
    assert pack_gathered(gathered._replace(results=()), 3_000, count) is None
    assert to_code(None) == []


def test_a_file_that_vanished_after_indexing_is_left_out(open_retrieval: Open, tmp_path: Path) -> None:
    gathered = found_by(open_retrieval(FILES), "parse_table drops a row")
    (tmp_path / "tree" / "src" / "table.py").unlink()
    packed = pack_gathered(gathered, 3_000, count)
    assert packed is not None
    assert packed.files == ("tests/test_table.py",)


@pytest.mark.parametrize("content", [b"\0\1\2" * 100, b""])
def test_a_file_that_became_something_else_does_no_harm(open_retrieval: Open, tmp_path: Path, content: bytes) -> None:
    gathered = found_by(open_retrieval(FILES), "parse_table drops a row")
    (tmp_path / "tree" / "src" / "table.py").write_bytes(content)
    packed = pack_gathered(gathered, 3_000, count)
    assert packed is not None
    assert "parse_table(text)" not in packed.text


def test_when_all_vanished_nothing_is_packed(open_retrieval: Open, tmp_path: Path) -> None:
    gathered = found_by(open_retrieval({"table.py": PARSER}), "parse_table")
    (tmp_path / "tree" / "table.py").unlink()
    assert pack_gathered(gathered, 3_000, count) is None


def test_the_numbers_of_lines_are_those_of_the_file(open_retrieval: Open) -> None:
    packed = pack_gathered(found_by(open_retrieval(FILES), "parse_table drops a row"), 3_000, count)
    assert packed is not None
    assert "    4 def parse_table(text):\n" in packed.text
    assert {"path": "src/table.py", "level": "whole"}.items() <= to_code(packed)[0].items()


@pytest.mark.parametrize(
    ("count_of_files", "said"),
    [(1, "code of f0.py ("), (2, "code of f0.py and f1.py ("), (4, "code of f0.py, f1.py, f2.py and 1 more file (")],
)
def test_a_person_is_told_which_files_go(open_retrieval: Open, count_of_files: int, said: str) -> None:
    files: dict[str, str | bytes] = {f"f{n}.py": "def parse_table():\n    return 1\n" for n in range(count_of_files)}
    packed = pack_gathered(found_by(open_retrieval(files), "parse_table"), 3_000, count)
    assert packed is not None
    assert said in tell_code(packed._replace(parts=tuple(sorted(packed.parts))))


@pytest.mark.parametrize("name", [".env", ".env.local", "deploy/id_rsa", "server.key", ".aws/credentials"])
def test_a_secret_is_never_found_however_well_its_words_match(open_retrieval: Open, name: str) -> None:
    words = "PARSE_TABLE_PASSWORD=parse_table drops a row\n"
    gathered = found_by(open_retrieval({**FILES, name: words}), "parse_table_password: parse_table drops a row")
    assert name not in {result.path for result in gathered.results}
    packed = pack_gathered(gathered, 8_000, count)
    assert packed is not None
    assert "PASSWORD" not in packed.text


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege elsewhere")
def test_a_link_that_leads_out_brings_nothing_in(open_retrieval: Open, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("def parse_table_outside():\n    return 'parse_table'\n")
    retrieval = open_retrieval(FILES)
    (tmp_path / "tree" / "link.py").symlink_to(tmp_path / "outside.py")
    gathered = found_by(retrieval, "parse_table_outside")
    packed = pack_gathered(gathered, 8_000, count)
    assert packed is None or "parse_table_outside" not in packed.text


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_told(open_retrieval: Open, tmp_path: Path) -> None:
    retrieval = open_retrieval(FILES)
    (tmp_path / "tree" / "src" / "paint.py").chmod(0)
    warned = [news for news in gather("parse_table", retrieval) if isinstance(news, Warned)]
    assert [warning.message.startswith("left out src/paint.py") for warning in warned] == [True]


# --- the map of what is not packed ----------------------------------------------------------------------------------

MANY: dict[str, str | bytes] = {
    f"shop/part_{n}.py": "".join(f"def parse_table_{n}_{m}(text):\n" + "    text += '.'\n" * 30 for m in range(12))
    for n in range(12)
}


@pytest.mark.parametrize("overhead", [0, 12])
def test_code_and_map_together_never_pass_the_room(open_retrieval: Open, overhead: int) -> None:
    found = found_by(open_retrieval(MANY), "parse_table")
    for room in (100, *range(FEWEST_TOKENS, 10_000, 811), 14_000, 100_000):
        sent = pack_with_map(found, room, count, overhead_tokens=overhead)
        if sent is None:
            assert room < FEWEST_TOKENS
        elif sent.map is None:
            assert count(sent.code.text) <= room
            assert room < RESERVED_TOKENS * MAP_SHARE or room == 100_000
        else:
            assert count(sent.map.text) == sent.map.tokens <= min(room // MAP_SHARE, MAP_TOKENS)
            assert count(sent.code.text) + sent.map.tokens + overhead <= room
            assert sent.map.text.startswith(f"{MAP_HEAD}\n"), room


def test_a_map_names_only_what_the_code_does_not_show(open_retrieval: Open) -> None:
    sent = pack_with_map(found_by(open_retrieval(MANY), "parse_table"), 8_000, count)
    assert sent is not None
    assert sent.map is not None
    told = to_map(sent.map)
    assert told is not None
    named = [one["name"] for file in told["files"] for one in file["definitions"]]
    assert len(named) == told["definitions"] > 20
    assert [name for name in named if f"def {name}(" in sent.code.text] == []


def test_where_the_code_shows_everything_there_is_no_map(open_retrieval: Open) -> None:
    sent = pack_with_map(found_by(open_retrieval(FILES), "parse_table colour"), 20_000, count)
    assert sent is not None
    assert sent.map is None
    assert to_map(sent.map) is None


def test_a_first_map_of_the_code_names_definitions_too(open_retrieval: Open) -> None:
    filling = "".join(f"def value_{number}():\n    return '{'much text ' * 100}'\n" for number in range(900))
    retrieval = open_retrieval({**MANY, **{f"data/part_{number}.py": filling for number in range(5)}})
    sent = pack_with_map(found_by(retrieval, "parse_table"), 8_000, count)
    assert retrieval.partial
    assert sent is not None
    assert sent.map is not None
    assert "parse_table_" in sent.map.text


# --- copies -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_copies(open_retrieval: Open, tmp_path: Path) -> Callable[..., Retrieval]:
    """A retrieval whose vectors are known: those of words, so that the same words mean the same."""

    def open_(files: dict[str, str | bytes]) -> Retrieval:
        retrieval = open_retrieval(files)
        retrieval.meaning = Meaning("p/m", str(tmp_path / "vectors.db"), Embedder())

        async def learn() -> None:
            for _ in retrieval.refresh():
                pass
            async for _ in retrieval.meaning.learn(retrieval.index):
                pass

        asyncio.run(learn())
        return retrieval

    return open_


LINE = "    row_{n}(text.split()[{n}], text.strip()[{n}], text.lower()[{n}])\n"
OTHER = "    tint_{n}(colour.mix({n}), colour.pale({n}), colour.dark({n}))\n"
COPIED: dict[str, str | bytes] = {
    "src/table.py": "def parse_table(text):\n" + "".join(LINE.format(n=n) for n in range(60)),
    "old/table.py": "def parse_table(text):\n" + "".join(LINE.format(n=n) for n in range(60)),
    "src/other.py": "def paint_table(colour):\n" + "".join(OTHER.format(n=n) for n in range(60)),
}


def test_a_copy_makes_room_for_what_is_new(with_copies: Callable[..., Retrieval]) -> None:
    gathered = found_by(with_copies(COPIED), "parse_table row text colour")
    copy = gathered.results[-1]
    other = "old/table.py" if copy.path == "src/table.py" else "src/table.py"
    assert copy.why[-1] == f"similar to {other}:{copy.start_line}"
    packed = pack_gathered(gathered, 3_000, count)
    assert packed is not None
    levels = {path: {part.level for part in packed.parts if part.path == path} for path in COPIED}
    assert levels == {other: {"whole"}, "src/other.py": {"whole"}, copy.path: {"elided"}}


def test_a_copy_that_is_left_out_is_told_to_person_and_model(with_copies: Callable[..., Retrieval]) -> None:
    sent = pack_with_map(found_by(with_copies(MANY), "parse_table"), 8_000, count)
    assert sent is not None
    assert {one.reason.rpartition("/")[0] for one in sent.code.dropped} == {"similar to shop"}
    assert sent.map is not None
    assert "() similar to shop/part_" in sent.map.text


def test_with_room_for_all_a_copy_goes_along(with_copies: Callable[..., Retrieval]) -> None:
    sent = pack_with_map(found_by(with_copies(COPIED), "parse_table row text colour"), 20_000, count)
    assert sent is not None
    assert set(sent.code.files) == COPIED.keys()
