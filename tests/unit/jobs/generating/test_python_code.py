"""Python modules, functions and tests that are made run, and look like the others of the project."""

from __future__ import annotations

import pytest

from aiex.errors import Conflict, UsageError
from tests.unit.jobs.generating.conftest import Make, convention, drafts_of

HEADER = "# Copyright 2024 Shop Ltd.\n# SPDX-License-Identifier: MIT\n"
SRC = {
    "pyproject.toml": '[project]\nname = "shop"\n[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    "src/shop/__init__.py": f'{HEADER}\n"""Shop."""\n',
    "src/shop/net/__init__.py": f'{HEADER}\n"""Net."""\n',
    "src/shop/net/client.py": f"{HEADER}\n'''A client.'''\n\n\ndef fetch(url: str) -> str:\n    return 'x'\n",
    "tests/unit/net/test_client.py": (
        "from shop.net.client import fetch\n\n\ndef test_fetch():\n    assert fetch('a') == 'x'\n"
    ),
}
FLAT = {"shop/__init__.py": "", "shop/a.py": "def f(x):\n    return x\n"}


def test_a_module_and_its_test_run_in_a_src_layout(project: Make) -> None:
    tree = project(SRC)
    brief = tree.write(tree.make("module", "HTTP cache", into="src/shop/net"))
    assert [draft.path for draft in brief.drafts] == ["src/shop/net/http_cache.py", "tests/unit/net/test_http_cache.py"]
    assert all(draft.after.decode().startswith(HEADER) for draft in brief.drafts[:1])
    done = tree.pytest()
    assert (done.returncode, done.stdout.splitlines()[-1].split(" in ")[0]) == (0, "2 passed, 1 skipped")


def test_a_module_follows_the_style_that_is_found(project: Make) -> None:
    tree = project({"lib/__init__.py": "", "lib/a.py": "def f(x):\r\n\tif x:\r\n\t\treturn 'a'\r\n\treturn 'b'\r\n"})
    brief = tree.make("module", "new")
    assert drafts_of(brief)["lib/new.py"] == (
        '"""New."""\r\n\r\n\r\ndef new():\r\n\t"""TODO: say what new does."""\r\n'
        "\traise NotImplementedError('new is not written yet')\r\n"
    )
    assert {one.name: one.value for one in brief.conventions}["line ends"] == "CRLF"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("shop.pay.card", "shop/pay/card.py"),
        ("pay/card", "shop/pay/card.py"),
        ("card.py", "shop/card.py"),
        ("Card Reader", "shop/card_reader.py"),
    ],
)
def test_a_name_may_say_where_it_goes(project: Make, name: str, path: str) -> None:
    paths = [*drafts_of(project(FLAT).make("module", name))]
    assert path in paths
    assert ("shop/pay/__init__.py" in paths) == ("pay" in path)


def test_new_packages_can_be_imported(project: Make) -> None:
    tree = project(FLAT)
    tree.write(tree.make("module", "shop.pay.card"))
    assert tree.pytest().returncode == 0


def test_who_stands_in_a_package_makes_the_module_there(project: Make) -> None:
    assert "src/shop/net/new.py" in drafts_of(project(SRC).make("module", "new", at="src/shop/net"))


def test_several_packages_are_an_error_that_lists_them(project: Make) -> None:
    tree = project({"one/__init__.py": "", "two/__init__.py": "", "one/a.py": "x = 1\n", "two/a.py": "x = 1\n"})
    with pytest.raises(UsageError) as caught:
        tree.make("module", "new")
    assert (caught.value.message, caught.value.hint) == ("there are 2 packages: one, two", "say which: --in one")


@pytest.mark.parametrize("name", ["import", "Class", "async"])
def test_a_keyword_is_refused(project: Make, name: str) -> None:
    with pytest.raises(UsageError, match="is a keyword of Python"):
        project(FLAT).make("module", name)


@pytest.mark.parametrize("name", ["../up", "/etc/x", "a/../../b"])
def test_a_name_that_leads_out_is_refused(project: Make, name: str) -> None:
    with pytest.raises(UsageError):
        project(FLAT).make("module", name)


def test_nothing_is_overwritten(project: Make) -> None:
    with pytest.raises(Conflict, match=r"shop/a\.py is there already"):
        project(FLAT).make("module", "a")


def test_unittest_is_followed(project: Make) -> None:
    old = "import unittest\n\n\nclass TestF(unittest.TestCase):\n    def test_f(self):\n        pass\n"
    tree = project({**FLAT, "tests/__init__.py": "", "tests/test_a.py": old})
    brief = tree.write(tree.make("module", "new"))
    assert convention(brief, "test style") == "unittest"
    assert "class TestNew(unittest.TestCase):" in tree.text("tests/test_new.py")
    done = tree.run("python3", "-m", "unittest", "tests.test_new")
    assert (done.returncode, "OK (skipped=1)" in done.stderr) == (0, True)


