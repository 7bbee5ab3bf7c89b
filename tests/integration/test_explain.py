"""The explain job on real files with the real engine, from the target to the last event."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiex import tokens
from aiex.context.engine import open_engine
from aiex.errors import Transient
from aiex.events import (
    AssistantSpoke,
    Event,
    Failed,
    Noted,
    Progressed,
    Started,
    Stopped,
    TextDelta,
    TurnEnded,
    UsageUpdated,
    UserSpoke,
    Warned,
)
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.briefing.history import git_of
from aiex.jobs.explain import ExplainTask, Stream, explain
from aiex.llm.providers.offline import PROVIDER
from aiex.messages import Document, Request, Usage

MODEL = "openai/gpt-4o"


async def events_of(
    root: Path, target: str, *, stream: Stream = PROVIDER.stream, git: bool = False, **task: Any
) -> list[Event]:
    workspace = Workspace(str(root))
    engine = open_engine(workspace, cache_path=None, workers=1)
    try:
        job = explain(
            ExplainTask(target, **task),
            engine=engine,
            workspace=workspace,
            stream=stream,
            history=git_of(workspace) if git else None,
        )
        return [event async for event in job]
    finally:
        engine.close()


async def end_of(root: Path, target: str, **task: Any) -> TurnEnded:
    end = (await events_of(root, target, **task))[-1]
    assert isinstance(end, TurnEnded)
    return end


# --- without a model -----------------------------------------------------------------------------------------------


async def test_a_file_is_explained_with_its_places(workspace: Path) -> None:
    end = await end_of(workspace, "shop/basket.py")
    assert (end.status, end.subtype, end.exit_code) == ("success", "answered", 0)
    for part in (
        "What a customer wants to buy. *(from module documentation)*",
        "- shop/basket.py:6 `class Basket` — Things and how many of each.",
        "- shop/prices.py: price_of (line 3)",
        "- tests/test_basket.py:1: Basket",
        "- shop/basket.py:15 raises: `ValueError(",
        "tests/test_basket.py:4 `test_total_counts_every_piece` uses Basket, add, total",
        "Static analysis",
    ):
        assert part in end.answer


async def test_a_linked_folder_or_file_is_explained_as_what_it_leads_to(workspace: Path) -> None:
    (workspace / "store").symlink_to("shop")
    (workspace / "cart.py").symlink_to("shop/basket.py")
    assert (await end_of(workspace, "store")).answer == (await end_of(workspace, "shop")).answer
    assert "- tests/test_basket.py:1: Basket" in (await end_of(workspace, "cart.py")).answer


async def test_an_ignored_file_is_said_to_be_ignored(workspace: Path) -> None:
    (workspace / "node_modules").mkdir()
    (workspace / "node_modules" / "a.js").write_text('export const a = require("./b")\n')
    (workspace / "node_modules" / "b.js").write_text("module.exports = 1\n")
    said = "> **Note:** ignored by the repository, so what lies around it was not read"
    assert said in (await end_of(workspace, "node_modules/a.js")).answer
    assert said not in (await end_of(workspace, "shop/basket.py")).answer


async def test_a_definition_that_is_nearly_all_documentation_is_no_hot_spot(workspace: Path) -> None:
    doc = "  text\n" * 80
    text = f'defmodule A do\n  @doc """\n{doc}  """\n  defmacro quote(opts, block), do: error!([opts, block])\nend\n'
    (workspace / "a.ex").write_text(text)
    assert "complexity 0" not in (await end_of(workspace, "a.ex")).answer


async def test_the_flow_leads_into_other_files(workspace: Path) -> None:
    end = await end_of(workspace, "shop/basket.py")
    assert "- shop/basket.py:20 `price_of()` → shop/prices.py:6" in end.answer


async def test_a_symbol_is_explained_with_its_callers_and_source(workspace: Path) -> None:
    end = await end_of(workspace, "shop/basket.py::Basket.add")
    assert "`Basket.add` in shop/basket.py" in end.answer
    assert "- tests/test_basket.py:6 in `test_total_counts_every_piece`" in end.answer
    assert "def add(self, name: str, count: int = 1) -> None:" in end.answer


async def test_a_symbol_is_found_by_its_last_name(workspace: Path) -> None:
    assert (await end_of(workspace, "shop/basket.py::total")).data["target"] == "shop/basket.py::Basket.total"


async def test_lines_are_explained_with_what_is_around_them(workspace: Path) -> None:
    end = await end_of(workspace, "shop/basket.py:14-15")
    assert "Part of `Basket.add`: Put something in" in end.answer
    assert "raises: `ValueError(" in end.answer
    assert "def total" not in end.answer


async def test_the_first_look_at_a_large_repository_reports_its_progress(workspace: Path) -> None:
    for number in range(250):
        (workspace / "shop" / f"part{number}.py").write_text(f"from shop import basket\n\nX = {number}\n")
    events = await events_of(workspace, "shop/basket.py")
    assert [event.done for event in events if isinstance(event, Progressed)] == [100, 200]


async def test_a_directory_is_explained_by_its_parts(workspace: Path) -> None:
    events = await events_of(workspace, ".")
    end = events[-1]
    assert isinstance(end, TurnEnded)
    assert "Counts what is in the basket. *(from README.md)*" in end.answer
    assert "A very small shop." in end.answer
    assert end.answer.index("1. README.md") < end.answer.index("basket.py (")
    assert [event for event in events if isinstance(event, Progressed)][-1].done == len(
        [name for _, _, names in os.walk(workspace) for name in names]
    )


async def test_standard_input_is_explained_by_the_language_of_its_name(workspace: Path) -> None:
    end = await end_of(workspace, "-", stdin=b'"""Says hi."""\ndef hi():\n    print("hi")\n', name="new.py")
    assert "Says hi." in end.answer
    assert "new.py:2 `def hi()`" in end.answer
    assert "Used by" not in end.answer


async def test_standard_input_for_a_known_file_keeps_its_surroundings(workspace: Path) -> None:
    end = await end_of(workspace, "-::Basket", stdin=b"class Basket:\n    pass\n", name="shop/basket.py")
    assert "- tests/test_basket.py:5 in `test_total_counts_every_piece`" in end.answer


async def test_history_tells_the_last_commits(workspace: Path) -> None:
    for args in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Open the shop"]):
        subprocess.run(["git", *args], cwd=workspace, check=True, capture_output=True)
    end = await end_of(workspace, "shop/basket.py", git=True)
    assert "Open the shop" in end.answer
    assert end.data["history"]["authors"] == [["Ada Test", 1]]


async def test_the_same_question_has_the_same_answer(workspace: Path) -> None:
    for target in (".", "shop/basket.py", "shop/basket.py::Basket.add", "web/app.js"):
        assert await end_of(workspace, target) == await end_of(workspace, target)


async def test_an_answer_from_the_cache_is_the_answer_of_the_first_run(workspace: Path, tmp_path: Path) -> None:
    for folder, _, names in os.walk(workspace):
        for name in names:
            os.utime(os.path.join(folder, name), (1_700_000_000, 1_700_000_000))
    answers = []
    for _ in range(2):
        place = Workspace(str(workspace))
        engine = open_engine(place, cache_path=str(tmp_path / "cache" / "facts.db"), workers=1)
        job = explain(ExplainTask("shop/prices.py"), engine=engine, workspace=place, stream=PROVIDER.stream)
        answers.append([event async for event in job][-1])
        engine.close()
    assert answers[0] == answers[1]


async def test_places_are_relative_to_where_one_stands(workspace: Path) -> None:
    end = await end_of(workspace, "basket.py", base=str(workspace / "shop"))
    assert "- basket.py:6 `class Basket`" in end.answer
    assert "- ../tests/test_basket.py:1: Basket" in end.answer


async def test_data_is_json_and_holds_every_place(workspace: Path) -> None:
    data = (await end_of(workspace, "shop/basket.py")).data
    assert data == json.loads(json.dumps(data))
    assert data["schema"] == "aiex.briefing/1"
    assert [item["qualified"] for item in data["outline"]] == [
        "Basket",
        "Basket.__init__",
        "Basket.add",
        "Basket.total",
    ]
    assert data["faults"][0]["line"] == 15
    assert data["complete"] is True


async def test_a_budget_bounds_the_answer(workspace: Path) -> None:
    end = await end_of(workspace, "shop/basket.py", budget_tokens=260)
    assert tokens.estimate(end.answer).tokens <= 260
    assert "Cut to fit the budget" in end.answer


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "code", "message", "hint"),
    [
        ("shop/baskte.py", 2, "no such file", "shop/basket.py"),
        ("basket.py", 2, "no such file", "did you mean shop/basket.py?"),
        ("shop:3", 2, "is a directory", "aiex explain shop"),
        ("shop::Basket", 2, "is a directory", "aiex explain shop"),
        ("shop/basket.py/", 2, "not a directory", "aiex explain shop/basket.py"),
        ("../other.py", 4, "outside", ""),
        ("/etc/hostname", 4, "outside", ""),
        ("shop/basket.py::Basket.ad", 2, "no symbol", "shop/basket.py::Basket.add"),
        ("shop/basket.py::nothing_like_it", 2, "no symbol", "it defines Basket"),
        ("shop/basket.py:99", 2, "its last line is 20", "shop/basket.py:1-20"),
        ("shop/basket.py:0", 2, "line 0", "count from 1"),
        ("", 2, "no target", ""),
        (".env", 4, "secret", ""),
        ("picture.png:3", 2, "binary", "aiex explain picture.png"),
        ("picture.png::f", 2, "nothing is defined", ""),
        ("empty.py:1", 2, "it is empty", "aiex explain empty.py"),
        ("shop/gone.py", 2, "link to something that is not there", ""),
    ],
)
async def test_bad_targets_say_what_was_found_and_what_to_do(
    workspace: Path, target: str, code: int, message: str, hint: str
) -> None:
    (workspace / ".env").write_text("KEY=1\n")
    (workspace / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (workspace / "empty.py").touch()
    (workspace / "shop" / "gone.py").symlink_to("nowhere.py")
    end = await end_of(workspace, target)
    assert (end.status, end.exit_code) == ("error", code)
    assert message in end.error
    assert hint in end.hint


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.py", b"", "the file is empty"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0", "a PNG picture, 10 bytes"),
        ("a.bin", b"\0\1\2", "of no known format"),
        ("broken.py", b"def f(:\n  return (\n\ndef g():\n    pass\n", "syntax error"),
        ("latin.py", b"def f():\n    return '\xe9'\n", "not UTF-8"),
        ("a.min.js", b"var a=1;" * 4000, "minified"),
        ("huge.py", b"x = 1\n" * 1_800_000, "10.8 MB, too large"),
        ("notes.xyz", b"one\ntwo\n", "no grammar"),
    ],
)
async def test_odd_files_are_explained_as_what_they_are(workspace: Path, name: str, content: bytes, said: str) -> None:
    (workspace / name).write_bytes(content)
    end = await end_of(workspace, name)
    assert end.exit_code == 0
    assert said in end.answer


async def test_what_cannot_be_read_is_an_error_of_the_machine(workspace: Path) -> None:
    path = workspace / "locked.py"
    path.write_text("x = 1\n")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    end = await end_of(workspace, "locked.py")
    assert end.exit_code == 74


async def test_names_are_offered_as_one_would_type_them_there(workspace: Path) -> None:
    here = {"base": str(workspace / "shop")}
    assert "did you mean basket.py?" in (await end_of(workspace, "baskt.py", **here)).hint
    assert "basket.py::Basket.add" in (await end_of(workspace, "basket.py::Basket.ad", **here)).hint
    assert (await end_of(workspace, "basket.py:99", **here)).error.startswith("basket.py has no line 99")


async def test_a_pipe_is_no_file(workspace: Path) -> None:
    os.mkfifo(workspace / "pipe")
    assert (await end_of(workspace, "pipe")).exit_code == 74


async def test_a_file_whose_name_looks_like_a_line_is_that_file(workspace: Path) -> None:
    (workspace / "notes:12").write_text("hello\n")
    assert (await end_of(workspace, "notes:12")).data["path"] == "notes:12"


async def test_an_empty_directory_is_said_to_be_empty(workspace: Path) -> None:
    (workspace / "void").mkdir()
    end = await end_of(workspace, "void")
    assert end.exit_code == 0
    assert "no files here" in end.answer


async def test_a_budget_that_is_too_small_is_refused(workspace: Path) -> None:
    end = await end_of(workspace, "shop/basket.py", budget_tokens=50)
    assert (end.exit_code, end.subtype) == (2, "UsageError")
    assert "200" in end.hint


async def test_a_link_out_of_the_workspace_is_not_followed(workspace: Path) -> None:
    (workspace / "out.py").symlink_to("/etc/hostname")
    assert (await end_of(workspace, "out.py")).exit_code == 4


# --- with a model --------------------------------------------------------------------------------------------------


class Script:
    """A stream that says given events, and keeps what it was asked."""

    def __init__(self, *events: Event | Exception) -> None:
        self.events = events
        self.asked: list[Request] = []

    async def __call__(self, request: Request) -> AsyncIterator[Event]:
        self.asked.append(request)
        for event in self.events:
            if isinstance(event, Exception):
                raise event
            yield event


SPOKEN = (Started("openai", "gpt-4o"), TextDelta("It counts "), TextDelta("things."), UsageUpdated(Usage(90, 5)))


async def test_what_the_model_says_streams_through(workspace: Path) -> None:
    script = Script(*SPOKEN, Stopped("end_turn"))
    events = await events_of(workspace, "shop/basket.py", stream=script, model=MODEL)
    assert isinstance(events[0], Noted)
    assert events[0].message.startswith("shop/basket.py goes with code of tests/test_basket.py and shop/prices.py (")
    assert events[1] == UserSpoke(script.asked[0].messages[-1].parts)
    assert tuple(events[2:7]) == (*SPOKEN, Stopped("end_turn"))
    assert isinstance(events[7], AssistantSpoke)
    end = events[8]
    assert isinstance(end, TurnEnded)
    assert (end.answer, end.usage.input_tokens, end.exit_code) == ("It counts things.", 90, 0)
    assert end.data["answer"] == "It counts things."
    assert end.data["outline"]


async def test_the_model_gets_the_briefing_and_the_numbered_source(workspace: Path) -> None:
    script = Script(*SPOKEN, Stopped("end_turn"))
    await events_of(workspace, "shop/basket.py", stream=script, model=MODEL)
    system, user = script.asked[0].messages
    assert (system.role, user.role) == ("system", "user")
    documents = [part for part in user.parts if isinstance(part, Document)]
    assert [document.title for document in documents] == ["briefing", "shop/basket.py", "code around it"]
    assert "    6 class Basket:" in documents[1].text


@pytest.mark.parametrize("budget", [800, 1000, 1500, 3000])
async def test_the_request_stays_within_the_budget(workspace: Path, budget: int) -> None:
    body = "\n\n".join(f"def f{number}(x):\n    return f{number - 1}(x) + {number}" for number in range(400))
    (workspace / "long.py").write_text(body)
    script = Script(*SPOKEN, Stopped("end_turn"))
    await events_of(workspace, "long.py:600-610", stream=script, model=MODEL, budget_tokens=budget)
    parts = [part for message in script.asked[0].messages for part in message.parts]
    texts = [part.text for part in parts if hasattr(part, "text")]
    assert sum(tokens.count(text, MODEL).tokens for text in texts) <= budget
    assert "600 " in texts[-2]


async def test_a_request_is_shown_and_not_sent(workspace: Path) -> None:
    script = Script(*SPOKEN, Stopped("end_turn"))
    end = (await events_of(workspace, "shop/basket.py", stream=script, model=MODEL, show_request=True))[-1]
    assert isinstance(end, TurnEnded)
    assert (end.subtype, end.exit_code, script.asked) == ("planned", 0, [])
    request = end.data["request"]
    assert request["sent"] is False
    assert request["exact"] is True
    assert sum(part["tokens"] for part in request["parts"]) <= request["tokens"] <= request["budget_tokens"]
    assert "class Basket:" in end.answer
    assert f"{request['tokens']:,} of 12,000 tokens (exact); nothing was sent" in end.answer


async def test_offline_a_request_is_shown_too(workspace: Path) -> None:
    end = await end_of(workspace, "shop/basket.py", show_request=True)
    assert "nothing would leave this machine" in end.answer
    assert end.data["request"]["exact"] is False


async def test_an_answer_that_breaks_off_is_kept_and_marked(workspace: Path) -> None:
    script = Script(*SPOKEN, Failed("Transient", "the connection was cut", "try again", 75))
    end = (await events_of(workspace, "shop/basket.py", stream=script, model=MODEL))[-1]
    assert isinstance(end, TurnEnded)
    assert (end.status, end.subtype, end.exit_code) == ("error", "Transient", 75)
    assert end.answer.startswith("It counts things.")
    assert "incomplete: the connection was cut" in end.answer
    assert end.data["complete"] is False


async def test_an_error_raised_by_the_stream_ends_the_turn(workspace: Path) -> None:
    script = Script(*SPOKEN[:2], Transient("no answer", hint="wait"))
    end = (await events_of(workspace, "shop/basket.py", stream=script, model=MODEL))[-1]
    assert isinstance(end, TurnEnded)
    assert (end.exit_code, end.error, end.hint) == (75, "no answer", "wait")


@pytest.mark.parametrize(
    ("events", "exit_code"),
    [
        (SPOKEN, 75),
        ((*SPOKEN, Stopped("refusal")), 1),
        ((*SPOKEN, Stopped("content_filter")), 1),
        ((Started("openai", "gpt-4o"), Stopped("end_turn")), 1),
    ],
)
async def test_success_needs_a_whole_answer(workspace: Path, events: tuple[Event, ...], exit_code: int) -> None:
    end = (await events_of(workspace, "shop/basket.py", stream=Script(*events), model=MODEL))[-1]
    assert isinstance(end, TurnEnded)
    assert (end.status, end.exit_code) == ("error", exit_code)


async def test_an_answer_cut_at_the_output_limit_comes_with_a_warning(workspace: Path) -> None:
    events = await events_of(workspace, "shop/basket.py", stream=Script(*SPOKEN, Stopped("max_tokens")), model=MODEL)
    assert any(isinstance(event, Warned) and "cut" in event.message for event in events)
    assert events[-1].exit_code == 0


async def test_a_budget_too_small_for_a_model_names_the_least(workspace: Path) -> None:
    script = Script(*SPOKEN, Stopped("end_turn"))
    end = (await events_of(workspace, "shop/basket.py", stream=script, model=MODEL, budget_tokens=220))[-1]
    assert isinstance(end, TurnEnded)
    assert (end.exit_code, script.asked) == (2, [])
    least = int(end.hint.split("--budget ")[1].split()[0])
    again = (await events_of(workspace, "shop/basket.py", stream=script, model=MODEL, budget_tokens=least))[-1]
    assert again.exit_code == 0


async def test_the_files_to_read_first_go_to_the_model_with_a_directory(workspace: Path) -> None:
    script = Script(*SPOKEN, Stopped("end_turn"))
    await events_of(workspace, ".", stream=script, model=MODEL)
    documents = [part.title for part in script.asked[0].messages[1].parts if isinstance(part, Document)]
    assert documents[:2] == ["briefing", "README.md"]
    assert "code around it" not in documents


@pytest.mark.parametrize("model", ["offline", MODEL])
async def test_what_is_shown_names_the_places_of_the_code_around_it(workspace: Path, model: str) -> None:
    end = await end_of(workspace, "shop/basket.py:20", model=model, show_request=True)
    code = [(part["path"], part["start_line"], part["end_line"], part["why"]) for part in end.data["code"]]
    assert code == [
        ("tests/test_basket.py", 4, 7, ("tests it",)),
        ("shop/prices.py", 6, 8, ("called by it",)),
    ]
    assert "| code around it | user |" in end.answer
    assert "    8     return PRICES[name]" in end.answer


async def test_standard_input_goes_with_the_code_around_its_file(workspace: Path) -> None:
    source = (workspace / "shop" / "basket.py").read_bytes()
    end = await end_of(workspace, "-", stdin=source, name="shop/basket.py", show_request=True)
    assert [part["path"] for part in end.data["code"]] == ["tests/test_basket.py", "shop/prices.py"]
    assert "code" not in (await end_of(workspace, "-", stdin=source, name="shop/basket.py")).data


async def test_a_file_whose_name_looks_like_a_drive_or_a_home_is_explained(workspace: Path) -> None:
    for name in ("n:5", "~$a.py"):
        (workspace / name).write_text("x = 1\n")
        end = await end_of(workspace, name if ":" in name else f"./{name}")
        assert (end.exit_code, end.error) == (0, "")


async def test_lines_of_an_empty_file_lead_to_the_whole_file(workspace: Path) -> None:
    (workspace / "empty.py").write_text("")
    assert (await end_of(workspace, "empty.py:1")).hint == "aiex explain empty.py"


# --- paths in every spelling ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked", ["shop/basket.py", "shop/basket.py::Basket.add", "shop/basket.py:3", "shop", "shop/", ""]
)
async def test_a_target_spelled_through_a_linked_checkout_is_inside(
    workspace: Path, tmp_path: Path, asked: str
) -> None:
    link = tmp_path / "link to checkout"
    link.symlink_to(workspace)
    spelled, plain = await end_of(workspace, f"{link}/{asked}"), await end_of(workspace, asked or ".")
    assert (spelled.exit_code, spelled.answer) == (0, plain.answer)


async def test_the_link_to_a_checkout_is_the_checkout(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(workspace)
    assert (await end_of(workspace, str(tmp_path / "link"))).exit_code == 0


async def test_a_linked_checkout_leads_no_further_than_the_checkout(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("x = 1\n")
    (tmp_path / "link").symlink_to(workspace)
    (workspace / "out.py").symlink_to(tmp_path / "secret.py")
    (workspace / "away").symlink_to(tmp_path)
    for asked in ("link/out.py", "link/away/secret.py", "link/../secret.py", "secret.py"):
        assert (await end_of(workspace, f"{tmp_path}/{asked}")).exit_code == 4, asked


async def test_standard_input_is_named_through_a_linked_checkout(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(workspace)
    end = await end_of(workspace, "-", stdin=b"x = 1\n", name=f"{tmp_path}/link/shop/basket.py")
    assert end.answer.startswith("# shop/basket.py\n")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("no\nsuch.py", r"no\nsuch.py"), ("no\x1bsuch.py", "no␛such.py"), ("no\udcff.py", r"no\xff.py")],
)
async def test_a_mistyped_name_is_one_printable_line(workspace: Path, typed: str, shown: str) -> None:
    end = await end_of(workspace, typed)
    assert end.error == f"no such file or directory: {shown}"
    assert "\n" not in end.hint


async def test_a_name_that_is_not_utf8_has_one_form_everywhere(workspace: Path) -> None:
    name = "od\udcffd.py"
    (workspace / name).write_text("def fine(): ...\n")
    assert (await end_of(workspace, name)).answer.startswith("# od\\xffd.py\n")
    assert r"`fine` in od\xffd.py" in (await end_of(workspace, f"{name}::fine")).answer
    assert r"od\xffd.py::fine" in (await end_of(workspace, f"{name}::fime")).hint
    assert r"od\xffd.py" in (await end_of(workspace, "odd.py")).hint


async def test_the_title_of_a_symbol_is_the_symbol_in_a_file_whose_name_has_colons(workspace: Path) -> None:
    (workspace / "code::b.py").write_text("def q():\n    return 1\n")
    assert (await end_of(workspace, "code::b.py::q")).answer.startswith("# `q` in code::b.py\n")
