"""Rename in other languages: what the syntax makes certain, and what it does not."""

from __future__ import annotations

import pytest

from aiex.errors import UsageError
from tests.unit.jobs.refactoring.conftest import after


def test_a_function_of_a_script_follows_through_imports(plan):
    files = {
        "m.ts": 'export function old(a: number) { return a }\n'
        'export class K { old = 1; go() { return this.old + old(2) } }\n'
        'const s = "old" // old\nconst o = {old, k: old, q: {old: 1}}\n',
        "n.ts": 'import {old as z, old} from "./m";\nimport * as m from "./m";\nconsole.log(old(1), m.old(2), z)\n',
        "x.ts": "function g(old: number) { return old }\n",
    }  # fmt: skip
    found = plan(files, "rename", "m.ts::old", "fresh")
    assert after(found, "m.ts") == (
        'export function fresh(a: number) { return a }\n'
        'export class K { old = 1; go() { return this.old + fresh(2) } }\n'
        'const s = "old" // old\nconst o = {old: fresh, k: fresh, q: {old: 1}}\n'
    )  # fmt: skip
    assert after(found, "n.ts") == files["n.ts"].replace("old", "fresh")
    assert [change.path for change in found.changes] == ["m.ts", "n.ts"]
    assert (found.doubts, len(found.mentions)) == ((), 2)


def test_a_function_of_a_go_package_follows(plan):
    files = {
        "go.mod": "module x\n",
        "a/a.go": "package a\n\nfunc Old() int { return 1 }\n",
        "a/b.go": "package a\n\nvar x = Old()\n",
        "main.go": 'package main\n\nimport "x/a"\n\nfunc main() { a.Old(); t.Old() }\n',
    }
    found = plan(files, "rename", "a/a.go::Old", "New")
    assert [after(found, path).count("New") for path in ("a/a.go", "a/b.go", "main.go")] == [1, 1, 1]
    assert "t.Old()" in after(found, "main.go")


@pytest.mark.parametrize(
    ("path", "source", "target", "doubts"),
    [
        ("a.rs", 'fn old() -> i32 { 1 }\nfn main() { old(); println!("{}", old()); }\n', "a.rs::old", ["in a macro"]),
        ("a.rb", "def old(x)\n  x\nend\nsend(:old, 2)\n", "a.rb::old", ["a symbol that may be the name"]),
        ("A.java", "class A { int old; int get(A a) { return this.old + a.old; } }\n", "A.java::A.old",
         ["nothing else is called so here, but nobody knows of what type it is"]),
    ],
)  # fmt: skip
def test_what_syntax_cannot_tell_is_not_certain(plan, path, source, target, doubts):
    found = plan({path: source}, "rename", target, "fresh")
    assert [doubt.why for doubt in found.doubts] == doubts
    everything = plan({path: source}, "rename", target, "fresh", uncertain="change")
    assert "old" not in after(everything, path)


def test_a_variable_of_a_function_stays_inside_of_it(plan):
    source = "fn f() -> i32 { let q = 2; q + 1 }\nfn g() -> i32 { let r = 2; r }\n"
    found = plan({"a.rs": source}, "rename", "a.rs:1:21", "zz")
    assert after(found, "a.rs") == source.replace("let q", "let zz").replace("q + 1", "zz + 1")


@pytest.mark.parametrize(
    ("path", "source", "target", "new", "told"),
    [
        ("a.rs", "fn old() {}\nfn main() { old(); }\n", "a.rs::old", "fn", "no name that can stand here"),
        ("a.js", "function a() {}\nfunction b() { a() }\n", "a.js::a", "b", "'b' is taken"),
        ("a.css", ".old { color: red }\n", "a.css:1", "new", "no program"),
        ("a.go", "package a\nfunc Old() {}\n", "a.go::Odl", "New", "nothing is defined"),
        ("a.go", "package a\nfunc Old( {}\n", "a.go::Old", "New", "syntax error"),
    ],
)
def test_what_cannot_be_is_refused(plan, path, source, target, new, told):
    with pytest.raises(UsageError) as caught:
        plan({path: source}, "rename", target, new)
    assert told in caught.value.message
