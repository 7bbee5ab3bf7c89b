"""What a classification says: a level, the reasons for it, and how each command and operand was read."""

from typing import Literal

from aiex.record import record

Level = Literal["safe", "ask", "forbidden"]
LEVELS: tuple[Level, ...] = ("safe", "ask", "forbidden")
"""From the mildest to the worst; a whole is as bad as its worst part."""


@record
class Reason:
    """Why a command is not safe."""

    level: Level
    rule: str
    """The rule that says so, by its name: `option`, `path`, `redirection`, `runs code from the network`."""
    why: str
    """For a person, with the words that it is about. Raw text: to be neutralised before it is shown."""


MISSING = "missing"
"""The role of an operand that is not there: what a command does without it needs an answer."""


@record
class Operand:
    """One word behind the name of a program, and what it was taken for."""

    text: str
    """As the program would receive it; what is not known is shown as `\N{HORIZONTAL ELLIPSIS}`."""
    role: str
    """`option`, `number`, `text`, `read`, `look`, `revision`, … or `unclear`."""
    level: Level = "safe"
    why: str = ""


@record
class Simple:
    """One simple command inside the whole."""

    name: str
    """The program, empty when it is not known."""
    text: str
    """As it is written."""
    level: Level
    operands: tuple[Operand, ...] = ()
    within: tuple[str, ...] = ()
    """What it stands in, from the outside: `pipeline`, `substitution`, `loop`."""
    folders: frozenset[str] = frozenset([""])
    """Where it may run: relative to the workspace, or beginning with `/`, `~` or `..`."""

    @property
    def present(self) -> tuple[Operand, ...]:
        """The operands without those that are missing."""
        return tuple(operand for operand in self.operands if operand.role != MISSING)


@record
class Classified:
    """The answer for a whole command."""

    level: Level
    reasons: tuple[Reason, ...]
    """The worst first; empty when it is safe."""
    commands: tuple[Simple, ...]
    """In the order of reading; empty when nothing could be read."""


def worst(levels: "list[Level] | tuple[Level, ...]") -> Level:
    """The worst of some levels; safe when there are none."""
    return max(levels, key=LEVELS.index, default="safe")
