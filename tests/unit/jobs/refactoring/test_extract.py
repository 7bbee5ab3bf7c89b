"""Extract function: what goes in, what comes out, and what cannot be carried over a call."""

from __future__ import annotations

import pytest

from aiex.errors import UsageError
from tests.unit.jobs.refactoring.conftest import after

SOURCE = '''\
import re

# about f
def f(a, b):
    total = 0
    for x in a:
        # add
        total += x * b
        text = """
  raw"""
        if total > 9:
            break
    m = re.match("a", "b")  # why
    if m:
        return total
    return 3

class K:
    @classmethod
    def make(cls, n):
        y = cls.z + n
        return y

    def go(self, n):
        y = self.z + n
        w = y * 2
        return w + super().go(n)

async def h(q):
    async with q as r:
        await r.go()
'''


def extracted(plan, first, last, source=SOURCE):
    return after(plan({"m.py": source}, "extract", f"m.py:{first}-{last}", "new"), "m.py")


def test_names_go_in_and_come_back(plan):
    text = extracted(plan, 7, 10)
    assert text.startswith(
        'import re\n\n\ndef new(total, x, b):\n    total += x * b\n    text = """\n  raw"""\n'
        "    return total\n\n\n# about f\n"
    )  # fmt: skip
    assert "    for x in a:\n        # add\n        total = new(total, x, b)\n        if total > 9:\n" in text


@pytest.mark.parametrize(
    ("source", "lines", "head"),
    [
        (
            "def f(a, b, x):\n    match a, b:\n        case 1, 2:\n            x = 3\n    print(x)\n",
            (2, 4),
            "def new(a, b, x):\n",
        ),
        (
            "def g(a, p):\n    with open(p) as f:  # note\n        a = f.read()\n    print(a)\n",
            (2, 3),
            "def new(p):\n",
        ),
    ],
)
def test_heads_of_several_parts_are_read_part_by_part(plan, source, lines, head):
    assert head in extracted(plan, *lines, source=source)


def test_a_method_gives_a_method_behind_it(plan):
    text = extracted(plan, 25, 26)
    assert "        w = self.new(n)\n        return w + super().go(n)\n\n    def new(self, n):\n" in text
    assert "        y = self.z + n\n        w = y * 2\n        return w\n\nasync def h" in text


def test_a_class_method_gives_a_class_method(plan):
    text = extracted(plan, 21, 22)
    assert "        return cls.new(n)\n\n    @classmethod\n    def new(cls, n):\n        y = cls.z + n\n" in text


def test_a_return_at_the_end_is_returned(plan):
    assert "    return new()\n" in extracted(plan, 16, 16)


def test_what_awaits_is_awaited(plan):
    assert "async def new(q):\n    async with q as r:\n" in extracted(plan, 30, 31)
    assert "    await new(q)\n" in extracted(plan, 30, 31)


def test_statements_of_a_module_keep_their_names(plan):
    source = "x = 1\ny = x + 2\nx = x + y\nprint(x, y)\n"
    text = extracted(plan, 2, 3, source)
    assert text == (
        "x = 1\n\n\ndef new(x):\n    y = x + 2\n    x = x + y\n    return y, x\n\n\ny, x = new(x)\nprint(x, y)\n"
    )


def test_tabs_and_windows_line_ends_stay(plan):
    source = "def f(a):\r\n\tb = a + 1\r\n\tprint(b)\r\n"
    text = extracted(plan, 3, 3, source)
    assert text == "def new(b):\r\n\tprint(b)\r\n\r\n\r\ndef f(a):\r\n\tb = a + 1\r\n\tnew(b)\r\n"


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        (5, 6, "cuts a statement in two: it goes from line 6 to 12"),
        (11, 12, "leaves a loop"),
        (14, 15, "returns in the middle"),
        (17, 17, "no statements"),
        (90, 91, "has 32 lines"),
    ],
)
def test_what_is_no_piece_is_refused(plan, first, last, told):
    with pytest.raises(UsageError) as caught:
        extracted(plan, first, last)
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("    if a:\n        b = 1\n    print(b)\n", "b gets a value only sometimes"),
        ("    yield a\n", "has a yield"),
        ("    try:\n        b = 1\n        b = a()\n    except OSError:\n        print(b)\n", "b would be lost"),
        ("    global g\n    g = 1\n", "global statement cannot be extracted"),
        ("    x = a\n    print(locals())\n", "sees which names"),
        ("    b = 1\n    print(a)\n    return lambda: b\n", "a function inside uses b"),
    ],
)
def test_what_a_call_cannot_carry_is_refused(plan, body, told):
    first = 3 if "try" in body else 2
    with pytest.raises(UsageError) as caught:
        extracted(plan, first, first + 1, f"def f(a):\n{body}")
    assert told in caught.value.message


def test_a_taken_name_is_refused(plan):
    with pytest.raises(UsageError, match="'new' is taken"):
        extracted(plan, 2, 2, "def f(a):\n    print(a)\nnew = 1\n")
