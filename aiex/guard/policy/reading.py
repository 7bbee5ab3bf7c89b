"""Rules about reading, as the classification of commands wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.guard.policy.patterns import ANY, MANY, Element, Glob, map_texts, may_meet
from aiex.guard.policy.places import fold, fold_piece, path_words
from aiex.patterns import late

if TYPE_CHECKING:
    from aiex.guard.commands.verdict import Simple
    from aiex.guard.policy.policy import Policy
    from aiex.guard.policy.rules import Rule

_WILD: Final = late(r"[*?\[]")


def why_not_read(policy: Policy, path: str, role: str) -> str:
    """Why a command may not read something without a decision on that; empty when it may.

    Args:
        policy: The rules.
        path: In the workspace, and all that lies beneath it; with `*`, `?` and `[` as the shell takes them, and `**` at
            the end.
        role: On whose behalf.
    """
    words = path_words(path)
    if words is None:
        return "it is no path in the workspace"
    if _WILD.search(path):
        rule = _restricted_among(policy, words, role)
    else:
        rule = policy.restricted_below("read", words, role)
    return f"there is a rule: {rule.text}" if rule else ""


def _restricted_among(policy: Policy, words: tuple[str, ...], role: str) -> Rule | None:
    """The first rule that may be about something that a pattern of the shell stands for."""
    patterns = [(form[0], *map(_element, form[1:]), MANY) for form in policy.forms(words)]
    for rule in policy.rules:
        if rule.effect == "allow" or "read" not in rule.kinds or not rule.is_for(role):
            continue
        cover = (*rule.cover[:1], *map_texts(rule.cover[1:], fold, fold_piece))
        if any(may_meet(pattern, cover) for pattern in patterns):
            return rule
    return None


def _element(word: str) -> Element:
    if word == "**":
        return MANY
    if "?" in word or "[" in word:
        return ANY
    return Glob(tuple(map(fold_piece, word.split("*")))) if "*" in word else fold(word)


_WHOLE_TREE: Final = frozenset(["rg", "ag", "grep", "find", "fd", "tree"])
"""Programs that look through the directory they are in when no path is named."""
_SHOWS: Final = frozenset(["diff", "show", "grep", "blame", "annotate", "cat-file", "archive", "whatchanged"])
"""Sub-commands of git that print what files say, or said."""
_PATCH: Final = ("-p", "-u", "-U", "-L", "-c", "--cc", "--patch", "--unified", "-S", "-G", "-m")


def why_reads_all(policy: Policy, simple: Simple, role: str) -> str:
    """Why a command that only reads may still read what a rule restricts: it names no path, or reads git's objects."""
    if not policy.restricts_reads or not _may_read_all(simple):
        return ""
    return why_not_read(policy, ".", role)


def _may_read_all(simple: Simple) -> bool:
    if simple.name == "git":
        words = [operand.text for operand in simple.operands]
        return any(word in _SHOWS for word in words) or ("log" in words and any(map(_is_patch, words)))
    return simple.name in _WHOLE_TREE and not any(operand.role in ("read", "look") for operand in simple.operands)


def _is_patch(word: str) -> bool:
    return word.startswith(_PATCH)
