"""The review itself: what is left out, what a finding is known by, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiex.events import Event, Progressed, TurnEnded
from aiex.jobs.reviewing.catalogue import load_rules, tell_unknown
from aiex.jobs.reviewing.changes import Wanted
from aiex.jobs.reviewing.diff import Diff, FileChange
from aiex.jobs.reviewing.model import Finding, Hit, Rule
from aiex.jobs.reviewing.review import Named, ReviewTask, review, settle
from aiex.jobs.reviewing.source import Source
from tests.unit.jobs.reviewing.conftest import Repository

RULES = load_rules()


def found_in(text: str, *lines: int, rule: str = "swallowed-error", path: str = "a.py") -> list[Finding]:
    change = FileChange(path, "added", None, Source(path, text.encode()))
    hits = [(rule, RULES[rule], Hit(path, line, "message")) for line in lines]
    return settle(Diff([change], "", []), hits, RULES).findings


def test_a_finding_is_told_once_and_all_are_in_order() -> None:
    assert [one.line for one in found_in("a\nb\nc\n", 3, 1, 3, 2)] == [1, 2, 3]


def test_a_fingerprint_stays_when_lines_shift_and_differs_between_places() -> None:
    before = found_in("except:\nx\nexcept:\n", 1, 3)
    after = found_in("new\n\nexcept:\nx\n    except:\n", 3, 5)
    assert [one.fingerprint for one in before] == [one.fingerprint for one in after]
    assert len({one.fingerprint for one in before}) == 2
    assert found_in("except:\n", 1, rule="none-comparison")[0].fingerprint != before[0].fingerprint


def test_a_comment_waves_a_finding_of_that_rule_through() -> None:
    text = (
        "a  # aiex: ignore[swallowed-error]\n# aiex: ignore[other, swallowed-error] because\nb\nc  # aiex: ignore[x]\n"
    )
    assert [one.line for one in found_in(text, 1, 3, 4)] == [4]


def test_code_on_the_line_above_waves_nothing_through() -> None:
    assert len(found_in("a  # aiex: ignore[swallowed-error]\nb\n", 2)) == 1


def test_a_comment_for_another_checker_counts_when_it_names_the_same() -> None:
    assert [one.line for one in found_in("a  # noqa: E722\nb  # noqa: E501\nc  # E722\n", 1, 2, 3)] == [2, 3]


def test_lines_that_only_moved_are_not_found_again_but_secrets_are() -> None:
    old = FileChange("old.py", "modified", Source("old.py", b"keep\nmoved line\n"), Source("old.py", b"keep\n"))
    new = FileChange("new.py", "added", None, Source("new.py", b"moved line\n"))
    hits = [(rule, RULES[rule], Hit("new.py", 1, "m")) for rule in ("swallowed-error", "secret-added")]
    assert [one.rule for one in settle(Diff([old, new], "", []), hits, RULES).findings] == ["secret-added"]


def test_evidence_shows_no_secret() -> None:
    (finding,) = found_in('password = "hunter2-and-more"\n', 1, rule="secret-added")
    assert finding.evidence == ('password = "[removed]"',)


def test_it_is_red_from_the_asked_severity_on(repository: Repository) -> None:
    repository.write("shop/basket.py", "def total(a=[]):\n    return 1\n")
    for fail_on, code in (("note", 3), ("warning", 3), ("error", 0)):
        ended = asyncio.run(repository.review(ReviewTask(Wanted(), fail_on)))  # type: ignore[arg-type]
        assert (ended.status, ended.exit_code) == ("success", code)
    assert ended.data is not None
    assert ended.data["counts"] == {"error": 0, "warning": 1, "note": 0}


def test_a_disabled_rule_does_not_look(repository: Repository) -> None:
    repository.write("shop/basket.py", "def total(a=[]):\n    return 1\n")
    ended = asyncio.run(repository.review(ReviewTask(Wanted(), "note", ("mutable-default",))))
    assert ended.exit_code == 0
    assert "nothing found (uncommitted changes: 1 file" in ended.answer


def test_a_disabled_rule_that_does_not_exist_is_warned_about() -> None:
    (warned,) = tell_unknown(["mutable-defaults", "mutable-default"])
    assert (warned.message, warned.hint) == (
        "review.disable names no rule: 'mutable-defaults'",
        "did you mean mutable-default?",
    )


def test_a_change_that_cannot_be_found_is_an_error(repository: Repository) -> None:
    ended = asyncio.run(repository.review(ReviewTask(Wanted("commit", "nope"))))
    assert (ended.status, ended.exit_code, ended.error) == ("error", 2, "no such commit: nope")


def test_the_answer_says_what_was_looked_at_and_what_was_not(repository: Repository) -> None:
    repository.write("shop/basket.py", "def total():\n    breakpoint()  # \x1b[31m\n    return 1\n")
    repository.write("a.bin", b"a\0b")
    ended = asyncio.run(repository.review(ReviewTask(Wanted())))
    assert ended.answer.splitlines() == [
        "shop/basket.py:2: warning debug-leftover: breakpoint() was left in",
        "    breakpoint()  # ␛[31m",
        "    -> take it out",
        "",
        f"1 warning (uncommitted changes: 2 files, {len(RULES)} rules)",
        "not looked into: a.bin: binary",
    ]


class Reader:
    """A source beside the rules, as one that asks a model would be."""

    spent = None
    rules = {"reader": Rule("note", "What a reader saw", "A reader saw it.")}  # noqa: RUF012  (nobody changes it)

    async def find(self, diff: Diff) -> AsyncIterator[Event | Named]:
        yield Progressed("reading", 1, 1)
        yield "reader", self.rules["reader"], Hit(diff.files[0].path, 1, "unclear")


def test_another_source_finds_beside_the_rules(repository: Repository) -> None:
    repository.write("shop/basket.py", "def total(a=[]):\n    return 1\n")
    workspace, engine = repository.open()

    async def run() -> list[Event]:
        told = review(ReviewTask(Wanted()), workspace=workspace, engine=engine, sources=[Reader()])
        return [event async for event in told]

    progressed, ended = asyncio.run(run())
    assert progressed == Progressed("reading", 1, 1)
    assert isinstance(ended, TurnEnded)
    assert ended.data is not None
    assert [finding["rule"] for finding in ended.data["findings"]] == ["mutable-default", "reader"]
