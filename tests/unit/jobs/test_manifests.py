"""Build files: commands offered, packages required, and damage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.jobs.briefing.manifests import read_manifest, reader_for

PYPROJECT = b"""
[project]
name = "shop"
description = "Sells fruit"
dependencies = ["click>=8.2,<9", "rich ; python_version > '3.8'"]

[project.scripts]
shop = "shop.cli:main"
"""
PACKAGE = b"""{
  "name": "web", "description": "A page", "main": "./lib/index.js",
  "bin": {"web": "bin/web.js"},
  "scripts": {"test": "vitest"},
  "dependencies": {"react": "^18.0.0"}
}"""
NAMES = (
    "pyproject.toml", "setup.cfg", "setup.py", "package.json", "Cargo.toml", "go.mod", "Gemfile", "mix.exs", "pom.xml",
    "build.gradle", "Makefile", "Procfile", "Dockerfile", "requirements-dev.txt",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "source", "commands", "packages"),
    [
        ("pyproject.toml", PYPROJECT, [("console script", "shop")], [("click", ">=8.2,<9"), ("rich", "")]),
        (
            "package.json",
            PACKAGE,
            [("command", "web"), ("package entry", "main"), ("npm script", "test")],
            [("react", "^18.0.0")],
        ),
        (
            "setup.cfg",
            b"[options]\ninstall_requires =\n  a>=1\n[options.entry_points]\nconsole_scripts =\n  run = a.b:main\n",
            [("console script", "run")],
            [("a", ">=1")],
        ),
        ("setup.py", b'setup(name="x", install_requires=["a>=1", "b"])', [], [("a", ">=1"), ("b", "")]),
        (
            "Cargo.toml",
            b'[dependencies]\nserde = "1"\nlog = {version = "0.4", optional = true}\n[[bin]]\nname = "x"\n',
            [("cargo bin", "x")],
            [("serde", "1"), ("log", "0.4 (optional)")],
        ),
        (
            "go.mod",
            b"module m\nrequire (\n\tgithub.com/a/b v1.2.3\n\tgolang.org/x/c v0.1.0 // indirect\n)\n",
            [],
            [("github.com/a/b", "v1.2.3")],
        ),
        ("requirements.txt", b"# no\n-r other.txt\na==1.0  # pinned\n", [], [("a", "==1.0")]),
        ("Gemfile", b'gem "rails", "~> 7"\n', [], [("rails", "~> 7")]),
        (
            "Makefile",
            b"X := 1\n.PHONY: all\ntest: build ## Run the tests\n\tpytest\n",
            [("make target", "test")],
            [],
        ),
        ("Dockerfile", b'FROM x\nENTRYPOINT ["run"]\n', [("container", "ENTRYPOINT")], []),
        ("Procfile", b"web: gunicorn app\n", [("process", "web")], []),
    ],
)
def test_commands_and_packages_are_found(
    name: str, source: bytes, commands: list[tuple[str, str]], packages: list[tuple[str, str]]
) -> None:
    manifest = read_manifest(name, source)
    assert [(point.kind, point.name) for point in manifest.entry_points] == commands
    assert [(item.name, item.required) for item in manifest.external] == packages


def test_places_name_the_line() -> None:
    manifest = read_manifest("pyproject.toml", PYPROJECT)
    assert manifest.entry_points[0].place.line == 8
    assert manifest.about == ("shop", "Sells fruit")


def test_a_make_target_says_what_its_comment_says() -> None:
    point = read_manifest("Makefile", b"test: build ## Run the tests\n").entry_points[0]
    assert (point.what, point.place.line) == ("Run the tests", 1)


def test_other_files_are_no_manifests() -> None:
    assert reader_for("src/app.py") is None
    assert read_manifest("src/app.py", b"x").external == ()


@given(st.sampled_from(NAMES), st.binary(max_size=200))
def test_damage_says_nothing_and_raises_nothing(name: str, source: bytes) -> None:
    read_manifest(name, source)


@pytest.mark.parametrize("source", [b"[]", b"{", b'{"scripts": 3, "bin": [1], "dependencies": []}', b"null"])
def test_json_of_the_wrong_shape_says_nothing(source: bytes) -> None:
    assert read_manifest("package.json", source).entry_points == ()
