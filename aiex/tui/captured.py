"""What prints while the screen is shown: Textual catches it, but says of it that it is the file -1."""

from __future__ import annotations

import io
import sys
from typing import Any


class Captured:
    """A stream of Textual that is as honest as `io.StringIO`: no file stands behind it."""

    encoding = "utf-8"

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def fileno(self) -> int:
        """Raises UnsupportedOperation, which whoever starts a process knows how to take, where -1 breaks it."""
        raise io.UnsupportedOperation("fileno")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def be_honest() -> None:
    """Put honest streams in the place of those of Textual, which takes them away at the end."""
    sys.stdout, sys.stderr = Captured(sys.stdout), Captured(sys.stderr)
