"""Regular expressions that ripgrep and Python understand alike: one reading, written for each of the two.

What only one of them knows (lookaround, references back, `\\p{..}`, possessive repeats) is refused with words for it.
A pattern is about one line without its end. Bytes that are not UTF-8 are matched by nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from aiex.errors import ToolError

LONGEST: Final = 1_000
DEEPEST: Final = 40
MOST_REPEATS: Final = 1_000
_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")
_IN_CLASS: Final = frozenset("\\[]^-&~")
_SPACES: Final = "\\t\\x0b\\x0c\\x1c-\\x1f "
_WIDE_SPACES: Final = (0x85, 0xA0, 0x1680, (0x2000, 0x200A), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
"""The rest of what Python takes for white space (Unicode 16); ripgrep has the same beyond ASCII."""
_NOT_RUST, _NOT_PYTHON = "\\r\\n", "\\r\\n\\udc80-\\udcff"
"""What no class and no dot matches: line ends, and bytes that are not UTF-8."""
_CONTROLS: Final = {"t": "\t", "f": "\f", "v": "\v", "a": "\a"}
_POSIX: Final = {
    "alpha": "A-Za-z", "digit": "0-9", "alnum": "0-9A-Za-z", "upper": "A-Z", "lower": "a-z", "xdigit": "0-9A-Fa-f",
    "space": "\\t\\x0b\\x0c ", "blank": "\\t ", "word": "0-9A-Za-z_",
    "punct": "!-/:-@\\[-`{-~", "cntrl": "\\x01-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f",
    "print": " -~", "graph": "!-~",
}  # fmt: skip
_HINT: Final = "ripgrep's expressions without lookaround; literal=true takes the text as it is"


class Pattern(NamedTuple):
    """One expression in two spellings, and what it may cost where it is tried step by step."""

    rust: str
    python: str
    """With `re.MULTILINE`; finds its place in a text of many lines and never crosses a line end."""
    unbounded: int = 0
    """Repeats without a bound, or with a large one."""
    choices: int = 1
    """Ways through the rest of it."""
    is_nested: bool = False
    """Whether something is repeated that can be taken in several ways."""


class _Part(NamedTuple):
    rust: str
    python: str
    varies: bool = False
    """Whether there are several ways to take it."""
    is_place: bool = False
    """Whether it is a place rather than text: a begin, an end, the edge of a word."""


def read_pattern(text: str, *, literal: bool = False) -> Pattern:
    """Read a regular expression, or a text as it is.

    Raises:
        ToolError: for what is none, or is not the same for both; with the place and what to write.
    """
    _require_text(text)
    if literal:
        return Pattern(*_escape(text))
    return _Reader(text).read()


def _require_text(text: str) -> None:
    if not text:
        raise ToolError("the pattern is empty")
    if len(text) > LONGEST:
        raise ToolError(f"the pattern has {len(text):,} characters, more than {LONGEST:,}", hint="search for a part")
    if "\n" in text or "\r" in text:
        raise ToolError("a pattern is about one line", hint="search for the first of the lines, and read there")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ToolError("the pattern holds what is no text")


def _escape(text: str) -> tuple[str, str]:
    escaped = "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in text)
    return escaped, escaped


class _Reader:
    """Reads one expression from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.unbounded = 0
        self.choices = 1
        self.is_nested = False

    def read(self) -> Pattern:
        flags = self.read_flags()
        part = self.read_either(0)
        if self.at < len(self.text):
            raise self.fault("a ) too many", "write \\) for the character")
        choices = min(self.choices, 1 << 30)
        return Pattern(flags + part.rust, flags + part.python, self.unbounded, choices, self.is_nested)

    def read_flags(self) -> str:
        """`(?i)` at the beginning; `m` and `s` say nothing about a single line."""
        end = self.text.find(")")
        if not self.text.startswith("(?") or not set(self.text[2:end]) <= set("ims") or end < 3:
            return ""
        self.at = end + 1
        return "(?i)" if "i" in self.text[2:end] else ""

    def read_either(self, depth: int) -> _Part:
        """Alternatives up to the end or a closing parenthesis."""
        if depth > DEEPEST:
            raise self.fault("it is too deep", _HINT)
        ways = [self.read_row(depth)]
        while self.next() == "|":
            self.at += 1
            ways.append(self.read_row(depth))
        self.choices *= len(ways)
        rust, python = ("|".join(spelled) for spelled in ([w.rust for w in ways], [w.python for w in ways]))
        return _Part(rust, python, len(ways) > 1 or any(way.varies for way in ways))

    def read_row(self, depth: int) -> _Part:
        rust: list[str] = []
        python: list[str] = []
        varies = False
        while self.next() not in ("", "|", ")"):
            part = self.read_repeat(self.read_one(depth))
            rust.append(part.rust)
            python.append(part.python)
            varies = varies or part.varies
        return _Part("".join(rust), "".join(python), varies)

    def next(self) -> str:
        return self.text[self.at : self.at + 1]

    def read_one(self, depth: int) -> _Part:
        letter = self.next()
        self.at += 1
        match letter:
            case "(":
                return self.read_group(depth)
            case "[":
                return self.read_class()
            case "\\":
                return self.read_escape()
            case ".":
                return _Part(f"[^{_NOT_RUST}]", f"[^{_NOT_PYTHON}]")
            case "^":
                return _Part("^", "^", is_place=True)
            case "$":
                return _Part("(?:\\r?$)", "(?=\\r?$)", is_place=True)
            case "*" | "+" | "?":
                raise self.fault(f"nothing stands before {letter}", f"write \\{letter} for the character")
        return _Part(*_escape(letter))

    def read_group(self, depth: int) -> _Part:
        opening = "(?:"
        if self.next() == "?":
            opening = self.read_opening()
        inner = self.read_either(depth + 1)
        if self.next() != ")":
            raise self.fault("a ( is not closed", "write \\( for the character")
        self.at += 1
        return _Part(f"{opening}{inner.rust})", f"{opening}{inner.python})", inner.varies)

    def read_opening(self) -> str:
        """What a group begins with: names are not kept, as nothing refers to them."""
        rest = self.text[self.at :]
        for known in ("?:", "?i:"):
            if rest.startswith(known):
                self.at += len(known)
                return f"({known}"
        named = rest.removeprefix("?P<") if rest.startswith("?P<") else rest.removeprefix("?<")
        name, end, _ = named.partition(">")
        if rest[:3] in ("?P<", "?<" + rest[2:3]) and end and name.isidentifier():
            self.at += len(rest) - len(named) + len(name) + 1
            return "(?:"
        raise self.fault(f"({rest[:3]} is not understood", _HINT)

    def read_repeat(self, part: _Part) -> _Part:
        """A part with the sign that repeats it, if there is one."""
        sign, least, most = self.read_sign()
        if not sign:
            return part
        if part.is_place:
            raise self.fault(f"{sign} repeats a place, not text", "leave it out")
        if self.next() == "?":
            self.at += 1
            sign += "?"
        if self.next() in ("*", "+", "?") or self.read_sign()[0]:
            raise self.fault("a repeat is repeated", "put parentheses around what is repeated")
        is_fixed = least == most
        self.is_nested = self.is_nested or (part.varies and most != 1)
        if most is None or most > 20:
            self.unbounded += not is_fixed
        elif not is_fixed:
            self.choices *= most - least + 1
        return _Part(f"{part.rust}{sign}", f"{part.python}{sign}", part.varies or not is_fixed)

    def read_sign(self) -> tuple[str, int, int | None]:
        """`*`, `+`, `?` or `{2,5}` with its bounds; empty where none stands here."""
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        letter = self.next()
        if letter in simple and letter:
            self.at += 1
            return (letter, *simple[letter])
        inside, end, _ = self.text[self.at + 1 :].partition("}")
        first, comma, last = inside.partition(",")
        bounds = [word for word in (first, last) if word]
        if letter != "{" or not end or not bounds or not all(word.isascii() and word.isdigit() for word in bounds):
            return "", 0, 0
        least, most = int(first or 0), int(last) if last else None if comma else int(first or 0)
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            raise self.fault(f"{{{inside}}} repeats too often, or never", f"at most {MOST_REPEATS}")
        self.at += len(inside) + 2
        return f"{{{least}{comma}{'' if most is None or not comma else most}}}", least, most

    # --- escapes and classes --------------------------------------------------------------------------------------

    def read_escape(self) -> _Part:
        letter = self.next()
        if letter in ("b", "B") and letter:
            self.at += 1
            return _Part(f"\\{letter}", f"\\{letter}", is_place=True)
        known = self.read_kind(letter)
        if known is not None:
            return known
        return _Part(*_escape(self.read_character()))

    def read_kind(self, letter: str) -> _Part | None:
        """`\\w`, `\\d`, `\\s` and their opposites."""
        if not letter or letter not in "wdsWDS":
            return None
        self.at += 1
        rust, python = _kind(letter.lower())
        if letter.islower():
            return _Part(f"[{rust}]", f"[{python}]")
        return _Part(f"[^{rust}{_NOT_RUST}]", f"[^{python}{_NOT_PYTHON}]")

    def read_character(self) -> str:
        """The one character that an escape stands for, behind its backslash."""
        letter = self.next()
        self.at += 1
        if letter in _CONTROLS and letter:
            return _CONTROLS[letter]
        if letter and letter in "nr":
            raise self.fault("a pattern is about one line", "leave out line ends; ^ and $ are its begin and its end")
        if letter and letter in "xuU":
            return self.read_code({"x": 2, "u": 4, "U": 8}[letter])
        if not letter or letter.isalnum() or letter in "<>":
            hint = "\\b is the edge of a word" if letter in ("<", ">", "A", "z", "Z") else _HINT
            raise self.fault(f"\\{letter} is not understood", hint)
        return letter

    def read_code(self, digits: int) -> str:
        """A character by its number: `\\x41`, `\\u0041`, `\\x{41}`."""
        if self.next() == "{":
            word, end, _ = self.text[self.at + 1 :].partition("}")
            size = len(word) + 2
        else:
            word, end, size = self.text[self.at : self.at + digits], "}", digits
        try:
            code = int(word, 16) if end and len(word) in range(1, 9) and word.isalnum() else -1
        except ValueError:
            code = -1
        if not 0 < code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF or chr(code) in "\r\n" or (size == digits != len(word)):
            raise self.fault("an escape is no character", "write the character itself")
        self.at += size
        return chr(code)

    def read_class(self) -> _Part:
        is_negated = self.next() == "^"
        self.at += is_negated
        rust: list[str] = []
        python: list[str] = []
        is_wide = has_opposite = False
        is_first = True
        while is_first or self.next() != "]":
            if not self.next():
                raise self.fault("a [ is not closed", "write \\[ for the character")
            is_first = False
            known, opposite, wide = self.read_item()
            rust.append(known.rust)
            python.append(known.python)
            is_wide, has_opposite = is_wide or wide, has_opposite or opposite
        self.at += 1
        inner = (f"[{'^' if is_negated else ''}{''.join(spelled)}]" for spelled in (rust, python))
        rust_class, python_class = inner
        if is_wide or has_opposite or is_negated:
            return _Part(f"[{rust_class}&&[^{_NOT_RUST}]]", f"(?:(?![{_NOT_PYTHON}]){python_class})")
        return _Part(rust_class, python_class)

    def read_item(self) -> tuple[_Part, bool, bool]:
        """One item of a class; whether it is an opposite such as `\\W`, and whether it reaches over line ends."""
        if self.text.startswith("[:", self.at):
            return _Part(*(self.read_posix(),) * 2), False, False
        letter = self.next()
        if letter == "\\":
            kind = self.text[self.at + 1 : self.at + 2]
            if kind and kind in "wdsWDS":
                self.at += 2
                rust, python = _kind(kind.lower())
                return (_Part(rust, python), False, False) if kind.islower() else (_opposite(kind), True, False)
        first = self.read_member()
        if self.next() != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return _Part(*(_in_class(first),) * 2), False, False
        self.at += 1
        if self.next() == "\\" and self.text[self.at + 1 : self.at + 2] in tuple("wdsWDS"):
            raise self.fault("a range has no end", "write \\- for the character")
        last = self.read_member()
        if last < first:
            raise self.fault(f"the range {first}-{last} is empty", "write \\- for the character")
        is_wide = any(first <= letter <= last for letter in "\r\n\udc80")
        return _Part(*(f"{_in_class(first)}-{_in_class(last)}",) * 2), False, is_wide

    def read_member(self) -> str:
        letter = self.next()
        self.at += 1
        if letter != "\\":
            return letter
        if self.next() == "b":
            raise self.fault("\\b stands in a class", "it is the edge of a word, and no character")
        return self.read_character()

    def read_posix(self) -> str:
        name, end, _ = self.text[self.at + 2 :].partition(":]")
        if not end or name not in _POSIX:
            raise self.fault("[: begins no known class", f"known: {' '.join(_POSIX)}")
        self.at += len(name) + 4
        return _POSIX[name]

    def fault(self, said: str, hint: str) -> ToolError:
        return ToolError(
            f"the pattern is not understood at character {min(self.at, len(self.text))}: {said}", hint=hint
        )


def _kind(letter: str) -> tuple[str, str]:
    """What a class has for `\\w`, `\\d` and `\\s`, in both spellings."""
    if letter == "w":
        return "\\p{L}\\p{N}_", "\\w"
    if letter == "d":
        return "\\p{Nd}", "\\d"
    wide = [code if isinstance(code, tuple) else (code, code) for code in _WIDE_SPACES]
    rust = "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in wide)
    python = "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in wide)
    return _SPACES + rust, _SPACES + python


def _opposite(letter: str) -> _Part:
    return _Part(f"[^{_kind(letter.lower())[0]}]", f"\\{letter}")


def _in_class(letter: str) -> str:
    return f"\\{letter}" if letter in _IN_CLASS else letter
