"""Documentation that is put where there is none."""

from __future__ import annotations

import ast

import pytest

from aiex.errors import Conflict, UsageError
from tests.unit.jobs.generating.conftest import Make, convention, drafts_of

CODE = '''# About
import os


def total(items: list, *rest, rate=2) -> int:
    # first
    if rate < 0:
        raise ValueError("x")
    return 1


class Basket:
    size = 1

    @property
    def price(self):
        return 2

    @staticmethod
    def make(a):
        print(a)

    def inline(self): return 3


def known():
    """Known."""


def _hidden():
    return 4
'''
FORMS = {
    "Google": 'def a(x):\n    """A.\n\n    Args:\n        x: It.\n    """\n',
    "NumPy": 'def a(x):\n    """A.\n\n    Parameters\n    ----------\n    x : int\n        It.\n    """\n',
    "reST": 'def a(x):\n    """A.\n\n    :param x: It.\n    """\n',
    "plain": 'def a(x):\n    """A."""\n',
}
TOTAL = {
    "Google": """TODO: say what total gives.

    Args:
        items: TODO
        *rest: TODO
        rate: TODO

    Returns:
        TODO

    Raises:
        ValueError: TODO
    """,
    "NumPy": """TODO: say what total gives.

    Parameters
    ----------
    items : list
        TODO
    *rest
        TODO
    rate
        TODO

    Returns
    -------
    int
        TODO

    Raises
    ------
    ValueError
        TODO
    """,
    "reST": """TODO: say what total gives.

    :param items: TODO
    :param rest: TODO
    :param rate: TODO
    :returns: TODO
    :raises ValueError: TODO
    """,
    "plain": "TODO: say what total gives.",
}


@pytest.mark.parametrize("form", [*FORMS])
def test_docstrings_have_the_form_of_the_others(project: Make, form: str) -> None:
    brief = project({"a.py": CODE, "b.py": FORMS[form]}).make("docs", "a.py")
    assert convention(brief, "docstrings") == form
    text = drafts_of(brief)["a.py"]
    assert f'rate=2) -> int:\n    """{TOTAL[form]}"""\n    # first\n' in text


def test_only_what_has_none_gets_a_docstring_and_the_code_stays(project: Make) -> None:
    brief = project({"a.py": CODE}).make("docs", "a.py")
    text = drafts_of(brief)["a.py"]
    tree = ast.parse(text)
    told = {node.name: ast.get_docstring(node) for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.ClassDef)}  # fmt: skip
    assert ast.get_docstring(tree) == "TODO: say what a is for."
    assert told["known"] == "Known."
    assert (told["_hidden"], told["inline"]) == (None, None)
    assert told["Basket"] == "TODO: say what Basket is."
    assert told["price"] == "TODO: say what price does."
    assert [message for message, _ in brief.warnings] == [
        "Basket.inline has its body on the line of its name, and got no docstring"
    ]
    lines = text.split("\n")
    kept = iter(lines)
    assert all(line in kept for line in CODE.split("\n")), "every line is still there, in order"


def test_one_symbol_alone_can_be_documented(project: Make) -> None:
    text = drafts_of(project({"a.py": CODE}).make("docs", "a.py::Basket.make"))["a.py"]
    assert text.count("TODO: say what") == 1
    assert '    def make(a):\n        """TODO: say what make does."""\n' in text


def test_documentation_of_all_makes_nothing(project: Make) -> None:
    assert project({"a.py": '"""A."""\n\n\ndef a():\n    """A."""\n'}).make("docs", "a.py").drafts == ()


def test_a_name_that_is_not_there_is_told_with_those_that_are(project: Make) -> None:
    with pytest.raises(UsageError) as caught:
        project({"a.py": CODE}).make("docs", "a.py::nothing")
    assert (caught.value.message, caught.value.hint) == (
        "a.py has no nothing",
        "it has total, Basket, Basket.price, Basket.make, Basket.inline, known",
    )


def test_a_page_tells_what_a_module_offers(project: Make) -> None:
    tree = project({"a.py": CODE, "docs/api/other.md": "# Other\n"})
    page = drafts_of(tree.make("page", "a.py"))["docs/api/a.md"]
    assert page.startswith(
        "# a.py\n\nAbout\n\n## total()\n\n```python\ndef total(items: list, *rest, rate=2) -> int\n```\n"
    )
    assert "\nRaises: `ValueError`.\n" in page
    assert "### Basket.make()\n" in page
    assert "_hidden" not in page
    tree.write(tree.make("page", "a.py"))
    with pytest.raises(Conflict):
        tree.make("page", "a.py")
