"""Fields whose name says secret: settings, JSON, YAML, XML, queries, options, assignments in source."""

import re
from collections import deque
from functools import lru_cache
from typing import NamedTuple

from aiex.guard.randomness import is_random
from aiex.guard.redact.elsewhere import find_elsewhere
from aiex.guard.redact.further import find_rest
from aiex.guard.redact.names import Strength, strength_of
from aiex.guard.redact.source import Source, Span
from aiex.guard.redact.values import REMOVED, is_base64_pair, is_call, is_expression, is_secret, is_wordy
from aiex.patterns import late

ANCHORS = tuple(
    map(
        late,
        (
            rb"k(?:ey|en)",
            rb"w(?:d|ord|oord)",
            rb"p(?:ass|hrase|sk|w)",
            rb"c(?:ret|red|ontrase)",
            rb"u(?:th)",
            rb"h(?:a(?<=senha))",
        ),
    )
)
"""Key, token, pwd, password, passphrase, psk, secret, credential, auth, passwords in other languages: one of them is in
every name of a short secret.

Long ones are found by `forms` whatever their name is.
"""
_LONGEST_NAME = 64
_LONGEST_VALUE = 2048
_LEFT = 256
"""How much before a name tells what it stands in."""
_RIGHT = 2 * _LONGEST_VALUE
"""How far behind a name its value ends."""
_CROWD = 16
"""So many names may have the next one within the reach of a value: every value is read to its end."""
_LEAST_RIGHT = 40
"""Of what stands closer, this much or four times the distance between two names is looked at first, so that
`key:key:key:` does not take the square of its length."""
_AFTER = late(
    r"(?P<close>(?:\\{0,3}[\"'`]|\\{1,4}u002[27])?(?:\[\w{0,8}\]|\])?\)?)(?:"
    r"[ \t]{0,32}(?P<sep>=>|:=|:-|={1,3}|!=+|::?|%3[AaDd]|\\u003[aAdD]"
    r"|,(?=\s{0,64}\\{0,3}[\"'`]))"
    r"|(?P<space>[ \t]{1,16}))"
)
_NAMED_VALUE = late(
    r"\\{0,3}[\"']?[ \t]{0,8},?(?:[ \t]{0,8}|[ \t]{0,8}\r?\n[ \t]{0,64})"
    r"\\{0,3}[\"']?(?:[Vv]alue|VALUE)\\{0,3}[\"']?[ \t]{0,8}(?P<sep>[=:])"
)
"""`name: DB_PASSWORD`, then `value: …`; as attributes, in JSON and in YAML."""
_TAG_END = late(r"[^<>\n=]{0,64}>\s{0,64}|</key>\s{0,64}<string>")
_IN_TAG = late(r"<(?:[\w.-]{1,32}:)?(?:[\w-]{1,32}\.){0,4}$|<key>[\w. -]{0,64}$")
_IN_ATTRIBUTE = late(r"<[\w:.-]{1,64}\s[^<>]{0,80}=[\"'][\w.:/-]{0,64}$")
_GAP = late(
    r"[ \t]{0,64}(?:[\\(]?[ \t]{0,8}\r?\n[ \t]{1,64}(?=[rbuf]{0,2}[\"'`])"
    r"|\((?=[rbuf]{0,2}(?P<quote>[\"'])[^\"'\n]{1,2048}(?P=quote)[ \t]{0,8}(?:\)|\r?\n)))?"
)
_NEXT_LINE = late(
    r"[ \t]{0,8}\r?\n(?P<indent>[ \t]{1,64})(?P<value>[^\s\"'`#;:{}\[\]()<>,&*|!-][^\s\"'`]{3,512})[ \t]*(?:\r?\n|\r?$)"
)
"""A value alone in the line below its name, as in YAML and INI."""
_BLOCK = late(r"[ \t]{0,64}[|>][+-]?\d?[ \t]{0,8}\r?\n[ \t]{1,64}")
_OPENING = late(r"(?P<prefix>[A-Za-z]{1,2}|@|\$@?)?(?P<quote>\\{0,3}(?:\"\"\"|'''|[\"'`])|\\{1,4}u002[27])")
_STRING = {quote: late(rf"(?:[^\\\n{quote}]|\\[^\n]){{0,{_LONGEST_VALUE}}}") for quote in "\"'`"}
_CALL = late(r"(?:new[ \t]{1,4}|await[ \t]{1,4})?[A-Za-z_][\w.:]{0,80}\([ \t]{0,8}(?:default=)?(?=[rbu]?[\"'])")
_TYPED = late(r"[ \t]{0,8}(?:&(?:'\w{1,16} )?)?[A-Za-z_][\w.\[\] |,?]{0,64}[ \t]{0,8}=[ \t]{0,8}(?=[rbuf]?[\"'`])")
_ENDS = r"%26|%20|%0[AaDd]|%22|%3[Bb]|&amp;|&quot;|&#|\\[nrt\"'u]|\[removed\]"
_BARE = late(rf"(?:(?!{_ENDS})[^\s\x00-\x1f\"'`<>&;,(){{}}|]){{1,{_LONGEST_VALUE}}}")
_BARE_DATA = late(
    rf"(?:\$?\{{\{{?[^{{}}\n]{{0,200}}\}}?\}}|(?!{_ENDS}|[;,&|]{{1,2}}(?:\s|$|[\w.\- ]{{1,64}}=)"
    rf"|[)\]}},;]+(?:\s|$|\x1b))[^\s\x00-\x1f\"'`<>]){{1,{_LONGEST_VALUE}}}"
)
_BARE_REFERENCE = late(r"<[^<>\n]{1,80}>|\$\{\{[^}\n]{0,80}\}\}|\{\{[^}\n]{0,80}\}\}|\$\([^)\n]{0,200}\)")
_CDATA = "<![CDATA["
_REST_OF_LINE = late(rf"[^\n]{{0,{_LONGEST_VALUE}}}")
_FIRST_LINE = late(r"(?:\\?\r?\n[ \t]{0,64})?")
"""A string in three quotes may begin in the next line."""
_UNTIL_TAG = late(rf"[^<\n]{{0,{_LONGEST_VALUE}}}")
_UNTIL_BRACE = late(rf"[^}}\n]{{0,{_LONGEST_VALUE}}}")
_STRUCTURES = ('{"', "{'", "{ ", "{}", "{\n", "{\r", "{{", '["', "['", "[]", "[ ", "[{", "[\n", '{\\"', '[\\"')
"""How an object or a list begins, which is no value."""
_LINE_START = late(r"[ \t]*(?:[-*+#>] ?)?(?:export[ \t]+|set[ \t]+|\$env:|SET[ \t]+)?[\"']?$")
_DIRECTIVE = late(
    r"(?:^|\n)[ \t]*(?:(?:ENV|ARG|setenv|setx?|SET|SETX|set -[gxU]+|config set)[ \t]+)?$|login[ \t]+\S{1,64}[ \t]+$"
)
_WHOLE = late(r"[^\s\"'`)\],;}][^\s\"'`]*")
"""What may be a string whose end was cut off."""
_COLOUR = late(r"\x1b\[[0-9;]{0,16}m")
_TO_LINE_END = late(r"[ \t]*(?:[#;][^\n]*)?(?:\r?\n|$)")
_TILDE = late(r"(?:\xf1|n\u0303|\\u00[fF]1|\\xf1|\xd1|%[cC]3%[bB]1)[aA][\w-]{0,16}")
"""What stands behind `contrase`, written out or escaped."""


