"""Files with thousands of alike definitions: what is asked about one must not cost a walk over all the others."""

from collections.abc import Callable
from time import process_time

import pytest

from aiex.context.reading import describe, mentions

BYTES = 60_000
LIMIT_S = 2.0
"""About 0.3 s where the work grows with the file; 4 s and more where it grows with its square."""
TOO_STEEP = 6
"""Three times as much to read takes three times as long, or nine times where the work grows with its square."""
ALIKE = {
    "rb": ("class A\n", "def f%d(x); end\n", "end\n"),
    "ex": ("defmodule A do\n", "def f%d(x), do: g(x)\n", "end\n"),
    "cpp": ("class A {\n", "int f%d(int x);\n", "};\n"),
    "hpp": ("", "int f%d(int x) { return g(x); }\n", ""),
    "c": ("", "static int f%d(int x) { return g(x); }\n", ""),
    "py": ("class A:\n", "    def f%d(self): g()\n", ""),
    "js": ("class A {\n", "f%d(x) { return this.g(x); }\n", "}\n"),
    "ts": ("interface A {\n", "a%d: string\n", "}\n"),
    "go": ("", "func f%d(x int) int { return g(x) }\n", ""),
    "rs": ("impl A {\n", "fn f%d(&self) { g() }\n", "}\n"),
    "java": ("class A {\n", "int f%d(int x) { return g(x); }\n", "}\n"),
    "sh": ("", "f%d() { g; }\n", ""),
    "json": ("{", '"a%d": 1,\n', '"z": 1}'),
    "yaml": ("", "k%d: v\n", ""),
    "toml": ("", "[[a]]\nb = %d\n", ""),
    "md": ("", "# H%d\n\ntext\n\n", ""),
    "html": ("<div>\n", '<p id="a%d">x</p>\n', "</div>\n"),
    "css": ("", ".a%d { color: red; }\n", ""),
}


def is_soon(read: Callable[[float], object]) -> bool:
    """Whether a part of a file is read within the limit, or, on a slow machine, in a time that grows like the part."""
    whole_s = took(read, 1)
    return whole_s < LIMIT_S or whole_s < TOO_STEEP * took(read, 1 / 3)


def took(read: Callable[[float], object], part: float) -> float:
    started = process_time()
    read(part)
    return process_time() - started


@pytest.mark.parametrize("ending", ALIKE)
def test_many_alike_definitions_are_read_soon(ending: str):
    before, line, after = ALIKE[ending]

    def read(part: float) -> None:
        source = before + "".join(line % number for number in range(int(BYTES * part) // len(line))) + after
        _, facts = describe(source.encode(), f"a.{ending}")
        assert facts.symbols

    assert is_soon(read)


HOSTILE = {
    "hexadecimal.json": '{"a": "' + "0123456789abcdef7" * 6_000 + '"}',
    "slashes.json": '{"a": "' + "/" * 50_000 + '"}',
    "packages.java": ".".join(f"p{number}" for number in range(20_000)),
    "unclosed.py": "from a import (\n" * 20_000,
    "unclosed.go": "import (\n" * 5_000,
    "titles.py": '"""' + "".join(f"T{number}\n---\n\n" for number in range(3_000)) + '"""\n',
    "constant.rb": "x = 1\n" + "".join(chr(65 + number % 26) for number in range(3_000)) + " = 1\n",
    "group.ex": "".join(f"alias A{number}{'BCDEFGH' * 2_000}.{{A}}\n" for number in range(9)),
    "names.c": "int " + ",\n".join(f"a{number}" for number in range(5_000)) + ";\n",
}


@pytest.mark.parametrize("path", HOSTILE)
def test_what_no_person_wrote_is_read_soon(path: str):
    source = HOSTILE[path].encode()

    def read(part: float) -> None:
        some = source[: int(len(source) * part)]
        language, _ = describe(some, path)
        mentions(some, language)

    assert is_soon(read)
