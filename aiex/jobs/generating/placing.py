"""Where the test of a file belongs, by where the tests are that are there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from aiex.jobs.briefing.names import stem_of
from aiex.jobs.generating.project import most


class Layout(NamedTuple):
    """How tests lie beside the code, or in a folder of their own."""

    base: str
    """The folder of tests; `.` for beside the file, `./__tests__` for a folder there."""
    mirror: str
    """`flat`, or which folders of the code return beneath: `inner`, `package` for the package too, `path` for all."""
    pattern: str
    """Of the name, with `{}` for that of the file: `test_{}`."""
    evidence: str
    is_mirrored: bool = False
    """Whether folders return beneath the base by what is there, and not by default."""


def find_layout(
    tests: Sequence[str], sources: Sequence[str], *, patterns: Sequence[str], roots: Sequence[str], default: Layout
) -> Layout:
    """The layout of most pairs of a test and the file it is named after.

    Args:
        tests: Paths of tests.
        sources: Paths of code.
        patterns: Of names without endings that the language knows, such as `test_{}`.
        roots: Folders that the code lies beneath, such as `src`; then `src/shop` for a package in it.
        default: What counts where nothing shows a layout; its base is taken for one test without a pair too.
    """
    named: Counter[str] = Counter()
    for test in tests:
        if shape := _pattern_of(test, patterns):
            named[shape] += 1
    pattern = most(named)[0] or default.pattern
    by_stem: dict[str, list[str]] = {}
    for source in sources:
        by_stem.setdefault(stem_of(source), []).append(source)
    votes: Counter[tuple[str, str]] = Counter()
    for test in tests:
        if not _pattern_of(test, patterns):
            continue
        likely = {vote for source in by_stem.get(stem_of(test), ()) for vote in _explain(test, source, roots)}
        votes.update(likely)
    if votes:
        base, mirror = max(votes, key=lambda vote: (votes[vote], _TELLING[vote[1]], -len(vote[0])))
        seen = votes[base, mirror]
        is_mirrored = mirror != "flat" and seen > votes[base, "flat"]
        return Layout(base, mirror, pattern, f"{seen} of {len(tests)} test files", is_mirrored)
    if tests:
        return default._replace(base=_common(tests), pattern=pattern, evidence=f"{len(tests)} test files")
    return default._replace(pattern=pattern)


_TELLING = {"flat": 0, "package": 1, "path": 2, "inner": 3}
"""At a tie: a file in no folder says nothing of folders, so that the layout that mirrors wins."""


def _pattern_of(test: str, patterns: Sequence[str]) -> str:
    stem = test.rpartition("/")[2].rpartition(".")[0]
    return next((one for one in patterns if re.fullmatch(re.escape(one).replace(r"\{\}", ".+"), stem)), "")


def _explain(test: str, source: str, roots: Sequence[str]) -> set[tuple[str, str]]:
    """Every layout that puts this test there for this file."""
    at, folder = test.rpartition("/")[0], source.rpartition("/")[0]
    if at == folder:
        return {(".", "flat")}
    beneath = at.removeprefix(folder + "/") if folder else ""
    if beneath in ("__tests__", "tests", "test") and beneath != at:
        return {(f"./{beneath}", "flat")}
    found = {(at, "flat")}
    for mirror, inner in _inners(folder, roots):
        if inner and (at == inner or at.endswith("/" + inner)):
            found.add((at[: len(at) - len(inner)].strip("/"), mirror))
        elif not inner:
            found.add((at, mirror))
    return found


def _inners(folder: str, roots: Sequence[str]) -> list[tuple[str, str]]:
    """The folders of a file that may return, by the name of the way."""
    beneath = [root for root in roots if folder == root or folder.startswith(root + "/" if root else "")]
    beneath.sort(key=len)
    found = [("path", folder)]
    if beneath:
        found.append(("package", folder[len(beneath[0]) :].strip("/")))
        found.append(("inner", folder[len(beneath[-1]) :].strip("/")))
    return found


def _common(tests: Sequence[str]) -> str:
    """The folder that most tests are in."""
    return most([test.rpartition("/")[0] for test in tests])[0]


def place_test(layout: Layout, source: str, roots: Sequence[str], *, ending: str) -> str:
    """The path of the test of a file."""
    folder, _, name = source.rpartition("/")
    stem = name.rpartition(".")[0]
    if layout.base == "." or layout.base.startswith("./"):
        at = f"{folder}/{layout.base[2:]}" if layout.base != "." else folder
    elif layout.mirror == "flat":
        at = layout.base
    else:
        at = f"{layout.base}/{dict(_inners(folder, roots)).get(layout.mirror, '')}"
    return f"{at.strip('/')}/{layout.pattern.format(stem)}{ending}".lstrip("/")
