"""The real command as a process that is still at work: for tests that look at it, signal it or talk to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.fakes.source import SOURCE_ROOT


def start_python(*words: str, environ: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[Any]:
    """Python with the package under test.

    Args:
        environ: Is laid over the test's environment.
        options: Of `subprocess.Popen`; by default nothing comes in, and both outputs are pipes of bytes.
    """
    return subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT, "PYTHONUTF8": "1", **(environ or {})},
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def start_aiex(*words: str, environ: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[Any]:
    """`aiex` with the arguments of `start_python`."""
    return start_python("-m", "aiex", *words, environ=environ, **options)
