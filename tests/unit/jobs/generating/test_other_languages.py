"""JavaScript, TypeScript, Go, Rust and Elixir: what is made runs where its runner is, and fits the project."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from aiex.errors import UsageError
from tests.unit.jobs.generating.conftest import Make, convention, drafts_of

_CARGO = Path(shutil.which("cargo") or "/none/none/none/none")
_RUSTUP = _CARGO.parents[2] / ".rustup"
"""Where rustup keeps toolchains when nothing says otherwise; the home of a test is another one."""
ESM = '{"name": "shop", "type": "module", "scripts": {"test": "node --test"}}'


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_javascript_runs_in_both_kinds_of_modules(project: Make) -> None:
    cart = "export const total = async (items, rate = 2) => items;\nexport default class Cart { add(item) {} }\n"
    files = {
        "esm/package.json": ESM,
        "esm/lib/cart.js": f"{cart}function hidden(a, {{ b }} = {{}}) {{}}\nexport {{ hidden as shown }};\n",
        "cjs/package.json": '{"name": "old"}',
        "cjs/cart.js": "function total(items) { return items; }\n\nmodule.exports = { total };\n",
    }
    tree = project(files)
    for path in ("esm/lib/cart.js", "cjs/cart.js"):
        tree.write(tree.make("tests", path))
        tree.write(tree.make("function", "apply coupon", into=path, signature="(code, {a, b} = {}, ...rest)"))
    tree.write(tree.make("module", "invoice parser", into="shop"))
    tree.write(tree.make("module", "invoice parser", into="old"))
    for place, passed in (("esm", 9), ("cjs", 6)):
        done = tree.run("node", "--test", at=place)
        assert (done.returncode, "# fail 0\n" in done.stdout) == (0, True), done.stdout
        assert f"# pass {passed}\n" in done.stdout
    assert "module.exports = { total, applyCoupon };\n" in tree.text("cjs/cart.js")
    assert "const { applyCoupon, total } = require" in tree.text("cjs/cart.test.js").replace("{ total, a", "{ a")


def test_typescript_follows_vitest_its_quotes_and_missing_semicolons(project: Make) -> None:
    code = "import { x } from './other'\n\nexport const a = (b: number, c?: string) => x('d')\n"
    files = {
        "package.json": '{"private": true, "workspaces": ["packages/*"]}',
        "packages/core/package.json": '{"name": "@shop/core", "devDependencies": {"vitest": "1"}}',
        "packages/core/tsconfig.json": "{}",
        "packages/core/src/fooBar.ts": code,
        "packages/web/package.json": '{"name": "@shop/web"}',
    }
    tree = project(files)
    with pytest.raises(UsageError, match="there are 2 packages here: packages/core, packages/web"):
        tree.make("module", "invoice parser")
    made = drafts_of(tree.make("module", "invoice parser", into="@shop/core"))
    assert made["packages/core/src/invoiceParser.ts"] == (
        "/** TODO: say what invoiceParser does. */\nexport function invoiceParser(): void {\n"
        "  throw new Error('invoiceParser is not written yet')\n}\n"
    )
    assert made["packages/core/src/invoiceParser.test.ts"].startswith(
        "import { describe, expect, it } from 'vitest'\n\nimport { invoiceParser } from './invoiceParser'\n\n"
    )
    tests = drafts_of(tree.make("tests", "packages/core/src/fooBar.ts"))["packages/core/src/fooBar.test.ts"]
    assert "    expect(a.length).toBe(2)\n" in tests


@pytest.mark.parametrize(
    ("declared", "test", "wanted"),
    [
        ('{"devDependencies": {"jest": "1"}}', "", "expect(typeof a).toBe"),
        ('{"devDependencies": {"mocha": "1"}}', "", "assert.equal(typeof a"),
        ('{"scripts": {"test": "bun test"}}', "", 'from "bun:test"'),
        (
            "{}",
            'import { expect, test } from "vitest";\ntest("b", () => {});\n',
            'import { expect, test } from "vitest"',
        ),
        (
            "{}",
            'import { expect } from "chai";\ndescribe("b", () => { it("b", () => {}); });\n',
            "expect(typeof a).to.equal",
        ),
    ],
)
def test_the_runner_is_the_one_of_the_project(project: Make, declared: str, test: str, wanted: str) -> None:
    files = {"package.json": declared, "a.mjs": "export function a() {}\n", "b.test.mjs": test} if test else {
        "package.json": declared, "a.mjs": "export function a() {}\n"}  # fmt: skip
    assert wanted in "".join(drafts_of(project(files).make("tests", "a.mjs")).values())


def test_tests_beside_and_apart_are_followed(project: Make) -> None:
    files = {"package.json": ESM, "src/a.js": "export const a = 1;\n", "src/net/b.js": "export const b = 1;\n"}
    test = 'import { it } from "node:test";\nit("x", () => {});\n'
    tree = project({**files, "test/net/b.spec.js": test})
    assert "test/net/fresh.spec.js" in drafts_of(tree.make("module", "net/fresh"))
    assert 'from "../../src/net/fresh.js"' in drafts_of(tree.make("module", "net/fresh"))["test/net/fresh.spec.js"]


def test_rust_compiles_and_runs(project: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUSTUP_HOME", os.environ.get("RUSTUP_HOME", str(_RUSTUP)))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "cargo"))
    if shutil.which("cargo") is None or subprocess.run(["cargo", "--version"], check=False).returncode:
        pytest.skip("there is no cargo")
    lib = (
        "//! Shop.\n\npub mod zebra;\n\npub fn total<'a>(items: &'a [u32], rate: f64) -> Result<f64, String> {\n"
        "    let _ = items;\n    Ok(rate)\n}\n\npub struct Cart;\n\n"
        "impl Cart {\n    pub fn add(&mut self, n: u32) -> u32 {\n        n\n    }\n}\n\n"
        "pub fn plain(items: &[u32]) -> usize {\n    items.len()\n}\n"
    )
    files = {
        "Cargo.toml": '[package]\nname = "shop-core"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/lib.rs": lib,
        "src/zebra.rs": "pub fn stripes<T: Clone>(x: T) -> T {\n    x\n}\n",
    }
    tree = project(files)
    for made in (
        ("module", "Invoice Parser"),
        ("module", "zebra::hoof"),
        ("tests", "src/lib.rs"),
        ("docs", "src/lib.rs"),
    ):
        tree.write(tree.make(*made))
    tree.write(tree.make("function", "coupon", into="src/lib.rs", signature="(code: &str, n: u32) -> Option<u32>"))
    assert "pub mod invoice_parser;\npub mod zebra;\n" in tree.text("src/lib.rs")
    assert tree.text("src/zebra.rs").startswith("pub mod hoof;\n\n")
    done = tree.run("cargo", "test", "--offline", "--quiet", "--lib")
    assert done.returncode == 0, done.stderr
    assert "4 passed; 0 failed; 6 ignored" in done.stdout


def test_rust_tests_apart_are_followed(project: Make) -> None:
    files = {
        "Cargo.toml": '[package]\nname = "shop-core"\n',
        "src/lib.rs": "pub fn total(a: u32) -> u32 {\n    a\n}\n",
        "tests/other.rs": "#[test]\nfn it_is() {}\n",
    }
    made = drafts_of(project(files).make("tests", "src/lib.rs"))
    assert [*made] == ["tests/lib.rs"]
    assert made["tests/lib.rs"].startswith("use shop_core::total;\n\n#[test]\nfn total_has_its_signature() {\n")


def test_go_makes_tables_and_checks_signatures(project: Make) -> None:
    code = (
        'package cart\n\nimport (\n\t"context"\n)\n\nfunc Total(ctx context.Context, items []int) (int, error) {\n'
        "\treturn 0, nil\n}\n\nfunc Run() {}\n\ntype Cart struct{}\n\nfunc (c *Cart) Add(n int) {}\n\n"
        "func hidden() {}\n"
    )
    tree = project({"go.mod": "module example.com/shop\n", "internal/cart/cart.go": code})
    tests = drafts_of(tree.make("tests", "internal/cart/cart.go"))["internal/cart/cart_test.go"]
    assert tests.startswith('package cart\n\nimport (\n\t"context"\n\t"reflect"\n\t"testing"\n)\n')
    assert "\tvar _ func(context.Context, []int) (int, error) = Total\n\ttests := []struct {\n" in tests
    assert "\tvar _ func() = Run\n\tt.Skip(" in tests
    assert "func TestCart_Add(t *testing.T) {\n\tt.Skip(" in tests
    assert "hidden" not in tests
    assert [*drafts_of(tree.make("module", "invoice parser"))] == [
        "internal/invoiceparser/invoice_parser.go",
        "internal/invoiceparser/invoice_parser_test.go",
    ]
    assert drafts_of(tree.make("module", "item", into="internal/cart"))["internal/cart/item.go"].startswith(
        "package cart\n"
    )


def test_go_tests_of_another_package_import_it(project: Make) -> None:
    code = "package shop\n\nfunc Total(a int) int { return a }\n\nfunc Own(c Cart) Cart { return c }\n"
    files = {
        "go.mod": "module example.com/shop\n",
        "shop.go": f"{code}\ntype Cart struct{{}}\n",
        "other_test.go": "package shop_test\n\nfunc TestX() {}\n",
    }
    tests = drafts_of(project(files).make("tests", "shop.go"))["shop_test.go"]
    assert tests.startswith('package shop_test\n\nimport (\n\t"testing"\n\n\t"example.com/shop"\n)\n')
    assert "\tvar _ func(int) int = shop.Total\n" in tests
    assert "shop.Own" not in tests


def test_elixir_goes_to_the_right_application(project: Make) -> None:
    files = {"mix.exs": 'defmodule U.MixProject do\n  def project, do: [apps_path: "apps"]\nend\n'}
    for name in ("shop", "api"):
        files[f"apps/{name}/mix.exs"] = f"defmodule M.MixProject do\n  def project, do: [app: :{name}]\nend\n"
    files["apps/shop/lib/shop/basket.ex"] = (
        "defmodule Shop.Basket do\n  @spec add(map, integer) :: map\n"
        "  def add(basket, n \\\\ 1) do\n    {basket, n}\n  end\nend\n"
    )
    tree = project(files)
    made = drafts_of(tree.make("module", "Shop.Cart.Line"))
    assert [*made] == ["apps/shop/lib/shop/cart/line.ex", "apps/shop/test/shop/cart/line_test.exs"]
    assert made["apps/shop/lib/shop/cart/line.ex"].startswith("defmodule Shop.Cart.Line do\n")
    tests = drafts_of(tree.make("tests", "apps/shop/lib/shop/basket.ex"))["apps/shop/test/shop/basket_test.exs"]
    assert (
        "    assert function_exported?(Shop.Basket, :add, 1)\n    assert function_exported?(Shop.Basket, :add, 2)\n"
        in tests
    )
    docs = drafts_of(tree.make("docs", "apps/shop/lib/shop/basket.ex"))["apps/shop/lib/shop/basket.ex"]
    assert '  @doc """\n  TODO: say what add gives.\n  """\n  @spec add' in docs
    assert convention(tree.make("module", "new", into="api"), "tests begin with") == "use ExUnit.Case, async: true"
