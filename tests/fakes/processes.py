"""What becomes of processes that nobody waits for."""

from __future__ import annotations

import os
import time
from pathlib import Path


def is_gone(pid: int, within_s: float = 60) -> bool:
    """Whether a process ends; an orphan may be a zombie until its new parent looks."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False
