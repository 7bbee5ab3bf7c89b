"""What was probably meant: the nearest of the words that exist."""

from collections.abc import Iterable

_SYNONYMS = {
    "ls": "list", "delete": "rm", "remove": "rm", "del": "rm", "new": "create", "cat": "show", "describe": "explain",
    "info": "show", "check": "doctor", "settings": "config", "setting": "config", "lang": "language",
}  # fmt: skip

_ALIKE = 0.6
"""The customary threshold of `difflib.get_close_matches`."""
_CLOSE_TO_BEST = 0.15
"""Words that much less alike than the best one only distract."""


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Up to three known words near to `word`, best first."""
    from difflib import SequenceMatcher

    known = sorted(set(known))
    meant = [_SYNONYMS[word]] if _SYNONYMS.get(word) in known else []
    begun = [name for name in known if len(word) > 1 and name.startswith(word)]
    likeness = {name: SequenceMatcher(None, word, name).ratio() for name in known}
    least = max(_ALIKE, max(likeness.values(), default=0) - _CLOSE_TO_BEST)
    close = sorted((name for name in known if likeness[name] >= least), key=lambda name: -likeness[name])
    return list(dict.fromkeys([*meant, *close, *begun]))[:3]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest words; empty when nothing is near."""
    near = nearest(word, known)
    if not near:
        return ""
    *others, last = (f"'{name}'" for name in near)
    return f"did you mean {', '.join(others) + ' or ' if others else ''}{last}?"
