"""Random changes to a tree, then back to any checkpoint: bytes, modes, links and empty directories are as they were."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from tests.unit.sessions.checkpoints.worktrees import Changer, Lab, Look

ROUNDS = int(os.environ.get("CHECKPOINT_ROUNDS", "100"))
"""A longer run: `CHECKPOINT_ROUNDS=1000`."""
RUNS = 4


@pytest.mark.skipif(os.name == "nt", reason="modes, links and names as POSIX has them")
@pytest.mark.parametrize("seed", range(RUNS))
def test_every_checkpoint_can_be_reached_from_every_other(tmp_path: Path, seed: int):
    lab, random = Lab(tmp_path), Random(seed)
    changer = Changer(lab.root, random)
    known: dict[str, Look] = {}
    for number in range(ROUNDS // RUNS):
        changer.change(random.randrange(1, 12))
        last = lab.take(f"round {number}")
        known[last] = lab.look()
        if number % 3 == 2:
            target = random.choice(list(known))
            restored = lab.restorer.restore(target)
            assert lab.look() == known[target]
            back = lab.restorer.restore(restored.undo.id, on_conflict="force")
            assert lab.look() == known[last]
            assert set(back.changed) == set(restored.changed)
    for target, wanted in known.items():
        lab.restorer.restore(target, on_conflict="force")
        assert lab.look() == wanted
    lab.close()
