"""What was typed into the prompt before: kept per workspace in the state directory, walked through and searched.

A record is one line of JSON: `{"text": …, "folds": {token: text}}`, without its secrets. Where sessions are sealed or
not recorded, nothing of it is written.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from aiex.errors import AiexError
from aiex.record import record
from aiex.tui.folding import Fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiex.wiring import Services

MOST_KEPT: Final = 1_000
LONGEST_FOLD: Final = 20_000
"""Characters of a fold that is kept; a longer one is not, and its token says so."""
LONGEST_TEXT: Final = 50_000
FILE: Final = "prompts.jsonl"
LIMIT_BYTES: Final = 2_000_000


@record
class Typed:
    """One text that was sent."""

    text: str
    folds: Mapping[str, Fold]


@record
class Place:
    """Where the texts of a workspace are kept."""

    path: str
    writes: bool


def find_place(services: Services) -> Place:
    """Where; called in the thread of the work. Raises ConfigError."""
    from aiex import dirs

    folder = dirs.workspace_dir(dirs.state_dir(services.environ), services.root)
    settings = services.settings
    writes = settings.get("sessions.record") != "off" and settings.get("sessions.encrypt") != "on"
    return Place(os.path.join(folder, FILE), writes)


def load(place: Place) -> list[Typed]:
    """What is kept, oldest first, each text once; nothing where it cannot be read."""
    from aiex.guard.journal import read_lines

    try:
        lines = read_lines(place.path)
    except AiexError:
        return []
    known: dict[str, Typed] = {}
    for line in lines[-2 * MOST_KEPT :]:
        if (typed := _parse(line)) is not None:
            known.pop(typed.text, None)
            known[typed.text] = typed
    return list(known.values())[-MOST_KEPT:]


def keep(place: Place, typed: Typed) -> None:
    """Add one, without its secrets; what cannot be written is let go, for the work goes on without it."""
    import json

    from aiex.guard.journal import add_line
    from aiex.guard.redact import redact

    if not place.writes or len(typed.text) > LONGEST_TEXT:
        return
    text = typed.text
    folds: dict[str, str] = {}
    for token, fold in typed.folds.items():
        if fold.text and len(fold.text) <= LONGEST_FOLD:
            folds[token] = redact(fold.text)
        elif fold.text:
            text = text.replace(token, f"{token[:-1]}, not kept]")
    value: dict[str, Any] = {"text": redact(text)} | ({"folds": folds} if folds else {})
    pictures = {token: fold.picture for token, fold in typed.folds.items() if fold.picture}
    if pictures:
        value["pictures"] = pictures
    try:
        add_line(place.path, json.dumps(value).encode("ascii"), limit_bytes=LIMIT_BYTES)
    except AiexError:
        return


def _parse(line: bytes) -> Typed | None:
    import json

    try:
        value = json.loads(line)
        text, folds, pictures = value["text"], value.get("folds", {}), value.get("pictures", {})
        known = {str(token): Fold(text=str(fold)) for token, fold in folds.items()}
        known |= {str(token): Fold(picture=str(path)) for token, path in pictures.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Typed(text, known) if isinstance(text, str) and text.strip() else None


class Walk:
    """The way back through what was typed, and to what stood in the prompt when it began."""

    def __init__(self) -> None:
        self.known: list[Typed] = []
        self._at: int | None = None
        """The place of what is shown; None where the person's own text is."""
        self._draft = ""

    def fill(self, known: Sequence[Typed]) -> None:
        """Take in what was kept before; what was typed since stays behind it."""
        if self._at is None:
            texts = {typed.text for typed in self.known}
            self.known = [*(typed for typed in known if typed.text not in texts), *self.known]

    def add(self, typed: Typed) -> None:
        """Note what was sent; the way begins anew."""
        self.known = [one for one in self.known[-MOST_KEPT:] if one.text != typed.text]
        self.known.append(typed)
        self._at = None

    def leave(self) -> None:
        """Stay at what is shown now: it is the person's own text."""
        self._at = None

    def back(self, shown: str) -> Typed | None:
        """The one before; None where there is none. One that was changed is the person's own text."""
        if self._at is not None and self.known[self._at].text != shown:
            self._at = None
        at = len(self.known) if self._at is None else self._at
        while at > 0 and self.known[at - 1].text == shown:
            at -= 1
        if at == 0:
            return None
        if self._at is None:
            self._draft = shown
        self._at = at - 1
        return self.known[self._at]

    def on(self) -> Typed | None:
        """The one behind, at last what stood there first; None where that is shown."""
        if self._at is None:
            return None
        self._at += 1
        if self._at < len(self.known):
            return self.known[self._at]
        self._at = None
        return Typed(self._draft, {})


def search(known: Sequence[Typed], wanted: str, most: int = 50) -> list[Typed]:
    """Those that hold all words, newest first."""
    words = wanted.lower().split()
    found = (one for one in reversed(known) if all(word in one.text.lower() for word in words))
    return [one for one, _ in zip(found, range(most), strict=False)]
