"""Homes in memory for the tests of commands: a quarter of a short run was waiting for the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import make_homes
from tests.fakes.memory import open_folder

IN_MEMORY = frozenset((
    "test_ask", "test_audit", "test_canary", "test_checkpoints", "test_command_line", "test_completion",
    "test_continuing", "test_embeddings", "test_hostile_doors", "test_import_hygiene", "test_index",
    "test_interrupts", "test_keys", "test_map", "test_model", "test_policy", "test_sessions", "test_terminal",
    "test_upkeep", "test_watch",
))  # fmt: skip
"""Not those that look at the home from within a sandbox, which has a `/dev` of its own: nothing of it is seen there."""


@pytest.fixture(scope="session")
def homes_in_memory() -> Iterator[Iterator[Path]]:
    with open_folder() as folder:
        yield make_homes(folder)


@pytest.fixture(scope="module")
def homes(request: pytest.FixtureRequest, homes: Iterator[Path], homes_in_memory: Iterator[Path]) -> Iterator[Path]:
    """As for all tests, but in memory where that makes no difference."""
    return homes_in_memory if request.module.__name__.rpartition(".")[2] in IN_MEMORY else homes
