"""The change of a file in parts that a person takes, refuses or words otherwise, and what comes of the choice; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from aiex.sessions.checkpoints.myers import Hunk, diff_lines, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiex.agent.edits.applying import FileChange

Choice = Literal["open", "taken", "refused"]
MOST_BYTES: Final = 8 << 20
"""Larger files are taken or refused as they are."""


@dataclass(slots=True, eq=False)
class Part:
    """A run of lines that changed."""

    hunk: Hunk
    choice: Choice = "taken"
    own: list[bytes] | None = None
    """What a person put in the place of the new lines."""

    def toggle(self) -> None:
        """Refuse it, or take it after all."""
        self.choice = "taken" if self.choice == "refused" else "refused"


@dataclass(slots=True, eq=False)
class Review:
    """The change of one file, and what a person makes of it.

    Where a file comes, goes, moves or is no text, it is taken or refused as a whole.
    """

    path: str
    before: bytes | None
    after: bytes | None
    moved_from: str = ""
    first: Choice = "taken"
    """What is chosen at the beginning."""
    old: list[bytes] = field(init=False, default_factory=list)
    new: list[bytes] = field(init=False, default_factory=list)
    parts: list[Part] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        if self.is_text:
            self.old, self.new = split_lines(self.before or b""), split_lines(self.after or b"")
            self.parts = [Part(hunk, self.first) for hunk in diff_lines(self.old, self.new)]
        self.parts = self.parts or [Part(Hunk(0, 0, 0, 0), self.first)]

    @property
    def is_text(self) -> bool:
        """Whether lines can be shown."""
        sides = (self.before or b"", self.after or b"")
        return sum(map(len, sides)) <= MOST_BYTES and not any(b"\0" in side for side in sides)

    @property
    def is_whole(self) -> bool:
        """Whether all of it is taken or nothing."""
        return self.before is None or self.after is None or bool(self.moved_from) or not self.is_text

    @property
    def counts(self) -> tuple[int, int]:
        """Lines that come and lines that go, as it was wanted."""
        hunks = [part.hunk for part in self.parts]
        return sum(one.new_end - one.new_start for one in hunks), sum(one.old_end - one.old_start for one in hunks)

    def toggle(self, part: Part) -> None:
        """Take or refuse a part, and with it all others where the file cannot be divided."""
        part.toggle()
        if self.is_whole:
            for other in self.parts:
                other.choice = part.choice

    def choose(self, choice: Choice) -> None:
        """Say the same of all parts."""
        for part in self.parts:
            part.choice = choice

    def can_edit(self, part: Part) -> bool:
        """Whether other words may stand in the place of a part: where there is a text, and nothing hides in it."""
        from aiex.guard.neutral import neutralise

        if not self.is_text or self.after is None:
            return False
        text = to_text(part.own if part.own is not None else self.new[part.hunk.new_start : part.hunk.new_end])
        plain = text.replace("\r\n", "\n")
        return neutralise(plain) == plain

    def edit(self, part: Part, text: str) -> None:
        """Put a text in the place of the new lines of a part; it keeps their line ends. As it was, it is taken."""
        hunk = part.hunk
        wanted = self.new[hunk.new_start : hunk.new_end]
        plain = text.replace("\r\n", "\n")
        if any(line.endswith(b"\r\n") for line in wanted or self.old[hunk.old_start : hunk.old_end] or self.old[:1]):
            plain = plain.replace("\n", "\r\n")
        lines = split_lines(plain.encode("utf-8", "surrogateescape"))
        is_last = hunk.new_end == len(self.new) and bool(wanted) and not wanted[-1].endswith(b"\n")
        if lines and not lines[-1].endswith(b"\n") and not is_last:
            lines[-1] += b"\r\n" if b"\r\n" in plain.encode("utf-8", "surrogateescape") else b"\n"
        part.own = None if lines == wanted else lines
        part.choice = "taken"

    def result(self) -> bytes | None:
        """What the file holds by the choice that was made: `before` where all is refused."""
        if all(part.choice == "refused" for part in self.parts):
            return self.before
        if not self.is_text or self.after is None:
            return self.after
        lines: list[bytes] = []
        at = 0
        for part in self.parts:
            hunk = part.hunk
            lines += self.old[at : hunk.old_start]
            if part.choice == "refused":
                lines += self.old[hunk.old_start : hunk.old_end]
            else:
                lines += self.new[hunk.new_start : hunk.new_end] if part.own is None else part.own
            at = hunk.old_end
        return b"".join([*lines, *self.old[at:]])

    @property
    def is_left_out(self) -> bool:
        """Whether nothing of it is taken."""
        return all(part.choice == "refused" for part in self.parts)

    @property
    def is_as_wanted(self) -> bool:
        """Whether all of it is taken as it is."""
        return all(part.choice != "refused" and part.own is None for part in self.parts)


def review(changes: Iterable[FileChange], first: Choice = "taken") -> tuple[Review, ...]:
    """The changes of several files, in their order.

    Cost: that of finding the differences, see `diff_lines`.
    """
    return tuple(Review(one.path, one.before, one.after, one.moved_from or "", first) for one in changes)


def to_after(reviews: Iterable[Review]) -> Mapping[str, bytes | None] | None:
    """What files shall hold, for `Verdict.after`: those left out are not named; None where all is as it was wanted."""
    several = tuple(reviews)
    if all(one.is_as_wanted for one in several):
        return None
    return {one.path: one.result() for one in several if not one.is_left_out}


def to_text(lines: Iterable[bytes]) -> str:
    """Lines as text; bytes that are not UTF-8 become surrogates, and bytes again on the way back."""
    return b"".join(lines).decode("utf-8", "surrogateescape")
