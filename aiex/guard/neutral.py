"""Text from elsewhere made harmless for a terminal: control sequences are shown, never obeyed."""

import re

# C0 without tab and newline, DEL and C1, so that no CSI, OSC or DCS can begin; bidirectional controls (Unicode 16,
# Bidi_Control); zero width and invisible characters that hide or reorder what is read; line and paragraph separators;
# tags; lone surrogates.
_HARMFUL = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff"
)


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
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be shown by now: a carriage return at the end waits for what follows it."""
        text = self._held + piece
        self._held = "\r" if text.endswith("\r") else ""
        return neutralise(text[: len(text) - len(self._held)])

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
    return re.compile(f"[{_HARMFUL}]")


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
