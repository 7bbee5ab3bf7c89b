"""What is confined works on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

ON_DISK = frozenset((
    "test_bounds", "test_bubblewrap", "test_hiding", "test_keeping", "test_placeholders", "test_probing", "test_runner",
    "test_worktrees",
))  # fmt: skip
"""A sandbox has a `/dev` of its own, where folders in memory are."""


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder of the test's own."""
    if request.module.__name__.rpartition(".")[2] not in ON_DISK:
        return tmp_path
    folder: Path = request.getfixturevalue("on_disk")
    return folder
