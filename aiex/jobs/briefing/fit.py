"""Makes a briefing fit a number of tokens: sections are shortened, then dropped, least important first."""

from collections.abc import Callable
from typing import NamedTuple

from aiex.errors import UsageError
from aiex.jobs.briefing.model import Briefing
from aiex.jobs.briefing.render import Links, code_sections, render_foot, render_head
from aiex.jobs.briefing.section import Section

FLOOR_TOKENS = 200
"""Below this nothing useful can be said."""

CountTokens = Callable[[str], int]
"""Tokens of a text."""


class Fitted(NamedTuple):
    """The text of a briefing, and what had to go."""

    text: str
    tokens: int
    cut: tuple[str, ...]
    """Sections that are shorter than usual or missing, in words."""


def fit(briefing: Briefing, budget_tokens: int, count: CountTokens, links: Links) -> Fitted:
    """Render a briefing in at most `budget_tokens`.

    Raises:
        UsageError: if the budget is below `FLOOR_TOKENS`.
    """
    if budget_tokens < FLOOR_TOKENS:
        raise UsageError(
            f"a budget of {budget_tokens} tokens is too small for a briefing",
            hint=f"use --budget {FLOOR_TOKENS} or more",
        )
    head = render_head(briefing, links)
    sections = sections_of(briefing, links)
    text = _join(head, sections, [section.usual for section in sections], [])
    tokens = count(text)
    if tokens <= budget_tokens:
        return Fitted(text, tokens, ())
    room = budget_tokens
    while room > budget_tokens // 4:
        fitted = _shorten(head, sections, room, count)
        if fitted.tokens <= budget_tokens:
            return fitted
        room -= max(budget_tokens // 20, fitted.tokens - budget_tokens)
    return _bare(head, sections, budget_tokens, count)


def sections_of(briefing: Briefing, links: Links) -> list[Section]:
    """The sections of any briefing, in the order of reading."""
    if briefing.subject.kind == "directory":
        from aiex.jobs.briefing.render_directory import directory_sections

        return directory_sections(briefing, links)
    return code_sections(briefing, links)


def _shorten(head: str, sections: list[Section], room: int, count: CountTokens) -> Fitted:
    """First a few lines of each section by priority, then more lines by turns as far as the room goes."""
    costs = [[count(line.text + "\n") for line in section.lines] for section in sections]
    frames = [
        count(f"## {section.title}\n\n{section.before}\n{section.after}\n\n- … and 1,000 more {section.noun}\n")
        for section in sections
    ]
    order = sorted(range(len(sections)), key=lambda index: (sections[index].priority, index))
    shown = [0] * len(sections)
    spent = count(head) + count(render_foot([_cut_words(section, 0) for section in sections])) + 2

    def cost(index: int, lines: int) -> int:
        section = sections[index]
        best = sorted(range(len(section.lines)), key=lambda line: (section.lines[line].rank, line))[:lines]
        return sum(costs[index][line] for line in best) + frames[index]

    used = [0] * len(sections)
    for part in (0.0, 0.35, 0.7, 1.0):
        for index in order:
            section = sections[index]
            usual = min(section.usual, len(section.lines))
            wanted = min(usual, max(section.least, int(usual * part)))
            price = cost(index, wanted)
            if wanted > shown[index] and spent - used[index] + price <= room:
                spent += price - used[index]
                used[index], shown[index] = price, wanted
    return _fitted(head, sections, shown, count)


def _fitted(head: str, sections: list[Section], shown: list[int], count: CountTokens) -> Fitted:
    cut = [
        _cut_words(section, lines)
        for section, lines in zip(sections, shown, strict=True)
        if lines < min(section.usual, len(section.lines))
    ]
    text = _join(head, sections, shown, cut)
    return Fitted(text, count(text), tuple(cut))


def _cut_words(section: Section, lines: int) -> str:
    return f"{section.title} ({lines} of {len(section.lines)} lines)" if lines else f"{section.title} left out"


def _join(head: str, sections: list[Section], shown: list[int], cut: list[str]) -> str:
    bodies = [section.render(lines) for section, lines in zip(sections, shown, strict=True)]
    return "\n\n".join([head, *(body for body in bodies if body), render_foot(cut)]) + "\n"


def _bare(head: str, sections: list[Section], budget_tokens: int, count: CountTokens) -> Fitted:
    """When even that is too long (very long names): the beginning, as far as it goes."""
    text = head
    while count(text) > budget_tokens - 20:
        text = text[: int(len(text) * 0.8)]
    text += "\n\n*Cut to fit the budget.*\n"
    return Fitted(text, count(text), tuple(_cut_words(section, 0) for section in sections))
