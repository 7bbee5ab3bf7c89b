"""Small real repositories in four languages, each with a fault that its check finds, and the story of its repair.

Where a language's own test runner may not be there, the check is a script of the repository that reads the code with sh
and awk: it is really red before the repair and really green behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

Call = tuple[str, Mapping[str, Any]]


class Repository(NamedTuple):
    """A repository with a fault."""

    files: Mapping[str, str]
    code: str
    """The file with the fault."""
    name: str
    """What to search for."""
    wrong: tuple[str, str]
    """An edit that does not mend it: old and new."""
    right: tuple[str, str]
    """The edit behind it that does."""
    mended: str
    """The file in the end."""

    def write(self, root: Path) -> Path:
        """Make it."""
        for name, text in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        (root / ".git").mkdir()
        return root

    def answers(self) -> list[tuple[str, tuple[Call, ...]]]:
        """Read, search, edit, failing test, repair, green: words and calls of each answer."""
        check: Call = ("run", {"command": CHECK})
        return [
            ("I look.", (("list", {"path": "."}), ("read", {"path": self.code}), ("search", {"pattern": self.name}))),
            ("I mend it.", (self._edit(self.wrong),)),
            ("I check it.", (check,)),
            ("That was not it.", (self._edit(self.right), check)),
            ("Mended: the sum counts every piece.", ()),
        ]

    def _edit(self, change: tuple[str, str]) -> Call:
        return "edit", {"path": self.code, "old": change[0], "new": change[1]}


CHECK = "make test"
_PY = "def total(items):\n    result = 0\n    for item in items:\n        result = item\n    return result\n"
_TS = (
    "export function total(items: number[]): number {\n  let result = 0;\n  for (const item of items) {\n"
    "    result = item;\n  }\n  return result;\n}\n"
)
_GO = (
    "package basket\n\nfunc Total(items []int) int {\n\tresult := 0\n\tfor _, item := range items {\n"
    "\t\tresult = item\n\t}\n\treturn result\n}\n"
)
_RS = (
    "pub fn total(items: &[u32]) -> u32 {\n    let mut result = 0;\n    for item in items {\n"
    "        result = *item;\n    }\n    result\n}\n"
)


def _make(command: str) -> str:
    return f"test:\n\t{command}\n"


def _script(code: str) -> str:
    """A test that reads the code: the line in the loop has to add up."""
    return (
        "#!/bin/sh\n"
        f"if grep -q 'result += ' {code}; then echo '1 passed'; exit 0; fi\n"
        "echo 'FAIL: total of 1, 2 is 2, not 3'\nexit 1\n"
    )


def _foreign(code: str, text: str, right: str, wrong: str, more: Mapping[str, str]) -> Repository:
    files = {code: text, "check.sh": _script(code), "Makefile": _make("sh check.sh"), **more}
    name = "Total" if code.endswith(".go") else "total"
    return Repository(
        files,
        code,
        name,
        (wrong, wrong.replace("= ", "=  ")),
        (wrong.replace("= ", "=  "), right),
        text.replace(wrong, right),
    )


REPOSITORIES: dict[str, Repository] = {
    "python": Repository(
        {
            "src/basket.py": _PY,
            "src/__init__.py": "",
            "test_basket.py": "import unittest\n\nfrom src.basket import total\n\n\nclass Total(unittest.TestCase):\n"
            "    def test_total(self):\n        self.assertEqual(total([1, 2]), 3)\n",
            "Makefile": _make("python3 -B -m unittest -q test_basket"),
        },
        "src/basket.py",
        "total",
        ("        result = item\n", "        result = result\n"),
        ("        result = result\n", "        result += item\n"),
        _PY.replace("result = item", "result += item"),
    ),
    "typescript": _foreign(
        "src/basket.ts",
        _TS,
        "result += item;",
        "result = item;",
        {"package.json": '{"name": "basket", "type": "module"}\n'},
    ),
    "go": _foreign("basket.go", _GO, "result += item\n", "result = item\n", {"go.mod": "module basket\n\ngo 1.22\n"}),
    "rust": _foreign(
        "src/lib.rs",
        _RS,
        "result += *item;",
        "result = *item;",
        {"Cargo.toml": '[package]\nname = "basket"\nversion = "0.1.0"\nedition = "2021"\n'},
    ),
}
