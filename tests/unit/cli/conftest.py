"""A Python process of its own, for what is about imports and exits."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.conftest import SOURCE_ROOT


@pytest.fixture
def run_aiex_code() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run Python code beside the package under test."""

    def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=SOURCE_ROOT,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return run
