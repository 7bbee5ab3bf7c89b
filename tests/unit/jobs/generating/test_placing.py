"""Where tests belong."""

import pytest

from aiex.jobs.generating.placing import Layout, find_layout, place_test

DEFAULT = Layout("tests", "flat", "test_{}", "default")
PATTERNS = ("test_{}", "{}_test")


@pytest.mark.parametrize(
    ("tests", "sources", "roots", "wanted"),
    [
        (["tests/test_a.py"], ["src/shop/a.py"], ["src", "src/shop"], "tests/net/test_new.py"),
        (["tests/net/test_a.py"], ["src/shop/net/a.py"], ["src", "src/shop"], "tests/net/test_new.py"),
        (["tests/shop/net/test_a.py"], ["src/shop/net/a.py"], ["src", "src/shop"], "tests/shop/net/test_new.py"),
        (["tests/unit/net/test_a.py"], ["shop/net/a.py"], ["", "shop"], "tests/unit/net/test_new.py"),
        (["tests/test_a.py", "tests/test_b.py"], ["shop/net/a.py", "shop/web/b.py"], ["", "shop"], "tests/test_new.py"),
        (["src/shop/net/a_test.py"], ["src/shop/net/a.py"], ["src", "src/shop"], "src/shop/net/new_test.py"),
        (["shop/net/tests/test_a.py"], ["shop/net/a.py"], ["", "shop"], "shop/net/tests/test_new.py"),
        (["checks/test_other.py"], ["shop/net/a.py"], ["", "shop"], "checks/test_new.py"),
        ([], ["shop/net/a.py"], ["", "shop"], "tests/test_new.py"),
    ],
)
def test_a_new_test_lies_as_those_that_are_there(
    tests: list[str], sources: list[str], roots: list[str], wanted: str
) -> None:
    layout = find_layout(tests, sources, patterns=PATTERNS, roots=roots, default=DEFAULT)
    new = sources[0].rpartition("/")[0] + "/new.py"
    new = new.replace("src/shop/new", "src/shop/net/new")
    assert place_test(layout, new, roots, ending=".py") == wanted
