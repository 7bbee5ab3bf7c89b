"""Finding what was said, in every session: by words, "phrases" and beginnings of words (`rewi*`).

Sessions in the clear are found by the index of the views. Sealed ones are in no index: they are opened and read, and
those that cannot be opened are named, never left out in silence.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.errors import StoreError, UsageError
from aiex.patterns import late
from aiex.sessions.stores.views import Match
from aiex.sessions.summary import Changes, Place, Summary, fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from aiex.sessions.log import EventLog
    from aiex.sessions.projections import Views

KINDS: Final = ("user", "assistant", "tool")
EXCERPT_CHARS: Final = 160
MOST_WANTED: Final = 64
"""Words and phrases in one question; each costs a look into the index."""
_WANTED: Final = late(r'"([^"]*)"?|(\S+)')
_SPOKEN: Final = frozenset({"user_spoke", "assistant_spoke", "tool_finished", "turn_ended"})


class Wanted(NamedTuple):
    """One word or phrase of a question, as words without accents in small letters."""

    words: tuple[str, ...]
    is_beginning: bool = False
    """Whether the last word may go on."""


class Hit(NamedTuple):
    """Something said in which all wanted words stand."""

    session: str
    seq: int
    kind: str
    """user, assistant or tool."""
    at_ms: int
    excerpt: str
    """Around the first of the words, on one line."""


class Hits(NamedTuple):
    """What was found, the best first, and which sealed sessions could not be opened to look."""

    hits: list[Hit]
    not_opened: list[str]


def search(
    views: Views,
    log: EventLog,
    question: str,
    *,
    root: str | None = None,
    kinds: Collection[str] = KINDS,
    limit: int = 20,
) -> Hits:
    """Find what was said with all the words of a question; words that a fork copied are found once.

    Args:
        views: They are caught up before by the caller.
        root: Only in sessions of this workspace.

    Raises:
        UsageError: if the question holds no word.
        StoreError: if the views cannot be read.

    Cost: a look into an index, and reading every sealed session whole.
    """
    wanted = parse_question(question)
    found = views.search(to_expression(wanted), root=root, kinds=kinds, limit=limit * 4)
    not_opened: list[str] = []
    for row in views.listed(root=root):
        if row.sealed:
            try:
                found += [match for match in _said_in(log, row.id, kinds) if fits(match.text, wanted)]
            except StoreError:
                not_opened.append(row.id)
    return Hits(_without_copies(found, wanted, limit), not_opened)


def parse_question(question: str) -> list[Wanted]:
    """The words and phrases of a question. Raises UsageError if there is none, or far too many."""
    wanted = []
    for match in _WANTED.finditer(question):
        text = match[1] if match[1] is not None else match[2]
        if words := tuple(_words_of(text)):
            wanted.append(Wanted(words, match[1] is None and text.endswith("*")))
    if not wanted:
        raise UsageError(
            f"cannot search for {question!r}: it holds no word", hint='type words, "whole phrases" or beginnings*'
        )
    if len(wanted) > MOST_WANTED:
        raise UsageError(f"cannot search for {len(wanted)} words at once", hint=f"take {MOST_WANTED} of them")
    return wanted


def to_expression(wanted: Sequence[Wanted]) -> str:
    """The question as an expression of FTS5, in which nothing of it is a command."""
    return " AND ".join(f'"{" ".join(one.words)}"{"*" * one.is_beginning}' for one in wanted)


def fits(text: str, wanted: Sequence[Wanted]) -> bool:
    """Whether all that is wanted stands in a text: what the index answers, without an index."""
    line = f" {' '.join(_words_of(text))} "
    return all(f" {' '.join(one.words)}{'' if one.is_beginning else ' '}" in line for one in wanted)


def excerpt(text: str, wanted: Sequence[Wanted]) -> str:
    """The part of a text around the first wanted word, on one line."""
    plain = _plain(text)
    at = -1
    if len(plain) == len(text):  # else places in one are not places in the other
        places = [plain.find(one.words[0]) for one in wanted]
        at = min((place for place in places if place >= 0), default=-1)
    start = max(0, at - EXCERPT_CHARS // 3)
    piece = text[start : start + EXCERPT_CHARS * 2].split()
    line = " ".join(piece if start == 0 else piece[1:] or piece)
    cut = line[:EXCERPT_CHARS]
    return f"{'…' if start else ''}{cut}{'…' if len(line) > len(cut) or start + EXCERPT_CHARS * 2 < len(text) else ''}"


def _without_copies(found: Sequence[Match], wanted: Sequence[Wanted], limit: int) -> list[Hit]:
    seen: set[tuple[int, str, str]] = set()
    hits = []
    for match in found:
        key = (match.at_ms, match.kind, match.text)
        if key in seen:
            continue
        seen.add(key)
        hits.append(Hit(match.session, match.seq, match.kind, match.at_ms, excerpt(match.text, wanted)))
        if len(hits) == limit:
            break
    return hits


def _said_in(log: EventLog, session: str, kinds: Collection[str]) -> Iterator[Match]:
    """All that was said in a session, as the views would keep it were it not sealed."""
    summary, changes = Summary(session), Changes()
    for row in log.read(session):
        if row.type not in _SPOKEN:
            continue
        if row.sealed and not row.data:
            raise StoreError(f"session {session} cannot be opened")
        fold(summary, changes, Place(row.seq, row.position, row.at_ms, False, row.copied), row.event())
        for talk in changes.talk:
            if talk.kind in kinds:
                yield Match(session, talk.seq, talk.kind, talk.at_ms, talk.text)
        changes.talk.clear()


def _words_of(text: str) -> list[str]:
    """Runs of letters and digits, as the tokenizer of the index cuts them (unicode61 of FTS5)."""
    return re.findall(r"[^\W_]+", _plain(text))


def _plain(text: str) -> str:
    """In small letters without accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(one for one in apart if not unicodedata.combining(one)).lower()
