"""`sed`: its script is read too, for some of its commands write files and run programs."""

import re

from aiex.guard.commands.options import Call, Tool, missing, read_arguments
from aiex.guard.commands.verdict import Operand
from aiex.patterns import late

_TABLE = Tool(
    "-nErszu -e:text -l:number --quiet --silent --expression:text --regexp-extended --separate --null-data --unbuffered"
    " --line-length:number --posix --version --help",
    ("text",),
    more="read",
    instead="-e --expression",
)
_BLANK = late(r"[ \t]*")
_BETWEEN = late(r"[ \t\n;]*")
_PART_BRACKET = late(r"\[\^?\]?(?:[^]\n\[]|\[(?![:.=])|\[:\w+:\])*\]")
"""Some versions of sed end a part at a delimiter in such a bracket, some do not."""
_BRACKET = r"\[\^?\]?(?:[^]\n/\\\[]|\[(?![:.=])|\[:\w+:\])*\]"
_ADDRESS = late(rf"\d+(?:~\d+)?|\$|/(?:[^/\\\n\[]|\\.|{_BRACKET})+/[IM]*")
_SECOND = late(r"[ \t]*,[ \t]*(?:[+~]\d+|" + _ADDRESS.pattern + ")")
_SIMPLE = frozenset("pPdDgGhHnNxlFz=")
_DELIMITERS = frozenset("/|#,:@!_%~")
_FLAGS = late(r"[gpiIm0-9]*")
_LABEL = late(r"[ \t]*[A-Za-z0-9_]*")
_EXIT = late(r"[ \t]*\d{0,3}")


def read_sed(call: Call) -> list[Operand]:
    """Options and files by the table; a script only if each of its commands just changes what is printed."""
    found = read_arguments(_TABLE, call)
    scripts = [operand for operand in found if operand.role.endswith("text") and operand.level == "safe"]
    for operand in scripts:
        script = _value(operand.text) if operand.role == "option, text" else operand.text
        if why := why_not_script(script):
            found.append(Operand(operand.text, "script", "ask", why))
    if not scripts:
        found.append(missing("the script is missing"))
    return found


def _value(option: str) -> str:
    return option.partition("=")[2] if option.startswith("--") else option[option.index("e") + 1 :]


def why_not_script(script: str) -> str:
    """Why a script is not understood as harmless, or an empty string."""
    at, depth = 0, 0
    while at < len(script):
        at = _skip(_BETWEEN, script, at)
        if at >= len(script):
            break
        at = _address(script, at)
        letter = script[at : at + 1]
        depth += (letter == "{") - (letter == "}")
        after = _command(script, at)
        if after is None or depth < 0:
            return f"sed's {letter or 'script'} is not known to be harmless"
        at = after
        rest = _skip(_BLANK, script, at)
        if letter not in "{" and rest < len(script) and script[rest] not in ";\n}":
            return "the script is not understood"
        at = rest
    return "the script is not understood" if depth else ""


def _address(script: str, at: int) -> int:
    first = _ADDRESS.match(script, at)
    if first:
        at = first.end()
        second = _SECOND.match(script, at)
        at = _skip(_BLANK, script, second.end() if second else at)
        if script[at : at + 1] == "!":
            at = _skip(_BLANK, script, at + 1)
    return at


def _command(script: str, at: int) -> int | None:
    """The place after the command, or None when it is not understood."""
    letter = script[at : at + 1]
    if letter in _SIMPLE or letter in ("{", "}"):
        return at + 1 if letter else None
    if letter in ("q", "Q"):
        return _skip(_EXIT, script, at + 1)
    if letter in ("b", "t", "T", ":"):
        after = _skip(_LABEL, script, at + 1)
        return after if after >= len(script) or script[after] in ";\n}" else None
    if letter in ("s", "y"):
        return _substitute(script, at)
    return None


def _substitute(script: str, at: int) -> int | None:
    delimiter = script[at + 1 : at + 2]
    if delimiter not in _DELIMITERS or not delimiter:
        return None
    middle = _part_end(script, at + 2, delimiter, brackets=script[at] == "s")
    end = _part_end(script, middle + 1, delimiter, brackets=False) if middle is not None else None
    if end is None:
        return None
    return _skip(_FLAGS, script, end + 1) if script[at] == "s" else end + 1


def _part_end(script: str, at: int, delimiter: str, *, brackets: bool) -> int | None:
    """Where an unescaped delimiter stands; None at a line end, or when a bracket makes that ambiguous."""
    while at < len(script):
        letter = script[at]
        if letter == "\n" or (letter == "\\" and script[at + 1 : at + 2] in ("", "\n", "c")):
            return None
        if letter == delimiter:
            return at
        bracket = _PART_BRACKET.match(script, at) if letter == "[" and brackets else None
        if letter == "[" and brackets and (not bracket or delimiter in bracket[0] or "\\c" in bracket[0]):
            return None
        at = bracket.end() if bracket else at + 1 + (letter == "\\")
    return None


def _skip(pattern: "re.Pattern[str]", script: str, at: int) -> int:
    found = pattern.match(script, at)
    return found.end() if found else at
