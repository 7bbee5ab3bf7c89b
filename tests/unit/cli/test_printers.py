"""The present stage: each form shows the same run in its own way."""

import io
import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.cli.forms.json_lines import escape
from aiex.cli.forms.terminal import TerminalPrinter
from aiex.cli.main import present
from aiex.cli.printer import Printer, has_color, has_layout, open_printer
from aiex.cli.talk import Talk, render_progress
from aiex.cli.work import Markup
from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    Event,
    FailedOver,
    Progressed,
    Retrying,
    SessionStarted,
    TextDelta,
    TurnEnded,
    Waiting,
    Warned,
)
from aiex.guard.neutral import neutralise

STARTED = SessionStarted("1", "/w", "explain", "offline", "offline")
GOOD = TurnEnded("success", "answered", 0, answer="# Hi\n", data={"a": 1})
BAD = TurnEnded("error", "Denied", 4, error="refused", hint="ask")


def show_all(printer: Printer, *events: Event, ended: TurnEnded = GOOD) -> int:
    for event in events:
        printer.show(event)
    return present(ended, printer)


def test_plain_text_is_the_answer_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_all(open_printer("text"), STARTED) == 0
    assert capsys.readouterr() == ("# Hi\n", "")


def test_a_streamed_answer_is_not_repeated_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    show_all(open_printer("text", markup="markdown"), TextDelta("# "), TextDelta("Hi"))
    assert capsys.readouterr().out == "# Hi\n"


def test_an_error_goes_to_standard_error_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_all(open_printer("text"), ended=BAD) == 4
    assert capsys.readouterr() == ("", "error: refused\nhint: ask\n")


def test_what_was_said_before_a_break_stays_and_ends_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_all(open_printer("text"), TextDelta("half"), ended=BAD)
    assert capsys.readouterr() == ("half\n", "error: refused\nhint: ask\n")


def test_json_is_exactly_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    show_all(open_printer("json"), STARTED, TextDelta("# Hi"), Warned("careful", "look"))
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    result = json.loads(out)
    assert (result["type"], result["status"], result["result"], result["structured_output"]) == (
        "result", "success", "# Hi\n", {"a": 1},
    )  # fmt: skip
    assert result["duration_ms"] >= 0
    assert err == "warning: careful\nhint: look\n"


def test_json_of_a_failure_is_a_result_too(capsys: pytest.CaptureFixture[str]) -> None:
    show_all(open_printer("json"), ended=BAD)
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert (result["status"], result["subtype"], result["exit_code"], result["is_error"]) == (
        "error",
        "Denied",
        4,
        True,
    )
    assert err == "error: refused\nhint: ask\n"


def test_stream_begins_with_init_ends_with_one_result_and_counts_without_gaps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_all(open_printer("stream-json"), STARTED, Progressed("x", 1, 2), TextDelta("a"), TextDelta("b"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["type"] for line in lines] == ["init", "message", "message", "result"]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4]
    assert len({line["session_id"] for line in lines}) == 1


def test_stream_of_a_run_that_never_began_has_init_and_result(capsys: pytest.CaptureFixture[str]) -> None:
    show_all(open_printer("stream-json"), ended=BAD)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["type"], line["seq"]) for line in lines] == [("init", 1), ("result", 2)]


