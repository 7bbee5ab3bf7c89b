"""Rename in Python: scopes, imports, arguments, and what is not certain."""

from __future__ import annotations

import pytest

from aiex.errors import UsageError
from tests.unit.jobs.refactoring.conftest import after


def test_every_kind_of_place_follows_and_nothing_else(plan):
    source = '''
        """old"""
        def old[T](a: T, *, key=1) -> T:
            """old does old"""
            return old(a, key=key)
        __all__ = ["old"]
        type A = old
        print(f"{old(1):>{old(2)}}")
        class C:
            old = old
            def m(self):
                return self.old + old(1)  # old
        def shadow(old): return old
        match A:
            case old.x: pass
    '''
    found = plan({"m.py": source}, "rename", "m.py::old", "new")
    assert after(found, "m.py").split("\n")[2:-1] == [
        "def new[T](a: T, *, key=1) -> T:",
        '    """old does old"""',
        "    return new(a, key=key)",
        '__all__ = ["new"]',
        "type A = new",
        'print(f"{new(1):>{new(2)}}")',
        "class C:",
        "    old = new",
        "    def m(self):",
        "        return self.old + new(1)  # old",
        "def shadow(old): return old",
        "match A:",
        "    case new.x: pass",
    ]
    assert [(place.line, place.why) for place in found.mentions] == [
        (2, "string"), (4, "string"), (4, "string"), (12, "comment"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from m import old\nprint(old)\n", "from m import new\nprint(new)\n"),
        ("from m import old as o\nprint(o)\n", "from m import new as o\nprint(o)\n"),
        ("import m\nprint(m.old, m.x.old)\n", "import m\nprint(m.new, m.x.old)\n"),
        ("import m as q\nprint(q.old)\n", "import m as q\nprint(q.new)\n"),
        ("from m import *\nprint(old)\n", "from m import *\nprint(new)\n"),
        ("from m import old\nnew = 3\nprint(old)\n", "from m import new as old\nnew = 3\nprint(old)\n"),
        ("def f():\n    from m import old\n    return old\nold = 1\n",
         "def f():\n    from m import new\n    return new\nold = 1\n"),
    ],
)  # fmt: skip
def test_other_files_follow_by_their_imports(plan, source, expected):
    found = plan({"m.py": "def old(): pass\n", "u.py": source}, "rename", "m.py::old", "new")
    assert after(found, "u.py") == expected
    assert found.doubts == ()


def test_what_a_package_offers_follows_through_it(plan):
    files = {
        "p/__init__.py": "from .a import old\n",
        "p/a.py": "old = 1\n",
        "use.py": "import p\nfrom p import old\nprint(p.old, old)\n",
    }
    found = plan(files, "rename", "use.py:3:14", "new")
    assert after(found, "p/__init__.py") == "from .a import new\n"
    assert after(found, "use.py") == "import p\nfrom p import new\nprint(p.new, new)\n"


def test_a_name_of_a_class_body_is_looked_up_outside_until_it_is_bound(plan):
    source = "a = 1\nclass K:\n    a = a\n    b = a\n    def g(self): return a\n"
    found = plan({"m.py": source}, "rename", "m.py::a", "n")
    assert after(found, "m.py") == "n = 1\nclass K:\n    a = n\n    b = a\n    def g(self): return n\n"


def test_global_and_nonlocal_declarations_follow(plan):
    source = "n = 1\ndef f():\n    global n\n    n = 2\n    def g():\n        n = 3\n        return n\n"
    found = plan({"m.py": source}, "rename", "m.py::n", "count")
    assert after(found, "m.py") == source.replace("n = 1", "count = 1").replace(
        "global n\n    n", "global count\n    count"
    )


def test_an_argument_follows_where_it_is_given_by_name(plan):
    source = "def f(x, *, y=1): return x + y\nf(x=1)\nf(1, y=2)\ndef g(x): return x\ng(x=1)\n"
    found = plan({"m.py": source}, "rename", "m.py::f.x", "left")
    assert after(found, "m.py") == (
        "def f(left, *, y=1): return left + y\nf(left=1)\nf(1, y=2)\ndef g(x): return x\ng(x=1)\n"
    )


def test_an_argument_that_nobody_can_name_is_not_looked_for(plan):
    source = "def f(a, /, *b, **e): return a, b, e\nf(1, a=2, b=3)\n"
    assert after(plan({"m.py": source}, "rename", "m.py::f.a", "x"), "m.py") == source.replace("(a,", "(x,").replace(
        "return a", "return x"
    )
    assert after(plan({"m.py": source}, "rename", "m.py::f.b", "x"), "m.py") == source.replace("*b", "*x").replace(
        "a, b, e\n", "a, x, e\n"
    )


