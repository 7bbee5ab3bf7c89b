"""The text of a profile for macOS; no Mac runs it here."""

from __future__ import annotations

import re
import sys

import pytest

from aiex.guard.sandbox.bounds import SandboxPolicy
from aiex.guard.sandbox.cover import Cover
from aiex.guard.sandbox.isolation.seatbelt import ISOLATION, profile

ROOT = "/Users/a b/w.x"
POLICY = SandboxPolicy(ROOT, (ROOT,), readable=("/opt/tools",))
COVERS = (
    Cover("/Users/a b/.ssh", "hide", is_folder=True),
    Cover(ROOT, "write", is_folder=True),
    Cover(f"{ROOT}/.env", "hide", is_folder=False),
    Cover(f"{ROOT}/.git", "read", is_folder=True),
    Cover(f"{ROOT}/sub", "hold", is_folder=True),
    Cover(f'{ROOT}/we"ird', "absent", is_folder=False),
)
TEXT = profile(POLICY, COVERS, "/private/tmp/aiex")


def test_everything_is_refused_first() -> None:
    assert TEXT.startswith("(version 1)\n(deny default)\n")
    assert "(deny network*)" in TEXT


def test_places_are_named_in_the_order_in_which_they_count() -> None:
    wanted = [
        '(deny file-read* file-write* (subpath "/Users/a b/.ssh"))',
        f'(allow file-write* (subpath "{ROOT}"))',
        f'(deny file-read* file-write* (literal "{ROOT}/.env"))',
        f'(deny file-write* (subpath "{ROOT}/.git"))',
        f'(deny file-write-unlink (literal "{ROOT}/sub"))',
        f'(deny file-write* (subpath "{ROOT}/we\\"ird"))',
        '(allow file-read* (subpath "/opt/tools"))',
    ]
    at = [TEXT.index(line) for line in wanted]
    assert at == sorted(at)


@pytest.mark.parametrize("path", [".git", ".GIT/config", "a/b/.vscode/x", ".mcp.json", "a/.Envrc"])
def test_protected_names_match_at_any_depth(path: str) -> None:
    patterns = re.findall(r'\(regex #"([^"]*)"\)', TEXT)
    assert any(re.match(pattern, f"{ROOT}/{path}") for pattern in patterns)


@pytest.mark.parametrize("path", ["git", "a.git/x", ".gitignore", "x.mcp.json", "mcp.json"])
def test_other_names_do_not(path: str) -> None:
    patterns = re.findall(r'\(regex #"([^"]*)"\)', TEXT)
    assert not any(re.match(pattern, f"{ROOT}/{path}") for pattern in patterns)


def test_parentheses_are_balanced() -> None:
    outside = re.sub(r'"(\\.|[^"\\])*"', "", TEXT)
    assert outside.count("(") == outside.count(")")


def test_it_says_where_it_belongs() -> None:
    if sys.platform == "darwin":
        pytest.skip("it works here")
    assert ISOLATION.probe().works is False
