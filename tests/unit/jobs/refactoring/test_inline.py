"""Inline: what is surely the same, and what only may be."""

from __future__ import annotations

import pytest

from aiex.errors import UsageError
from tests.unit.jobs.refactoring.conftest import after


def inlined(plan, source, target):
    return plan({"m.py": source}, "inline", f"m.py::{target}")


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("def f(a, b):\n    k = a + b\n    return k * 2, [k, 1], f'{k}'\n", "f.k",
         "def f(a, b):\n    return (a + b) * 2, [a + b, 1], f'{(a + b)}'\n"),
        ("def f(a):\n    t = a.go()\n    print(t)\n", "f.t", "def f(a):\n    print(a.go())\n"),
        ("def f():\n    t = g()\n    return t\n", "f.t", "def f():\n    return g()\n"),
        ("c = 3\nprint(c, -c, c.real)\n", "c", "print(3, -3, (3).real)\n"),
        ("def f(x):\n    if x:\n        y = 1\n", "f.y", "def f(x):\n    if x:\n        pass\n"),
    ],
)  # fmt: skip
def test_a_variable_goes_where_it_is_used(plan, source, target, expected):
    found = inlined(plan, source, target)
    assert (after(found, "m.py"), found.doubts) == (expected, ())


def test_a_function_of_one_expression_goes_where_it_is_called(plan):
    source = 'def g(x, y=2):\n    """Doc."""\n    return x * y + 1\n\nz = g(1 + 2) * g(4, y=k())\n'
    found = inlined(plan, source, "g")
    assert after(found, "m.py") == "\nz = ((1 + 2) * 2 + 1) * (4 * k() + 1)\n"
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("def f(a):\n    u = a.x\n    print(u, u)\n", "f.u", "evaluated 2 times"),
        ("def f(a):\n    e = not a\n    a.append(1)\n    return e\n", "f.e", "may be changed before it is used"),
        ("def f(a):\n    b = a\n    a = 2\n    return a + b\n", "f.b", "may get another value"),
        ("def f(a):\n    if a:\n        b = 1\n    return b\n", "f.b", "only on some ways"),
        ("def g(x): return x + x\nz = g(k())\n", "g", "evaluated 2 times"),
    ],
)
def test_what_may_differ_is_not_certain(plan, source, target, why):
    found = inlined(plan, source, target)
    assert any(why in doubt.why for doubt in found.doubts)
    assert found.is_whole


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("def f():\n    a = 1\n    a = 2\n    return a\n", "f.a", "assigned more than once"),
        ("def g(x):\n    y = x\n    return y\ng(1)\n", "g", "more than one return"),
        ("def g(x): return x\nmap(g, [])\n", "g", "without calling it"),
        ("def g(x): return g(x)\ng(1)\n", "g", "calls itself"),
        ("class C:\n    def a(self): return 1\n", "C.a", "cannot be inlined yet"),
        ("a = 1\ndef f():\n    global a\n    return a\n", "a", "declared global"),
        ("b = 1\ndef g(x): return x + b\ndef f(b): return g(b)\n", "g", "b means something else in line 3"),
    ],
)
def test_what_cannot_be_is_refused(plan, source, target, told):
    with pytest.raises(UsageError) as caught:
        inlined(plan, source, target)
    assert told in caught.value.message


def test_what_another_file_uses_stays(plan):
    with pytest.raises(UsageError, match=r"used by n\.py as well"):
        plan({"m.py": "c = 1\nprint(c)\n", "n.py": "from m import c\n"}, "inline", "m.py::c")
