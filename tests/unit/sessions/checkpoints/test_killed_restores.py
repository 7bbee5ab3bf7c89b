"""A restore that dies at any of its steps leaves, after the next start, exactly the old tree or exactly the new one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.unit.sessions.checkpoints.worktrees import Changer, Lab, Look, look

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
STEPS = {"open", "os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.symlink"}
DIED, ENDED, FAILED = 9, 0, 1
SAMPLE = int(os.environ.get("AIEX_TEST_KILLS", "12"))
EVERY = max(1, 36 // SAMPLE)
"""A longer run, which kills at every step: `AIEX_TEST_KILLS=40`."""


def dies_at(step: int, work: Callable[[], object]) -> bool:
    """Do it in a child that ends without warning before a step that touches the file system; whether it got there."""
    child = os.fork()
    if child:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (DIED, ENDED)
        return code == DIED
    left = [step]

    def count(event: str, _: object) -> None:
        if event in STEPS:
            if not left[0]:
                os._exit(DIED)
            left[0] -= 1

    try:
        sys.addaudithook(count)
        work()
    except BaseException as error:  # what the child says is all the parent can learn
        os.write(2, f"{error!r}\n".encode())
        os._exit(FAILED)
    os._exit(ENDED)


class Story:
    """A tree at two moments, and copies of the second to restore."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "first"
        self.folder.mkdir()
        lab = Lab(self.folder)
        for number in range(4):
            lab.write(f"src/{number}/main.py", f"number {number}\n" * 20)
        lab.write("src/gone/deep/er/file", "x")
        lab.write("kind", "a file")
        (lab.root / "empty").mkdir()
        (lab.root / "link").symlink_to("kind")
        (lab.root / "shut").mkdir()
        lab.write("shut/file", "in a directory that nobody writes to")
        (lab.root / "shut").chmod(0o555)
        self.target = lab.take()
        self.old = lab.look()
        lab.write("src/0/main.py", "another\n")
        lab.write("src/1/new.py", "new\n")
        (lab.root / "src/2/main.py").chmod(0o755)
        shutil.rmtree(lab.root / "src/gone")
        (lab.root / "src/gone").symlink_to("nowhere")
        (lab.root / "kind").unlink()
        lab.write("kind/now/a/directory", "y")
        (lab.root / "link").unlink()
        lab.write("link", "was a link")
        (lab.root / "empty").rmdir()
        (lab.root / "shut").chmod(0o755)
        lab.write("shut/other", "z")
        (lab.root / "shut").chmod(0o555)
        self.new = lab.look()
        lab.close()
        self.numbers = iter(range(10**6))

    def copy(self) -> Path:
        """A copy of all, with a store of its own."""
        place = self.folder.parent / f"copy{next(self.numbers)}"
        shutil.copytree(self.folder, place, symlinks=True)
        return place


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def restore(place: Path, target: str) -> None:
    lab = Lab(place)
    lab.restorer.restore(target, on_conflict="force")
    lab.close()


def recover(place: Path) -> Look:
    lab = Lab(place)
    lab.restorer.recover()
    lab.close()
    assert not [name for name in os.listdir(place / "store") if "journal" in name and "db" not in name]
    return look(place / "root")


def test_a_restore_killed_at_any_step_is_undone_or_finished(story: Story):
    seen = []
    for step in range(0, 10_000, EVERY):
        place = story.copy()
        died = dies_at(step, lambda place=place: restore(place, story.target))
        found = recover(place)
        assert found in (story.old, story.new), step
        seen.append(found == story.old)
        shutil.rmtree(place, ignore_errors=True)
        if not died:
            break
    assert len(seen) * EVERY > 60
    assert not seen[0]
    assert seen == sorted(seen)  # once something was put in place, it is finished


def test_what_was_recovered_is_said_and_can_be_undone_without_force(story: Story):
    place = story.copy()
    assert dies_at(100, lambda: restore(place, story.target))
    lab = Lab(place)
    recovered = lab.restorer.recover()
    assert recovered is not None
    assert (recovered.is_done, recovered.target) == (True, story.target)
    assert lab.look() == story.old
    assert lab.restorer.recover() is None
    lab.restorer.restore(recovered.undo)
    assert lab.look() == story.new
    lab.close()


def test_a_recovery_killed_at_any_step_is_recovered_from(story: Story):
    random = Random(6)
    for _ in range(SAMPLE):
        place = story.copy()
        dies_at(random.randrange(20, 120), lambda place=place: restore(place, story.target))
        for _ in range(3):
            dies_at(random.randrange(60), lambda place=place: recover(place))
        assert recover(place) in (story.old, story.new)
        shutil.rmtree(place, ignore_errors=True)


def test_random_trees_survive_kills(tmp_path: Path):
    random = Random(7)
    first = tmp_path / "first"
    first.mkdir()
    lab = Lab(first)
    changer = Changer(lab.root, random)
    changer.change(40)
    target, old = lab.take(), lab.look()
    changer.change(40)
    new = lab.look()
    lab.close()
    for number in range(SAMPLE):
        place = tmp_path / str(number)
        shutil.copytree(first, place, symlinks=True)
        before = look(place / "root")
        assert before == new
        dies_at(random.randrange(250), lambda place=place: restore(place, target))
        assert recover(place) in (old, new)
        shutil.rmtree(place, ignore_errors=True)
