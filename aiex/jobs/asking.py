"""The request that asks a model to explain: the prompt, the briefing and the source, together within the budget."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from aiex.context.facts import FileFacts
from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.fit import FLOOR_TOKENS, CountTokens, fit
from aiex.jobs.briefing.material import Material, is_binary
from aiex.jobs.briefing.model import Briefing, Subject
from aiex.jobs.briefing.names import FUNCTIONS, TYPES
from aiex.jobs.briefing.render import Links
from aiex.jobs.prompting import load_prompt
from aiex.messages import Document, Message, Part, Request, Text
from aiex.tokens import OFFLINE, Count, estimate

OVERHEAD_TOKENS = 12
"""What a vendor adds for roles, names and separators of one part. Source: OpenAI cookbook, "How to count tokens with
tiktoken" (3 to 4 for a message, 3 for the reply), with room for the document's title."""
SOURCE_SHARE = 0.6
"""Of the room, when briefing and source do not fit together."""
GAP = "…"
"""Stands for lines that are left out."""

Along = TypeVar("Along")
"""What of the code goes along with a request, if any."""
CountFor = Callable[[str, str], Count]
"""Counts the tokens of a text for a model."""
SURE = 4
"""`tokens.estimate` times this is more than the bytes of a text, whatever it is, and no token has less than a byte."""


class Planned(NamedTuple):
    """A request, and what each of its parts costs."""

    request: Request
    parts: tuple["PlannedPart", ...]
    tokens: int
    """Of all parts, with the overhead of each."""
    exact: bool
    """False when the count of any part is an estimate."""
    cut: tuple[str, ...]
    """What was left out or shortened, in words."""
    removed: int = 0
    """Places where a secret stood; none of them is sent."""


class PlannedPart(NamedTuple):
    """A part of the request as a person sees it."""

    role: str
    title: str
    tokens: int
    text: str


def plan(
    briefing: Briefing,
    materials: Sequence[Material],
    *,
    model: str,
    budget_tokens: int,
    counting: CountFor,
    links: Links,
) -> Planned:
    """A request of at most `budget_tokens`, overhead included.

    Raises:
        UsageError: if not even the prompt and the shortest briefing fit.
    """

    def count(text: str) -> int:
        return counting(text, model).tokens

    subject = briefing.subject
    parts = _opening(subject, count)
    fixed = tokens_with_overhead(parts) + 2 * OVERHEAD_TOKENS
    room = budget_tokens - fixed
    if room < FLOOR_TOKENS:
        raise UsageError(
            f"a budget of {budget_tokens} tokens is too small to ask {model}",
            hint=f"use --budget {fixed + FLOOR_TOKENS} or more",
        )
    texts = [material for material in materials if material.source and not is_binary(material.source)]
    wanted = sum(count(_numbered(material, None)) + OVERHEAD_TOKENS for material in texts)
    for_briefing = max(FLOOR_TOKENS, room - wanted, int(room * (1 - SOURCE_SHARE)))
    fitted = fit(briefing, min(for_briefing, room), count, links)
    parts.append(PlannedPart("user", "briefing", fitted.tokens, fitted.text))
    sources, cut = sources_within(texts, (subject.start_line, subject.end_line), room - fitted.tokens, count, links)
    parts += sources
    total = tokens_with_overhead(parts)
    exact = all(counting(part.text, model).exact for part in parts)
    return Planned(_request(model, parts), tuple(parts), total, exact, (*fitted.cut, *cut))


def plan_counted(
    plan: Callable[[CountFor], tuple[Planned, Along]], counting: CountFor, budget_tokens: int, *, is_shown: bool
) -> tuple[Planned, Along]:
    """What to send, counted closely only where that matters: close counts may load a vocabulary, which takes 0.3 s.

    Args:
        plan: Gives the request by a way of counting, and what it holds of the code that goes along.
        counting: Counts closely.
        budget_tokens: What the request may take; it matters when it comes near to that.
        is_shown: The counts themselves are shown, so they matter too.

    Raises:
        UsageError: as `plan`.
    """
    if is_shown:
        return plan(counting)
    with suppress(UsageError):
        planned, along = plan(lambda text, _: estimate(text))
        if not planned.cut and planned.tokens * SURE <= budget_tokens:
            return planned, along
    return plan(counting)


def tokens_with_overhead(parts: Sequence[PlannedPart]) -> int:
    """What parts take in a request, roles and separators included."""
    return sum(part.tokens for part in parts) + OVERHEAD_TOKENS * len(parts)


def _opening(subject: Subject, count: CountTokens) -> list[PlannedPart]:
    """The prompt and the wish, which are in every request."""
    target = printable_path(subject.target)
    system = load_prompt("explain", kind=subject.kind, target=target)
    wish = f"Explain the {subject.kind} `{target}`."
    return [PlannedPart("system", "prompt", count(system), system), PlannedPart("user", "wish", count(wish), wish)]


