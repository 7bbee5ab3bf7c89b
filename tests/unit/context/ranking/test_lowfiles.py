import pytest

from aiex.context.ranking.lowfiles import is_low
from tests.fakes.tables import each


@each(
    "path",
    [
        "tests/test_basket.py", "shop/test_basket.py", "conftest.py", "basket_test.go", "src/basket.test.ts",
        "spec/basket_spec.rb", "src/test/java/shop/BasketTest.java", "test/basket_test.exs", "docs/conf.py",
        "examples/hello.js", "vendor/lib/a.c", "README.md", "package.json", "BasketIT.java", "Docs/conf.py",
        "web/a.min.js", "shop/.basket.md", "third-party/a.c", "it/BasketSpec.scala", "src/basket.stories.tsx",
        "setup.py",
    ],
)  # fmt: skip
def test_tests_documents_and_examples_are_low(path: str) -> None:
    assert is_low(path)


@pytest.mark.parametrize(
    "path",
    [
        "src/_pytest/python.py", "shop/latest.py", "shop/contest.py", "lib/ex_unit/lib/ex_unit/runner.ex",
        "src/main/java/shop/Basket.java", "src/protest.rs", "shop/testing.py", "include/shop.h", "Harvest.java",
        "shop/Audit.java", "shop/Permit.kt", "Test.java", "symbols/md", "web/min.js", "setup.go", "tasks.ts",
    ],
)  # fmt: skip
def test_sources_are_not_low(path: str) -> None:
    assert not is_low(path)
