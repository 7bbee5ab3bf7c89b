"""Packages of repositories, by their manifests."""

import pytest

from aiex.jobs.generating.members import find_packages


def names(files: dict[str, str]) -> list[str]:
    found = find_packages(list(files), lambda path: files.get(path, ""))
    return [f"{member.folder or '.'} {member.name} {member.ecosystem}" for member in found.members]


def test_a_uv_workspace_has_the_members_that_it_names() -> None:
    root = '[project]\nname = "root"\n[tool.uv.workspace]\nmembers = ["libs/*"]\nexclude = ["libs/old"]\n'
    files = {"pyproject.toml": root}
    files |= {f"libs/{one}/pyproject.toml": f'[project]\nname = "{one}"\n' for one in ("core", "web", "old")}
    files["scratch/pyproject.toml"] = '[project]\nname = "scratch"\n'
    assert names(files) == [". root python", "libs/core core python", "libs/web web python"]


def test_a_poetry_project_is_named_by_poetry() -> None:
    assert names({"pyproject.toml": '[tool.poetry]\nname = "shop"\n'}) == [". shop python"]


@pytest.mark.parametrize("workspaces", ['["packages/*"]', '{"packages": ["packages/*"]}'])
def test_an_npm_workspace_has_members_and_its_private_root_is_none(workspaces: str) -> None:
    files = {"package.json": f'{{"private": true, "workspaces": {workspaces}}}'}
    files |= {f"packages/{one}/package.json": f'{{"name": "@shop/{one}"}}' for one in ("core", "web")}
    assert names(files) == ["packages/core @shop/core node", "packages/web @shop/web node"]


def test_a_pnpm_workspace_is_read_from_its_own_file() -> None:
    files = {
        "package.json": "{}",
        "pnpm-workspace.yaml": "packages:\n  - 'apps/*'  # all\n  - \"!apps/old\"\nother:\n  - x\n",
        "apps/a/package.json": "{}",
        "apps/old/package.json": "{}",
        "x/package.json": "{}",
    }
    assert names(files) == ["apps/a a node"]


def test_a_cargo_workspace_may_have_a_package_at_its_root() -> None:
    files = {"Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n', "crates/a/Cargo.toml": '[package]\nname = "a"\n'}
    assert names(files) == ["crates/a a cargo"]
    files["Cargo.toml"] += '[package]\nname = "root"\n'
    assert names(files) == [". root cargo", "crates/a a cargo"]


def test_go_work_names_its_modules() -> None:
    files = {"go.work": "go 1.22\n\nuse (\n\t./api // here\n\t./core\n)\n"}
    files |= {f"{one}/go.mod": f"module example.com/{one}\n" for one in ("api", "core", "other")}
    assert names(files) == ["api example.com/api go", "core example.com/core go"]


def test_an_umbrella_has_its_applications() -> None:
    files = {"mix.exs": 'def project, do: [apps_path: "apps"]', "apps/shop/mix.exs": "[app: :shop]"}
    assert names(files) == ["apps/shop shop mix"]


def test_manifests_of_tests_and_examples_are_no_packages() -> None:
    files = {"package.json": '{"name": "a"}', "tests/data/package.json": "{}", "examples/one/package.json": "{}"}
    assert names(files) == [". a node"]


@pytest.mark.parametrize("broken", ["{", "[]", '{"workspaces": 3}', ""])
def test_a_damaged_manifest_still_makes_a_package(broken: str) -> None:
    assert len(names({"a/package.json": broken})) <= 1
