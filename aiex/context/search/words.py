"""Source and questions as terms: identifiers kept whole and split into their words, each reduced to its stem."""

import re
from collections import Counter
from itertools import chain

from aiex.guard.randomness import SHORTEST_KEY, is_key

_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|[0-9]+")
LONGEST_WORD = 80
"""Longer runs of letters are data: hashes, encoded pictures."""
_STOP_WORDS = """
a an and are as at be been but by can could did do does for from get had has have how i if in into is it its just like
may me my no not of on one only or other our out over same should so some such than that the their them then there
these they this to up use used using very was we were what when where which while who why will with would you your
also any all am because being both each few more most own self true false none null return def class import function
const let var new public private static void end fn pub impl mod val else elif try except raise assert print example
following expected actual behavior behaviour issue bug version please code see https http www com github org html
python
"""
STOP = frozenset(_STOP_WORDS.split())
"""Words that say nothing about what a piece of code is for."""
_ENDINGS = (
    ("ically", "ic"), ("ations", "at"), ("ation", "at"), ("ities", "ity"), ("ies", "y"), ("ings", ""), ("ing", ""),
    ("ness", ""), ("ments", ""), ("ment", ""), ("edly", ""), ("ed", ""), ("ors", ""), ("or", ""), ("ers", ""),
    ("er", ""), ("es", ""), ("ly", ""), ("s", ""), ("e", ""),
)  # fmt: skip
_ENDINGS_BY_LETTERS = {
    last: tuple(
        (ending, -len(ending), instead, len(ending) + 3)
        for ending, instead in _ENDINGS
        if ending.endswith(last) or last.endswith(ending)
    )
    for last in {ending[-2:] for ending, _ in _ENDINGS}
}
"""The endings that a word may have, by its last two letters or its last one: each with its length below 0, what stands
for it, and the length of the shortest word that may lose it."""
_BETWEEN = bytes(byte if byte >= 0x80 or byte == ord("_") or chr(byte).isalnum() else ord(" ") for byte in range(256))
"""Turns whatever separates words into spaces: splitting at them is three times as fast as a search for words."""
_APART = _BETWEEN.replace(b"_", b" ")
_CACHED_WORDS = 200_000


def spell(word: bytes) -> tuple[str, ...]:
    """The terms of one word: itself, and its parts when it is composed; none for a stop word.

    `getTCPClient` gives `gettcpclient`, `tcp` and `client`.
    """
    if len(word) > LONGEST_WORD:
        return ()
    if word.isalpha() and (word.islower() or word[1:].islower() or word.isupper()):  # most words need no more than this
        term = _spell_part(word.decode("ascii").lower())
        return (term,) if term else ()
    if word[0] <= ord("9") and not (word.isdigit() and len(word) >= 3):
        return ()
    if word.replace(b"_", b"").isalpha() and (word.islower() or word.isupper()):
        whole = word.decode("ascii").lower().strip("_")
        parts = whole.split("_")  # what the search below would find, and no key: the letters of those change their case
    else:
        text = word.decode("utf-8", "replace")
        if len(word) >= SHORTEST_KEY and is_key(text):
            return ()
        whole = text.lower().strip("_")
        parts = [part.lower() for part in _PART.findall(text)]
    if len(whole) < 2 or whole in STOP:
        return ()
    if len(parts) < 2:
        return (stem(whole),)
    return (stem(whole), *filter(None, map(_spell_part, parts)))


class _Stems(dict[str, str]):
    """The term of each part of an identifier; empty for one that says nothing."""

    def __missing__(self, part: str) -> str:
        if len(self) >= _CACHED_WORDS:
            self.clear()
        term = self[part] = stem(part) if len(part) > 1 and part not in STOP else ""
        return term


_spell_part = _Stems().__getitem__


class _Spelled(dict[bytes, tuple[str, ...]]):
    """What `spell` gave; a plain dictionary is read without a call."""

    def __missing__(self, word: bytes) -> tuple[str, ...]:
        if len(self) >= _CACHED_WORDS:
            self.clear()
        terms = self[word] = spell(word)
        return terms


_SPELLED = _Spelled()


spell_once = _SPELLED.__getitem__
"""`spell`, remembering what it gave."""


def split_words(source: bytes) -> list[bytes]:
    """The runs of letters, digits, underscores and bytes beyond ASCII, in order."""
    return source.translate(_BETWEEN).split()


def split_parts(source: bytes) -> list[bytes]:
    """The same, separated by underscores too: there are fewer such words, and most are terms as they are."""
    return source.translate(_APART).split()


def speak_path(path: str) -> bytes:
    """What a path says: its folders and its name without the ending."""
    folder, _, base = path.rpartition("/")
    return f"{folder}/{base.rpartition('.')[0] or base}".encode("utf-8", "surrogateescape")


def stem(word: str) -> str:
    """A word without its ending, when at least three letters are left."""
    for ending, place, instead, least in _ENDINGS_BY_LETTERS.get(word[-2:]) or _ENDINGS_BY_LETTERS.get(word[-1:], ()):
        if len(word) >= least and word.endswith(ending):
            return word[:place] + instead
    return word


def count_terms(source: bytes) -> Counter[str]:
    """How often each term occurs. Cost: about 40 ms a megabyte."""
    return Counter(chain.from_iterable(map(spell_once, split_words(source))))
