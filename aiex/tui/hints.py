"""What helps, in the words of this screen: hints are written for a shell."""

from __future__ import annotations

import re
from typing import Final

_COMMAND: Final = re.compile(
    r"(?<![\w/])aiex (?=(?:add|archive|bisect|diff|doctor|explain|export|fix|fork|gen|get|help|import|"
    r"list|query|redo|rename|replay|restore|resume|review|rewind|rm|search|set|show|tag|test|trust|undo|verify)\b)"
)
"""Those that the screen runs as `/command`."""
_MODEL: Final = re.compile(r"(?<![\w-])-m (?=[a-z]+/)")


def said_here(hint: str) -> str:
    """The hint with `/undo` for `aiex undo`, and `/model one/x` for `-m one/x`."""
    return _MODEL.sub("/model ", _COMMAND.sub("/", hint))
