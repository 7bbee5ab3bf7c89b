"""Reviews a change: finds what changed, asks every source of findings, and tells them in one order.

The rules are one source, which never waits; one that asks a model stands beside them and is given to `review`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from aiex.errors import AiexError
from aiex.events import Event, Progressed, TurnEnded
from aiex.jobs.reviewing.catalogue import load_rules, tell_unknown
from aiex.jobs.reviewing.changes import Wanted, read_diff
from aiex.jobs.reviewing.diff import Diff, FileChange, Skipped
from aiex.jobs.reviewing.model import SEVERITIES, Finding, Hit, Rule, Severity, is_at_least

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.guard.sandbox.files import Workspace

RED = 3
"""The exit code of a review that is done and found what it must not."""
MOST_EVIDENCE = 3
"""Lines of evidence that a finding shows."""
LONGEST_EVIDENCE = 200
MOST_OWN = 8
"""Lines of what is meant that are searched for a comment."""
REPORT_FROM = 20
"""From so many files on, progress is told."""
_ELSEWHERE = re.compile(
    r"\b(?:noqa|nosec|nolint|NOSONAR|eslint-disable(?:-next)?-line|eslint-disable|pylint: ?disable)\b"
)
_IGNORE = re.compile(r"aiex:\s*ignore\[([\w\s,-]+)\]")

Named = tuple[str, Rule, Hit]
"""A rule's name, the rule, and what it found."""


class Source(Protocol):
    """Finds things in a change, beside the rules: a model that reads it, for example."""

    rules: dict[str, Rule]
    """What it can find, by name."""
    spent: TurnEnded | None
    """What it used, once it has looked; None where that is nothing."""

    def find(self, diff: Diff) -> AsyncIterator[Event | Named]:
        """What it found, and news of the work in between."""


class ReviewTask(NamedTuple):
    """What to review, and how."""

    wanted: Wanted
    fail_on: Severity = "error"
    """The review is red when there is a finding as bad as this, or worse."""
    disabled: tuple[str, ...] = ()
    """Rules that are left out."""


class Reviewed(NamedTuple):
    """What came of it."""

    diff: Diff
    findings: list[Finding]
    ignored: int
    """Findings that a comment in the code waves through."""
    rules: dict[str, Rule]
    """Every rule that looked, by name."""


async def review(
    task: ReviewTask,
    *,
    workspace: Workspace,
    engine: Engine,
    sources: Sequence[Source] = (),
    deliver: Callable[[Reviewed], str] | None = None,
) -> AsyncIterator[Event]:
    """Review a change; every outcome, errors included, is the `TurnEnded` at the end.

    Args:
        sources: Further ones beside the rules.
        deliver: Gets the outcome in another form to where the person wants it; what it gives is the answer.
    """
    from aiex.agent.answering import failed

    try:
        rules = load_rules(task.disabled)
        for warning in tell_unknown(task.disabled):
            yield warning
        diff = read_diff(task.wanted, workspace, engine)
        looking = (RuleSource(rules), *sources)
        found: list[Named] = []
        failure: AiexError | None = None
        for source in looking:
            try:
                async for told in source.find(diff):
                    if isinstance(told, tuple):
                        found.append(told)
                    else:
                        yield told
            except AiexError as error:
                if source is looking[0]:
                    raise
                failure = error  # what the rules found counts all the same
        done = settle(diff, found, {name: rule for source in looking for name, rule in source.rules.items()})
        answer = deliver(done) if deliver is not None else ""
    except AiexError as error:
        yield failed(error)
        return
    for warning in engine.warnings:
        yield warning
    yield _to_end(done, task.fail_on, answer, [source.spent for source in looking if source.spent], failure)


def _to_end(
    done: Reviewed, fail_on: Severity, answer: str, spent: Sequence[TurnEnded], failure: AiexError | None
) -> TurnEnded:
    """The outcome, with what the sources used, and why one of them could not look."""
    from aiex.agent.answering import name_of
    from aiex.jobs.reviewing.render import render_text, to_data

    is_red = any(is_at_least(finding.severity, fail_on) for finding in done.findings)
    subtype = "findings" if done.findings else "answered"
    answer, data = answer or render_text(done, fail_on), to_data(done, fail_on)
    ended = TurnEnded("success", subtype, RED if is_red else 0, answer, data)
    for one in spent:
        ended = replace(
            ended, usage=one.usage, total_cost_usd=one.total_cost_usd, num_turns=one.num_turns, failovers=one.failovers
        )
    if failure is None:
        return ended
    ended = replace(ended, status="error", subtype=name_of(failure), exit_code=failure.exit_code)
    return replace(ended, error=failure.message, hint=failure.hint)


class RuleSource:
    """The rules, which need no model."""

    def __init__(self, rules: dict[str, Rule]) -> None:
        self.rules = rules
        self.spent: TurnEnded | None = None

    async def find(self, diff: Diff) -> AsyncIterator[Event | Named]:
        """What every rule finds, file by file, and then in all of them together."""
        total, is_large = len(diff.files), diff.is_large
        for number, change in enumerate(diff.files, 1):
            if total >= REPORT_FROM:
                yield Progressed("reviewing", number, total)
            for name, rule, hit in self._in_file(change, diff.skipped):
                yield name, rule, hit
            if is_large:
                change.forget()
        for name, rule in self.rules.items():
            for hit in _in_diff(rule, diff):
                yield name, rule, hit

    def _in_file(self, change: FileChange, skipped: list[Skipped]) -> list[Named]:
        """What the rules find in one file; what they could not look into is noted."""
        found: list[Named] = []
        try:
            for name, rule in self.rules.items():
                if rule.in_file is not None:
                    found += [(name, rule, hit) for hit in rule.in_file(change)]
        except RecursionError:  # nobody wrote such a file by hand
            skipped.append(Skipped(change.path, "nested too deeply"))
        if change.is_generated and change.added:
            skipped.append(Skipped(change.path, "only as text: a program wrote it, or others did"))
        elif change.new is not None and change.new.unparsed:
            skipped.append(Skipped(change.path, f"only as text: {change.new.unparsed}"))
        return found


