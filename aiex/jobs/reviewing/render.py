"""The outcome of a review as text for a person, and as data for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.words import count
from aiex.jobs.reviewing.model import Finding, Severity, is_at_least

if TYPE_CHECKING:
    from aiex.jobs.reviewing.diff import Skipped
    from aiex.jobs.reviewing.review import Reviewed

MOST_SKIPPED = 10
"""Skipped files that are named."""


def to_data(done: Reviewed, fail_on: Severity) -> dict[str, Any]:
    """The outcome for a program."""
    from aiex.jobs.reviewing.review import count_by_severity

    diff = done.diff
    return {
        "scope": diff.scope,
        "fail_on": fail_on,
        "findings": [finding.to_data() for finding in done.findings],
        "counts": count_by_severity(done.findings),
        "files": [change.path for change in diff.files],
        "skipped": [skipped._asdict() for skipped in diff.skipped],
        "ignored": done.ignored,
        "rules": list(done.rules),
    }


def render_text(done: Reviewed, fail_on: Severity) -> str:
    """The findings by file, and a summary that says what was looked at and what was not."""
    lines: list[str] = []
    for _, group in groupby(done.findings, key=lambda finding: finding.path):
        for finding in group:
            lines += _render(finding)
        lines.append("")
    lines.append(_summary(done, fail_on))
    lines += _tell_skipped(done.diff.skipped)
    return "\n".join(lines)


def _render(finding: Finding) -> Iterator[str]:
    place = printable_path(finding.path) + (f":{finding.line}" if finding.line else "")
    yield f"{place}: {finding.severity} {finding.rule}: {printable_path(finding.message)}"
    yield from (f"    {_line(line)}" for line in _dedented(finding.evidence))
    if finding.suggestion:
        yield f"    -> {printable_path(finding.suggestion)}"


def _line(text: str) -> str:
    return printable_path(text.replace("\t", "    "))


def _dedented(lines: Sequence[str]) -> list[str]:
    import textwrap

    return textwrap.dedent("\n".join(line.rstrip() for line in lines)).split("\n") if lines else []


def _summary(done: Reviewed, fail_on: Severity) -> str:
    from aiex.jobs.reviewing.review import count_by_severity

    diff, findings = done.diff, done.findings
    counted = [count(number, severity) for severity, number in count_by_severity(findings).items() if number]
    said = ", ".join(counted) if counted else "nothing found" if diff.files else "nothing changed"
    looked = f"{diff.scope}: {count(len(diff.files), 'file')}, {count(len(done.rules), 'rule')}"
    if done.ignored:
        said += f", {done.ignored} ignored by comments"
    is_red = any(is_at_least(finding.severity, fail_on) for finding in findings)
    return f"{said} ({looked})" + (f"; red: --fail-on {fail_on}" if is_red else "")


def _tell_skipped(skipped: Sequence[Skipped]) -> Iterator[str]:
    if not skipped:
        return
    reasons = Counter(one.reason for one in skipped)
    if len(skipped) <= MOST_SKIPPED:
        yield from (f"not looked into: {printable_path(one.path)}: {printable_path(one.reason)}" for one in skipped)
    else:
        told = "; ".join(f"{number} {printable_path(reason)}" for reason, number in reasons.most_common(MOST_SKIPPED))
        yield f"not looked into: {count(len(skipped), 'file')} ({told}); -o json names them"