class Value(NamedTuple):
    """What stands behind a name."""

    start: int
    end: int
    quoted: bool
    data: bool
    """It is in a file of settings, a query or a command line, where a bare word is a value."""


def find_fields(source: Source) -> list[Span]:
    """Where the values of fields are whose name says that they are secret.

    Cost: each name looks at `_LEFT + _RIGHT` characters at most; where many stand close, at a few names around it.
    """
    found: list[Span] = []
    text, done = source.text, 0
    recent: deque[int] = deque([-_RIGHT], maxlen=_CROWD)
    for place in sorted(place for anchor in ANCHORS for place in source.places(anchor)):
        if place < done:
            continue
        start, end = _name_at(source, place)
        done = end
        strength = strength_of(text[start:end])
        if strength is Strength.NONE or text.startswith("://", start - 3):
            continue
        crowd = start - recent[0] if len(recent) == _CROWD else _LONGEST_VALUE
        recent.append(start)
        if crowd < _LONGEST_VALUE and _look(text, start, end, strength, max(_LEAST_RIGHT, 4 * crowd // _CROWD)) is None:
            continue
        if (span := _look(text, start, end, strength, _RIGHT)) is not None:
            found += [span, *find_rest(text, *span)]
            done = max(end, span[1])
    return found


def _look(text: str, start: int, end: int, strength: Strength, right: int) -> Span | None:
    """The secret that belongs to a name, as far as the text around it tells."""
    first = max(0, start - _LEFT)
    find = _find_value if right == _RIGHT else _find_again
    span = find(text[first : end + right], start - first, end - first, strength)
    return None if span is None else (first + span[0], first + span[1])


def _name_at(source: Source, place: int) -> Span:
    lowest = max(0, place - _LONGEST_NAME)
    start = source.classes.rfind(b" ", lowest, place) + 1
    end = source.classes.find(b" ", place, place + _LONGEST_NAME)
    escape = source.text.rfind("\x1b", max(0, start - 16), start)
    if escape >= 0 and (colour := _COLOUR.match(source.text, escape)) is not None:
        start = max(start, min(colour.end(), place))
    end = end if end >= 0 else min(len(source.text), place + _LONGEST_NAME)
    if source.folded.startswith(b"ontrase", place + 1) and (tilde := _TILDE.match(source.text, place + 8)) is not None:
        end = max(end, tilde.end())
    return max(start, lowest), end


def _find_value(text: str, start: int, end: int, strength: Strength) -> Span | None:
    """The secret that belongs to a name, if there is one."""
    if (named := _NAMED_VALUE.match(text, end)) is not None and strength >= Strength.STRONG:
        return _judge(text, _read(text, named.end(), data=True), strength)
    if (inside := _in_tag(text, start, end)) is not None:
        return _judge(text, inside, strength)
    if strength >= Strength.STRONG and (span := find_elsewhere(text, start, end, strength)) is not None:
        return span
    after = _AFTER.match(text, end)
    if after is None:
        return None
    if after["space"]:
        return None if after["close"] else _behind_space(text, start, after.end(), strength)
    return _behind_sign(text, start, after, strength)


_find_again = lru_cache(maxsize=64)(_find_value)
"""What stands close often repeats itself."""


def _behind_sign(text: str, start: int, after: re.Match[str], strength: Strength) -> Span | None:
    value: Value | None
    sign, place = after["sep"], after.end()
    if sign == ",":
        return _second_string(text, start, after, strength)
    if sign == ":-":
        value = Value(place, _end(_UNTIL_BRACE, text, place), quoted=False, data=True)
        return _judge(text, value, strength) if text.startswith("${", start - 2) else None
    if sign in {"==", "===", "!=", "!=="}:
        value = _read(text, place, data=False)
        return _judge(text, value, strength) if value and value.quoted and not is_wordy(_content(text, value)) else None
    if sign == "::" and not text.startswith(" ", place):
        return None
    if (below := _NEXT_LINE.match(text, place)) is not None:
        return _below(text, start, below, strength)
    value = _read(text, place, data=_is_data(text, start, after))
    if value is not None and text[start - 1 : start] in {"?", "&"}:
        value = value._replace(end=value.start + len(_content(text, value).partition("#")[0]))
    if (value is None or not value.quoted) and sign != "=" and (typed := _TYPED.match(text, place)):
        value = _read(text, typed.end(), data=False)
    if text[start : after.start()].lower() == "pass" and value is not None and not value.quoted and sign == ":":
        return (value.start, value.end) if is_random(_content(text, value)) else None
    return _judge(text, value, strength)


def _below(text: str, start: int, below: re.Match[str], strength: Strength) -> Span | None:
    """The value alone in the next line, which is further right than the name."""
    line, value = _line_before(text, start), below["value"]
    if strength < Strength.STRONG or _LINE_START.match(line) is None or len(below["indent"]) <= len(line.rstrip("\"'")):
        return None
    if value.startswith(REMOVED) or is_call(value) or is_expression(value) or value.endswith((":", ";", ",")):
        return None
    is_drawn = is_random(value) or (strength is Strength.PASSWORD and not is_wordy(value))
    return below.span("value") if is_drawn and is_secret(value, strength) else None


def _second_string(text: str, start: int, after: re.Match[str], strength: Strength) -> Span | None:
    """`("password", "…")`, `setdefault("TOKEN", "…")`, `["--password", "…"]`: no second name, as in a list of names."""
    value = _read(text, after.end(), data=True)
    if not after["close"] or value is None or not value.quoted:
        return None
    is_option = text.startswith("-", start)
    return _judge(text, value, strength) if is_option or not is_wordy(_content(text, value)) else None


def _behind_space(text: str, start: int, place: int, strength: Strength) -> Span | None:
    """`--password …`, `password …` in a netrc or a Dockerfile, `IDENTIFIED BY '…'`, and what looks random."""
    if text.startswith("-", start) and not text.startswith("-", place):
        return _judge(text, _read(text, place, data=True), strength)
    if strength < Strength.STRONG:
        return None
    if text.startswith(("is ", "was ", "= ", "to "), place):
        place = text.index(" ", place) + 1
    value = _read(text, place, data=True)
    if value is None:
        return None
    content = _content(text, value)
    if is_wordy(content) or len(content) < 6:
        return None
    if _DIRECTIVE.search(text, max(0, start - 80), start) and _TO_LINE_END.match(text, value.end):
        return _judge(text, value, strength)
    if value.quoted and strength is Strength.PASSWORD:
        return _judge(text, value, strength)
    return _judge(text, value, strength) if is_random(content) and len(content) >= 10 else None


def _in_tag(text: str, start: int, end: int) -> Value | None:
    """`<password>…</password>`, `<entry key="password">…</entry>`, `<key>password</key><string>…</string>`."""
    if text.startswith(('">', "'>"), end):
        opened, place = _IN_ATTRIBUTE, end + 2
    elif (tag := _TAG_END.match(text, end)) is not None:
        opened, place = _IN_TAG, tag.end()
    else:
        return None
    if opened.search(text, max(0, start - 96), start) is None:
        return None
    if text.startswith(_CDATA, place):
        place += len(_CDATA)
        end = text.find("]]>", place, place + _LONGEST_VALUE)
        return Value(place, end, quoted=True, data=True) if end >= 0 else None
    content = text[place : _end(_UNTIL_TAG, text, place)].rstrip()
    if "\n" in text[end:place]:
        is_element = not text[text.rfind("\n", 0, start) + 1 : start].strip().strip("<")
    else:
        is_element = text.startswith("</", place + len(content))
    if not is_element:
        return None
    return Value(place, place + len(content), quoted=True, data=True)


def _is_data(text: str, start: int, after: re.Match[str]) -> bool:
    """Whether a bare word behind the sign is a value, as in settings, queries and command lines."""
    sign = after["sep"]
    line = _line_before(text, start)
    at_line_start = _LINE_START.match(line) is not None
    if sign == ":":
        return at_line_start or line.endswith(('"', "'"))
    tight = text[after.end("close")] in "=%:" and not text.startswith((" ", "\t"), after.end())
    if sign == "=" and tight:
        return not line.endswith(("(", ", ", ",")) or line.endswith("--")
    return sign.startswith(("%", "\\"))


def _read(text: str, place: int, *, data: bool) -> Value | None:
    """The value that begins at a place, behind blanks and perhaps a line end."""
    if (block := _BLOCK.match(text, place)) is not None:
        content = text[block.end() : _end(_REST_OF_LINE, text, block.end())].rstrip()
        return Value(block.end(), block.end() + len(content), quoted=True, data=True)
    place = _end(_GAP, text, place)
    if (call := _CALL.match(text, place)) is not None:
        place = call.end()
    if (opening := _OPENING.match(text, place)) is not None:
        return _read_string(text, opening)
    if (reference := _BARE_REFERENCE.match(text, place)) is not None and data:
        return Value(place, reference.end(), quoted=False, data=data)
    if text.startswith(_STRUCTURES, place):
        return None
    bare = (_BARE_DATA if data else _BARE).match(text, place)
    if bare is None:
        return None
    is_code = is_call(bare[0]) if data else text.startswith(("(", "[", "{"), bare.end()) or is_expression(bare[0])
    return None if is_code else Value(place, bare.end(), quoted=False, data=data)


def _read_string(text: str, opening: re.Match[str]) -> Value | None:
    quote, start = opening["quote"], opening.end()
    if len(quote) == 1:
        end = _end(_STRING[quote], text, start)
    else:
        start = _end(_FIRST_LINE, text, start) if len(quote.lstrip("\\")) == 3 else start
        line_end = _end(_REST_OF_LINE, text, start)
        end = text.find(quote, start, line_end)
        end = line_end if end < 0 else end
    content = text[start:end]
    is_template = "f" in (opening["prefix"] or "").lower() and "{" in content
    is_cut = not text.startswith(quote, end) and _WHOLE.fullmatch(content) is None
    if is_template or is_cut or content.startswith((" ", ",", ")", "+", ";", "]", "}")):
        return None
    return Value(start, end, quoted=True, data=True)


def _judge(text: str, value: Value | None, strength: Strength) -> Span | None:
    if value is None:
        return None
    content = _content(text, value)
    if content.startswith(REMOVED):
        return None
    if strength is Strength.WEAK and is_base64_pair(content):
        return value.start, value.end
    return (value.start, value.end) if is_secret(content, strength, quoted=value.quoted, data=value.data) else None


def _line_before(text: str, start: int) -> str:
    """What stands before a name in its line, as far as it tells."""
    return text[max(text.rfind("\n", 0, start) + 1, start - 200) : start]


def _content(text: str, value: Value) -> str:
    return text[value.start : value.end]


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    """Where a pattern that may be empty ends."""
    match = pattern.match(text, place)
    return place if match is None else match.end()