@pytest.mark.parametrize("form", ["text", "json", "stream-json"])
def test_control_sequences_never_reach_the_reader(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[31mred\x1b]0;title\x07\u202e"
    ended = TurnEnded("error", "X", 1, answer=evil, data={"a": evil}, error=evil, hint=evil)
    show_all(open_printer(form), TextDelta(evil), Warned(evil, evil), ended=ended)
    out, err = capsys.readouterr()
    assert not set("\x1b\x07\u202e") & set(out + err)


def test_zero_needs_success() -> None:
    assert present(TurnEnded("error", "x", 0), open_printer("text")) == 1


def test_quiet_keeps_errors_and_drops_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    events = (Warned("w"), Retrying("slow", 1, 2.0), FailedOver("a", "b", "down", False))
    show_all(open_printer("text", quiet=True), *events, ended=BAD)
    assert capsys.readouterr().err == "error: refused\nhint: ask\n"


def test_retries_and_failovers_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    events = (
        Retrying("slow", 1, 2.0),
        Retrying("unfit", 2, 0.0),
        Waiting("a", 10.2, 60.0),
        Waiting("a", 20.2, 0.0),
        FailedOver("a", "b", "down", mid_answer=False),
        FailedOver("b", "c", "cut", mid_answer=True),
    )
    show_all(open_printer("text"), *events)
    assert capsys.readouterr().err.splitlines() == [
        "note: asking again in 2 s: slow",
        "note: asking again: unfit",
        "note: a has been silent for 10 s; it is given up after 60 s",
        "note: a has been silent for 20 s",
        "note: b answers instead of a: down",
        "note: c answers from here on instead of b: cut",
    ]


def test_a_table_of_layout_and_colour() -> None:
    assert not has_layout("auto", {})  # the captured stream of a test is no terminal
    assert has_layout("always", {"TERM": "dumb"})
    assert has_color("auto", {"NO_COLOR": ""})
    assert not has_color("auto", {"NO_COLOR": "1"})
    assert has_color("always", {"NO_COLOR": "1"})
    assert not has_color("never", {})


# --- terminal ------------------------------------------------------------------------------------------------------


def render(*pieces: str, has_color: bool = False, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    printer = TerminalPrinter(Talk(), has_color=has_color)
    show_all(printer, *(TextDelta(piece) for piece in pieces))
    return out.getvalue()


def test_a_terminal_gets_blocks_with_gaps_bullets_and_hanging_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    text = render("# T\n- one two three four five six seven eight nine\n- b\n\n```\nx\n```\n", monkeypatch=monkeypatch)
    plain = text.replace("\x1b[0m", "").replace("\x1b[1;4m", "").replace("\x1b[2m", "")
    assert plain == "T\n\n• one two three four five six seven\n  eight nine\n• b\n\n  x\n"


def test_each_block_is_written_once_when_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [f"word{number} " for number in range(50)]
    whole = render("".join(pieces), monkeypatch=monkeypatch)
    assert render(*pieces, monkeypatch=monkeypatch) == whole
    assert whole.count("word7 ") == 1


def test_without_colour_the_layout_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    import re

    text = "# T\n\n`code` and **bold**\n\n```python\nx = 1\n```\n"
    grey, colourful = (render(text, has_color=wish, monkeypatch=monkeypatch) for wish in (False, True))
    colours = re.compile(r"\x1b\[[0-9;]*3[0-7]")
    assert colours.search(colourful)
    assert not colours.search(grey)
    stripped = [re.sub(r"\x1b\[[0-9;]*m", "", page).split() for page in (grey, colourful)]
    assert stripped[0] == stripped[1]


def test_a_table_is_laid_out_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    text = render("| a | b |\n|---|---|\n| long cell | 2 |\n", monkeypatch=monkeypatch)
    lines = [line.rstrip() for line in text.replace("\x1b[0m", "").replace("\x1b[1m", "").splitlines()]
    assert lines == ["a          b", "long cell  2"]


# --- progress ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("done", "total"), [(0, 0), (5, 0), (0, 10), (5, 10), (20, 10)])
def test_progress_fits_its_line(done: int, total: int) -> None:
    line = render_progress(Progressed("reading files", done, total), 60)
    assert line.startswith("reading files")
    assert str(done) in line
    assert len(line) <= 60


def test_progress_is_cut_on_a_narrow_terminal() -> None:
    assert len(render_progress(Progressed("x" * 50, 1, 2), 10)) == 10


# --- JSON on odd terminals -----------------------------------------------------------------------------------------


@given(st.text())
def test_escaped_json_means_the_same_and_ascii_is_ascii(text: str) -> None:
    line = json.dumps({"a": text}, ensure_ascii=False)
    for ascii_only in (False, True):
        escaped = escape(line, ascii_only=ascii_only)
        assert json.loads(escaped) == {"a": text}
        assert neutralise(escaped) == escaped or text.encode("utf-8", "replace").decode() != text
        assert escaped.isascii() or not ascii_only


@pytest.mark.parametrize("markup", ["text", "markdown"])
@pytest.mark.parametrize("color", ["never", "always"])
def test_a_line_end_split_between_two_pieces_is_one_line_end(
    capsys: pytest.CaptureFixture[str], color: str, markup: Markup
) -> None:
    show_all(open_printer("text", color, markup=markup), TextDelta("- one\r"), TextDelta("\n- two\r"), TextDelta("\n"))
    out = capsys.readouterr().out
    assert "␍" not in out
    assert [line[-3:] for line in re.sub(r"\x1b\[[\d;]*m", "", out).splitlines()] == ["one", "two"]


@pytest.mark.parametrize("color", ["never", "always"])
def test_a_carriage_return_that_ends_no_line_is_shown(capsys: pytest.CaptureFixture[str], color: str) -> None:
    show_all(open_printer("text", color, markup="markdown"), TextDelta("one\r"), TextDelta("two\r"))
    assert "one␍two␍" in re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)


def test_bytes_for_a_program_are_kept_to_the_last_line_end(capsys: pytest.CaptureFixture[str]) -> None:
    show_all(open_printer("text", markup="verbatim"), TextDelta("one\r"), TextDelta("\ntwo\r"), TextDelta("\n"))
    assert capsys.readouterr().out == "one\r\ntwo\r\n"


def test_a_command_of_several_lines_looks_like_no_line_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ApprovalAsked("1", "run true\n  check pytest: passed", "a rule")
    show_all(open_printer("text", markup="steps"), asked, ApprovalGiven("1", False, "once", "policy"))
    assert "  refused to run true   check pytest: passed: a rule\n" in capsys.readouterr().err
