"""A section of a rendered briefing: lines with ranks, so that it can be shortened without losing what matters."""

from typing import NamedTuple


class Line(NamedTuple):
    """One line; of two, the one with the lower rank stays longer."""

    text: str
    rank: float = 0


class Section(NamedTuple):
    """Lines under a heading."""

    title: str
    lines: tuple[Line, ...]
    usual: int
    """Lines shown when there is room."""
    priority: int
    """Sections with a higher number are shortened and dropped first."""
    least: int = 3
    """Fewer lines than this are not worth a heading."""
    noun: str = ""
    before: str = ""
    """Stands above the lines, never cut."""
    after: str = ""

    def render(self, shown: int) -> str:
        """The section with `shown` of its lines, empty for none of several."""
        if self.lines and shown <= 0:
            return ""
        kept = self.kept(shown)
        rows = [f"## {self.title}", ""]
        if self.before:
            rows.append(self.before)
        rows += [line.text for line in kept]
        if self.after:
            rows.append(self.after)
        hidden = len(self.lines) - len(kept)
        if hidden:
            more = f"… and {hidden:,} more {self.noun}".rstrip()
            rows += ["", more] if self.after else [f"- {more}"]
        return "\n".join(rows)

    def kept(self, shown: int) -> list[Line]:
        """The lines that stay when there is room for `shown`, in their order. One line too many is not cut."""
        if len(self.lines) <= shown + 1 and shown >= self.usual:
            return list(self.lines)
        if len(self.lines) <= shown:
            return list(self.lines)
        best = sorted(range(len(self.lines)), key=lambda index: (self.lines[index].rank, index))[:shown]
        return [self.lines[index] for index in sorted(best)]