def sources_within(
    materials: Sequence[Material], asked: tuple[int, int], room: int, count: CountTokens, links: Links
) -> tuple[list[PlannedPart], list[str]]:
    """The sources as far as there is room, and what is missing of them."""
    parts: list[PlannedPart] = []
    cut: list[str] = []
    for material in materials:
        text, whole = _source_within(material, *asked, room - OVERHEAD_TOKENS, count)
        if text:
            tokens = count(text)
            room -= tokens + OVERHEAD_TOKENS
            parts.append(PlannedPart("user", links.path(material.path), tokens, text))
        if not whole:
            cut.append(f"source of {links.path(material.path)} {'in part' if text else 'left out'}")
    return parts, cut


def _request(model: str, parts: list[PlannedPart]) -> Request:
    system = Message("system", (Text(parts[0].text),))
    user: list[Part] = [
        Document(part.title, "text/markdown" if part.title == "briefing" else "text/plain", part.text)
        for part in parts[2:]
    ]
    return Request(model, (system, Message("user", (*user, Text(parts[1].text)))))


def _numbered(material: Material, keep: set[int] | None) -> str:
    """The source with line numbers, so that an answer can name places; lines left out are marked."""
    rows: list[str] = []
    skipped = False
    for number, line in enumerate(material.text.rstrip("\n").split("\n"), 1):
        if keep is None or number in keep:
            rows.append(f"{number:>5} {line}")
            skipped = False
        elif not skipped:
            rows.append(f"{'':>5} {GAP}")
            skipped = True
    return "\n".join(rows) + "\n"


def _source_within(material: Material, first: int, last: int, room: int, count: CountTokens) -> tuple[str, bool]:
    """As much of the source as fits: the whole, else the asked lines, signatures, and the bodies that matter most."""
    whole = _numbered(material, None)
    if len(whole) < room * 12 and count(whole) <= room:
        return whole, True
    keep: set[int] = set()
    lines = material.text.split("\n")
    spent = 40
    for start, end in _by_importance(material.facts, first, last):
        rows = [number for number in range(start, end + 1) if number not in keep and number <= len(lines)]
        if not rows:
            continue
        cost = count("\n".join(f"{number:>5} {lines[number - 1]}" for number in rows)) + 8
        if spent + cost <= room:
            spent += cost
            keep.update(rows)
    while keep:
        text = _numbered(material, keep)
        if count(text) <= room:
            return text, False
        keep = set(sorted(keep)[: int(len(keep) * 0.9)])
    return "", False


def _by_importance(facts: FileFacts, first: int, last: int) -> list[tuple[int, int]]:
    """Ranges of lines, what a reader needs first at the front."""
    ranges: list[tuple[int, int]] = []
    if (first, last) != (1, facts.line_count):
        ranges.append((first, last))
    firsts = [symbol.start_line for symbol in facts.symbols if symbol.kind in TYPES or symbol.kind in FUNCTIONS]
    ranges.append((1, min(min(firsts, default=40) - 1, 60)))
    ranges += [(line, line) for line in firsts]
    bodies = [
        (symbol, complexity)
        for symbol, complexity in zip(facts.symbols, facts.complexity, strict=True)
        if symbol.kind in FUNCTIONS
    ]
    bodies.sort(key=lambda item: (not item[0].exported, -min(item[1], 30), item[0].start_line))
    ranges += [(symbol.start_line, symbol.end_line) for symbol, _ in bodies]
    ranges += [(line, line + 9) for line in range(1, facts.line_count + 1, 10)]
    return ranges


def describe(planned: Planned, budget_tokens: int) -> str:
    """What would be sent, for a person: counts first, then every part in full."""
    request = planned.request
    sure = "exact" if planned.exact else "estimated"
    sends = (
        "the model is `offline`, so nothing would leave this machine"
        if request.model == OFFLINE
        else "nothing was sent"
    )
    rows = [
        "# What would be sent",
        "",
        f"To `{request.model}`: {planned.tokens:,} of {budget_tokens:,} tokens ({sure}); {sends}.",
        "",
    ]
    rows += ["| part | role | tokens |", "|---|---|---:|"]
    rows += [f"| {part.title} | {part.role} | {part.tokens:,} |" for part in planned.parts]
    rows += [f"| roles and separators | | {OVERHEAD_TOKENS * len(planned.parts):,} |", ""]
    if planned.removed:
        places = "1 place" if planned.removed == 1 else f"{planned.removed:,} places"
        rows += [f"Secrets removed: {places}, each written `[removed]`.", ""]
    if planned.cut:
        rows += [f"Left out to fit: {', '.join(planned.cut)}.", ""]
    for part in planned.parts:
        fence = "````" if "```" in part.text else "```"
        while fence in part.text:
            fence += "`"
        rows += [f"## {part.title} ({part.role}, {part.tokens:,} tokens)", "", fence, part.text.rstrip("\n"), fence, ""]
    return "\n".join(rows)


def to_data(planned: Planned, budget_tokens: int) -> dict[str, Any]:
    """What would be sent, for a program."""
    return {
        "model": planned.request.model,
        "budget_tokens": budget_tokens,
        "tokens": planned.tokens,
        "exact": planned.exact,
        "sent": False,
        "cut": list(planned.cut),
        "redactions": planned.removed,
        "parts": [part._asdict() for part in planned.parts],
    }
