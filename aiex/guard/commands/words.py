"""The words of a command as bash splits and unquotes them, read byte by byte and compared with the tree.

The tree says where a substitution ends; everything else is read here on its own, so that the two readings check each
other. Text is handled as one character per byte until a word is complete.
"""

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from aiex.guard.commands.syntax import Tree
from aiex.patterns import late

if TYPE_CHECKING:
    from tree_sitter import Node

Kind = Literal["bare", "quoted", "variable", "node", "unclear"]

_PLAIN = late(r"[A-Za-z0-9_./:@%+=,^\[\]*?~\-\x80-\xff]+")
_NAME = late(r"[A-Za-z_][A-Za-z0-9_]*|[0-9?#$!@*-]")
_BLANKS = late(r"(?:[ \t]|\\\n)+")
_ANSI = late(r"\\(?:([abeEfnrtv\\'\"?])|([0-7]{1,3})|x([0-9a-fA-F]{1,2}))|[^\\']")
_BRACED = late(rb"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ENDS = frozenset(" \t\n;&|<>()")
_ESCAPES = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HISTORY = late(r"![A-Za-z0-9!?$*^:#-]")


class Piece(NamedTuple):
    """A part of a word."""

    kind: Kind
    text: str
    """The characters; the name of a variable; or why the part is not understood."""
    quoted: bool = True
    node: "Node | None" = None


class Word(NamedTuple):
    """One word, where it stands and what it is made of."""

    start: int
    end: int
    pieces: tuple[Piece, ...]

    @property
    def is_written(self) -> bool:
        """Whether it stands there letter by letter, without an expansion."""
        return all(piece.kind in ("bare", "quoted") for piece in self.pieces)


class Disagreement(Exception):
    """The text is not what the tree says it is."""


def read_words(
    tree: Tree, start: int, end: int, skip: dict[int, int] | None = None, marks: "re.Pattern[str] | None" = None
) -> list[Word]:
    """The words between two places.

    Args:
        tree: The parsed command.
        start: First byte.
        end: The byte after the last one.
        skip: First byte → end of what stands among the words and is no word, such as redirections.
        marks: Operators that count as words here, as in `[[ … ]]`.

    Raises:
        Disagreement: for an operator or a line end between the words.
    """
    text = tree.letters
    words: list[Word] = []
    at = start
    while True:
        blanks = _BLANKS.match(text, at, end)
        if blanks:
            at = blanks.end()
        if skip and at in skip:
            at = skip[at]
            continue
        if at >= end:
            return words
        mark = marks.match(text, at, end) if marks else None
        if mark:
            words.append(Word(at, mark.end(), (Piece("quoted", mark[0]),)))
            at = mark.end()
            continue
        if words and not blanks and words[-1].end == at:
            raise Disagreement("two words touch")
        word = read_word(tree, text, at, end)
        words.append(word)
        at = word.end


def read_word(tree: Tree, text: str, at: int, end: int) -> Word:
    """The word that begins at a byte.

    Raises:
        Disagreement: when no word begins there, or the tree lacks a substitution that the text has.
    """
    start, pieces = at, list[Piece]()
    if text[at] == "#":
        raise Disagreement("a comment stands among the words")
    if text[at] in "<>" and text[at + 1 : at + 2] == "(":
        at = _node_piece(tree, at, pieces, quoted=True)
    while at < end and text[at] not in _ENDS:
        plain = _PLAIN.match(text, at, end)
        if plain:
            pieces.append(Piece("bare", plain[0], quoted=False))
            at = plain.end()
        else:
            at = _special(tree, text, at, end, pieces)
    if at == start:
        raise Disagreement(f"an operator stands among the words: {text[at]}")
    return Word(start, at, tuple(pieces))


def _special(tree: Tree, text: str, at: int, end: int, pieces: list[Piece]) -> int:
    """Read what a special letter begins; gives the place after it."""
    match text[at]:
        case "\\":
            return _escaped(text, at, end, pieces)
        case "'":
            closed = _until(text, "'", at + 1, end)
            pieces.append(Piece("quoted", text[at + 1 : closed]))
            return closed + 1
        case '"':
            return _double(tree, text, at, end, pieces)
        case "$" if text[at + 1 : at + 2] == "'":
            return _ansi(text, at + 2, end, pieces)
        case "$" | "`":
            return _dollar(tree, text, at, end, pieces, quoted=False)
        case "!" if _HISTORY.match(text, at):
            pieces.append(Piece("unclear", "history expansion"))
            return at + 1
    pieces.append(Piece("bare", text[at], quoted=False))
    return at + 1


def to_text(piece: str) -> str:
    """Bytes written as characters, as the text they are."""
    return piece.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def _until(text: str, mark: str, at: int, end: int) -> int:
    found = text.find(mark, at, end)
    if found < 0:
        raise Disagreement("a quote is not closed")
    return found


def _escaped(text: str, at: int, end: int, pieces: list[Piece]) -> int:
    if at + 1 >= end:
        raise Disagreement("a backslash ends the text")
    if text[at + 1] != "\n":
        pieces.append(Piece("quoted", text[at + 1]))
    return at + 2


def _double(tree: Tree, text: str, at: int, end: int, pieces: list[Piece]) -> int:
    """Read a string in double quotes; gives the place after it."""
    pieces.append(Piece("quoted", ""))
    at += 1
    while at < end:
        letter = text[at]
        if letter == '"':
            return at + 1
        if letter == "\\" and at + 1 < end:
            after = text[at + 1]
            if after != "\n":
                pieces.append(Piece("quoted", after if after in '$`"\\' else "\\" + after))
            at += 2
        elif letter in "$`":
            at = _dollar(tree, text, at, end, pieces, quoted=True)
        else:
            if letter == "!" and _HISTORY.match(text, at):
                pieces.append(Piece("unclear", "history expansion"))
            pieces.append(Piece("quoted", letter))
            at += 1
    raise Disagreement("a quote is not closed")


def _ansi(text: str, at: int, end: int, pieces: list[Piece]) -> int:
    """Read `$'…'` from its first letter; gives the place after it."""
    letters = []
    while at < end and text[at] != "'":
        found = _ANSI.match(text, at, end)
        if not found:  # \u, \c and what else there is
            pieces.append(Piece("unclear", "an escape that is not understood"))
            at += 2
            continue
        simple, octal, hexadecimal = found.groups()
        if octal or hexadecimal:
            letters.append(chr((int(octal, 8) if octal else int(hexadecimal, 16)) & 0xFF))
        else:
            letters.append(_ESCAPES.get(simple, simple) if simple else found[0])
        at = found.end()
    if at >= end:
        raise Disagreement("a quote is not closed")
    decoded = "".join(letters)
    pieces.append(Piece("unclear", "a NUL") if "\0" in decoded else Piece("quoted", decoded))
    return at + 1


def _dollar(tree: Tree, text: str, at: int, end: int, pieces: list[Piece], *, quoted: bool) -> int:
    """Read what a dollar or a backquote begins; gives the place after it."""
    if at in tree.substitutions:
        return _node_piece(tree, at, pieces, quoted=quoted)
    if text[at + 1 : at + 2] == "\\" and text[at + 2 : at + 3] == "\n":
        raise Disagreement("a line goes on behind a dollar")
    if text[at] == "`" or text[at + 1 : at + 2] in ("(", "{", "[", '"'):
        if text[at] == "$" and text[at + 1 : at + 2] == '"' and quoted:
            pieces.append(Piece("quoted", "$"))
            return at + 1
        raise Disagreement("a substitution that the tree does not have")
    name = _NAME.match(text, at + 1, end)
    if name:
        if text.startswith("\\\n", name.end()):
            raise Disagreement("a line goes on behind the name of a variable")
        pieces.append(Piece("variable", name[0], quoted))
        return name.end()
    pieces.append(Piece("quoted", "$"))
    return at + 1


def _node_piece(tree: Tree, at: int, pieces: list[Piece], *, quoted: bool) -> int:
    node = tree.substitutions.get(at)
    if node is None:
        raise Disagreement("a substitution that the tree does not have")
    simple = _BRACED.fullmatch(tree.source, node.start_byte, node.end_byte)
    if simple:
        pieces.append(Piece("variable", simple[1].decode(), quoted))
    else:
        pieces.append(Piece("node", "", quoted, node))
    return node.end_byte
