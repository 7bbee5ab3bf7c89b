"""Rules about commands, compared with the simple commands that a line was parsed into, word by word."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from aiex.guard.commands.programs import WRAPPERS, beginnings
from aiex.guard.commands.values import UNKNOWN_MARK
from aiex.guard.policy.patterns import MANY, Element, Glob, Pattern, aligns, covers_word
from aiex.guard.policy.policy import Match
from aiex.guard.policy.trie import Trie
from aiex.patterns import late

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aiex.guard.commands.verdict import Operand, Simple
    from aiex.guard.policy.rules import Rule

_PLACES: Final = frozenset(["read", "look", "revision"])
"""Roles of operands that are paths, or may be."""
_WILD: Final = late(rf"[{UNKNOWN_MARK}*?\[]")
"""What is not known before the shell runs, or stands for names of files, unless it was quoted."""
_ENDING: Final = late(r"\.(?:exe|com|cmd|bat)\Z")
"""Of programs on Windows, which may be left out there."""
_MOST_TAILS: Final = 48
"""Words behind a program that runs another, looked at as beginnings of a command; behind more of them any may be."""
_ANY_NAME: Final = ""
_MOVES: Final = frozenset(["cd", "pushd", "popd"])


class CommandRules:
    """The rules about commands of one policy."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._allowed: Trie[Rule] = Trie()
        self._others: Trie[Rule] = Trie()
        self._by_words: dict[tuple[str, str], list[Rule]] = {}
        """Rules that ask or deny, by their program and the last word that they spell out."""
        self.strict: list[Rule] = []
        for rule in rules:
            if rule.effect == "allow":
                self._allowed.add(rule.cover, rule)
                continue
            self.strict.append(rule)
            self._others.add((_program(rule.cover[0]), *rule.cover[1:]), rule)
            first, *others = rule.written
            spelled = [element for element in others if isinstance(element, str)]
            if spelled:
                name = _name(first) if isinstance(first, str) else _ANY_NAME
                self._by_words.setdefault((name, spelled[-1]), []).append(rule)

    def about(self, simple: Simple, role: str, *, moves: bool) -> list[Match]:
        """The rules about one simple command.

        Args:
            simple: The command.
            role: On whose behalf it would run.
            moves: Whether the line changes directory, so that `./program` may be any.
        """
        words = (simple.name, *[operand.text for operand in simple.present])
        found = [
            Match(rule)
            for rule in self._allowed.find(words)
            if rule.is_for(role) and covers(rule.cover, simple, words) and not (moves and _is_relative(simple.name))
        ]
        if not self.strict:
            return found
        sure = [rule for rule in self._others.find((_name(words[0]), *words[1:])) if rule.is_for(role)]
        found += [Match(rule) for rule in sure]
        return found + [match for match in self.maybe_about(words, role) if match.rule not in sure]

    def maybe_about(self, words: Sequence[str], role: str) -> list[Match]:
        """The rules that ask or deny, and that the words may be about after all."""
        found = {id(rule): rule for rule in self._maybe(words) if rule.is_for(role)}
        return [Match(rule, loose=True) for rule in found.values()]

    def _maybe(self, words: Sequence[str]) -> Iterator[Rule]:
        yield from self._maybe_here(words)
        if words and _name(words[0]) in WRAPPERS:
            tails = beginnings(words)
            for at in islice(tails, _MOST_TAILS):
                yield from self._others.find((_name(words[at]), *words[at + 1 :]))
                yield from self._maybe_here(words[at:])
            if next(tails, None) is not None:
                yield from self.strict

    def _maybe_here(self, words: Sequence[str]) -> Iterator[Rule]:
        """The rules that a command beginning here may be about; without words any may be."""
        name = _name(words[0]) if words else ""
        unclear = next((at for at, word in enumerate(words) if _WILD.search(word)), None)
        if unclear is not None or not words:
            yield from self._others.find_below((name, *words[1:unclear]) if unclear else ())
        for word in words[1:]:
            for known in (name, _ANY_NAME):
                for rule in self._by_words.get((known, word), ()):
                    if covers_word(_program(rule.written[0]), name) and _stand_in_order(rule.written, words):
                        yield rule


def covers(pattern: Pattern, simple: Simple, words: Sequence[str]) -> bool:
    """Whether leave for a pattern is leave for a simple command.

    A wildcard never stands for what is not known before the shell runs, nor for a path that the classification objects
    to. It stands for an option or an operand that it objects to only behind a word that goes beyond reading and that
    the pattern spells out, or behind a sub-command: `git log *` is no leave for `git log --output=x`, and
    `git push *` is one for `git push --force`. What the shell may take for a pattern of names is covered by a last `*`
    alone, because it may become any number of words.
    """
    operands = simple.present
    if all(operand.level == "safe" for operand in operands) and not any(map(_WILD.search, words)):
        return True  # the index has matched the words already
    beyond = next((at for at, operand in enumerate(operands, 1) if _is_beyond(operand)), len(words))
    spelled = frozenset(element for element in pattern if isinstance(element, str))
    is_open = isinstance(pattern[0], Glob) or _goes_beyond(operands, beyond, spelled)

    def may_cover(at: int, element: Element) -> bool:
        if UNKNOWN_MARK in words[at] or (element is not MANY and _WILD.search(words[at])):
            return False
        if at == 0 or operands[at - 1].level == "safe" or isinstance(element, str):
            return True
        return is_open and not is_place(operands[at - 1])

    return aligns(pattern, words, may_cover)


def _is_beyond(operand: Operand) -> bool:
    return operand.level != "safe" and not is_place(operand)


def is_place(operand: Operand) -> bool:
    """Whether an operand is a path, or may be one."""
    return operand.role.rsplit(" ", 1)[-1] in _PLACES


def _goes_beyond(operands: Sequence[Operand], beyond: int, spelled: frozenset[str]) -> bool:
    """Whether the first word that goes beyond reading is spelled out, or is a sub-command."""
    if beyond > len(operands):
        return False
    text = operands[beyond - 1].text
    return text in spelled or (beyond == 1 and not text.startswith("-"))


def _is_relative(name: str) -> bool:
    return "/" in name and not name.startswith("/")


def changes_directory(commands: Iterable[Simple]) -> bool:
    """Whether a line leaves the directory that it starts in."""
    return any(simple.name in _MOVES for simple in commands)


def _name(program: str) -> str:
    """A program without its directory and the ending of Windows, in lower case: rather too many alike than too few."""
    return _ENDING.sub("", program.rsplit("/", 1)[-1].casefold())


def _program(element: Element) -> Element:
    if isinstance(element, str):
        return _name(element)
    return element if element is MANY else Glob(tuple(piece.casefold() for piece in element.pieces))


def _stand_in_order(pattern: Pattern, words: Sequence[str]) -> bool:
    """Whether the words that a pattern spells out stand in a command in the same order, with others between them."""
    rest = iter(words[1:])
    return all(element in rest for element in pattern[1:] if isinstance(element, str))
