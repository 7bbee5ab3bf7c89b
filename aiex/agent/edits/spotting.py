"""What a result must not hold: lines that stand for code left out, and marks of an unfinished merge."""

import re
from typing import Final

_LEADS: Final = ("{/*", "<!--", "///", "//", "/*", "--[[", "--", "#", ";", "%", "*", "'''", '"""')
_FIRST: Final = "".join({lead[0] for lead in _LEADS})
_TAILS: Final = ("*/}", "-->", "*/", "--]]", "'''", '"""')
_DOTS: Final = ("...", "\u2026")
_LEFT_OUT: Final = (
    r"\b(existing|rest|remain\w*|unchanged|same|other|previous|omitted|skip\w*|snip\w*|truncated|code|methods?"
    r"|functions?|imports?|lines|more|elided|above|below|before|as is|keep)\b"
)
_WHOLE: Final = r"(?:code|file|function|class|method|methods|module|implementation|script|content|imports)"
_STAYS: Final = (
    r"(?:is |are )?(?:here|unchanged|omitted|as is|remains?|stays?|goes|continues|the same|same|as before| )+"
)
_PHRASE: Final = (
    rf"^\W*(?:(?:the )?(?:rest|remainder) of (?:the |this |your )?(?:existing |original )?{_WHOLE}(?: {_STAYS})?"
    rf"|(?:the |your )?existing {_WHOLE}(?: {_STAYS})?"
    rf"|(?:the )?(?:remaining|previous|original|other|rest) (?:\w+ )?{_WHOLE} {_STAYS}"
    rf"|(?:code|everything else|nothing else) {_STAYS})\W*$"
)
_CONFLICT: Final = r"^(?:<{7}|>{7}|\|{7})(?: .*)?$"


def is_elision(line: str) -> bool:
    """Whether a line stands for others that were left out: dots alone, or a comment that says so."""
    bare = line.strip()
    if bare in _DOTS:
        return True
    lead = next((lead for lead in _LEADS if bare.startswith(lead)), "")
    said = bare.removeprefix(lead)
    for tail in _TAILS:
        said = said.removesuffix(tail)
    said = said.strip().strip("[](){}<>").strip()
    if said in _DOTS:
        return bool(lead)
    if said.startswith(_DOTS) and (said.endswith(_DOTS) or re.search(_LEFT_OUT, said, re.IGNORECASE)):
        is_bracketed = bare[0] in "[(<" and re.fullmatch(r"\W+[a-zA-Z]+( [a-zA-Z]+)+\W*", said) is not None
        return bool(lead) or said.endswith(_DOTS) or is_bracketed
    if said.endswith(_DOTS) and lead and re.search(_LEFT_OUT, said, re.IGNORECASE):
        return re.match(r"(?i)(existing|rest|the rest|remaining|other|previous|same|unchanged)\b", said) is not None
    return bool(lead) and re.match(_PHRASE, said, re.IGNORECASE) is not None


def split_at_elisions(text: str) -> list[str]:
    """The whole lines between the lines that stand for others; one piece if there are none."""
    pieces = [""]
    for line in text.split("\n")[:-1]:
        if is_elision(line):
            pieces.append("")
        else:
            pieces[-1] += line + "\n"
    return pieces


def new_elision(new: str, *known: str) -> str:
    """The first line of `new` that stands for code left out and does not stand so in the known texts; else empty.

    Dots alone are the body of a Python function if the line above them ends with a colon or a docstring.
    """
    above = ""
    for line in new.split("\n"):
        is_likely = "..." in line or "\u2026" in line or line.lstrip(" \t")[:1] in _FIRST
        if (
            is_likely
            and is_elision(line)
            and not _is_body(line, above)
            and not any(_has_line(text, line) for text in known)
        ):
            return line.strip()
        above = line.rstrip() or above
    return ""


def new_conflict(before: str, after: str) -> str:
    """The first mark of a merge conflict of which `after` has more than `before`; else empty."""
    if not any(mark in after for mark in ("<<<<<<<", ">>>>>>>", "|||||||")):
        return ""
    marks = [re.findall(_CONFLICT, text, re.MULTILINE) for text in (after, before)]
    return str(marks[0][0]) if len(marks[0]) > len(marks[1]) else ""


def _is_body(line: str, above: str) -> bool:
    return line.strip() == "..." and (above.endswith((":", '"""', "'''")) and line[:1] in " \t")


def _has_line(text: str, line: str) -> bool:
    """Whether a line stands in a text, whatever its indentation."""
    bare = line.strip()
    at = text.find(bare)
    while at >= 0:
        begin = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = end if end >= 0 else len(text)
        if text[begin:end].strip() == bare:
            return True
        at = text.find(bare, end)
    return False
