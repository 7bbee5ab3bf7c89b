"""Rename of methods and attributes."""

from __future__ import annotations

import pytest

from aiex.errors import UsageError
from tests.unit.jobs.refactoring.conftest import after

SHOP = """
class Base:
    def go(self, x): return self.go(x=1)
class Heir(Base):
    def go(self, x): return super().go(x=3)
class Other:
    def go(self, x): return self.go(x)
def use(a: Heir, b: "Base | None", c: Other, d=None):
    a.go(1)
    b.go(2)
    c.go(3)
    Base().go(4)
    e = Heir()
    e.go(5)
    [].go(6)
"""


def test_a_method_is_renamed_in_all_classes_that_share_it(plan):
    files = {"m.py": SHOP, "n.py": "import m\nfrom m import Heir as H\nclass Third(H): ...\nThird().go(1)\nm.Base.go\n"}
    found = plan(files, "rename", "m.py::Heir.go", "run")
    expected = SHOP.replace("go(", "run(")
    for line in ("    def run(self, x): return self.run(x)\n", "    c.run(3)\n", "    [].run(6)\n"):
        expected = expected.replace(line, line.replace("run", "go"))
    assert after(found, "m.py") == expected
    assert after(found, "n.py") == files["n.py"].replace(".go", ".run")
    assert found.doubts == ()


def test_a_place_of_unknown_type_is_not_certain(plan):
    source = SHOP + "def more(x, *y):\n    x.go(1)\n    y[0].go(2)\n"
    found = plan({"m.py": source}, "rename", "m.py::Base.go", "run")
    assert [(doubt.line, doubt.why) for doubt in found.doubts] == [
        (17, "nothing says of what class x is"), (18, "nothing says of what class y[0] is"),
    ]  # fmt: skip


def test_an_argument_is_renamed_in_every_override(plan):
    found = plan({"m.py": SHOP}, "rename", "m.py::Base.go.x", "n")
    assert "def go(self, n): return self.go(n=1)" in after(found, "m.py")
    assert "def go(self, n): return super().go(n=3)" in after(found, "m.py")
    assert "def go(self, x): return self.go(x)" in after(found, "m.py")


def test_an_attribute_that_a_method_sets_can_be_renamed(plan):
    source = "class C:\n    def __init__(self): self.old: int = 1\n    def get(self): return self.old\nC().old\n"
    found = plan({"m.py": source}, "rename", "m.py::C.old", "new")
    assert after(found, "m.py") == source.replace("old", "new")


def test_a_field_follows_where_it_is_given_by_name(plan):
    source = (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    old: int\n    y: int = 0\n"
        "p = P(old=1)\nmatch p:\n    case P(old=2, y=old): print(old)\n"
    )
    found = plan({"m.py": source}, "rename", "m.py::P.old", "x")
    assert after(found, "m.py") == source.replace("old: int", "x: int").replace("old=", "x=")


@pytest.mark.parametrize(
    ("source", "target", "new", "told"),
    [
        ("class C:\n    def __init__(self): ...\n", "C.__init__", "x", "Python itself calls"),
        ("class C:\n    def a(self): ...\n    def b(self): ...\n", "C.a", "b", "'b' is taken"),
        ("class C(dict):\n    def keys(self): ...\n", "C.keys", "names", "inherits from dict"),
        ("class C:\n    def a(self): ...\n", "C.a", "__a", "who can see them"),
    ],
)
def test_what_cannot_be_is_refused(plan, source, target, new, told):
    with pytest.raises(UsageError) as caught:
        plan({"m.py": source}, "rename", f"m.py::{target}", new)
    assert told in caught.value.message


def test_a_base_from_outside_is_not_certain(plan):
    found = plan(
        {"m.py": "import http.server as s\nclass C(s.Handler):\n    def a(self): ...\n"}, "rename", "m.py::C.a", "b"
    )
    assert [doubt.why for doubt in found.doubts] == ["s.Handler lies outside, and may have a as well"]
