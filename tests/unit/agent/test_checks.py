"""What a project is checked by, found from its files or named in the settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from aiex.agent.checks import Check, find_checks
from aiex.agent.recognising import recognise, recognise_each
from aiex.guard.trust import trust
from aiex.wiring import Services

Files = dict[str, str]


def find(root: Path, files: Files, *overrides: str, edited: Sequence[str] = ()) -> tuple[Check, ...]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    services = Services(str(root), overrides=overrides)
    return find_checks(services.workspace, services.settings, trusted=services.trusted, edited=edited)


SCRIPTS = {"test": "vitest run", "lint": "eslint .", "typecheck": "tsc", "build": "vite build"}


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        ({}, []),
        ({"README.md": "run pytest"}, []),
        ({"pyproject.toml": "[tool.pytest.ini_options]"}, ["python3 -m pytest -q"]),
        ({"pyproject.toml": "", "tests/conftest.py": "import pytest"}, ["python3 -m pytest -q"]),
        ({"tox.ini": "[testenv]\ncommands = pytest"}, ["python3 -m pytest -q"]),
        ({"setup.cfg": "[tool:pytest]\n[mypy]\n"}, ["python3 -m pytest -q", "mypy ."]),
        ({"test_shop.py": "def test_a(): pass"}, ["python3 -m pytest -q"]),
        ({"tests/test_shop.py": "import unittest"}, ["python3 -m unittest discover -s tests -t ."]),
        ({"pyproject.toml": "[dependency-groups]\ndev = ['pytest']", "uv.lock": ""}, ["uv run python -m pytest -q"]),
        ({"pytest.ini": "[pytest]", "poetry.lock": ""}, ["poetry run python -m pytest -q"]),
        (
            {"pytest.ini": "[pytest]", ".venv/bin/python": "", ".venv/bin/ruff": "", "ruff.toml": ""},
            [".venv/bin/python -m pytest -q", ".venv/bin/ruff check ."],
        ),
        ({"pyproject.toml": "[tool.ruff]\n[tool.mypy]\nfiles = ['a']"}, ["ruff check .", "mypy"]),
        (
            {"package.json": json.dumps({"scripts": SCRIPTS})},
            ["npm test", "npm run lint", "npm run typecheck"],
        ),
        (
            {"package.json": json.dumps({"scripts": SCRIPTS}), "bun.lock": ""},
            ["bun run test", "bun run lint", "bun run typecheck"],
        ),
        ({"package.json": json.dumps({"scripts": {"test": "x"}}), "yarn.lock": ""}, ["yarn test"]),
        ({"package.json": json.dumps({"scripts": {"test": "x"}, "packageManager": "pnpm@9.1.0"})}, ["pnpm test"]),
        ({"package.json": json.dumps({"scripts": {"test": 'echo "Error: no test specified" && exit 1'}})}, []),
        ({"package.json": "{", "tsconfig.json": "{}"}, ["npx --no-install tsc --noEmit"]),
        ({"tsconfig.json": "{}", "package.json": "[]", "pnpm-lock.yaml": ""}, ["pnpm exec tsc --noEmit"]),
        ({"Cargo.toml": "[package]"}, ["cargo test", "cargo check --all-targets"]),
        ({"Cargo.toml": "[workspace]"}, ["cargo test --workspace", "cargo check --workspace --all-targets"]),
        ({"go.mod": "module shop"}, ["go test ./...", "go vet ./..."]),
        ({"mix.exs": ""}, ["mix test"]),
        ({"Makefile": "all: test\ntest := x\ntest: all\n\tpytest\ncheck:\n"}, ["make test"]),
        ({"Makefile": ".PHONY: test\ncheck: all\n"}, ["make check"]),
        ({"Makefile": "test:\n", "go.mod": "module shop"}, ["go test ./...", "go vet ./..."]),
    ],
)
def test_files_say_how_a_project_is_checked(tmp_path: Path, files: Files, commands: list[str]) -> None:
    checks = find(tmp_path, files)
    assert [check.command for check in checks] == commands
    assert [recognise(check.command) for check in checks] == [check.name for check in checks]


def test_tests_are_required_and_the_rest_is_not(tmp_path: Path) -> None:
    assert find(tmp_path, {"go.mod": "module shop"}) == (
        Check("go test", "go test ./...", True, "go.mod"),
        Check("go vet", "go vet ./...", False, "go.mod"),
    )


PACKAGE = json.dumps({"scripts": {"test": "vitest run", "lint": "eslint ."}})


@pytest.mark.parametrize(
    ("files", "edited", "commands"),
    [
        ({"web/package.json": PACKAGE}, ["web/src/app.ts", "web/index.html"], ["cd web && npm test"]),
        ({"web/package.json": PACKAGE}, ["README.md", "other/a.py"], []),
        ({"web/package.json": PACKAGE}, [], []),
        (
            {"packages/a/package.json": PACKAGE, "packages/b/package.json": PACKAGE, "pnpm-lock.yaml": ""},
            ["packages/b/x.ts", "packages/a/deep/er/x.ts"],
            ["cd packages/a && pnpm test", "cd packages/b && pnpm test"],
        ),
        ({"package.json": PACKAGE, "packages/a/package.json": PACKAGE}, ["packages/a/x.ts"], ["npm test"]),
        (
            {"package.json": "{}", "packages/a/package.json": PACKAGE},
            ["packages/a/x.ts"],
            ["cd packages/a && npm test"],
        ),
        (
            {"pytest.ini": "[pytest]", "web/package.json": PACKAGE, "web/api/setup.cfg": "[tool:pytest]"},
            ["web/x.ts", "web/api/x.py"],
            ["python3 -m pytest -q", "cd web && npm test"],
        ),
        (
            {"services/y/pyproject.toml": "[tool.pytest.ini_options]", ".venv/bin/python": ""},
            ["services/y/src/y/a.py"],
            ["cd services/y && ../../.venv/bin/python -m pytest -q"],
        ),
        (
            {"services/y/pyproject.toml": "", "services/y/tests/test_a.py": "def test_a(): pass", "uv.lock": ""},
            ["services/y/tests/test_a.py"],
            ["cd services/y && uv run python -m pytest -q"],
        ),
        ({"crates/a/Cargo.toml": "[package]"}, ["crates/a/src/lib.rs"], ["cd crates/a && cargo test"]),
        ({"Cargo.toml": "[workspace]", "crates/a/Cargo.toml": ""}, ["crates/a/src/lib.rs"], ["cargo test --workspace"]),
        ({"go.work": "", "my cmd/go.mod": "module a"}, ["my cmd/main.go"], ["cd 'my cmd' && go test ./..."]),
        ({"-a/mix.exs": ""}, ["-a/lib/a.ex"], ["cd ./-a && mix test"]),
        ({"firmware/Makefile": "test:\n"}, ["firmware/src/a.c"], ["cd firmware && make test"]),
        ({"go.mod": "module a", "firmware/Makefile": "test:\n"}, ["firmware/src/a.c"], ["go test ./..."]),
        ({"Makefile": "test:\n", "web/package.json": PACKAGE}, ["web/a.ts"], ["make test"]),
        ({"tests/test_a.py": "", "lib/tests/test_b.py": ""}, ["lib/tests/test_b.py"], ["python3 -m pytest -q"]),
    ],
)
def test_a_package_is_checked_by_its_own_where_the_root_has_none(
    tmp_path: Path, files: Files, edited: list[str], commands: list[str]
) -> None:
    checks = [check for check in find(tmp_path, files, edited=edited) if check.required]
    assert [check.command for check in checks] == commands
    assert [recognise(check.command) for check in checks] == [check.name for check in checks]


def test_settings_take_the_place_of_what_is_found(tmp_path: Path) -> None:
    checks = find(tmp_path, {"go.mod": "module shop"}, 'checks.commands=["./check.sh --all", "cd web && npm test"]')
    assert checks == (
        Check("./check.sh --all", "./check.sh --all", True, "settings"),
        Check("npm test", "cd web && npm test", True, "settings"),
    )
    assert recognise_each(checks[0].command) == ()


def test_settings_of_a_project_count_once_it_is_trusted(tmp_path: Path) -> None:
    files = {"go.mod": "module shop", ".aiex/config.toml": '[checks]\ncommands = ["rm -rf ."]\n'}
    assert [check.source for check in find(tmp_path, files)] == ["go.mod", "go.mod"]
    trust(str(tmp_path))
    assert [check.source for check in find(tmp_path, files)] == ["settings"]
