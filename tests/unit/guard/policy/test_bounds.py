"""Rules as bounds of a running command, and paths as they really lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiex.guard.policy.bounds import bound, open_hosts
from aiex.guard.policy.places import path_action
from aiex.guard.sandbox.bounds import SandboxPolicy, make_policy
from tests.fakes.policies import policy


def sandbox() -> SandboxPolicy:
    return SandboxPolicy("/home/me/work", writable=("/home/me/work",))


def test_what_may_not_be_written_is_read_only_and_what_may_not_be_read_is_hidden():
    found = bound(sandbox(), policy("deny write migrations/**", "ask write 'a/b'", "deny read data", "deny write /srv"))
    assert set(found.sandbox.protected) == {"/home/me/work/migrations", "/home/me/work/a/b", "/srv"}
    assert found.sandbox.hidden == ("/home/me/work/data",)
    assert found.gaps == ()


def test_wildcards_are_named_as_gaps():
    found = bound(sandbox(), policy("deny write '**/*.lock'", "deny read 'a/*/b'", "deny write"))
    assert {rule.text for rule in found.gaps} == {'deny write "**/*.lock"', 'deny read "a/*/b"', "deny write"}


def test_rules_of_other_roles_are_not_bounds():
    assert bound(sandbox(), policy("deny write a for viewer"), role="admin").sandbox.protected == ()


@pytest.mark.parametrize(
    ("texts", "hosts"),
    [
        (["allow network example.org"], {"example.org"}),
        (["allow network '*.example.org'"], {"*.example.org"}),
        (["allow network example.org:8443"], {"example.org:8443"}),
        (["allow network '[::1]:80'"], {"[::1]:80"}),
        (["allow network 10.0.0.1"], {"10.0.0.1"}),
        (["allow network '*'"], set()),
        (["allow any"], set()),
        (["allow network '*.example.org'", "deny network evil.example.org"], set()),
        (["allow network a.example.org", "deny network '*.example.org'"], {"a.example.org"}),
        (["allow network example.org", "ask network example.org"], set()),
        (["allow network example.org", "deny network"], {"example.org"}),
    ],
)
def test_hosts_are_open_to_commands_that_a_rule_allows_and_none_touches(texts, hosts):
    assert set(open_hosts(policy(*texts))) == hosts


def test_hosts_that_a_managed_rule_closes_stay_closed():
    assert open_hosts(policy("allow network example.org", managed=("ask network '*'",))) == ()
    assert open_hosts(policy("allow network example.org", project=("ask network example.org",))) == ()


def test_open_hosts_are_what_the_isolation_takes(tmp_path):
    hosts = open_hosts(policy("allow network '*.example.org'", "allow network '[::1]:80'", "allow network '::1'"))
    assert set(make_policy(str(tmp_path), domains=hosts).domains) == set(hosts)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "ws" / "src").mkdir(parents=True)
    (tmp_path / "ws" / "src" / "a.py").write_text("")
    (tmp_path / "out").mkdir()
    (tmp_path / "ws" / "link").symlink_to("src")
    (tmp_path / "ws" / "leads_out").symlink_to("../out")
    return tmp_path / "ws"


@pytest.mark.parametrize(
    ("kind", "path", "subject"),
    [
        ("write", "src/a.py", "src/a.py"),
        ("write", "link/a.py", "src/a.py"),
        ("write", "src/../link/./new", "src/new"),
        ("write", "{root}/link/a.py", "src/a.py"),
        ("read", "leads_out/x", "{above}/out/x"),
        ("read", "link", "src"),
        ("delete", "link", "link"),
        ("delete", "link/a.py", "src/a.py"),
        ("delete", "leads_out", "leads_out"),
        ("write", ".", "."),
        ("write", "../x", "{above}/x"),
        ("write", "./~x", "./~x"),
    ],
)
def test_actions_are_about_what_a_path_really_is(root, kind, path, subject):
    places = {"root": str(root), "above": str(root.parent)}
    assert path_action(kind, path.format(**places), str(root)).subject == subject.format(**places)
