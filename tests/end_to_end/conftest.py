"""Homes and workspaces of what runs commands in a sandbox are on the disk; those of all other tests are in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import make_homes

ON_DISK = frozenset((
    "test_approvals", "test_fix", "test_gate", "test_gen", "test_hostile_repository", "test_refactor", "test_review",
    "test_run", "test_sandbox", "test_screen", "test_screen_ends", "test_unreadable",
))  # fmt: skip
"""A sandbox has a `/dev` of its own: of a home in memory nothing is seen there, whatever is allowed."""


def _is_on_disk(request: pytest.FixtureRequest) -> bool:
    return request.module.__name__.rpartition(".")[2] in ON_DISK


@pytest.fixture(scope="session")
def homes_on_disk() -> Iterator[Iterator[Path]]:
    with TemporaryDirectory(prefix="aiex-homes-", ignore_cleanup_errors=True) as name:
        yield make_homes(Path(name))


@pytest.fixture(scope="module")
def homes(request: pytest.FixtureRequest, homes: Iterator[Path], homes_on_disk: Iterator[Path]) -> Iterator[Path]:
    return homes_on_disk if _is_on_disk(request) else homes


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder of the test's own."""
    if not _is_on_disk(request):
        return tmp_path
    folder: Path = request.getfixturevalue("on_disk")
    return folder