def test_pytest_classes_are_followed(project: Make) -> None:
    old = "class TestF:\n    def test_a(self):\n        assert True\n\n    def test_b(self):\n        assert True\n"
    tree = project({**FLAT, "tests/test_a.py": old})
    tree.write(tree.make("module", "new"))
    assert "class TestNew:\n    def test_new_takes_its_parameters(self):" in tree.text("tests/test_new.py")
    assert tree.pytest().returncode == 0


CODE = '''"""Code."""

import functools

LIMIT = 3


def total(items: list[int], rate: float = 0.2, *, limit: int = 3) -> float:
    if not items:
        raise ValueError("empty")
    if limit < 0:
        raise KeyError(f"bad {limit}")
    return sum(items) * rate


def name() -> str:
    return "basket"


def shaky(value):
    if value > LIMIT:
        raise ValueError
    return value


@functools.cache
def cached(a):
    return a


async def later(x):
    return x


def steps(n: int):
    if n < 0:
        raise ValueError
    yield n


class Basket:
    def add(self, item, *rest, **named):
        return item

    def _hidden(self):
        pass


class BasketError(ValueError):
    pass


def _private():
    pass
'''


def test_what_is_certain_is_checked_and_the_rest_is_skipped(project: Make) -> None:
    tree = project({"shop/__init__.py": "", "shop/code.py": CODE})
    brief = tree.write(tree.make("tests", "shop/code.py"))
    done = tree.pytest("-rs")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].split(" in ")[0] == f"11 passed, {brief.left_open} skipped"
    text = tree.text("tests/test_code.py")
    assert 'assert name() == "basket"' in text
    assert "with pytest.raises(ValueError):\n        total([])" in text
    assert "with pytest.raises(KeyError):\n        total([1], limit=-1)" in text
    assert "assert issubclass(BasketError, ValueError)" in text
    assert "assert callable(cached)" in text
    assert "to do: await later(x) and check what comes of it" in text
    assert "_hidden" not in text
    assert "_private" not in text
    assert text.count("pytest.raises") == 2, "nothing that depends on a constant, or only runs when iterated"


def test_tests_of_one_function_are_added_to_the_file_that_is_there(project: Make) -> None:
    old = "from shop.code import name\n\n\ndef test_name():\n    assert name() == 'basket'\n"
    tree = project({"shop/__init__.py": "", "shop/code.py": CODE, "tests/test_code.py": old})
    tree.write(tree.make("tests", "shop/code.py::total"))
    text = tree.text("tests/test_code.py")
    assert text.startswith("import inspect\n\nimport pytest\n\nfrom shop.code import name, total\n\n\ndef test_name")
    assert tree.pytest().returncode == 0
    with pytest.raises(Conflict, match="has tests of all of it already"):
        tree.make("tests", "shop/code.py::total")


