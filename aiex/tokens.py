"""Token counts: exact for OpenAI's vocabularies from packaged data, honest estimates for everybody else.

Nothing here uses the network. The first count loads one vocabulary (about 0.3 s and 80 MB for o200k_base); `estimate`
and the model `offline` never do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import tiktoken

PIECE_CHARS = 4_000
"""Text is encoded in pieces of about this size, so that a count can be interrupted and stays cheap in memory."""

HARD_PIECE_CHARS = 65_536
"""No piece is longer. The o200k_base pattern aborts on a run of 1,000,000 spaces, works on 700,000 (tiktoken 0.14)."""

LONGEST_TOKEN_BYTES = 128
"""In both vocabularies."""

CHARS_PER_TOKEN = 3.2
"""For `estimate`. Code has 4.27 characters per o200k_base token (4.7 MB of Python), so this errs upwards."""

FALLBACK_FACTOR = 1.2
"""How many tokens an unknown vendor may count where o200k_base counts one."""

OFFLINE = "offline"
"""The provider that asks no model; its requests are measured by `estimate`."""

_OPENAI_MODELS = (
    ("o200k_base", r"(gpt-5|gpt-4o|chatgpt-4o|gpt-4\.1|gpt-4\.5|o1|o3|o4-mini|gpt-oss)(?=[-.:@]|$)"),
    (
        "cl100k_base",
        r"(gpt-4|gpt-3\.5|gpt-35)(?=[-:@]|$)|text-embedding-(3-(small|large)|ada-002)$|(davinci|babbage)-002\b",
    ),
)
"""Source: tiktoken 0.14, `tiktoken/model.py`; a test compares. gpt-oss has o200k_base's ordinary tokens."""

_VENDOR_FACTORS = (
    (r"claude|anthropic", 1.35),
    (r"gemini|gemma|google", 1.1),
    (r"(^|/)(gpt-|o\d\b)", 1.1),
)
"""Tokens per o200k_base token on code. Claude: 1.15 to 1.2 on prose and 1.35 to 1.7 on code by published statements
(2026). Gemini: none published, a starting value. OpenAI's models newer than the table: room for a new vocabulary."""

_PATTERNS = {
    "o200k_base": "|".join(
        (
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        )
    ),
    "cl100k_base": "|".join(
        (
            r"'(?i:[sdmt]|ll|ve|re)",
            r"[^\r\n\p{L}\p{N}]?+\p{L}++",
            r"\p{N}{1,3}+",
            r" ?[^\s\p{L}\p{N}]++[\r\n]*+",
            r"\s++$",
            r"\s*[\r\n]",
            r"\s+(?!\S)",
            r"\s",
        )
    ),
}
"""How a text falls into words before they are encoded. Source: tiktoken 0.14, `tiktoken_ext/openai_public.py`."""

_LOADED: set[str] = set()
"""The vocabularies of this process."""


class Count(NamedTuple):
    """How many tokens a text has; `exact` is False for an estimate, which leans upwards."""

    tokens: int
    exact: bool


class Counting(NamedTuple):
    """How the tokens of a model are counted: o200k_base or cl100k_base tokens times a factor."""

    encoding: str
    factor: float
    exact: bool


def count(text: str, model: str = "") -> Count:
    """The number of tokens `text` has for `model`, special-token text counted as the plain text it is.

    Args:
        text: Any string; lone surrogates count as the replacement character.
        model: `provider/model`, a bare model name or the name of an encoding. Without one, or with a model whose
            vocabulary is not public, the result is an estimate; `offline` takes the cheap `estimate`.

    A stretch of more than 65,536 characters without a place to divide it makes the count an estimate, off by a token
    or two per 65,536 characters.
    """
    encoding = _load_for(model)
    if encoding is None:
        return estimate(text)
    way = encoding_for(model)
    tokens, clean = _count_raw(encoding, text)
    return Count(_ceil(tokens * way.factor), way.exact and clean)


def tally(text: str, encoding: str, *, load: bool = True) -> Count | None:
    """The tokens of `text` in a packaged vocabulary, whichever model counts so; None where it cannot be had.

    Args:
        load: Load the vocabulary when this process has not yet; it takes about 0.3 s.
    """
    if not load and encoding not in _LOADED:
        return None
    loaded = _load_for(encoding)
    return None if loaded is None else Count(*_count_raw(loaded, text))


def estimate(text: str) -> Count:
    """A quick count that leans upwards, from lengths alone: loads nothing and is never exact.

    Each byte that UTF-8 needs beyond one per character adds half a token, which covers scripts with few characters
    per token.
    """
    extra_bytes = 0 if text.isascii() else len(text.encode("utf-8", "surrogatepass")) - len(text)
    return Count(_ceil(len(text) / CHARS_PER_TOKEN + extra_bytes / 2), exact=False)


