"""What is known of a workspace and what would be sent, as a person and a program see it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiex.context.engine import Engine
from aiex.context.retrieval import Retrieval
from aiex.events import Event, TurnEnded, Warned
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.inspect import list_files, show_known, show_map, show_pack, to_table
from aiex.tokens import Count, estimate

Open = Callable[[dict[str, str | bytes]], Retrieval]
OpenTree = Callable[[dict[str, str | bytes]], tuple[Engine, Workspace]]
FILES: dict[str, str | bytes] = {
    "a.py": "def alpha():\n    return 1\n\n\ndef beta():\n    return alpha()\n",
    "b.py": "def gamma():\n    return 3\n",
}


def ended(events: Iterator[Event]) -> TurnEnded:
    *_, last = events
    assert isinstance(last, TurnEnded)
    return last


def states(retrieval: Retrieval) -> dict[str, Any]:
    retrieval.index.__dict__.pop("listing", None)
    retrieval.index.__dict__.pop("paths", None)
    return {file["path"]: file["state"] for file in ended(list_files(retrieval.index)).data["files"]}


def refresh(retrieval: Retrieval) -> Retrieval:
    for _ in retrieval.refresh():
        pass
    return retrieval


def test_files_are_listed_with_what_became_of_them(open_retrieval: Open, tmp_path: Path) -> None:
    retrieval, root = open_retrieval(FILES), tmp_path / "tree"
    assert states(retrieval) == {"a.py": "new", "b.py": "new"}
    refresh(retrieval)
    assert states(retrieval) == {"a.py": "fresh", "b.py": "fresh"}
    (root / "a.py").write_text("def alpha():\n    return 'another length'\n")
    (root / "b.py").unlink()
    (root / "c.py").write_text("def delta():\n    return 4\n")
    assert states(retrieval) == {"a.py": "changed", "c.py": "new"}


def test_the_list_reads_as_a_table(open_retrieval: Open) -> None:
    retrieval = open_retrieval(FILES)
    refresh(retrieval)
    assert ended(list_files(retrieval.index)).answer == "FILE  PIECES  STATE\na.py  2\nb.py  1"


def test_an_empty_workspace_lists_nothing_and_says_so(open_retrieval: Open) -> None:
    assert ended(list_files(open_retrieval({}).index)).answer == "there is no file here that could be read"


@pytest.mark.skipif(os.name != "posix", reason="elsewhere names are text")
def test_names_that_are_not_utf_8_are_spelled_out_for_a_person_and_kept_for_a_program(
    open_retrieval: Open, tmp_path: Path
) -> None:
    retrieval = open_retrieval({})
    try:
        (tmp_path / "tree" / os.fsdecode(b"caf\xe9 \x1b.py")).write_text("def menu():\n    return 1\n")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    refresh(retrieval)
    done = ended(list_files(retrieval.index))
    assert "caf\\xe9 ␛.py  1" in done.answer
    assert os.fsencode(done.data["files"][0]["path"]) == b"caf\xe9 \x1b.py"


def test_what_is_known_is_told_by_tier(open_retrieval: Open, open_tree: OpenTree) -> None:
    engine, _ = open_tree(FILES)
    retrieval = open_retrieval({})
    before = ended(show_known(retrieval, engine))
    assert before.data["index"]["stale"] == 2
    assert "0 files, 0 pieces" in before.answer
    assert "2 of 2 files new or changed" in before.answer
    after = ended(show_known(refresh(retrieval), engine))
    assert "2 files, 3 pieces" in after.answer
    assert "up to date" in after.answer
    assert [tier["tier"] for tier in after.data["tiers"]] == ["hot", "warm", "cold"]


def show(retrieval: Retrieval, task: str, budget: int = 4_000) -> TurnEnded:
    return ended(show_pack(task, budget, retrieval, estimate))


def test_what_would_be_sent_is_shown_piece_by_piece_with_the_reason(open_retrieval: Open) -> None:
    done = show(open_retrieval(FILES), "what does beta return?")
    head, first, *_, blank, summary = done.answer.split("\n")
    assert head.split() == ["PLACE", "LEVEL", "TOKENS", "WHY"]
    assert first.startswith("a.py:")
    assert blank == ""
    assert summary.startswith(f"{done.data['tokens']:,} of 4,000 tokens; ")
    assert all(part["why"] for part in done.data["parts"])


@pytest.mark.parametrize(
    ("task", "budget", "said"),
    [
        ("beta", 100, "100 tokens are too few for any code"),
        ("zyxwvut", 4_000, "nothing in this workspace matches"),
    ],
)
def test_when_nothing_would_be_sent_the_reason_is_told(open_retrieval: Open, task: str, budget: int, said: str) -> None:
    done = show(open_retrieval(FILES), task, budget)
    assert (done.exit_code, done.answer, done.data) == (0, said, {"parts": []})


def test_an_empty_task_is_a_wrong_use(open_retrieval: Open) -> None:
    done = show(open_retrieval(FILES), " \n")
    assert (done.exit_code, done.error) == (2, "the task is empty")


def test_the_budget_holds_by_the_counting_in_use(open_retrieval: Open) -> None:
    done = ended(show_pack("beta", 220, open_retrieval(FILES), lambda text: Count(2 * len(text), exact=True)))
    assert done.data.get("tokens", 0) <= 220


def test_a_cell_stays_on_its_line_whatever_is_in_a_name() -> None:
    assert to_table([("a\nb", "c\x1b[31m")], ("PLACE", "WHY")) == "PLACE  WHY\na\\nb   c␛[31m"
    assert to_table([], ("PLACE", "WHY")) == ""


def test_columns_stand_in_line_whatever_script_a_name_is_in() -> None:
    rows = [("日本.py", "a"), ("cafe\u0301.py", "b"), ("plain.py", "c")]
    assert to_table(rows, ("FILE", "X")) == "FILE      X\n日本.py   a\ncafe\u0301.py   b\nplain.py  c"


def test_a_warning_of_index_and_engine_is_told_once(open_retrieval: Open, open_tree: OpenTree) -> None:
    engine, _ = open_tree(FILES)
    retrieval = open_retrieval({})
    same = Warned("nothing can be kept", "make room")
    engine.warnings.append(same)
    retrieval.index.warnings.append(same)
    assert [event for event in show_known(retrieval, engine) if isinstance(event, Warned)] == [same]


# --- the map --------------------------------------------------------------------------------------------------------

MANY: dict[str, str | bytes] = {
    f"part_{n}.py": "".join(f"def parse_{n}_{m}(text):\n" + "    text += '.'\n" * 30 for m in range(12))
    for n in range(12)
}


def map_of(retrieval: Retrieval, task: str = "", budget: int = 2_000) -> TurnEnded:
    return ended(show_map(task, budget, retrieval, estimate))


def test_a_map_names_the_definitions_by_file_and_line(open_retrieval: Open) -> None:
    done = map_of(open_retrieval(FILES))
    assert done.answer == "a.py:\n  1 alpha()\n  5 beta()\nb.py:\n  1 gamma()"
    assert done.data["map"]["tokens"] == estimate(f"{done.answer}\n").tokens
    assert done.data["map"]["files"][1] == {
        "path": "b.py",
        "definitions": [{"name": "gamma", "line": 1}],
    }


def test_a_map_for_a_task_begins_with_what_ranks_high(open_retrieval: Open) -> None:
    assert map_of(open_retrieval(FILES), "what is gamma?", 10).answer == "b.py:\n  1 gamma()"


@pytest.mark.parametrize(("files", "budget"), [({}, 2_000), (FILES, 3)])
def test_a_map_of_nothing_says_so(open_retrieval: Open, files: dict[str, str | bytes], budget: int) -> None:
    done = map_of(open_retrieval(files), budget=budget)
    assert (done.exit_code, done.data["map"]["files"]) == (0, [])
    assert done.answer == f"nothing in this workspace that fits {budget:,} tokens has a name"


def test_the_map_that_would_be_sent_is_shown_with_its_tokens_and_why(open_retrieval: Open) -> None:
    done = show(open_retrieval(MANY), "parse", 8_000)
    row = next(line for line in done.answer.split("\n") if line.startswith("map of the project"))
    assert row.split()[4:6] == ["names", f"{done.data['map']['tokens']:,}"]
    assert row.endswith("that rank next")
    assert done.answer.split("\n")[-1].startswith(f"{done.data['tokens'] + done.data['map']['tokens']:,} of 8,000 ")
