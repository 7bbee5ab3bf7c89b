"""Definitions are found by the parser, and changed without a word of what stands around them."""

from __future__ import annotations

import pytest

from aiex.agent.edits.applying import Before, apply_wishes
from aiex.agent.edits.symbols import Beside, change_symbol
from aiex.errors import EditError

SOURCE = b"""import functools


# Sums up.
@functools.cache
def total(items):
    return 0


class Basket:
    def add(self, item):
        self.items.append(item)

    def total(self):
        return 1


class Other:
    def add(self): pass
"""


def _after(name: str, beside: Beside, new: str, source: bytes = SOURCE, path: str = "shop.py") -> str:
    (change,) = apply_wishes([change_symbol(path, source, name, beside, new)], {path: Before(source)})
    assert change.after is not None
    return change.after.decode()


def test_a_definition_is_replaced_with_its_decorators() -> None:
    after = _after("Basket.total", "replace", "    def total(self):\n        return sum(self.items)\n")
    assert after == SOURCE.decode().replace("        return 1\n", "        return sum(self.items)\n")


def test_the_comment_above_stays() -> None:
    after = _after("Basket", "replace", "Basket = list")
    assert "# Sums up.\n@functools.cache\n" in after
    assert "\n\n\nBasket = list\n\n\nclass Other" in after


def test_something_comes_before_and_after() -> None:
    assert "class New: ...\n\n\nclass Basket:" in _after("Basket", "before", "class New: ...")
    after = _after("Basket.add", "after", "    def drop(self, item):\n        self.items.remove(item)")
    assert "append(item)\n\n    def drop(self, item):\n        self.items.remove(item)\n\n    def total" in after


def test_line_ends_of_the_file_are_kept() -> None:
    source = SOURCE.replace(b"\n", b"\r\n")
    after = _after("Other", "replace", "class Other:\n    pass\n", source)
    assert after.endswith("class Other:\r\n    pass\r\n")
    assert "\n" not in after.replace("\r\n", "")


@pytest.mark.parametrize(
    ("name", "said"),
    [("add", "defines add 2 times: Basket.add at line 11, Other.add"), ("gone", "defines no gone")],
)
def test_what_is_not_there_once_is_refused(name: str, said: str) -> None:
    with pytest.raises(EditError, match=said):
        change_symbol("shop.py", SOURCE, name, "replace", "x = 1")


def test_code_on_the_same_line_is_in_the_way() -> None:
    with pytest.raises(EditError, match="shares its"):
        change_symbol("a.js", b"function a() { return 1 } function b() { return 2 }\n", "b", "replace", "x")
