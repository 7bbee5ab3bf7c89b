"""What words become: texts that are known, patterns of names, and what is not known."""

import re
from collections.abc import Mapping
from itertools import product
from typing import NamedTuple

from aiex.guard.commands.words import Piece, to_text
from aiex.patterns import late

UNKNOWN_MARK = "\N{HORIZONTAL ELLIPSIS}"
"""Stands for what is not known in the text of an argument."""
FETCHED = "it was fetched or decoded"
"""Why a text is not known that came from the network or a decoder: running it is forbidden."""
MOST_ALTERNATIVES = 16
MOST_LETTERS = 20_000
"""Longer values are not known: a variable that is doubled again and again would fill the memory."""
HARMLESS = frozenset(
    (
        *(
            "HOME",
            "USER",
            "LOGNAME",
            "PWD",
            "OLDPWD",
            "SHELL",
            "PATH",
            "LANG",
            "TERM",
            "HOSTNAME",
            "UID",
            "EUID",
            "PPID",
        ),
        *(
            "RANDOM",
            "SECONDS",
            "LINENO",
            "BASH_VERSION",
            "OSTYPE",
            "HOSTTYPE",
            "MACHTYPE",
            "COLUMNS",
            "LINES",
            "TMPDIR",
        ),
        *("?", "#", "$", "0", "-"),
    )
)
"""Variables of every shell that hold no secret, so that they may be printed."""
NUMERIC = frozenset(["?", "#", "$", "UID", "EUID", "PPID", "RANDOM", "SECONDS", "LINENO", "COLUMNS", "LINES"])
_SPLIT = late(r"[ \t\n*?\[\\]")
_GLOB = late(r"[*?\[]")


class Arg(NamedTuple):
    """One argument, as far as it is known."""

    text: str
    """The text, with `UNKNOWN_MARK` for parts that are not known; `~` in front stands for a home if `home`."""
    glob: bool = False
    """`*`, `?` and `[` are wildcards; it stands for the names that match."""
    home: bool = False
    unknown: str = ""
    """Why the text is not known."""
    plain: bool = False
    """It is not known, but it is one argument and may be printed."""
    single: bool = False
    """It is not known, but it has neither blanks nor wildcards."""
    numeric: bool = False
    """It is not known, but it is a number."""
    pipe: bool = False
    """The name of a pipe from a process substitution."""
    written: bool = True
    """It stands in the command letter by letter."""
    variable: bool = False
    """It is the value of a variable that is not known, as one argument."""
    many: bool = False
    """Its wildcards are expanded where it stands, so that it may become several arguments."""

    @property
    def is_known(self) -> bool:
        return not self.unknown and not self.glob


Values = tuple[Arg, ...] | None
"""What a variable may hold; None when that is not known."""
_EMPTY = Arg("")


def resolve(pieces: tuple[Piece, ...], variables: Mapping[str, Values], nodes: Mapping[int, Arg]) -> list[Arg]:
    """What a word without braces may become, one argument for each possibility.

    Args:
        pieces: Of the word.
        variables: What is known about variables.
        nodes: First byte of a substitution → what it gives.
    """
    choices = [[_EMPTY]] if not pieces else [_choices(piece, variables, nodes) for piece in _with_home(pieces)]
    total = 1
    for choice in choices:
        total *= len(choice)
    if total > MOST_ALTERNATIVES:
        return [Arg(UNKNOWN_MARK, unknown="it has too many possible values", written=False)]
    return [_join(parts) for parts in product(*choices)]


def _with_home(pieces: tuple[Piece, ...]) -> list[Piece]:
    """Mark a tilde that bash would expand by making it a piece of its own."""
    first = pieces[0]
    if first.kind == "bare" and first.text.startswith("~"):
        rest = (Piece("bare", first.text[1:], quoted=False),) if first.text[1:] else ()
        return [Piece("variable", "~"), *rest, *pieces[1:]]
    return list(pieces)


def _choices(piece: Piece, variables: Mapping[str, Values], nodes: Mapping[int, Arg]) -> list[Arg]:
    match piece.kind:
        case "quoted":
            return [Arg(to_text(piece.text))]
        case "bare":
            if piece.text != "=~" and re.search(r"[=:]~", piece.text):
                return [Arg(to_text(piece.text), unknown="a home directory stands in it")]
            glob = bool(_GLOB.search(piece.text))
            return [Arg(to_text(piece.text), glob=glob, many=glob)]
        case "variable":
            return _variable(piece, variables)
        case "node" if piece.node is not None:
            return [_output(nodes[piece.node.start_byte], quoted=piece.quoted)]
    return [Arg(UNKNOWN_MARK, unknown=piece.text, written=False)]


def _output(arg: Arg, *, quoted: bool) -> Arg:
    return arg if quoted or arg.pipe or arg.single else arg._replace(plain=False)


def _variable(piece: Piece, variables: Mapping[str, Values]) -> list[Arg]:
    name = piece.text
    if name == "~" or (name == "HOME" and name not in variables):
        return [Arg("~", home=True, written=name == "~")]
    if name not in variables:
        plain, numeric = name in HARMLESS, name in NUMERIC
        why = f"the value of ${name} is not known"
        return [
            Arg(UNKNOWN_MARK, unknown=why, plain=plain, single=numeric, numeric=numeric, written=False,
                variable=piece.quoted)
        ]  # fmt: skip
    values = variables[name]
    if values is None:
        return [Arg(UNKNOWN_MARK, unknown=f"the value of ${name} is not known", written=False)]
    if not piece.quoted:
        values = tuple(map(_unquoted, values))
    return [value._replace(written=False, many=False) for value in values]


def _unquoted(value: Arg) -> Arg:
    if value.is_known and (not value.text or _SPLIT.search(value.text)):
        return value._replace(unknown="it is split into words or expanded, for lack of quotes")
    if value.single:
        return value
    if value.unknown == FETCHED:
        return value._replace(plain=False)
    if value.glob or value.unknown:
        return value._replace(unknown="it may be split into words, for lack of quotes", plain=False)
    return value


def _join(parts: tuple[Arg, ...]) -> Arg:
    parts = tuple(part for part in parts if part.text or part.unknown or part.pipe) or parts[:1]
    if len(parts) == 1:
        return parts[0]
    if sum(len(part.text) for part in parts) > MOST_LETTERS:
        return Arg(UNKNOWN_MARK, unknown="it is too long", written=False)
    text = "".join(part.text for part in parts)
    unknowns = [part for part in parts if part.unknown]
    glob = any(part.glob for part in parts)
    unknown = next(
        (part.unknown for part in unknowns if part.unknown == FETCHED), unknowns[0].unknown if unknowns else ""
    )
    if any(part.home for part in parts[1:]):
        unknown = unknown or "a home directory stands in it"
    if glob and any(not part.glob and _GLOB.search(part.text) for part in parts):
        unknown = unknown or "wildcards and quoted ones stand side by side"
    if any(part.pipe for part in parts):
        unknown = unknown or "a process substitution is part of it"
    return Arg(
        text,
        glob=glob,
        home=parts[0].home,
        unknown=unknown,
        plain=bool(unknowns) and all(part.plain for part in unknowns) and not glob,
        written=all(part.written for part in parts),
        many=any(part.many for part in parts),
    )