@pytest.mark.parametrize(
    ("code", "why"),
    [("def f(:\n", "cannot be worked on: syntax error"), ("_x = 1\n", "has nothing public at its top to test")],
)
def test_what_cannot_be_tested_is_refused(project: Make, code: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        project({"shop/__init__.py": "", "shop/a.py": code}).make("tests", "shop/a.py")


def test_a_module_that_cannot_be_imported_is_refused(project: Make) -> None:
    with pytest.raises(UsageError, match="'my-script' is no identifier"):
        project({"my-script.py": "def f():\n    pass\n"}).make("tests", "my-script.py")


def test_what_an_import_already_runs_is_told(project: Make) -> None:
    code = "import subprocess\n\nsubprocess.run(['ls'])\n\n\ndef f():\n    pass\n"
    brief = project({"shop/__init__.py": "", "shop/a.py": code}).make("tests", "shop/a.py")
    assert [message for message, _ in brief.warnings] == [
        "importing shop/a.py already runs subprocess.run in line 3, and so do its tests"
    ]


def test_a_function_comes_before_what_runs_the_program(project: Make) -> None:
    code = '__all__ = ["a", "z"]\n\n\ndef a():\n    pass\n\n\nz = a\n\n\nif __name__ == "__main__":\n    a()\n'
    tree = project({"shop/__init__.py": "", "shop/a.py": code})
    tree.write(tree.make("function", "make it", into="shop/a.py", signature="(x: int, *rest: str) -> int"))
    text = tree.text("shop/a.py")
    assert text.startswith('__all__ = ["a", "make_it", "z"]\n')
    assert text.endswith(
        "\n\n\ndef make_it(x: int, *rest: str) -> int:\n"
        '    """TODO: say what make_it does."""\n'
        '    raise NotImplementedError("make_it is not written yet")\n'
        '\n\nif __name__ == "__main__":\n    a()\n'
    )
    assert tree.pytest().returncode == 0


def test_names_to_export_on_lines_of_their_own_stay_so(project: Make) -> None:
    code = "__all__ = [\n    'b',\n    'a'\n]\n\n\ndef a():\n    pass\n\n\ndef b():\n    pass\n"
    tree = project({"shop/__init__.py": "", "shop/a.py": code})
    tree.write(tree.make("function", "c", into="shop/a.py"))
    assert tree.text("shop/a.py").startswith("__all__ = [\n    'b',\n    'a',\n    'c',\n]\n")


def test_every_byte_that_is_not_changed_stays(project: Make) -> None:
    code = b"\xef\xbb\xbf# caf\xe9\r\nx = 1\n\r\ndef a():\r\n    pass\r\n"
    tree = project({"shop/__init__.py": "", "shop/a.py": code})
    brief = tree.make("function", "b", into="shop/a.py")
    changed = next(draft.after for draft in brief.drafts if draft.path == "shop/a.py")
    assert changed.startswith(code)
    assert b"\r\n\r\ndef b():\r\n" in changed


@pytest.mark.parametrize("signature", ["(a", "(a) -> int: return 1", "a b", "(a): pass\nimport os", "1"])
def test_what_is_no_signature_is_refused(project: Make, signature: str) -> None:
    with pytest.raises(UsageError, match="signature"):
        project(FLAT).make("function", "g", into="shop/a.py", signature=signature)


def test_a_function_that_is_there_is_a_conflict(project: Make) -> None:
    with pytest.raises(Conflict, match="has a f already"):
        project(FLAT).make("function", "f", into="shop/a.py")


def test_a_package_in_a_workspace_is_found_by_its_name(project: Make) -> None:
    files = {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n'}
    for name in ("core", "web"):
        files[f"libs/{name}/pyproject.toml"] = f'[project]\nname = "shop-{name}"\n'
        files[f"libs/{name}/src/shop_{name}/__init__.py"] = ""
    tree = project(files)
    brief = tree.make("module", "new", into="shop-web")
    assert [*drafts_of(brief)] == ["libs/web/src/shop_web/new.py", "libs/web/tests/test_new.py"]
    assert brief.run == "cd libs/web && python -m pytest tests/test_new.py"
    assert next(iter(drafts_of(tree.make("module", "core/new")))) == "libs/core/src/shop_core/new.py"
    with pytest.raises(UsageError, match="there are 2 packages here: libs/core, libs/web"):
        tree.make("module", "new")
    with pytest.raises(UsageError) as caught:
        tree.make("module", "new", into="nowhere")
    assert caught.value.hint == "the packages here are libs/core, libs/web"


def test_code_in_several_languages_wants_to_know_which(project: Make) -> None:
    tree = project({"a.py": "def a():\n    pass\n", "b.go": "package b\n"})
    with pytest.raises(UsageError) as caught:
        tree.make("module", "new")
    assert caught.value.message.startswith("there is code in several languages here: ")
    assert "new.py" in drafts_of(tree.make("module", "new", language="python"))
    assert "new.py" in drafts_of(tree.make("module", "new.py"))


def test_an_empty_directory_wants_to_know_the_language(project: Make) -> None:
    with pytest.raises(UsageError) as caught:
        project({}).make("module", "new")
    assert caught.value.hint == "say which: --language elixir, go, javascript, python, rust, typescript"


def test_the_test_of_a_file_of_the_same_name_elsewhere_stays_as_it_is(project: Make) -> None:
    code = "def f():\n    pass\n"
    files = {"shop/__init__.py": "", "shop/a/__init__.py": "", "shop/b/__init__.py": "", "shop/a/x.py": code}
    test = "from shop.a.x import f\n\n\ndef test_f():\n    f()\n"
    tree = project({**files, "shop/b/x.py": code, "tests/test_x.py": test})
    brief = tree.write(tree.make("tests", "shop/b/x.py"))
    assert [draft.path for draft in brief.drafts] == ["tests/test_b_x.py"]
    assert tree.text("tests/test_x.py").count("def ") == 1


def test_data_of_tests_is_no_test(project: Make) -> None:
    tree = project({**FLAT, "tests/data/a.py": "def broken(:\n", "tests/test_b.py": "def test_b():\n    pass\n"})
    assert [*drafts_of(tree.make("tests", "shop/a.py"))] == ["tests/test_a.py"]


def test_a_function_called_inspect_is_no_hindrance(project: Make) -> None:
    code = "def inspect(a):\n    return a\n\n\nclass A:\n    pass\n\n\ndef one():\n    return 1\n"
    tree = project({"shop/__init__.py": "", "shop/a.py": code})
    tree.write(tree.make("tests", "shop/a.py"))
    assert tree.pytest().returncode == 0
    assert "assert one() == 1\n" in tree.text("tests/test_a.py")
