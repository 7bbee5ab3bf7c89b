"""Small sources and ways to read a pack."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import strategies as st

from aiex.context.extract import extract
from aiex.context.language import find_language
from aiex.context.packing.source import Source

ENGINE = '''"""Starts and stops."""

import os
import sys


class Engine:
    """Runs things.

    It was written on a day of rain, by people who had much to say about it, and who said
    so here, over many lines that tell nothing to somebody who only wants to know what
    the class is good for.

    The end of it is near now.
    """

    limit = 10

    def start(self, name: str) -> None:
        """Begin the work."""
        first = os.getcwd()
        second = sys.argv
        for word in second:
            print(first, word, name)
        self.name = name
        self.running = True

    @property
    def stopped(
        self,
        *names: str,
    ) -> bool:
        """Whether nothing runs."""

        def helper(value: int) -> int:
            total = value + self.limit
            return total

        return helper(1) > 2 and not names and not self.running


def main() -> None:
    engine = Engine()
    engine.start("one")
    engine.start("two")
    engine.start("three")
'''

LINES = st.sampled_from(
    [
        "def f(x):", "    return x", "class A:", "    def m(self, a,", "          b):", '    """Doc."""', '    """Long',
        "    text", "", "    more", '    """', "# note", "x = 1", "}", "{", "func g() {", "// c", "/* a", "*/", "\r",
        "é" * 20, "```", "… lines 1-9 …", "  fn h() {}", "  // words", "=begin", "=end", '@doc """',
    ]
)  # fmt: skip
PATHS = st.sampled_from(["a.py", "b/b.py", "c.go", "d.rs", "e.ts", "f.ex", "g.rb", "h.txt", "i.c"])


def open_source(path: str, text: str) -> Source:
    """A source with the facts that its text has."""
    language = find_language(path)
    data = text.encode()
    return Source(path, text, extract(data, language, uses=False) if language else None)


@st.composite
def sources(draw: st.DrawFn) -> Source:
    """Files of many kinds, whole and broken."""
    return open_source(draw(PATHS), "\n".join(draw(st.lists(LINES, max_size=60))))


def words(text: str) -> int:
    """A counter that needs nothing: words and line ends."""
    return len(re.findall(r"\w+|[^\w\s]|\n", text))


def reader(*known: Source) -> Callable[[str], Source | None]:
    """Opens the sources by their paths."""
    by_path = {source.path: source for source in known}
    return by_path.get
