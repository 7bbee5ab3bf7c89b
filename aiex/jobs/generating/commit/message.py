"""Puts what happened into words, in the manner of the commits that are there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import fill
from typing import NamedTuple

from aiex.jobs.generating.commit.habits import Habits, Mood
from aiex.jobs.generating.commit.telling import AREAS, RANKS, Area, Deed, Verb

_WORDS: dict[Verb, dict[Mood, str]] = {
    "add": {"imperative": "add", "past": "added", "present": "adds"},
    "remove": {"imperative": "remove", "past": "removed", "present": "removes"},
    "rename": {"imperative": "rename", "past": "renamed", "present": "renames"},
    "move": {"imperative": "move", "past": "moved", "present": "moves"},
    "test": {"imperative": "test", "past": "tested", "present": "tests"},
    "document": {"imperative": "document", "past": "documented", "present": "documents"},
    "bump": {"imperative": "bump", "past": "bumped", "present": "bumps"},
}
_UPDATES: dict[str, dict[Mood, str]] = {
    "update": {"imperative": "update", "past": "updated", "present": "updates"},
    "change": {"imperative": "change", "past": "changed", "present": "changes"},
    "improve": {"imperative": "improve", "past": "improved", "present": "improves"},
    "adjust": {"imperative": "adjust", "past": "adjusted", "present": "adjusts"},
}
MOST_NAMED = 6
"""Of one group; of a longer one the number of the others is said."""
_MIDDLE = {"rename": "to", "move": "to", "bump": "to"}
_IGNORED_FOLDERS = ("src", "lib", "app", "packages", "apps", "crates", "internal", "pkg", "cmd", "tests", "test")


class Message(NamedTuple):
    """A commit message."""

    subject: str
    body: str
    doubt: str = ""
    """What nobody can know from the change alone; empty for nothing."""

    def __str__(self) -> str:
        return f"{self.subject}\n\n{self.body}\n" if self.body else f"{self.subject}\n"


def write(deeds: Sequence[Deed], habits: Habits, *, ticket: str = "") -> Message:
    """The message for what happened.

    Args:
        deeds: At least one.
        ticket: What the subject begins with, where most do; empty for none.
    """
    ordered = sorted(deeds, key=lambda one: (AREAS[one.area], RANKS[one.verb], not one.is_public))
    groups = _group(ordered)
    lead = groups[0]
    kind, doubt = _type_of(ordered, lead)
    prefix = f"{ticket} " if ticket else ""
    prefix += _prefix(habits, kind, ordered)
    room = habits.width - len(prefix) - habits.has_period
    text = _sentence(lead, habits, room)
    text = text[0].upper() + text[1:] if habits.is_capital else text
    subject = f"{prefix}{text}{'.' if habits.has_period else ''}"
    return Message(subject, _body(groups, habits) if habits.has_body else "", doubt if kind and prefix else "")


def _group(deeds: Sequence[Deed]) -> list[list[Deed]]:
    """Deeds of one verb and area together, in order."""
    groups: dict[tuple[Area, Verb], list[Deed]] = {}
    for deed in deeds:
        groups.setdefault((deed.area, deed.verb), []).append(deed)
    return [*groups.values()]


def _verb(verb: Verb, habits: Habits) -> str:
    return (_UPDATES[habits.update] if verb == "change" else _WORDS[verb])[habits.mood]


def _sentence(group: Sequence[Deed], habits: Habits, room: int) -> str:
    """What one group did, in as many names as there is room for."""
    verb = _verb(group[0].verb, habits)
    named = list(dict.fromkeys(map(_name, group)))
    where = _where(group)
    for count in range(min(len(named), MOST_NAMED), 0, -1):
        rest = len(named) - count
        shown = _listed(named[:count], rest)
        for place in (where, "") if where else ("",):
            text = f"{verb} {shown}{place}"
            if len(text) <= room:
                return text
    folder = _common([one.path for one in group])
    text = f"{verb} {len(named)} things in {folder}" if len(named) > 1 else f"{verb} {named[0]}"
    return text if len(text) <= room else text[: max(room - 1, 8)].rstrip() + "…"


def _name(deed: Deed) -> str:
    return f"{deed.name} {_MIDDLE[deed.verb]} {deed.more}" if deed.verb in _MIDDLE and deed.more else deed.name


def _listed(names: Sequence[str], rest: int) -> str:
    if rest:
        return f"{', '.join(names)} and {rest} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _where(group: Sequence[Deed]) -> str:
    """The file of symbols that are all in one; files and dependencies say it themselves."""
    paths = {one.path for one in group}
    deed = group[0]
    if len(paths) != 1 or deed.area != "code" or deed.verb in ("move", "bump"):
        return ""
    name = deed.path.rpartition("/")[2]
    if any(one.name in (name, deed.path) or one.more == name for one in group):
        return ""
    stem = name.partition(".")[0]
    if stem in ("__init__", "index", "mod", "lib", "main") and "/" in deed.path:
        stem = deed.path.split("/")[-2]
    word = {"add": "to", "remove": "from"}.get(deed.verb, "in")
    return "" if any(one.name.lower() == stem.replace("_", "").lower() for one in group) else f" {word} {stem}"


def _common(paths: Sequence[str]) -> str:
    split = [path.split("/")[:-1] for path in paths]
    shared = []
    for parts in zip(*split, strict=False):
        if len({*parts}) != 1:
            break
        shared.append(parts[0])
    return "/".join(shared) or "the project"


# --- prefixes ---------------------------------------------------------------------------------------------------------


def _type_of(deeds: Sequence[Deed], lead: Sequence[Deed]) -> tuple[str, str]:
    """The type of a conventional commit, and what makes it a guess."""
    areas = {one.area for one in deeds}
    for area, kind in (("tests", "test"), ("docs", "docs"), ("ci", "ci"), ("build", "build")):
        if areas == {area}:
            return kind, ""
    if "code" not in areas and "data" in areas:
        return "chore", ""
    if areas <= {"build", "ci"}:
        return "build", ""
    verb = lead[0].verb
    if verb == "add" and any(one.is_public for one in lead):
        return "feat", ""
    if verb in ("rename", "move"):
        return "refactor", ""
    if verb == "remove":
        return "refactor", ""
    if "tests" in areas:
        return "fix", "whether this mends something is a guess: code and tests changed, and nothing public came"
    return "refactor", "whether this mends something cannot be seen: say fix: where it does"


def _prefix(habits: Habits, kind: str, deeds: Sequence[Deed]) -> str:
    if habits.form == "plain":
        return ""
    scope = _scope(habits, deeds)
    if habits.form == "conventional":
        return f"{kind}({scope}): " if scope and habits.has_scope else f"{kind}: "
    if not scope:
        return ""
    return f"[{scope}] " if habits.form == "brackets" else f"{scope}: "


def _scope(habits: Habits, deeds: Sequence[Deed]) -> str:
    """A scope that is in use and that most of the changed paths speak of; else the folder that they share."""
    paths = [one.path for one in deeds if one.area == deeds[0].area]
    parts = [_parts(path) for path in paths]
    for scope in sorted(habits.scopes, key=lambda one: -one.count("/")):
        wanted = scope.lower().split("/")
        if 2 * sum(_speaks_of(path, wanted) for path in parts) > len(parts):
            return scope
    shared = [part for part in _common(paths).split("/") if part and part not in _IGNORED_FOLDERS]
    if shared and shared != ["the project"]:
        return shared[-1]
    stems = {path.rpartition("/")[2].partition(".")[0] for path in paths}
    return stems.pop() if len(stems) == 1 else ""


def _parts(path: str) -> list[str]:
    *folders, name = path.lower().split("/")
    return [*folders, re.sub(r"^test_|_test$", "", name.partition(".")[0]), name]


def _speaks_of(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    size = len(wanted)
    return any([*parts[at : at + size]] == [*wanted] for at in range(len(parts) - size + 1))


# --- the body ---------------------------------------------------------------------------------------------------------


def _body(groups: Sequence[Sequence[Deed]], habits: Habits) -> str:
    """What every group did, where there is more to say than the subject does."""
    lines = []
    for group in groups:
        text = _sentence(group, habits._replace(mood="imperative"), 400)
        lines.append(text[0].upper() + text[1:])
    if len(lines) < 2 and len(groups[0]) < 2:
        return ""
    width = habits.body_width
    if habits.has_bullets or len(lines) > 1:
        return "\n".join(fill(f"- {line}", width, subsequent_indent="  ", break_long_words=False) for line in lines)
    return fill(f"{lines[0]}.", width, break_long_words=False)