def _in_diff(rule: Rule, diff: Diff) -> list[Hit]:
    return list(rule.in_diff(diff)) if rule.in_diff is not None else []


# --- from hits to findings ------------------------------------------------------------------------------------------


def settle(diff: Diff, found: Iterable[Named], rules: dict[str, Rule]) -> Reviewed:
    """Findings in order, each once: what only moved and what a comment waves through is left out."""
    changes, removed = diff.by_path(), diff.removed_lines()
    lines_of = _LinesOf(diff, changes)
    kept: dict[tuple[str, str, int], tuple[Rule, Hit]] = {}
    ignored = 0
    for name, rule, hit in found:
        if not rule.minds_moves and _has_moved(hit, changes.get(hit.path), removed):
            continue
        if _is_waved_through(name, rule, hit, lines_of(hit.path)):
            ignored += 1
            continue
        kept.setdefault((name, hit.path, hit.line), (rule, hit))
    seen: Counter[tuple[str, str, str]] = Counter()
    findings = []
    for (name, path, line), (rule, hit) in sorted(kept.items(), key=lambda item: (item[0][1], item[0][2], item[0][0])):
        raw = _evidence(hit, lines_of.clean(path))
        first = raw[0].strip() if raw else ""
        seen[name, path, first] += 1
        mark = "\0".join((name, path, first or hit.message, str(seen[name, path, first])))
        findings.append(
            Finding(
                name,
                hit.severity or rule.severity,
                path,
                line,
                max(line, hit.end_line) if line else 0,
                hit.message,
                raw,
                hit.suggestion,
                _fingerprint(mark),
            )
        )
    return Reviewed(diff, findings, ignored, rules)


def _fingerprint(mark: str) -> str:
    from aiex.digest import fingerprint

    return fingerprint(mark.encode("utf-8", "surrogateescape"))


class _LinesOf:
    """The lines of files as they are now, as they stand and without secrets."""

    def __init__(self, diff: Diff, changes: dict[str, FileChange]) -> None:
        self._engine = diff.engine
        self._changes = changes
        self._raw: dict[str, list[str]] = {}
        self._clean: dict[str, list[str]] = {}

    def __call__(self, path: str) -> list[str]:
        if path not in self._raw:
            self._raw[path] = self._read(path)
        return self._raw[path]

    def clean(self, path: str) -> list[str]:
        """Without secrets."""
        if path not in self._clean:
            from aiex.guard.redact import redact_lines

            self._clean[path] = redact_lines("\n".join(self(path))).text.split("\n")
        return self._clean[path]

    def _read(self, path: str) -> list[str]:
        change = self._changes.get(path)
        if change is not None:
            return change.new.lines if change.new is not None and not change.new.is_binary else []
        if self._engine is None:
            return []
        try:
            return self._engine.source(path).decode("utf-8", "surrogateescape").splitlines()
        except AiexError:
            return []


def _evidence(hit: Hit, lines: Sequence[str]) -> tuple[str, ...]:
    last = min(max(hit.line, hit.end_line), hit.line + MOST_EVIDENCE - 1)
    return tuple(line[:LONGEST_EVIDENCE] for line in lines[hit.line - 1 : last]) if hit.line else ()


def _has_moved(hit: Hit, change: FileChange | None, removed: frozenset[str]) -> bool:
    """Whether every line that is meant went away elsewhere in the same change."""
    if not hit.line or change is None or change.new is None or not removed:
        return False
    lines = change.new.lines[hit.line - 1 : max(hit.line, hit.end_line)]
    words = [line.strip() for line in lines if line.strip()]
    return bool(words) and all(word in removed for word in words)


def _is_waved_through(name: str, rule: Rule, hit: Hit, lines: Sequence[str]) -> bool:
    """Whether a comment on one of the lines, or alone on the line above, says to ignore this."""
    if not 0 < hit.line <= len(lines):
        return False
    above = lines[hit.line - 2].strip() if hit.line > 1 else ""
    own = lines[hit.line - 1 : max(hit.line, min(hit.end_line, hit.line + MOST_OWN - 1))]
    for text in (*own, above if re.match(r"\W", above) else ""):
        found = _IGNORE.search(text)
        if found and name in (word.strip() for word in found[1].split(",")):
            return True
        silenced = _ELSEWHERE.search(text)
        if silenced and any(re.search(rf"\b{re.escape(word)}\b", text[silenced.end() :]) for word in rule.known_as):
            return True
    return False


def count_by_severity(findings: Sequence[Finding]) -> dict[str, int]:
    """How many findings there are of each severity, the worst first."""
    counted = Counter(finding.severity for finding in findings)
    return {severity: counted[severity] for severity in reversed(SEVERITIES)}
