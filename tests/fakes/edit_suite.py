"""The edit suite: a workspace for each case, and whether what an edit made of it is what the case wants."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiex.errors import AiexError

SUITE = Path(__file__).parent.parent / "data" / "edits.jsonl"
CASES: list[dict[str, Any]] = [json.loads(line) for line in SUITE.open(encoding="utf-8")]

Tree = dict[str, tuple[Any, Any]]


def outcome(case: dict[str, Any], apply: Callable[[str, str, str], object], folder: Path) -> str:
    """`pass`, or what went wrong: `refused`, `corrupt`, `silent` or `wrongly applied`, with what was said.

    A case of tier `recover` may be refused; whoever asks decides.
    """
    workspace = folder / "ws"
    (workspace / ".git" / "hooks").mkdir(parents=True)
    (workspace / ".git" / "config").write_text("[core]\n")
    (folder / "outside.txt").write_text("OUTSIDE\n")
    make(workspace, case["files"])
    before = tree(workspace)
    said = ""
    try:
        apply(str(workspace), case["format"], case["edit"])
    except AiexError as error:
        said = f"{error.message} ({error.hint})"
    after = tree(workspace)
    if (folder / "outside.txt").read_text() != "OUTSIDE\n" or sorted(os.listdir(folder)) != ["outside.txt", "ws"]:
        return "corrupt: something outside changed"
    if after == before:
        fine = {"apply": False, "error": bool(said), "unchanged": True}[case["expect"]]
        return "pass" if fine else f"refused: {said}" if said else "silent"
    if case["expect"] != "apply":
        return "wrongly applied"
    git = {path: (kept[0], None) for path, kept in before.items() if path.startswith(".git/")}
    accepted = [{**git, **wanted(result)} for result in [case["result"], *case.get("alt", [])]]
    return "pass" if not said and any(same(after, tree) for tree in accepted) else f"corrupt: {said}"


def content(spec: dict[str, Any]) -> bytes:
    """The bytes of a file of a case."""
    if "text" in spec:
        return str(spec["text"]).encode()
    if "b64" in spec:
        return base64.b64decode(spec["b64"])
    text = "".join(spec["gen"]["line"].replace("{i}", str(number)) for number in range(spec["gen"]["count"]))
    for old, new in spec.get("subst", ()):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text.encode()


def make(workspace: Path, files: dict[str, Any]) -> None:
    for path, spec in files.items():
        place = workspace / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if "symlink" in spec:
            place.symlink_to(spec["symlink"])
        else:
            place.write_bytes(content(spec))
            place.chmod(int(spec.get("mode", "0644"), 8))


def tree(workspace: Path) -> Tree:
    """Path -> bytes and mode, or the target of a link."""
    found: Tree = {}
    for folder, folders, files in os.walk(workspace):
        for name in [*files, *(one for one in folders if os.path.islink(os.path.join(folder, one)))]:
            place = Path(folder, name)
            mode = place.lstat().st_mode
            kept = ("link", os.readlink(place)) if stat.S_ISLNK(mode) else (place.read_bytes(), stat.S_IMODE(mode))
            found[place.relative_to(workspace).as_posix()] = kept
    return found


def wanted(files: dict[str, Any]) -> Tree:
    return {
        path: ("link", spec["symlink"])
        if "symlink" in spec
        else (content(spec), int(spec["mode"], 8) if "mode" in spec else None)
        for path, spec in files.items()
    }


def same(found: Tree, wish: Tree) -> bool:
    """Whether two trees are one, where a mode of None is any."""
    return set(found) == set(wish) and all(
        found[path][0] == wish[path][0] and (wish[path][1] is None or found[path][1] == wish[path][1]) for path in wish
    )
