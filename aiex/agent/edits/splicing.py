"""Putting new lines in the place of old ones, byte for byte: every line that stays keeps its own line end."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from aiex.agent.edits import Change
from aiex.agent.edits.places import Place, skip_lines
from aiex.errors import EditError

_MARK: Final = "leave `\\ No newline at end of file` out"
Line = tuple[str, str]
"""A line and its end: `\\n`, `\\r\\n`, or empty for the last one."""


class Region(NamedTuple):
    """The lines of a file that a change is about."""

    start: int
    """Offset in the raw text."""
    stop: int
    lines: list[Line]
    is_last: bool
    """Whether nothing follows."""
    default_end: str
    """For a line that gets an end and has none of its own to keep."""


class _Out(NamedTuple):
    text: str
    end: str
    is_added: bool


def to_text(raw: str) -> str:
    """The text of a file as edits see it: `\\n` at the end of every line."""
    return raw.replace("\r\n", "\n") if "\r" in raw else raw


def splice(raw: str, text: str, place: Place, change: Change) -> str:
    """The raw text of a file with one place changed; `text` is `to_text(raw)`."""
    if place.stop >= 0:
        return _splice_part(raw, text, place, change)
    region = _region(raw, text, place.start, place.height)
    old, new = place.old.split("\n")[:-1], place.new.split("\n")[:-1]
    if change.last_newline is False and not region.is_last:
        raise EditError("the edit ends the file without a line end, but lines follow the place", hint=_MARK)
    made = _assemble(region, old, new, place)
    return _join(raw, region, _end_lines(made, region, change))


def rewrite(raw: str, new: str, *, keeps_last_end: bool) -> str:
    """The raw text of a whole file with new content; lines that are the same keep their ends.

    Args:
        new: With `\\n` at the end of every line.
        keeps_last_end: Whether a file without a line end at its end stays so, whatever `new` has there.
    """
    text = to_text(raw)
    if text == new:
        return raw
    *old, rest = text.split("\n")
    *fresh, fresh_rest = new.split("\n")
    old += [rest] if rest else []
    fresh += [fresh_rest] if fresh_rest else []
    has_same_end = (rest == "") == (fresh_rest == "")
    first, tail = _same_ends(old, fresh, least=0 if rest == "" and has_same_end else 1, tail=has_same_end)
    region = _region(raw, text, skip_lines(text, 0, first), len(old) - tail - first)
    made = _assemble(region, old[first : len(old) - tail], fresh[first : len(fresh) - tail], Place(0, 0, "", ""))
    last_newline = None if keeps_last_end else fresh_rest == ""
    return _join(raw, region, _end_lines(made, region, Change("", new, last_newline=last_newline)))


def replace_all(raw: str, text: str, old: str, new: str) -> str:
    """The raw text of a file with every occurrence of a substring of its text replaced, from the left."""
    made = text.replace(old, new)
    if len(raw) == len(text):
        return made
    if raw.count("\r\n") == raw.count("\n"):
        return made.replace("\n", "\r\n")
    return rewrite(raw, made, keeps_last_end=False)


def _same_ends(old: Sequence[str], new: Sequence[str], *, least: int, tail: bool) -> tuple[int, int]:
    """How many lines are the same at both beginnings, all but `least` of the old, and then at both ends."""
    most = min(len(old) - least, len(new))
    first = next((at for at in range(most) if old[at] != new[at]), max(0, most))
    most = min(len(old), len(new)) - first if tail else 0
    return first, next((at for at in range(most) if old[-1 - at] != new[-1 - at]), most)


def _splice_part(raw: str, text: str, place: Place, change: Change) -> str:
    """Replace a substring: the lines that it touches, whose rest is the same before and after."""
    first = text.rfind("\n", 0, place.start) + 1
    after = text.find("\n", place.stop)
    last = after if after >= 0 else len(text)
    head, tail = text[first : place.start], text[place.stop : last]
    there = text[first:last].split("\n")
    region = _region(raw, text, first, len(there))
    if after < 0 and (not region.lines or region.lines[-1][1]):
        region.lines.append(("", ""))
    old = (head + place.old + tail).split("\n")
    made = _assemble(region, old, (head + place.new + tail).split("\n"), place)
    *others, end = _end_lines(made, region, change._replace(last_newline=None))
    return _join(raw, region, [*others, (end[0], region.lines[-1][1])])


def _region(raw: str, text: str, start: int, count: int) -> Region:
    """The raw lines that stand at a beginning of a line of the text."""
    if len(raw) == len(text):
        begin = start
    else:
        begin = len(raw) if start == len(text) else skip_lines(raw, 0, text.count("\n", 0, start))
    stop = skip_lines(raw, begin, count) if count else begin
    *ended, rest = raw[begin:stop].split("\n")
    lines = [_split_end(line) for line in ended]
    if rest:
        lines.append((rest, ""))
    return Region(begin, stop, lines, stop == len(raw), _default_end(raw, begin, lines))


def _split_end(line: str) -> Line:
    return (line[:-1], "\r\n") if line.endswith("\r") else (line, "\n")


def _default_end(raw: str, start: int, lines: Sequence[Line]) -> str:
    """The end of the first line there, else of the line above, else of the first of the file."""
    if lines and lines[0][1]:
        return lines[0][1]
    if start:
        return "\r\n" if raw.endswith("\r\n", 0, start) else "\n"
    at = raw.find("\n")
    return "\r\n" if at > 0 and raw[at - 1] == "\r" else "\n"


def _assemble(region: Region, old: Sequence[str], new: Sequence[str], place: Place) -> list[_Out]:
    """The lines of the result: those that both texts have as the file has them, the others from the new text."""
    from aiex.sessions.checkpoints.myers import diff_lines

    spans = place.spans or [(at, at + 1) for at in range(len(old))]
    made: list[_Out] = []
    done = at = 0
    for hunk in diff_lines(old, new):
        for index in range(at, hunk.old_start):
            made += _kept(region, done, spans[index][1])
            done = spans[index][1]
        removed = spans[hunk.old_start : hunk.old_end]
        if removed:
            made += _kept(region, done, removed[0][0])
        made += _added(region, old[hunk.old_start : hunk.old_end], removed, new[hunk.new_start : hunk.new_end], place)
        done = removed[-1][1] if removed else done
        at = hunk.old_end
    return made + _kept(region, done, len(region.lines))


def _kept(region: Region, start: int, stop: int) -> list[_Out]:
    return [_Out(text, end, False) for text, end in region.lines[start:stop]]


def _added(
    region: Region, old: Sequence[str], removed: Sequence[tuple[int, int]], new: Sequence[str], place: Place
) -> list[_Out]:
    """New lines, each with the end of the line in whose place it comes; more of them with that of the last."""
    made: list[_Out] = []
    for at, line in enumerate(new):
        start, stop = removed[at] if at < len(removed) else (0, 0)
        there, end = region.lines[start] if stop > start else (None, "")
        ours = old[at] if at < len(old) else None
        adapted = place.adapt(line, ours, there) if place.adapt else line
        made.append(_Out(adapted, end or (made[-1].end if made else ""), True))
    return made


def _end_lines(made: Sequence[_Out], region: Region, change: Change) -> list[Line]:
    """The lines with ends: all but the last of the file need one; that keeps what it had unless the edit says."""
    lines: list[Line] = []
    end = ""
    for line in made:
        end = line.end or (end if line.is_added else "") or region.default_end
        lines.append((line.text, end))
    if not lines or not region.is_last:
        return lines
    last = made[-1]
    if change.last_newline is not None:
        end = lines[-1][1] if change.last_newline else ""
    else:
        end = last.end if not last.is_added else (region.lines[-1][1] if region.lines else lines[-1][1])
    return [*lines[:-1], (lines[-1][0], end)]


def _join(raw: str, region: Region, lines: Sequence[Line]) -> str:
    """The raw text with the lines in the place of the region; a line above them that has no end gets one."""
    is_open = bool(lines) and region.start > 0 and raw[region.start - 1] != "\n"
    made = [text + end for text, end in lines]
    return "".join([raw[: region.start], region.default_end * is_open, *made, raw[region.stop :]])
