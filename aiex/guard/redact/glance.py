"""A first look at a short text: whether any rule could find anything in it at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiex.guard.neutral import INVISIBLE
from aiex.guard.redact.source import to_source
from aiex.patterns import late

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORT: Final = 400
"""Characters. To look at so many takes a quarter of the time of all rules, and at some thousand as long as they do."""
_ANCHORS: Final = late(
    rb"""
      k(?:e[yn]|ie|ty)                                      # names; cookies; JSON web keys
    | w(?:d|oo?rd)
    | p(?:ass|hrase|sk|w|only|iversion)                     # names; httpOnly; apiVersion of manifests
    | c(?:re[td]|ontrase|urestring|le:|rudjti)              # names; statements; a private key in base64
    | u(?:th)
    | h(?:a(?<=senha)|ostonly)
    | b(?:earer)
    | f(?:ied(?<=identified)) | q(?:lplus)                  # statements
    | :(?://|5432:|\*:) | -[upawk]                          # addresses; options of programs
    | v(?:ate[ -]lines)
    | \t(?:true|false)\t                                    # files of cookies
    | \\(?:u001|x1b|033\[|e\[|\r?\n) | \+[ ]?["']           # what hides in what is seen
    | [\x1b\x00\x08\x7f]
    """,
    re.VERBOSE,
)
"""What every rule begins with, or needs somewhere, in lower case: all but those that look at long runs of letters."""
UNSEEN: Final = f"\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f{INVISIBLE}"
"""Characters that nobody sees: a class of a regular expression without its brackets."""
_UNSEEN_BEYOND_ASCII: Final = late(f"[{UNSEEN}]")


def is_plain(text: str, known: Sequence[str]) -> bool:
    """Whether no rule finds anything in a text, for nothing is in it that any of them needs.

    Args:
        known: Values that are known to be secret.
    """
    source = to_source(text)
    if source.has_run() or _ANCHORS.search(source.folded) is not None:
        return False
    if not text.isascii() and _UNSEEN_BEYOND_ASCII.search(text) is not None:
        return False
    return not any(map(text.__contains__, known))
