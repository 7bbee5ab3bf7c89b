"""Roles: each has the rights of the one before and some more."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest

from aiex.errors import Denied, UsageError
from aiex.guard.actions import Action, Kind, Role
from aiex.guard.roles import RIGHTS, has_right, require
from tests.fakes.policies import ask, policy

ABLE = {
    "read": ["viewer", "editor", "operator", "admin"],
    "write": ["editor", "operator", "admin"],
    "delete": ["editor", "operator", "admin"],
    "tool": ["editor", "operator", "admin"],
    "command": ["operator", "admin"],
    "network": ["operator", "admin"],
    "approval": ["operator", "admin"],
}


def test_every_kind_of_action_has_its_roles():
    assert set(ABLE) == set(get_args(Kind))
    assert tuple(RIGHTS) == get_args(Role)
    for kind, able in ABLE.items():
        assert [role for role in RIGHTS if has_right(role, Action(kind, "x"))] == able


def test_each_role_may_do_what_the_one_before_may():
    for less, more in pairwise(RIGHTS.values()):
        assert less < more


@pytest.mark.parametrize("scope", ["user", "project", "managed"])
def test_only_an_admin_changes_rules_that_stay(scope):
    action = Action("approval", "policy", {"scope": scope})
    assert [role for role in RIGHTS if has_right(role, action)] == ["admin"]


def test_an_editor_may_run_what_only_reads():
    assert ask(policy(), "command", "git status", role="editor").effect == "allow"
    assert ask(policy("allow any"), "command", "npm test", role="editor").effect == "deny"
    assert ask(policy("allow any"), "command", "git status", role="viewer").effect == "deny"


def test_no_rule_gives_a_role_what_it_may_not_do():
    found = policy("allow any", "allow write for viewer", managed=("allow write for viewer", "allow any"))
    decision = ask(found, "write", "src/a", mode="bypass", role="viewer")
    assert (decision.effect, decision.rule) == ("deny", "role viewer: read")


def test_require_says_which_rule_refused_and_never_repeats_control_characters():
    require("editor", Action("write", "a"))
    with pytest.raises(Denied) as caught:
        require("viewer", Action("write", "a\x1b[2J"))
    assert "editor" in caught.value.message
    assert "\x1b" not in caught.value.message
    assert caught.value.hint == "role viewer: read"
    with pytest.raises(UsageError, match="no role"):
        require("boss", Action("read", "a"))  # type: ignore[arg-type]
