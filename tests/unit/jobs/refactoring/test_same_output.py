"""Made-up programs print the same after a refactoring as before."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from aiex.errors import AiexError
from aiex.jobs.refactoring.edits import Plan
from aiex.jobs.refactoring.job import RefactorTask, make_plan
from aiex.jobs.refactoring.modules import names_to, walk_scopes
from aiex.jobs.refactoring.scopes import Module

NAMES = ("a", "b", "c", "n", "total")


class Maker:
    """Writes programs in which few names mean many things."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def name(self) -> str:
        return self.random.choice(NAMES)

    def value(self, depth: int = 0) -> str:
        some = self.random.randrange(9 if depth < 3 else 2)
        inner = lambda: self.value(depth + 1)  # noqa: E731
        return [
            lambda: str(self.random.randrange(9)),
            self.name,
            lambda: f"({inner()} + {inner()})",
            lambda: f"sum([{(name := self.name())} * {inner()} for {name} in range(3)])",
            lambda: f"(lambda {self.name()}: {inner()})({inner()})",
            lambda: f"len(f'{{{self.name()}}}-{{{self.name()}:>{{3}}}}')",
            lambda: f"helper({inner()}, b={inner()})",
            lambda: f"({inner()} if {inner()} > 3 else {inner()})",
            lambda: f"Thing({inner()}).get({inner()})",
        ][some]()

    def block(self, depth: int, indent: str) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randrange(2, 5)):
            match self.random.randrange(6 if depth < 2 else 3):
                case 0 | 1:
                    lines.append(f"{indent}{self.name()} = {self.value()}")
                case 2:
                    lines.append(f"{indent}print({self.value()}, {self.name()})")
                case 3:
                    lines += [f"{indent}for {self.name()} in range(2):", *self.block(depth + 1, indent + "    ")]
                case 4:
                    lines += [f"{indent}if {self.value()} > 4:", *self.block(depth + 1, indent + "    ")]
                case 5:
                    inner = self.name()
                    lines += [
                        f"{indent}def {inner}_{depth}({self.name()}=1):",
                        *self.block(depth + 1, indent + "    "),
                        f"{indent}print({inner}_{depth}({self.value()}))",
                    ]
        return lines

    def program(self) -> str:
        """Every name has a value everywhere, so nothing but a wrong change can make a difference."""
        start = [f"{name} = {number}" for number, name in enumerate(NAMES)]
        own = [f"    {name} = {number + 2}" for number, name in enumerate(NAMES) if name not in ("a", "b")]
        return "\n".join(
            [
                *start,
                "def helper(a, b=1): return a * 2 - b",
                "class Thing:",
                "    n = n",
                "    def __init__(self, a): self.total = a",
                "    def get(self, n): return self.total + n + self.n",
                "def main(a, b):",
                *own,
                *self.block(0, "    "),
                f"    return {self.value()}",
                "for a in range(3):",
                "    print(main(a, b=2))",
                "print(a, b, c, n, total)",
                "",
            ]
        )


def outcome(source: str) -> tuple[int, str]:
    """What a program prints, and how it ends; not where, as lines may move."""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + "".join(done.stderr.splitlines()[-1:])[:40]


def targets(source: str, engine, workspace) -> list[str]:
    from aiex.jobs.refactoring.sources import Sources

    found = Sources(engine, workspace).read("m.py")
    module = Module(found.tree.root_node, found.utf8)
    scopes = [scope for scope in walk_scopes(module.scope) if scope.kind in ("module", "function")]
    return sorted({".".join([*names_to(scope), name]) for scope in scopes for name in scope.bound})


@pytest.mark.parametrize("seed", range(12))
def test_a_program_prints_the_same(open_tree, tmp_path: Path, seed: int) -> None:
    made = Maker(seed)
    source = made.program()
    engine, workspace = open_tree({"m.py": source})
    expected = outcome(source)

    def plan(*words: str) -> Plan | None:
        try:
            found = make_plan(RefactorTask(*words), engine, workspace)
        except AiexError:
            return None
        return None if found.doubts or not found.changes else found

    names = targets(source, engine, workspace)
    wishes = [("rename", f"m.py::{name}", "renamed_1") for name in made.random.sample(names, min(4, len(names)))]
    wishes += [("inline", f"m.py::{name}", "") for name in names]
    count = source.count("\n")
    for _ in range(40):
        first = made.random.randrange(6, count)
        wishes.append(("extract", f"m.py:{first}-{min(count, first + made.random.randrange(3))}", "extracted_1"))
    plans = [found for wish in wishes if (found := plan(*wish)) is not None]
    assert any(found.done.startswith("rename") for found in plans)
    for found in made.random.sample(plans, min(5, len(plans))):
        after = found.changes[0].after
        assert after is not None
        assert outcome(after.decode()) == expected, f"{found.done}\n{source}\n---\n{after.decode()}"
