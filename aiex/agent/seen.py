"""What a model was shown of files, so that a change of something it never saw, or saw differently, is noticed."""

from __future__ import annotations

from typing import Literal

from aiex.digest import fingerprint

State = Literal["unseen", "same", "changed"]


class Seen:
    """The files that were read or written in a run, by path relative to the workspace."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    def note(self, path: str, data: bytes) -> None:
        """The model knows that the file is so now: it read some of it, or wrote it."""
        self._digests[path] = _digest(data)

    def forget(self, path: str) -> None:
        """The file is gone."""
        self._digests.pop(path, None)

    def compare(self, path: str, data: bytes) -> State:
        """Whether the file is as the model last knew it."""
        known = self._digests.get(path)
        if known is None:
            return "unseen"
        return "same" if known == _digest(data) else "changed"


def _digest(data: bytes) -> str:
    return fingerprint(data, size_bytes=16)
