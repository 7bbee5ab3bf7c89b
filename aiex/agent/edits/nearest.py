"""What the model is told when its text is not in the file: that it is done already, or what stands there instead."""

from typing import Final

from aiex.agent.edits import Change
from aiex.agent.edits.places import find_all, find_lines, line_numbers, skip_lines
from aiex.agent.edits.spotting import is_elision
from aiex.errors import EditError

_MOST_SHOWN: Final = 14
_MOST_CHARS: Final = 160
_MOST_VOTES: Final = 30
_LEAST_LINES: Final = 3
_LEAST_PART: Final = 8
"""Characters of a new text whose presence says that the edit was made before."""
_MOST_VOTERS: Final = 12
_MOST_LINES: Final = 200
_SMALL_LINES: Final = 3000
"""Only in files of at most so many lines a likely place is looked for by likeness, which takes time."""


def already_there(text: str, offset: int, path: str) -> EditError:
    """The error for an edit whose result stands in the file."""
    (number,) = line_numbers(text, [offset])
    return EditError(
        f"{path}: the edit is there already: its new text stands at line {number}, its old text does not",
        hint="go on with the next step",
    )


def not_found(text: str, change: Change, path: str) -> EditError:
    """The error for a text that no step found: what was tried, what is there, what to do."""
    done = _find_new(text, change)
    if done >= 0:
        return already_there(text, done, path)
    old = change.old.split("\n")
    if any(is_elision(line) for line in old):
        return EditError(
            f"{path}: the text to change has a line that stands for others, and no place fits it",
            hint="write all lines, or keep the same such lines in the old and the new text",
        )
    if not text:
        return EditError(f"{path}: the text to change is not there: the file is empty")
    place = _likely_line(text, old)
    said = f"{path}: the text to change is not there, neither exactly nor with other spaces, quotes or escapes"
    if place is None:
        return EditError(said, hint="read the file again and copy the lines as they are")
    return EditError(f"{said}\n{_shown(text, old, place)}", hint="copy the lines to change from the file as it is now")


def _find_new(text: str, change: Change) -> int:
    """Where the new text stands, -1 unless it stands once and is long enough to tell."""
    new = change.new
    if len(new.strip()) < (_LEAST_LINES if change.is_lines else _LEAST_PART) or new.strip() in change.old:
        return -1
    found = find_lines(text, new[:-1]) if change.is_lines else find_all(text, new)
    return found[0] if len(found) == 1 else -1


def _likely_line(text: str, old: list[str]) -> int | None:
    """The line, counted from 0, where the old text probably begins: its longest lines vote by where they stand."""
    votes: dict[int, float] = {}
    longest = sorted(enumerate(old[:_MOST_LINES]), key=lambda pair: -len(pair[1].strip()))[:_MOST_VOTERS]
    for index, line in longest:
        bare = line.strip()
        if len(bare) < 3:
            continue
        offsets = _occurrences(text, bare)
        for number in line_numbers(text, offsets):
            votes[number - 1 - index] = votes.get(number - 1 - index, 0.0) + min(len(bare), 40) / len(offsets)
    if votes:
        return max(0, max(votes, key=lambda place: votes[place]))
    return _alike_line(text, old)


def _occurrences(text: str, part: str) -> list[int]:
    found: list[int] = []
    at = text.find(part)
    while at >= 0 and len(found) < _MOST_VOTES:
        found.append(at)
        at = text.find(part, at + len(part))
    return found


def _alike_line(text: str, old: list[str]) -> int | None:
    if text.count("\n") > _SMALL_LINES:
        return None
    from difflib import get_close_matches

    index, longest = max(enumerate(old), key=lambda pair: len(pair[1].strip()))
    lines = [line.strip()[:_MOST_CHARS] for line in text.split("\n")]
    near = get_close_matches(longest.strip()[:_MOST_CHARS], lines, n=1, cutoff=0.6)
    return max(0, lines.index(near[0]) - index) if near else None


def _shown(text: str, old: list[str], place: int) -> str:
    """The lines that stand there, numbered, and the first that differs."""
    start = skip_lines(text, 0, place)
    wanted = old[:-1] if old[-1] == "" else old
    lines = text[start : skip_lines(text, start, len(wanted))].split("\n")[: len(wanted)]
    pairs = enumerate(zip(wanted, lines, strict=False))
    differs = next((at for at, (ours, theirs) in pairs if ours.strip() != theirs.strip()), len(lines))
    first = max(0, min(differs - _MOST_SHOWN // 2, len(lines) - _MOST_SHOWN))
    shown = [
        f"{place + at + 1:>5} {lines[at][:_MOST_CHARS]}" for at in range(first, min(len(lines), first + _MOST_SHOWN))
    ]
    said = ["nearest lines of the file:", *shown]
    if differs < len(wanted):
        said.append(f"first difference at line {place + differs + 1}; the edit has: {wanted[differs][:_MOST_CHARS]}")
    else:
        said.append("they differ from the edit in spaces, and in more than one way")
    return "\n".join(said)
