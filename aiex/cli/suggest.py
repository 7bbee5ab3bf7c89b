"""What was probably meant: the nearest of the words that exist."""

from collections.abc import Iterable

_SYNONYMS = {
    "ls": "list", "delete": "rm", "remove": "rm", "del": "rm", "new": "create", "cat": "show", "describe": "explain",
    "info": "show", "check": "doctor", "settings": "config", "setting": "config", "lang": "language",
}  # fmt: skip


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Up to three known words near to `word`, best first."""
    from difflib import get_close_matches

    known = sorted(set(known))
    meant = [_SYNONYMS[word]] if _SYNONYMS.get(word) in known else []
    begun = [name for name in known if len(word) > 1 and name.startswith(word)]
    close = get_close_matches(word, known, n=3, cutoff=0.6)
    return list(dict.fromkeys([*meant, *close, *begun]))[:3]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest words; empty when nothing is near."""
    near = nearest(word, known)
    if not near:
        return ""
    *others, last = (f"'{name}'" for name in near)
    return f"did you mean {', '.join(others) + ' or ' if others else ''}{last}?"
