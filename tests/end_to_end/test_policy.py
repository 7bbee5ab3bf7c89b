"""The doors of the policy as people use them: list, show, add, rm, test."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aiex.guard.actions import Action, Decision
from aiex.guard.audit.log import AuditLog, find_places


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "src").mkdir()
    return root


def data(done):
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["structured_output"]


def test_a_rule_is_added_shown_used_and_removed(run_warm, project, home):
    added = run_warm("add", "policy", 'allow command "npm test *"', cwd=project)
    assert (added.returncode, added.stdout) == (
        0, f'allow command "npm test *" is in {home}/config/config.toml\n',
    )  # fmt: skip
    listed = run_warm("list", "policy", cwd=project)
    assert listed.stdout.splitlines()[1].split(maxsplit=1) == [
        "user", f'allow command "npm test *"                          {home}/config/config.toml:2',
    ]  # fmt: skip
    shown = run_warm("show", "policy", "command", "npm test; npm publish", "-o", "json", cwd=project)
    found = data(shown)
    assert (found["effect"], found["rule"]) == ("ask", "built-in: commands that are not known to only read")
    assert [part["effect"] for part in found["parts"]] == ["allow", "ask"]
    assert {"scope": "user", "rules": ['allow command "npm publish"']} in found["offers"]
    assert data(run_warm("show", "policy", "command", "npm", "test", "-x", "--json", cwd=project))["effect"] == "allow"
    assert run_warm("rm", "policy", 'allow command "npm test *"', cwd=project).returncode == 0
    assert data(run_warm("show", "policy", "command", "npm test", "--json", cwd=project))["effect"] == "ask"


def test_the_answer_names_rule_place_and_what_to_do(run_warm, project):
    run_warm("add", "policy", "deny write 'src/**'", cwd=project)
    shown = run_warm("show", "policy", "write", "a.py", cwd=project / "src")
    assert shown.returncode == 0
    assert shown.stdout.startswith('deny: write src/a.py\n  rule: deny write "src/**"\n  from: user\n  why:  ')
    asked = run_warm("show", "policy", "write", "a.py", cwd=project)
    assert "  aiex add policy 'allow write \"a.py\"'\n" in asked.stdout


def test_a_command_is_judged_in_the_directory_it_would_run_in(run_warm, project):
    words = ("show", "policy", "command", "cat ../notes", "--json")
    assert data(run_warm(*words, cwd=project))["effect"] == "ask"
    assert data(run_warm(*words, cwd=project / "src"))["effect"] == "allow"
    assert data(run_warm("explain", "command", "cat ../notes", "--json", cwd=project / "src"))["level"] == "safe"
    assert data(run_warm("explain", "command", "cat ../../x", "--json", cwd=project / "src"))["level"] == "ask"


def test_what_a_secret_and_a_forbidden_command_need_is_said(run_warm, project):
    (project / ".env").write_text("KEY=1")
    shown = run_warm("show", "policy", "read", ".env", cwd=project)
    assert "it is opened only where paths.allow_read names this very file, which is leave enough" in shown.stdout
    assert "aiex add policy" not in shown.stdout
    added = run_warm("add", "policy", "allow read .env", cwd=project)
    assert "opened only where paths.allow_read names" in added.stderr
    ruled = run_warm("show", "policy", "read", ".env", cwd=project)
    assert (ruled.stdout[:6], "opened only where" in ruled.stdout) == ("allow:", True)
    named = run_warm("show", "policy", "read", ".env", "--set", 'paths.allow_read=[".env"]', cwd=project)
    assert (named.stdout[:6], "opened only where" in named.stdout) == ("allow:", False)
    wipe = run_warm("show", "policy", "command", "rm -rf /", cwd=project)
    assert "once: aiex run sandbox --approve -- COMMAND; for good only a managed rule" in wipe.stdout


def test_modes_are_shown_and_chosen(run_warm, project):
    table = data(run_warm("show", "policy", "--json", cwd=project))["defaults"]
    loose, strict = ("bypass", "auto", "accept-edits"), ("deny", "plan")
    assert table["write"] == dict.fromkeys(loose, "allow") | {"ask": "ask"} | dict.fromkeys(strict, "deny")
    shown = run_warm("show", "policy", "write", "a", "--mode", "accept-edits", "--json", cwd=project)
    assert data(shown)["rule"] == "mode accept-edits: writes inside the workspace"
    shown = run_warm("show", "policy", "write", "a", "--role", "viewer", "--json", cwd=project)
    assert data(shown)["rule"] == "role viewer: read"


def test_a_rule_of_the_project_counts_and_cannot_allow(run_warm, project):
    added = run_warm("add", "policy", "--scope", "project", "deny network example.org", cwd=project)
    assert added.returncode == 0
    found = data(run_warm("show", "policy", "network", "example.org", "--json", cwd=project))
    assert (found["effect"], found["scope"]) == ("deny", "project")
    refused = run_warm("add", "policy", "--scope", "project", "allow network example.org", cwd=project)
    assert refused.returncode == 2
    assert "cannot allow" in refused.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["add", "policy", "deny file x"], 78, "no kind 'file'"),
        (["add", "policy", "allow command 'a; b'"], 78, "belongs to the shell"),
        (["add", "policy", "deny write a\x1b[2Jb"], 78, "control or invisible"),
        (["add", "policy"], 2, "RULE"),
        (["rm", "policy", "deny tool x\x1b[2J"], 2, "there is no rule"),
        (["show", "policy", "file", "x"], 2, "no kind of action"),
        (["show", "policy", "write"], 2, "write what?"),
        (["show", "policy", "write", "a", "b"], 2, "one subject"),
        (["test", "policy"], 2, "what would change?"),
        (["test", "policy", "nowhere.toml"], 78, "cannot read"),
        (["test", "policy", "--rule", "deny tool x", "--since", "soon"], 2, "as a time"),
        (["test", "policy", "--without", "deny tool x"], 2, "no rule"),
    ],
)
def test_wrong_words_are_answered_with_an_exit_code_and_no_control_characters(run_warm, project, words, code, said):
    done = run_warm(words, cwd=project)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "\x1b" not in done.stderr


def test_a_broken_rule_is_named_with_its_line_and_can_be_removed(run_warm, project, home):
    file = home / "config" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[policy]\nrules = [\n  "deny tool a",\n  "deny tol b",\n]\n')
    listed = run_warm("list", "policy", cwd=project)
    assert listed.returncode == 78
    assert f"{file}:4" in listed.stderr
    assert run_warm("rm", "policy", "deny tol b", cwd=project).returncode == 0
    assert run_warm("list", "policy", cwd=project).returncode == 0


def test_names_from_files_are_neutralised(run_warm, project):
    os.mkdir(project / "a\x1b[2Jb")
    shown = run_warm("show", "policy", "write", "a\x1b[2Jb/x", cwd=project)
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout
    assert "\x1b" not in run_warm("show", "policy", "command", "echo \x1b[2J", cwd=project).stdout


def test_names_that_are_not_utf_8_are_told_to_people_and_programs(run_warm, project):
    shown = run_warm("show", "policy", "write", "src/\udcff", cwd=project)
    assert (shown.returncode, shown.stdout.splitlines()[0]) == (0, "ask: write src/\\xff")
    assert data(run_warm("show", "policy", "write", "src/\udcff", "--json", cwd=project))["subject"] == "src/\udcff"


def record(*decided: tuple[str, str, str]) -> None:
    log = AuditLog(find_places())
    try:
        for kind, subject, effect in decided:
            log.append("s1", Action(kind, subject), Decision(effect, "built-in", "built-in"))  # type: ignore[arg-type]
    finally:
        log.close()


def test_a_changed_policy_is_tried_on_what_is_on_record(run_warm, project, home):
    record(
        ("command", "git push", "ask"), ("command", "git push", "ask"), ("command", "git status", "allow"),
        ("write", "src/a.py", "ask"), ("network", "example.org", "ask"), ("approval", "git push", "allow"),
    )  # fmt: skip
    tried = run_warm(
        "test", "policy", "--rule", "deny command 'git push'", "--rule", "allow write src", "--json", cwd=project
    )
    assert tried.returncode == 3
    found = data(tried)
    assert (found["records"], found["loosened"]) == (6, 1)
    assert [
        (one["subject"], one["times"], one["before"]["effect"], one["after"]["effect"]) for one in found["changes"]
    ] == [
        ("git push", 2, "ask", "deny"),
        ("src/a.py", 1, "ask", "allow"),
    ]
    text = run_warm("test", "policy", "--rule", "deny command 'git push'", cwd=project)
    assert "ask -> deny" in text.stdout
    assert 'deny command "git push"' in text.stdout
    same = run_warm("test", "policy", "--rule", "deny tool x", cwd=project)
    assert (same.returncode, same.stdout) == (
        0, "6 decisions on record, 0 actions would be decided otherwise, 0 of them more mildly\n",
    )  # fmt: skip


def test_a_replay_decides_where_a_command_ran(run_warm, project):
    log = AuditLog(find_places())
    for detail in ({}, {"cwd": "src"}):
        log.append("s1", Action("command", "cat x", detail), Decision("allow", "built-in", "built-in"))
    log.close()
    found = data(run_warm("test", "policy", "--rule", "deny read src/x", "--json", cwd=project))
    assert [(one["times"], one["before"]["effect"], one["after"]["effect"]) for one in found["changes"]] == [
        (1, "allow", "deny")
    ]


def test_a_file_takes_the_place_of_the_persons_own_rules(run_warm, project):
    record(("tool", "a", "allow"), ("tool", "b", "ask"))
    run_warm("add", "policy", "allow tool a", cwd=project)
    (project / "new.toml").write_text('[policy]\nrules = ["deny tool b"]\n')
    found = data(run_warm("test", "policy", "new.toml", "--json", cwd=project))
    assert [(one["subject"], one["before"]["effect"], one["after"]["effect"]) for one in found["changes"]] == [
        ("a", "allow", "ask"),
        ("b", "ask", "deny"),
    ]
    left_out = data(run_warm("test", "policy", "--without", "allow tool a", "--json", cwd=project))
    assert [one["subject"] for one in left_out["changes"]] == ["a"]


def test_without_a_log_there_is_nothing_to_try(run_warm, project):
    tried = run_warm("test", "policy", "--rule", "deny tool x", cwd=project)
    assert (tried.returncode, tried.stdout.split()[0]) == (0, "0")
