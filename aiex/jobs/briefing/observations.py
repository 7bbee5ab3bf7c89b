"""What the source shows at a glance: side effects, error paths, and the places that are hard to change."""

import re

from aiex.context.facts import Fault as RawFault
from aiex.context.facts import FileFacts
from aiex.jobs.briefing.model import Effect, Fault, HotSpot
from aiex.jobs.briefing.names import FUNCTIONS
from aiex.jobs.briefing.outline import name_at, nesting_of

COMPLEX = 10
"""Cyclomatic complexity from which a function is hard to test. Source: McCabe 1976, section VI."""
LONG = 60
"""Lines from which a function no longer fits a screen."""
DEEP = 5

EFFECT_ORDER = (
    "network", "database", "process", "file", "environment", "state", "code", "thread", "input", "output", "time",
    "random",
)  # fmt: skip
"""Kinds of effects, those that reach furthest first."""

_BROAD = (
    r"except\s*(?::|$)|except\s+\(?\s*(?:Base)?Exception\b|catch\s*\(\s*(?:final\s+)?(?:Throwable|Exception)\b|catch\s*\(\s*\.\.\.\s*\)"
    r"|rescue\s+(?:Exception|=>|StandardError)|rescue\s*$|_(?:, _)?\s*$"
)
_BODY = r":\s|\s*\{|:$"


def effects_of(path: str, facts: FileFacts, inside: set[int] | None = None) -> tuple[Effect, ...]:
    """Side effects in a file, or in some of its symbols: by kind, then by line."""
    rank = {kind: position for position, kind in enumerate(EFFECT_ORDER)}
    found = {
        Effect(item.kind, item.what, path, item.line, name_at(facts, item.inside))
        for item in facts.effects
        if inside is None or item.inside in inside
    }
    return tuple(sorted(found, key=lambda item: (rank.get(item.kind, 99), item.line, item.what)))


def faults_of(path: str, facts: FileFacts, inside: set[int] | None = None) -> tuple[Fault, ...]:
    """Where errors are raised and caught and the process ends, in file order; assertions of tests are left out."""
    return tuple(
        Fault(item.kind, _said(item), path, item.line, name_at(facts, item.inside), _note(item))
        for item in facts.faults
        if inside is None or item.inside in inside
    )


def _said(item: RawFault) -> str:
    if item.kind != "catch":
        return re.sub(r"\(\s+", "(", item.what).rstrip("( ")
    body = re.search(_BODY, item.what)
    return item.what[: body.start()].strip() if body and body.start() > 3 else item.what.rstrip(" :{")


def _note(item: RawFault) -> str:
    return "catches everything" if item.kind == "catch" and re.match(_BROAD, item.what) else ""


def hot_spots_of(path: str, facts: FileFacts, source: str, inside: set[int] | None = None) -> tuple[HotSpot, ...]:
    """Functions that are complex, long or deep, worst first; the most complex one when nothing stands out."""
    spots = [
        HotSpot(symbol.qualified, path, symbol.start_line, complexity, symbol.end_line - symbol.start_line + 1, 0)
        for index, (symbol, complexity) in enumerate(zip(facts.symbols, facts.complexity, strict=True))
        if symbol.kind in FUNCTIONS and complexity and (inside is None or index in inside)
    ]
    spots.sort(key=lambda spot: (-severity(spot), spot.line))
    lines = source.splitlines() if spots else []
    measured = [
        spot._replace(nesting=nesting_of(lines, spot.line, spot.line + spot.line_count - 1)) for spot in spots[:40]
    ]
    standing_out = [spot for spot in measured if stands_out(spot)]
    return tuple(standing_out or measured[:1])


def severity(spot: HotSpot) -> float:
    """How hard a function is to change, 1 at the threshold of either complexity or length."""
    return spot.complexity / COMPLEX + 0.5 * spot.line_count / LONG


def stands_out(spot: HotSpot) -> bool:
    """True when a function passes one of the thresholds."""
    return spot.complexity >= COMPLEX or spot.line_count >= LONG or (spot.nesting >= DEEP and spot.complexity > 4)
