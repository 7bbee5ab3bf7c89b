"""The checkpoints of a workspace, opened in one place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.sessions.checkpoints.opening import Checkpoints

LEFT = ".aiex-0123456789abcdef.tmp"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_text("old")
    return root


def test_a_place_that_cannot_be_made_is_told_of(tmp_path: Path, root: Path) -> None:
    (tmp_path / "data").touch()
    checkpoints = Checkpoints(str(tmp_path / "data/checkpoints"), str(root))
    with pytest.raises(StoreError, match="data/checkpoints"):
        checkpoints.take("test")


@pytest.mark.skipif(not hasattr(os, "fwalk"), reason="there are no locks by which unfinished files are known")
@pytest.mark.parametrize("has_some", [False, True])
def test_unfinished_files_go_with_and_without_checkpoints(tmp_path: Path, root: Path, has_some: bool) -> None:
    checkpoints = Checkpoints(str(tmp_path / "data"), str(root))
    if has_some:
        checkpoints.take("test")
    (root / LEFT).write_text("half")
    assert checkpoints.tidy() == [LEFT]
    assert os.listdir(root) == ["file"]
    assert checkpoints.exist == has_some
    checkpoints.close()
