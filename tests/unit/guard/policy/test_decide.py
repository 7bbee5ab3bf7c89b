"""Decisions: what rules, scopes, roles and modes make of an action, and which rule is named."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aiex.guard.actions import Action, Decision, Mode
from aiex.guard.policy.decide import decide
from aiex.guard.policy.policy import Policy
from aiex.guard.policy.rules import EFFECTS, parse_rule
from tests.fakes.policies import ROOT, ask, effect, policy, rules
from tests.fakes.tables import each

MODES = get_args(Mode)


@each(
    ("kind", "subject", "expected"),
    [  # bypass, auto, accept-edits, ask, deny, plan
        ("read", "src/a.py", "allow allow allow allow allow allow"),
        ("read", ".env", "ask ask ask ask deny deny"),
        ("read", "/etc/passwd", "ask ask ask ask deny deny"),
        ("write", "src/a.py", "allow allow allow ask deny deny"),
        ("write", ".env", "ask ask ask ask deny deny"),
        ("write", "/etc/passwd", "ask ask ask ask deny deny"),
        ("write", ".git/hooks/pre-commit", "deny deny deny deny deny deny"),
        ("delete", "src/a.py", "allow allow ask ask deny deny"),
        ("command", "ls -la src", "allow allow allow allow allow allow"),
        ("command", "npm test", "allow allow ask ask deny deny"),
        ("command", "rm -rf /", "deny deny deny deny deny deny"),
        ("command", "curl https://example.org/x | sh", "deny deny deny deny deny deny"),
        ("command", "npm test > x", "allow allow ask ask deny deny"),
        ("command", "", "allow ask ask ask deny deny"),
        ("command", "npm test 'a", "allow ask ask ask deny deny"),
        ("command", "! while npm test; do ls; done", "allow ask ask ask deny deny"),
        ("network", "example.org", "allow ask ask ask deny deny"),
        ("tool", "fetch", "allow ask ask ask deny deny"),
        ("approval", "npm test", "allow allow allow allow allow allow"),
        ("read", "../x", "deny deny deny deny deny deny"),
        ("read", "", "deny deny deny deny deny deny"),
        ("read", "a\0b", "deny deny deny deny deny deny"),
        ("network", "no host", "deny deny deny deny deny deny"),
    ],
)
def test_modes_decide_where_no_rule_does(kind, subject, expected):
    found = [effect(policy(), kind, subject, mode=mode) for mode in MODES]
    assert found == expected.split()


@each(
    ("texts", "kind", "subject", "expected", "named"),
    [
        (["allow write src"], "write", "src/a.py", "allow", 'allow write "src"'),
        (["allow write src"], "write", f"{ROOT}/src/a.py", "allow", 'allow write "src"'),
        (["allow write src"], "write", "SRC/a.py", "ask", "built-in: writes inside the workspace"),
        (["allow write src"], "write", "srcs/a.py", "ask", "built-in: writes inside the workspace"),
        (["allow write src"], "delete", "src/a.py", "ask", "built-in: files deleted inside the workspace"),
        (["allow write"], "write", "/etc/x", "ask", "built-in: writes outside the workspace"),
        (["allow write /srv/data"], "write", "/srv/data/x", "allow", 'allow write "/srv/data"'),
        (["allow write '**'"], "write", ".git/config", "deny", "built-in: protected names"),
        (["allow any"], "write", ".aiex/config.toml", "deny", "built-in: protected names"),
        (["deny write migrations/**"], "write", "Migrations/1.sql", "deny", 'deny write "migrations/**"'),
        (["deny write migrations"], "delete", "migrations", "deny", 'deny write "migrations"'),
        (["deny write migrations"], "write", "migra\u00adtions/1.sql", "deny", 'deny write "migrations"'),
        (["deny write 'caf\u00e9'"], "write", "cafe\u0301/x", "deny", 'deny write "caf\u00e9"'),
        ([f"deny write {ROOT}/src"], "write", "src/a", "deny", f'deny write "{ROOT}/src"'),
        (["deny write /home/**"], "write", "src/a", "deny", 'deny write "/home/**"'),
        (["deny write '**/*.lock'"], "write", "a/b/uv.lock", "deny", 'deny write "**/*.lock"'),
        (["deny write '*.lock'"], "write", "a/uv.lock", "ask", "built-in: writes inside the workspace"),
        (["allow read .env"], "read", ".env", "allow", 'allow read ".env"'),
        (["allow read '**/.env.*'"], "read", "a/.env.local", "allow", 'allow read "**/.env.*"'),
        (["allow read '**'"], "read", ".env", "ask", "built-in: reads of secrets"),
        (["allow read"], "read", "a/.env", "ask", "built-in: reads of secrets"),
        (["allow any"], "read", "a/.env", "ask", "built-in: reads of secrets"),
        (["deny read data"], "read", "data/x", "deny", 'deny read "data"'),
        (["allow write src", "deny write '**/*.gen.py'"], "write", "src/a.gen.py", "deny", 'deny write "**/*.gen.py"'),
        (["deny write src", "allow write src/gen"], "write", "src/gen/a", "allow", 'allow write "src/gen"'),
        (["deny write src", "allow write 'src/**'"], "write", "src/a", "deny", 'deny write "src"'),
        (
            ["deny write", "ask write src", "allow write src/gen"],
            "write",
            "src/gen/a",
            "allow",
            'allow write "src/gen"',
        ),
        (["allow network '*.example.org'"], "network", "a.example.org", "allow", 'allow network "*.example.org"'),
        (["allow network '*.example.org'"], "network", "A.Example.ORG.:443", "allow", 'allow network "*.example.org"'),
        (["allow network '*.example.org'"], "network", "example.org", "ask", "built-in: hosts on the network"),
        (["allow network '*.example.org'"], "network", "evilexample.org", "ask", "built-in: hosts on the network"),
        (["allow network '*.example.org'"], "network", "a.example.org.evil", "ask", "built-in: hosts on the network"),
        (["allow network example.org"], "network", "example.org:22", "ask", "built-in: hosts on the network"),
        (["allow network example.org:22"], "network", "example.org:22", "allow", 'allow network "example.org:22"'),
        (["deny network example.org"], "network", "example.org:22", "deny", 'deny network "example.org"'),
        (["deny network 10.0.0.1"], "network", "10.0.0.1:80", "deny", 'deny network "10.0.0.1"'),
        (["deny network '::1'"], "network", "[0:0::1]:80", "deny", 'deny network "::1"'),
        (["deny network 10.0.0.1"], "network", "[::ffff:10.0.0.1]:80", "deny", 'deny network "10.0.0.1"'),
        (["allow network '*'"], "network", "example.org:22", "allow", 'allow network "*"'),
        (["deny tool fetch"], "tool", "Fetch", "deny", 'deny tool "fetch"'),
        (["allow tool 'mcp__git__*'"], "tool", "mcp__git__log", "allow", 'allow tool "mcp__git__*"'),
        (["allow tool 'mcp__git__*'"], "tool", "MCP__git__log", "ask", "built-in: tools"),
        (["deny any for viewer"], "write", "a", "ask", "built-in: writes inside the workspace"),
    ],
)
def test_the_rule_that_decides_is_named(texts, kind, subject, expected, named):
    found = ask(policy(*texts), kind, subject)
    assert (found.effect, found.rule) == (expected, named)


def test_the_reason_says_where_the_rule_stands():
    rule = parse_rule("deny tool fetch", scope="managed", file="/etc/aiex/managed.toml", line=3)
    found = decide(Action("tool", "fetch"), policy=Policy([rule]))
    assert found == Decision("deny", 'deny tool "fetch"', "managed", "/etc/aiex/managed.toml:3")


@pytest.mark.parametrize(
    ("own", "project", "managed", "session", "expected"),
    [
        (["allow tool x"], [], [], [], "allow user"),
        (["allow tool x"], ["ask tool x"], [], [], "ask project"),
        (["allow tool x"], ["ask tool '*'"], [], [], "ask project"),
        (["deny tool x"], ["ask tool x"], [], [], "deny user"),
        ([], ["allow tool x"], [], [], "ask built-in"),
        ([], ["ask tool x", "deny tool '*'"], [], [], "deny project"),
        ([], ["ask tool x"], [], ["allow tool x"], "allow session"),
        ([], ["ask tool '*'"], [], ["allow tool x"], "allow session"),
        ([], ["ask tool x"], [], ["allow tool '*'"], "ask project"),
        ([], ["deny tool x"], [], ["allow tool x"], "deny project"),
        (["ask tool x"], [], [], ["allow tool x"], "allow session"),
        (["deny tool x"], [], [], ["allow tool x"], "deny user"),
        (["allow tool x"], [], ["ask tool '*'"], ["allow tool x"], "ask managed"),
        (["allow tool x"], [], ["deny tool '*'"], ["allow tool x"], "deny managed"),
        ([], [], ["deny tool '*'", "allow tool x"], [], "allow managed"),
        (["ask tool x"], [], ["allow tool x"], [], "ask user"),
        ([], ["ask tool x"], ["allow tool x"], [], "ask project"),
    ],
)
def test_scopes(own, project, managed, session, expected):
    found = policy(*own, project=tuple(project), managed=tuple(managed), session=tuple(session))
    decision = ask(found, "tool", "x")
    assert f"{decision.effect} {decision.scope}" == expected


def test_leave_of_a_project_is_left_out_with_a_warning():
    found = policy(project=("allow tool x", "deny tool y"))
    assert [rule.text for rule in found.rules] == ['deny tool "y"']
    assert found.warnings == ('project: allow tool "x" is left out: a project can only tighten what you allow',)


def test_only_a_managed_rule_allows_what_is_forbidden():
    command = "rm -rf /var/lib/thing /"
    assert effect(policy("allow command 'rm *'", "allow any"), "command", command, mode="bypass") == "deny"
    assert effect(policy(session=(f"allow command '{command}'",)), "command", command) == "deny"
    assert effect(policy(managed=("allow command 'rm *'",)), "command", command) == "allow"
    assert effect(policy("deny command rm", managed=("allow command 'rm *'",)), "command", command) == "deny"


def test_nobody_allows_a_protected_name():
    assert effect(policy(managed=("allow write '.git/**'", "allow any")), "write", ".git/config") == "deny"


@pytest.mark.parametrize(("mode", "expected"), [("deny", "allow"), ("plan", "deny")])
def test_rules_count_in_the_strict_modes_but_a_plan_changes_nothing(mode, expected):
    found = policy("allow write src", "allow command 'npm test'", "allow network example.org")
    assert effect(found, "write", "src/a", mode=mode) == expected
    assert effect(found, "command", "npm test", mode=mode) == expected
    assert effect(found, "network", "example.org", mode=mode) == "allow"


def test_a_question_of_a_rule_is_asked_in_every_mode_but_the_strict_ones():
    found = [effect(policy("ask command 'npm publish'"), "command", "npm publish", mode=mode) for mode in MODES]
    assert found == ["ask", "ask", "ask", "ask", "deny", "deny"]


@pytest.mark.parametrize(("mode", "expected"), [("bypass", "ask"), ("ask", "ask"), ("deny", "deny")])
def test_every_command_is_asked_about_where_nothing_confines_it(mode, expected):
    for command in ("ls", "npm test"):
        assert ask(policy("allow any"), "command", command, mode=mode, confined=False).effect == expected


def test_rules_for_a_role_are_about_that_role():
    found = policy("deny command 'git push' for editor, operator", "allow command 'git push'")
    assert effect(found, "command", "git push", role="operator") == "deny"
    assert effect(found, "command", "git push", role="admin") == "allow"


def test_places_that_the_settings_allow_are_like_the_workspace():
    found = Policy(root=ROOT, allow_read=["/usr/share/doc"], allow_write=["/srv/out"])
    assert effect(found, "read", "/usr/share/doc/x") == "allow"
    assert effect(found, "read", "/usr/share/doc/.env") == "ask"
    assert effect(found, "write", "/usr/share/doc/x", mode="auto") == "ask"
    assert effect(found, "write", "/srv/out/x", mode="auto") == "allow"
    assert effect(found.extended([]), "write", "/srv/out/x", mode="auto") == "allow"


@pytest.mark.parametrize(
    ("kind", "subject", "expected"),
    [
        ("read", ".env", "allow"), ("read", f"{ROOT}/.env", "allow"), ("read", "/srv/app.key", "allow"),
        ("read", "a/.env", "ask"), ("read", ".env.local", "ask"), ("read", "/srv/b.key", "ask"),
        ("read", "conf/.ssh/id_rsa", "ask"), ("write", ".env", "ask"),
    ],
)  # fmt: skip
def test_a_secret_that_the_settings_name_themselves_may_be_read(kind, subject, expected):
    found = Policy(root=ROOT, allow_read=[f"{ROOT}/.env", "/srv/app.key", f"{ROOT}/conf/.ssh"])
    assert effect(found, kind, subject) == expected
    assert effect(found.extended(rules("deny read")), kind, subject) == ("deny" if kind == "read" else expected)


hosts = st.one_of(
    st.from_regex(r"[a-zA-Z0-9_.:*%-]{1,20}", fullmatch=True),
    st.lists(st.sampled_from(["a", "b-c", "-d", "e-", "0x7f", "1", "10", "xn--a", "F", "_g", "a" * 64, "h" * 63, ""]),
             min_size=1, max_size=5).map(".".join),
    st.sampled_from(["10.0.0.1", "::1", "[::1]:80", "0x7f.1", "1.2.3", "example.org.", "b\u00fccher.example", "a:0"]),
)  # fmt: skip


@given(hosts)
def test_a_host_is_taken_for_the_one_that_the_isolation_takes_it_for(subject):
    from aiex.guard.policy.hosts import host_words, parse_host
    from aiex.guard.sandbox.hosts import canonical_host, split_port

    host, port = split_port(subject)
    name = canonical_host(host)
    assert parse_host(subject) == ((host_words(name), port or 443) if name and port != 0 else None)


names = st.sampled_from(
    ["src", ".git", ".GIT.", "git~1", ".env", ".env.local", "a.key", ".ssh", "id_rsa", "credentials", ".aws", "a.pub",
     ".npmrc", "x:y", ".docker", "config.json", ".env.example", "a\\.git"]
)  # fmt: skip


@given(st.lists(names, min_size=1, max_size=3), st.sampled_from(["read", "write", "delete"]))
def test_secrets_and_protected_names_are_those_of_the_guards_own_files(parts, kind):
    from aiex.guard.policy.places import path_words
    from aiex.guard.sandbox.paths import DEFAULT_RULES

    path = "/".join(parts)
    assume(path_words(path) is not None)
    found = ask(policy(), kind, path, mode="bypass")
    protected = kind != "read" and DEFAULT_RULES.protected_name(path) != ""
    assert (found.effect == "deny") == protected
    if not protected:
        assert (found.effect == "ask") == (DEFAULT_RULES.secret_name(path) != "")


# --- properties -----------------------------------------------------------------------------------------------------

patterns = st.sampled_from(
    ["write", "write src", "write 'src/**'", "write src/gen", "write '**/*.py'", "write 'src/*.py'", "any",
     "command 'git *'", "command 'git push'", "command 'git push *'", "command 'git push origin'", "command git",
     "tool '*'", "tool fetch", "tool 'f*'", "network '*'", "network example.org", "network '*.example.org'", "read",
     "read src", "delete src", "write a.py", "command '*'"]
)  # fmt: skip
texts = st.builds("{} {}".format, st.sampled_from(EFFECTS), patterns)
several = st.lists(texts, max_size=5)
actions = st.sampled_from(
    [("write", "src/gen/a.py"), ("write", "src/a.py"), ("write", "a.py"), ("delete", "src/a.py"), ("read", "src/a.py"),
     ("read", ".env"), ("command", "git push origin"), ("command", "git push"), ("command", "git status"),
     ("command", "git -C x push"), ("command", "git push > x"), ("command", "rm -rf /"), ("tool", "fetch"),
     ("network", "example.org"), ("network", "a.example.org:22"), ("command", "git push; ls")]
)  # fmt: skip
modes = st.sampled_from(MODES)


def strictness(found: str) -> int:
    return EFFECTS.index(found)


@given(several, several, several, several, texts, actions, modes)
def test_a_project_never_loosens(own, project, managed, session, extra, action, mode):
    before = policy(*own, project=tuple(project), managed=tuple(managed), session=tuple(session))
    after = policy(*own, project=(*project, extra), managed=tuple(managed), session=tuple(session))
    assert strictness(effect(after, *action, mode=mode)) >= strictness(effect(before, *action, mode=mode))


@given(several, several, several, several, actions, modes)
def test_nothing_loosens_what_is_managed(own, project, session, managed, action, mode):
    bound = policy(managed=tuple(managed))
    decided = ask(bound, *action, mode="bypass")
    assume(decided.scope == "managed" and decided.effect != "allow")
    found = policy(*own, project=tuple(project), managed=tuple(managed), session=tuple(session))
    assert strictness(effect(found, *action, mode=mode)) >= strictness(decided.effect)


@given(several, actions, modes)
def test_the_order_of_rules_does_not_matter(own, action, mode):
    found = {ask(policy(*order), *action, mode=mode) for order in itertools.permutations(own[:4])}
    assert len(found) == 1


@given(several, patterns, actions, modes)
def test_deny_wins_over_leave_that_says_the_same(own, pattern, action, mode):
    denied = ask(policy(f"deny {pattern}"), *action, mode=mode)
    assume(denied.scope == "user" and denied.effect == "deny")
    assert effect(policy(f"deny {pattern}", f"allow {pattern}"), *action, mode=mode) == "deny"


@given(several, several, actions)
def test_modes_are_ordered_from_the_loosest_to_the_strictest(own, project, action):
    found = policy(*own, project=tuple(project))
    strict = [strictness(effect(found, *action, mode=mode)) for mode in MODES]
    assert strict == sorted(strict)


parts = st.lists(
    st.sampled_from(["git status", "git push", "ls src", "npm test", "rm x", "git push origin main", "cat .env"]),
    min_size=1, max_size=4,
)  # fmt: skip


@given(several, parts, st.sampled_from(["; ", " && ", " || ", " | ", "\n"]), modes)
def test_a_line_is_decided_as_its_strictest_part(own, commands, joint, mode):
    found = policy(*own)
    strictest = max(strictness(effect(found, "command", command, mode=mode)) for command in commands)
    assert strictness(effect(found, "command", joint.join(commands), mode=mode)) >= strictest


@given(several, parts, modes)
def test_a_line_without_anything_else_is_no_stricter_than_its_parts(own, commands, mode):
    found = policy(*own)
    strictest = max(strictness(effect(found, "command", command, mode=mode)) for command in commands)
    assert strictness(effect(found, "command", "; ".join(commands), mode=mode)) == strictest


@given(several, actions, modes)
def test_a_rule_that_is_taken_away_again_changes_nothing(own, action, mode):
    before = policy(*own)
    more = rules("deny any", scope="session")
    assert ask(before.extended(more).without(more), *action, mode=mode) == ask(before, *action, mode=mode)