def clip(text: str, budget_tokens: int, model: str = "") -> str:
    """The longest beginning of `text`, in whole lines, that has at most `budget_tokens` for `model`.

    Empty when the first line alone is too long. Cost: some ten counts of the part that is kept, whatever follows it.
    """
    if fits(text, budget_tokens, model):
        return text
    longest = LONGEST_TOKEN_BYTES * max(budget_tokens, 0)
    ends = [0, *(match.end() for match in re.finditer("\n", text[:longest]))]
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if fits(text[: ends[middle]], budget_tokens, model):
            low = middle
        else:
            high = middle - 1
    return text[: ends[low]]


def fits(text: str, budget_tokens: int, model: str = "") -> bool:
    """Whether `text` has at most `budget_tokens`; stops encoding as soon as the answer is known."""
    encoding = _load_for(model)
    if encoding is None:
        return estimate(text).tokens <= budget_tokens
    factor = encoding_for(model).factor
    tokens = 0
    for piece, _ in _pieces(_encodable(text)):
        tokens += len(encoding.encode_ordinary(piece))
        if _ceil(tokens * factor) > budget_tokens:
            return False
    return True


@cache
def encoding_for(model: str) -> Counting:
    """How the tokens of `model` are counted; never fails, an unknown model gets o200k_base and a factor above one."""
    name = model.rpartition("/")[2].lower().removeprefix("ft:")
    if name in _PATTERNS:
        return Counting(name, 1.0, exact=True)
    for encoding, pattern in _OPENAI_MODELS:
        if re.match(pattern, name):
            return Counting(encoding, 1.0, exact=True)
    if not name:
        return Counting("o200k_base", 1.0, exact=False)
    for pattern, factor in _VENDOR_FACTORS:
        if re.search(pattern, model.lower()):
            return Counting("o200k_base", factor, exact=False)
    return Counting("o200k_base", FALLBACK_FACTOR, exact=False)


def read_tokens(encoding: str) -> list[bytes]:
    """The tokens of a packaged vocabulary; the position of a token is its rank.

    The file is one zlib stream: the number of tokens in four bytes, big end first, then one byte with the length of
    each token, then the tokens themselves.
    """
    from zlib import decompress

    path = os.path.join(os.path.dirname(__file__), "data", "vocabularies", f"{encoding}.ranks")
    with open(path, "rb") as file:
        data = decompress(file.read())
    size = int.from_bytes(data[:4], "big")
    ends = list(accumulate(data[4 : 4 + size], initial=4 + size))
    return list(map(data.__getitem__, map(slice, ends, ends[1:])))


@cache
def load_encoding(encoding: str) -> tiktoken.Encoding:
    """The encoder of a packaged vocabulary, without special tokens; one per process.

    Raises:
        ImportError: where tiktoken is not installed.
    """
    from tiktoken import Encoding

    ranks = {token: rank for rank, token in enumerate(read_tokens(encoding))}
    _LOADED.add(encoding)
    return Encoding(name=encoding, pat_str=_PATTERNS[encoding], mergeable_ranks=ranks, special_tokens={})


def _load_for(model: str) -> tiktoken.Encoding | None:
    """The encoder for a model, None when a cheap estimate is all that is wanted or possible."""
    if model.partition("/")[0] == OFFLINE:
        return None
    try:
        return load_encoding(encoding_for(model).encoding)
    except ImportError:
        return None


def _count_raw(encoding: tiktoken.Encoding, text: str) -> tuple[int, bool]:
    tokens, all_clean = 0, True
    for piece, clean in _pieces(_encodable(text)):
        tokens += len(encoding.encode_ordinary(piece))
        all_clean = all_clean and clean
    return tokens, all_clean


def _encodable(text: str) -> str:
    """`text` with surrogate pairs joined and lone surrogates replaced, as tiktoken itself does for a whole text."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


_CLEAN_CUT = re.compile(r"(?<=\S)(?=[ \t])|(?<=\n)(?=[^\s/])")
"""Places where neither pattern can have one word on both sides: a blank after something visible, and the first visible
character of a line. The slash is out because o200k_base lets `);\\n//` be one word. No whitespace is part of a word
but at its beginning, and line ends only at its end."""


def _pieces(text: str, size: int = PIECE_CHARS) -> Iterator[tuple[str, bool]]:
    """`text` in pieces, each with whether the cut after it is clean, so that counts add up exactly."""
    start = 0
    while len(text) - start > size:
        cut = _CLEAN_CUT.search(text, start + size, min(start + HARD_PIECE_CHARS, len(text)))
        if cut is None and len(text) - start <= HARD_PIECE_CHARS:
            break
        end = start + HARD_PIECE_CHARS if cut is None else cut.start()
        yield text[start:end], cut is not None
        start = end
    yield text[start:], True


def _ceil(number: float) -> int:
    return -int(-number // 1)
