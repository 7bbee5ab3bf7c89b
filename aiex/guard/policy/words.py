"""Patterns of commands, word by word, and of the names of tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.errors import UsageError
from aiex.guard.policy.patterns import ANY, MANY, Element, Pattern, to_element

if TYPE_CHECKING:
    from collections.abc import Iterator

STAR: Final = "\0"
"""Stands for a wildcard while a pattern is read; no rule can have it."""
_SHELL: Final = frozenset(";|&<>$`(){}!\n")
_BLANK: Final = " "


def parse_command_pattern(text: str) -> Pattern:
    r"""The words of one simple command: `git log *`, `npm run test:*`.

    A `*` that is the last word stands for any number of words, anywhere else for one; in a word it stands for any
    text. Quotes join words as in a shell; `\*` is the character itself.

    Raises:
        UsageError: for what is no simple command.
    """
    words = list(_split(text))
    if not words:
        raise UsageError("the pattern is empty", hint='write "*" for every command')
    name = words[0]
    if name.startswith("~"):
        raise UsageError("~ is not expanded", hint="write the whole path of the program")
    if "=" in name.replace(STAR, ""):
        raise UsageError("a rule begins with the program, not with an assignment")
    *first, last = [_element(word) for word in words]
    if last == ANY:
        last = MANY
    return (*first, last)


def parse_name_pattern(text: str) -> Pattern:
    r"""The name of a tool, `*` for any text in it: `fetch`, `mcp__github__*`."""
    words = list(_split(text))
    if len(words) != 1 or not words[0]:
        raise UsageError("the name of a tool is one word")
    return (_element(words[0]),)


def spell_word(word: str) -> str:
    """A word so that `parse_command_pattern` reads it literally."""
    escaped = word.replace("\\", "\\\\").replace("*", "\\*").replace('"', '\\"').replace("'", "\\'")
    if not word or any(letter == _BLANK or letter in _SHELL for letter in word):
        return f'"{escaped}"'
    return escaped


def _element(word: str) -> Element:
    element = to_element(word, STAR)
    return ANY if element == ANY else element


def _split(text: str) -> Iterator[str]:
    """Words with `STAR` for wildcards."""
    word: list[str] | None = None
    quote = ""
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            following = next(letters, "")
            if following not in ("\\", "*", '"', "'", " "):
                raise UsageError(r"a backslash stands before *, a quote, a blank or a backslash only")
            word = [*(word or []), following]
        elif letter in ("'", '"') and quote in ("", letter):
            quote, word = "" if quote else letter, word or []
        elif letter == _BLANK and not quote:
            if word is not None:
                yield "".join(word)
            word = None
        elif letter in _SHELL and not quote:
            raise UsageError(
                f"{letter} belongs to the shell, and a rule is about one simple command",
                hint="every command of a line is looked at on its own; quote the word if it is meant as it stands",
            )
        else:
            word = word if word is not None else []
            word.append(STAR if letter == "*" else letter)
    if quote:
        raise UsageError(f"a {quote} is not closed")
    if word is not None:
        yield "".join(word)
