"""Text from elsewhere made harmless for a terminal: control sequences are shown, never obeyed."""

import re

INVISIBLE = (
    "\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What hides, reorders or steers what is read: DEL and C1, so that no CSI, OSC or DCS can begin; line and paragraph
separators; Bidi_Control and Default_Ignorable_Code_Point of Unicode 16 (soft hyphen, Hangul fillers, variation
selectors, tags). A class of a regular expression without its brackets."""
_HARMFUL = f"\x00-\x08\x0b-\x1f{INVISIBLE}\ud800-\udfff"
"""The same with C0 without tab and newline, and lone surrogates."""
_BEFORE_STYLE = "#*0-9\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff"
"""What the two selectors of text and emoji style may follow (emoji-variation-sequences.txt of Unicode 16)."""
_STYLE = "\ufe0e\ufe0f"


def neutralise(text: str) -> str:
    """The same text with every control character and invisible trick spelled out; clean text comes back itself."""
    if text.isascii() and text.isprintable():
        return text
    pattern = _pattern()
    if pattern.search(text) is None:
        return text
    return pattern.sub(_spell, text.replace("\r\n", "\n"))


class Pieces:
    """Neutralises a text that comes piece by piece; a line end `\\r\\n` may lie in two of them."""

    def __init__(self) -> None:
        self._held = self._last = ""

    def feed(self, piece: str) -> str:
        """What can be shown by now: a carriage return at the end waits for what follows it."""
        text = self._held + piece
        self._held = "\r" if text.endswith("\r") else ""
        text = text[: len(text) - len(self._held)]
        style = text[:1] if text[:1] in (*_STYLE,) and _takes_style(self._last) else ""
        self._last = text[-1:] or self._last
        return style + neutralise(text[len(style) :])

    def close(self) -> str:
        """What still waited."""
        held, self._held = self._held, ""
        return neutralise(held)


def printable_path(path: str) -> str:
    """A file name for messages: bytes that are not UTF-8 as `\\xe9`, everything that could mislead spelled out."""
    if path.isascii() and path.isprintable():
        return path
    return _pattern().sub(_spell, path).replace("\n", "\\n").replace("\t", "\\t")


def _pattern() -> re.Pattern[str]:
    return re.compile(f"(?!(?<=[{_BEFORE_STYLE}])[{_STYLE}])[{_HARMFUL}]")


def _takes_style(character: str) -> bool:
    return re.fullmatch(f"[{_BEFORE_STYLE}]", character) is not None


def _spell(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"
