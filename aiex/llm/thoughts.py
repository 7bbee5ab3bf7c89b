"""Thinking that a server leaves inside the answer, between `<think>` and `</think>`, told apart from the words."""

from typing import Literal

_OPEN, _CLOSE = "<think>", "</think>"
Piece = tuple[Literal["text", "reasoning"], str]


class Splitter:
    """Takes the answer piece by piece; only thinking at its very beginning counts, elsewhere the tag is text."""

    def __init__(self) -> None:
        self._state: Literal["start", "inside", "gap", "text"] = "start"
        self._held = ""

    @property
    def is_past(self) -> bool:
        """True when all that follows is text."""
        return self._state == "text"

    def feed(self, text: str) -> list[Piece]:
        """The pieces that are certain now."""
        if self._state == "text":
            return [("text", text)]
        text, self._held = self._held + text, ""
        if self._state == "start":
            return self._begin(text)
        return self._inside(text) if self._state == "inside" else self._after(text)

    def end(self) -> list[Piece]:
        """What was held back in case a tag would follow."""
        held, self._held = self._held, ""
        if not held:
            return []
        return [("reasoning" if self._state == "inside" else "text", held)]

    def _begin(self, text: str) -> list[Piece]:
        words = text.lstrip()
        if words.startswith(_OPEN):
            self._state = "inside"
            return self._inside(words[len(_OPEN) :])
        if _OPEN.startswith(words):
            self._held = text
            return []
        self._state = "text"
        return [("text", text)]

    def _inside(self, text: str) -> list[Piece]:
        thought, tag, rest = text.partition(_CLOSE)
        if tag:
            self._state = "gap"
            words = self._after(rest)
            return [("reasoning", thought), *words] if thought else words
        keep = next((n for n in range(len(_CLOSE) - 1, 0, -1) if text.endswith(_CLOSE[:n])), 0)
        self._held = text[len(text) - keep :]
        thought = text[: len(text) - keep]
        return [("reasoning", thought)] if thought else []

    def _after(self, text: str) -> list[Piece]:
        """Blank lines between thinking and answer belong to neither."""
        text = text.lstrip("\r\n")
        if not text:
            return []
        self._state = "text"
        return [("text", text)]
