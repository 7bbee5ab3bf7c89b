"""Which command lines amount to a check, and which do not although they name one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.agent.recognising import recognise, recognise_each


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("pytest", "pytest"),
        ("pytest -q tests/x.py", "pytest"),
        ("python -m pytest", "pytest"),
        ("python3.12 -W error -m pytest -x", "pytest"),
        (".venv/bin/python -m pytest tests/a.py::test_b", "pytest"),
        ("./venv/bin/pytest", "pytest"),
        ("uv run pytest", "pytest"),
        ("uv run --with hypothesis -- pytest -q", "pytest"),
        ("uv run python -m pytest", "pytest"),
        ("poetry run pytest -k 'a and b'", "pytest"),
        ("coverage run -m pytest", "pytest"),
        ("CI=1 FOO='a b' pytest", "pytest"),
        ("env CI=1 timeout -k 5 60 pytest", "pytest"),
        ("cd shop && pytest", "pytest"),
        ("cd shop; pytest -q", "pytest"),
        ("cd shop\npytest -q", "pytest"),
        ("source .venv/bin/activate && pytest", "pytest"),
        ("pytest -q 2>&1", "pytest"),
        ("pytest -q > out.txt 2>&1", "pytest"),
        ("pytest && echo fine", "pytest"),
        ("pytest  # all of them", "pytest"),
        ("pytest \\\n  -q", "pytest"),
        ("bash -lc 'cd x && pytest -q'", "pytest"),
        ('sh -c "pytest"', "pytest"),
        ("pip install -e . && pytest", "pytest"),
        ("ls | head; pytest", ""),
        ("python -m unittest discover -s tests", "unittest"),
        ("python -m mypy aiex", "mypy"),
        ("ruff check .", "ruff"),
        ("uvx ruff check --fix src", "ruff"),
        ("ruff format --check", "ruff format"),
        ("ruff format", ""),
        ("tox -e py312", "tox"),
        ("npm test", "npm test"),
        ("npm t", "npm test"),
        ("npm run test -- --runInBand", "npm test"),
        ("npm --prefix web run lint", "npm lint"),
        ("pnpm --filter shop test", "pnpm test"),
        ("yarn typecheck", "yarn typecheck"),
        ("bun test", "bun test"),
        ("npx tsc --noEmit", "tsc"),
        ("npx --no-install tsc -p .", "tsc"),
        ("pnpm exec tsc", "tsc"),
        ("yarn tsc --noEmit", "tsc"),
        ("npx vitest run", "vitest"),
        ("node --test", "node --test"),
        ("cargo test -p x", "cargo test"),
        ("cargo +nightly test", ""),
        ("cargo nextest run", "cargo test"),
        ("cargo check --all-targets", "cargo check"),
        ("cargo clippy -- -D warnings", "cargo clippy"),
        ("go test ./...", "go test"),
        ("go -C shop test ./... -run TestTotal", "go test"),
        ("go vet ./...", "go vet"),
        ("mix test test/shop_test.exs:12", "mix test"),
        ("make test", "make test"),
        ("make -j 4 -C sub check", "make check"),
        ("make CI=1 test", "make test"),
        ("./gradlew test", "gradle test"),
        ("mvn -q test", "mvn test"),
        ("bundle exec rspec", "rspec"),
    ],
)
def test_a_line_amounts_to_a_check(line: str, name: str) -> None:
    assert recognise(line) == name


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ls",
        "pytest | tail -5",
        "pytest || true",
        "pytest; echo done",
        "pytest\ntrue",
        "pytest &",
        "(cd x && pytest)",
        "! pytest",
        "if pytest; then echo; fi",
        "exit 0; pytest",
        "echo pytest",
        "echo '&&' pytest",
        'echo "a && pytest"',
        "echo a \\&\\& pytest",
        "FOO='x && pytest'",
        "cat <<E\npytest\nE",
        "$(echo pytest)",
        "pytest `cat args`",
        "pytest --collect-only",
        "pytest --help",
        "pip install pytest",
        "python pytest.py",
        "python -c 'import pytest'",
        "uv add pytest",
        "npm install",
        "npm run build",
        "npm test || npm run test:ci",
        "go build ./...",
        "cargo test --no-run",
        "make",
        "make -n test",
        "make build",
        "ruff check --exit-zero .",
        "grep -rn pytest .",
        "git commit -m 'make test'",
        "bash -c 'pytest || true'",
        "pytest 'unclosed",
        "# pytest",
    ],
)
def test_a_line_whose_end_says_nothing_of_a_check_is_none(line: str) -> None:
    assert recognise(line) == ""


def test_several_in_one_line_are_told_together() -> None:
    assert recognise_each("ruff check . && mypy . && pytest -q") == ("ruff", "mypy", "pytest")
    assert recognise("ruff check . && pytest") == ""


@given(st.text(alphabet="pytest &|;()'\"\\\n$`<># ", max_size=40))
def test_any_text_has_an_answer(text: str) -> None:
    assert recognise(text) in ("", "pytest")
