"""How commits of a repository are written, by the last of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from aiex.jobs.reviewing.gitread import GitReader

COMMITS = 200
"""Read for the habits; merges are left out."""
LIMIT_BYTES = 4_000_000
Form = Literal["conventional", "prefix", "brackets", "plain"]
Mood = Literal["imperative", "past", "present"]
_TYPES = ("feat", "fix", "docs", "style", "refactor", "perf", "test", "tests", "build", "ci", "chore", "revert", "deps")
CONVENTIONAL = re.compile(rf"(?P<type>{'|'.join(_TYPES)})(?:\((?P<scope>[^()]+)\))?!?: (?P<text>\S.*)", re.IGNORECASE)
_PREFIX = re.compile(r"(?P<scope>[\w./*{},+-]+(?:: [\w./-]+)?): (?P<text>\S.*)")
_BRACKETS = re.compile(r"\[(?P<scope>[\w ./-]+)\] ?(?P<text>\S.*)")
_TICKET = re.compile(r"(?P<ticket>[A-Z][A-Z0-9]+-\d+|#\d+)[:\s-]+(?P<text>\S.*)")
_TRAILER = re.compile(r"(?m)^(?:[A-Z][\w-]+-by|Change-Id|Refs|Closes|Fixes): .*$")
_PAST = re.compile(r"(?:\w+ed|made|wrote|took|ran|let|got|gave)\Z", re.IGNORECASE)
_PRESENT = re.compile(
    r"(?!(?:pass|process|address|bypass|compress|express|guess|focus|access|discuss|suppress)\Z)\w+s\Z", re.I
)


class Habits(NamedTuple):
    """The manner of most commits."""

    form: Form = "plain"
    mood: Mood = "imperative"
    has_scope: bool = False
    """Most conventional ones say a scope."""
    scopes: tuple[str, ...] = ()
    """Scopes that are used, most used first."""
    is_capital: bool = True
    """The text begins with a capital."""
    has_period: bool = False
    has_body: bool = False
    has_bullets: bool = False
    has_ticket: bool = False
    width: int = 72
    """Characters of the subject, at most."""
    body_width: int = 72
    update: str = "update"
    """The word for a change that adds and removes nothing."""
    commits: int = 0
    """How many were read."""


def read_habits(reader: GitReader) -> Habits:
    """The habits of the last commits; what is usual where there are none."""
    done = reader.ask(
        "log", f"--max-count={COMMITS}", "--no-merges", "--format=%s%x1f%b%x1e", "--encoding=UTF-8",
        limit_bytes=LIMIT_BYTES,
    )  # fmt: skip
    if done.code:
        return Habits()
    entries = done.stdout.decode("utf-8", "replace").split("\x1e")
    pairs = [(subject.strip(), body.strip()) for subject, _, body in (one.partition("\x1f") for one in entries)]
    return find_habits([(subject, body) for subject, body in pairs if subject])


def find_habits(commits: Sequence[tuple[str, str]]) -> Habits:
    """The habits in subjects and bodies, newest first."""
    commits = [one for one in commits if not one[0].startswith(("Revert ", "fixup!", "squash!", "Merge "))]
    if not commits:
        return Habits()
    subjects = [subject for subject, _ in commits]
    tickets = [found for one in subjects if (found := _TICKET.match(one))]
    has_ticket = 2 * len(tickets) > len(subjects)
    if has_ticket:
        subjects = [found["text"] for found in tickets]
    form, matches = _form_of(subjects)
    texts = [found["text"] for found in matches] if matches else subjects
    scopes = Counter(found["scope"] for found in matches if found["scope"])
    bodies = [body for _, raw in commits if (body := _TRAILER.sub("", raw).strip())]
    words = [text.split()[0] for text in texts if text.split()]
    updates = Counter(word.lower() for word in words if word.lower() in ("update", "change", "improve", "adjust"))
    return Habits(
        form,
        _mood_of(words),
        form != "plain" and 2 * scopes.total() > len(matches),
        tuple(scope for scope, _ in scopes.most_common()),
        2 * sum(word[0].isupper() for word in words) >= len(words),
        2 * sum(text.endswith(".") for text in texts) > len(texts),
        2 * len(bodies) >= len(commits),
        2 * sum(body.startswith(("- ", "* ")) for body in bodies) > len(bodies) > 0,
        has_ticket,
        _width(subjects, least=50, most=100),
        _width([line for body in bodies for line in body.split("\n") if " " in line], least=60, most=120),
        max(updates, key=lambda word: updates[word]) if updates else "update",
        len(commits),
    )


def _form_of(subjects: Sequence[str]) -> tuple[Form, list[re.Match[str]]]:
    forms: tuple[tuple[Form, re.Pattern[str]], ...] = (
        ("conventional", CONVENTIONAL),
        ("brackets", _BRACKETS),
        ("prefix", _PREFIX),
    )
    for form, pattern in forms:
        matches = [found for subject in subjects if (found := pattern.fullmatch(subject))]
        if 2 * len(matches) > len(subjects):
            return form, matches
    return "plain", []


def _mood_of(words: Sequence[str]) -> Mood:
    past = sum(bool(_PAST.match(word)) for word in words)
    present = sum(bool(_PRESENT.match(word)) for word in words)
    if 2 * past > len(words):
        return "past"
    return "present" if 2 * present > len(words) else "imperative"


def _width(lines: Sequence[str], *, least: int, most: int) -> int:
    """What nine of ten lines keep to, within bounds."""
    if not lines:
        return 72
    lengths = sorted(map(len, lines))
    return min(max(lengths[len(lengths) * 9 // 10], least), most)


def find_ticket(reader: GitReader) -> str:
    """The ticket that the name of the branch has; empty for none."""
    done = reader.ask("rev-parse", "--abbrev-ref", "HEAD")
    found = re.search(r"(?<![A-Za-z0-9])[A-Z][A-Z0-9]+-\d+", done.stdout.decode("utf-8", "replace"))
    return found[0] if done.code == 0 and found else ""