def test_an_argument_of_a_function_that_is_handed_on_is_not_certain(plan):
    source = "import functools\ndef f(x): return x\nfunctools.partial(f, x=1)\n"
    found = plan({"m.py": source}, "rename", "m.py::f.x", "left")
    assert [doubt.line for doubt in found.doubts] == [3]
    found = plan({"m.py": source}, "rename", "m.py::f.x", "left", uncertain="change")
    assert after(found, "m.py") == "import functools\ndef f(left): return left\nfunctools.partial(f, left=1)\n"


def test_a_string_that_names_an_attribute_is_not_certain(plan):
    files = {"m.py": "def old(): pass\n", "u.py": 'import m\ngetattr(m, "old")()\nd = {"old": 1}\n'}
    found = plan(files, "rename", "m.py::old", "new")
    assert [(doubt.path, doubt.line) for doubt in found.doubts] == [("u.py", 2)]


def test_an_annotation_that_is_a_string_follows(plan):
    source = "class B:\n    def me(self) -> 'list[B]': ...\nx: 'B | None' = None\ny = 'B'\n"
    found = plan({"m.py": source}, "rename", "m.py::B", "K")
    assert after(found, "m.py") == "class K:\n    def me(self) -> 'list[K]': ...\nx: 'K | None' = None\ny = 'B'\n"


@pytest.mark.parametrize(
    ("source", "target", "new", "told"),
    [
        ("a = 1\nb = 2\n", "a", "b", "'b' is taken"),
        ("a = 1\ndef f(b): return a\n", "a", "b", "a scope in which this is used binds it"),
        ("def f(a): return a + len(a)\n", "f.a", "len", "it is used and means something else"),
        ("a = 1\n", "a", "class", "a word of Python"),
        ("a = 1\n", "a", "1a", "is no name in Python"),
        ("a = 1\n", "a", "a", "already"),
        ("total = 1\n", "totel", "b", "there is no totel"),
        ("a = (\n", "a", "b", "syntax error at line 1"),
        ("class C:\n    def f(self): return a\na = 1\n", "a", "__b", "something else in a class"),
    ],
)
def test_what_cannot_be_is_refused(plan, source, target, new, told):
    with pytest.raises(UsageError) as caught:
        plan({"m.py": source}, "rename", f"m.py::{target}", new)
    assert told in caught.value.message


def test_the_nearest_name_is_suggested(plan):
    with pytest.raises(UsageError) as caught:
        plan({"m.py": "class Basket:\n    def total(self): ...\n"}, "rename", "m.py::Basket.totl", "sum")
    assert caught.value.hint == "did you mean Basket.total?"


def test_a_builtin_cannot_be_renamed(plan):
    with pytest.raises(UsageError, match="is built into Python"):
        plan({"m.py": "print(1)\n"}, "rename", "m.py:1:1", "say")


def test_an_import_from_outside_gets_another_name_here(plan):
    found = plan({"m.py": "import os\nfrom json import dumps\nos, dumps\n"}, "rename", "m.py::os", "system")
    assert after(found, "m.py") == "import os as system\nfrom json import dumps\nsystem, dumps\n"


def test_a_line_is_enough_where_it_defines_one_thing(plan):
    source = "import re\n\ndef f(a): return a\nx, y = 1, 2\n"
    assert after(plan({"m.py": source}, "rename", "m.py:3", "g"), "m.py") == source.replace("f(", "g(")
    with pytest.raises(UsageError, match="several names: x, y"):
        plan({"m.py": source}, "rename", "m.py:4", "g")


def test_files_that_cannot_be_read_are_told(plan):
    files = {"m.py": "def old(): pass\n", "bad.py": "old = (\n", "big.py": b"old = 1\n" + b"#" * 1_000_001}
    found = plan(files, "rename", "m.py::old", "new")
    assert [note.split("(")[1] for note in found.notes] == [
        "syntax error at line 1)",
        "cannot refactor big.py: it is larger than 1 MB)",
    ]
    assert [change.path for change in found.changes] == ["m.py"]


def test_self_describing_output_is_told(plan):
    found = plan({"m.py": "x = 1\nprint(f'{x=}')\n"}, "rename", "m.py::x", "y")
    assert found.notes == ('m.py:2 prints the name itself, as f"{x=}" does',)


def test_an_argument_that_asks_for_a_fixture_is_not_certain(plan):
    files = {
        "conftest.py": "import pytest\n@pytest.fixture\ndef shop(): return 1\n",
        "test_a.py": "def test_it(shop):\n    assert shop\n",
    }
    found = plan(files, "rename", "conftest.py::shop", "store")
    assert {doubt.path for doubt in found.doubts} == {"test_a.py"}
    found = plan(files, "rename", "conftest.py::shop", "store", uncertain="change")
    assert after(found, "test_a.py") == "def test_it(store):\n    assert store\n"


def test_an_ignored_file_is_told(plan):
    files = {".gitignore": "out/\n", "out/m.py": "old = 1\n"}
    found = plan(files, "rename", "out/m.py::old", "new")
    assert found.notes == ("out/m.py is ignored by the repository, so files that import it were not looked for",)
