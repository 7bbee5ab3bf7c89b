"""Rules about commands: compared word by word with what was parsed, never with the text of the line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.guard.actions import Action
from aiex.guard.policy.decide import decide
from aiex.guard.policy.rules import EFFECTS
from tests.fakes.policies import ROOT, ask, effect, policy
from tests.fakes.tables import each


@each(
    "command",
    [
        "git push; rm -rf x",
        "git push && x",
        "git push || x",
        "git push | x",
        "git push & x",
        "git push &",
        "git push\nx",
        "X=1 git push",
        "GIT_SSH_COMMAND=x git push",
        "git push $(x)",
        "git push `x`",
        "git push <(x)",
        "git push > x",
        "git push >> x",
        "git push 2> x",
        "git push < .env",
        "git push origin",
        "git push ''",
        "git push $x",
        'git push "$x"',
        "git push *",
        "git push {a,b}",
        "git -C x push",
        "/tmp/git push",
        "./git push",
        "git\u00a0push",
        "'git push'",
        "sudo git push",
        "env git push",
        "eval git push",
        "bash -c 'git push'",
        "git() { x; }; git push",
        "alias git=x; git push",
        "exec git push",
        "echo a; git push\x00",
        "git push \\\n x",
        "coproc git push",
        "git push #\n x",
        "git push 'a",
    ],
)
def test_leave_for_one_command_is_no_leave_for_a_line_that_does_more(command):
    assert effect(policy("allow command 'git push'"), "command", command) == "ask"


@pytest.mark.parametrize(
    "command",
    [
        "git push",
        "  git   push  ",
        "g'i't pu\\sh",
        '"git" "push"',
        "git push # now",
        "(git push)",
        "git push; git push",
        "git push && git status",
        "git push | tail -5",
        "git push 2>&1",
        "git push >/dev/null",
        "x=1 git push",
        "for f in a b; do git push; done",
        "if git push; then ls; fi",
        "cd src && git push",
    ],
)
def test_leave_for_a_command_counts_however_it_is_written(command):
    found = ask(policy("allow command 'git push'"), "command", command)
    assert (found.effect, found.rule) == ("allow", 'allow command "git push"')


@each(
    ("rule", "command", "expected"),
    [
        ("npm run *", "npm run", "allow"),
        ("npm run *", "npm run a b", "allow"),
        ("npm run *", "npm runs", "ask"),
        ("npm run test:*", "npm run test:unit", "allow"),
        ("npm run test:*", "npm run test:unit -- -x", "ask"),
        ("npm * test", "npm run test", "allow"),
        ("npm * test", "npm a b test", "ask"),
        ("npm run 'a b'", "npm run 'a b'", "allow"),
        ("npm run 'a b'", "npm run a b", "ask"),
        (r"npm run \*", "npm run '*'", "ask"),
        (r"npm run \*", "npm run *", "ask"),
        ("npm * test", "npm * test", "ask"),
        ("npm run test:*", "npm run test:*", "ask"),
        ("npm run *", "npm run *.js", "allow"),
        (r"npm run \*", "npm run a", "ask"),
        ("*", "npm publish", "allow"),
        ("*", "cat .env", "ask"),
        ("*", "cat ~/.ssh/id_rsa", "ask"),
        ("*", "git log --output=x", "allow"),
        ("git *", "git push origin", "allow"),
        ("git *", "git -c core.pager=x log", "ask"),
        ("git log *", "git log --output=x", "ask"),
        ("git log *", "git log -3", "allow"),
        ("git push *", "git push --force", "allow"),
        ("git log --output=x", "git log --output=x", "allow"),
        ("find *", "find . -exec rm {} +", "ask"),
        ("find *", "find src -delete", "ask"),
        ("rg *", "rg --pre=x foo", "ask"),
        ("sort *", "sort -o x y", "ask"),
        ("cat *", "cat .env", "ask"),
        ("cat .env", "cat .env", "allow"),
        ("cat *", "cat /etc/passwd", "ask"),
        ("python *", "python -c x", "ask"),
        ("python *", "python setup.py build", "allow"),
        ("python manage.py *", "python manage.py migrate --fake", "allow"),
        ("python manage.py *", "python other.py", "ask"),
        ("bash *", "bash -c x", "ask"),
        ("bash deploy.sh *", "bash deploy.sh now", "allow"),
        ("./build.sh *", "./build.sh all", "allow"),
        ("./build.sh *", "cd sub && ./build.sh all", "ask"),
        ("/usr/bin/make *", "cd sub && /usr/bin/make all", "allow"),
        ("make *", "make all >log", "ask"),
        ("make *", "make 'a\tb'", "allow"),
        ("make *", "MAKE all", "ask"),
        ("npm *", "npm $(cat src/x)", "ask"),
    ],
)
def test_wildcards_in_leave(rule, command, expected):
    text = f"allow command '{rule}'" if "'" not in rule else f'allow command "{rule}"'
    assert effect(policy(text), "command", command) == expected


@each(
    ("command", "expected"),
    [
        ("git push", "deny"),
        ("git push origin", "deny"),
        ("g'i't push", "deny"),
        ("/usr/bin/git push", "deny"),
        ("GIT push", "deny"),
        ("git.exe push", "deny"),
        ("ls; git push", "deny"),
        ("ls $(git push)", "deny"),
        ("bash -c 'git push'", "deny"),
        ("echo a | git push", "deny"),
        ("git push > x", "deny"),
        ("X=1 git push", "deny"),
        ("git -C x push", "ask"),
        ("git -c a=b push origin", "ask"),
        ("sudo git push", "ask"),
        ("env -i git push", "ask"),
        ("xargs git push", "ask"),
        ("find . -exec git push {} +", "ask"),
        ("git $x", "ask"),
        ("git p*", "ask"),
        ("$x push", "ask"),
        ("git pu$y", "ask"),
        ("x() { git push; }; x", "deny"),
        ("git push 'a", "ask"),
        ("git pull", "allow"),
        ("npm push", "allow"),
    ],
)
def test_a_rule_that_denies_is_not_evaded_by_another_spelling(command, expected):
    found = policy("deny command 'git push'", "allow any", "allow command '*'")
    assert effect(found, "command", command, mode="bypass") in (expected, "deny")
    if expected == "allow":
        assert effect(found, "command", command) == "allow"


def test_a_rule_about_any_program_is_not_evaded_by_options():
    found = policy("deny command '* push'")
    assert effect(found, "command", "jj push x", mode="auto") == "deny"
    assert effect(found, "command", "jj -R a push", mode="auto") == "ask"
    assert effect(found, "command", "jj pull", mode="auto") == "allow"
    assert effect(policy("deny command 'git* push'"), "command", "npm run push", mode="auto") == "allow"
    assert effect(policy("deny command 'git* push'"), "command", "git2 -x push", mode="auto") == "ask"


def test_what_may_be_denied_is_asked_about_with_the_rule():
    found = ask(policy("deny command 'git push'"), "command", "git -C sub push", mode="auto")
    assert (found.effect, found.rule) == ("ask", 'deny command "git push"')
    assert "may be" in found.reason


def test_leave_for_exactly_this_command_overrules_what_may_be_about_it():
    found = policy("deny command 'git push'", "allow command 'git -C sub push'")
    assert effect(found, "command", "git -C sub push") == "allow"
    assert effect(found, "command", "git push") == "deny"


@each(
    ("command", "expected"),
    [
        ("cat data/private/x", "deny"),
        ("cat src/x data/private/x", "deny"),
        ("cat ./data/../data/private/x", "deny"),
        ("cat DATA/private/x", "deny"),
        ("cd data && cat private/x", "ask"),
        ("cat data/*/x", "ask"),
        ("cat data/private/*", "ask"),
        ("cat data/pr*/x", "ask"),
        ("cat d?ta/private/x", "ask"),
        ("cat [d]ata/private/x", "ask"),
        ("cat {src,data}/private/x", "deny"),
        ("for f in data/*; do cat $f; done", "ask"),
        ("x=data; cat $x/private/y", "ask"),
        ("cat < data/pr*", "ask"),
        ("cat */*", "ask"),
        ("cat src/*.py", "allow"),
        ("grep -r x src", "allow"),
        ("cat < data/private/x", "ask"),
        ("grep -r x data", "ask"),
        ("rg x", "ask"),
        ("rg x src", "allow"),
        ("git diff", "ask"),
        ("git show HEAD:data/private/x", "ask"),
        ("git log -p", "ask"),
        ("git status", "allow"),
        ("git log --oneline", "allow"),
        ("ls src", "allow"),
        ("cat src/x", "allow"),
    ],
)
def test_commands_that_only_read_follow_the_rules_about_reading(command, expected):
    found = policy("deny read data/private")
    assert effect(found, "command", command) in (expected, "deny")
    assert (effect(found, "command", command) == "allow") == (expected == "allow")


def test_the_level_of_a_part_is_not_taken_for_that_of_an_earlier_one_like_it():
    found = policy("allow command 'npm test'")
    assert effect(found, "command", "npm publish; npm test") == "ask"
    assert effect(found, "command", "npm test; npm publish") == "ask"
    assert effect(found, "command", "npm; npm") == "ask"


def test_many_commands_in_a_line_are_all_looked_at():
    line = "; ".join(["git push"] * 200)
    assert effect(policy("allow command 'git push'"), "command", line) == "allow"
    assert effect(policy("allow command 'git push'"), "command", f"{line}; x") == "ask"


def test_a_command_without_end_is_decided_on_and_a_rule_of_many_words_compared():
    words = " ".join(["x"] * 5000)
    found = policy("allow command 'git push *'", f"deny command 'git {' '.join(['*', 'a'] * 400)}'")
    assert effect(found, "command", f"git push {words}") == "allow"
    assert effect(found, "command", f"git push $y {words}") == "ask"


def test_an_assignment_alone_changes_nothing():
    assert effect(policy(), "command", "x=1") == "allow"


@each(
    ("cwd", "command", "expected"),
    [
        ("", "cat x", "allow"),
        (".", "./build.sh", "allow"),
        (ROOT, "./build.sh", "allow"),
        ("src", "cat x", "allow"),
        (f"{ROOT}/src", "cat x", "allow"),
        ("src", "cat ../x", "allow"),
        ("src", "./build.sh", "ask"),
        ("src", "npm test", "allow"),
        ("data/private", "cat x", "deny"),
        ("data", "cat private/x", "deny"),
        ("data", f"cat {ROOT}/data/private/x", "deny"),
        ("src", "cd ../data && grep -f private/x y", "deny"),
        ("src", "cat ../../x", "ask"),
        ("src", "cat x\n}\ncat ../x\n{", "ask"),
        ("src", "", "ask"),
        ("-", "ls", "ask"),
        ("~", "ls", "ask"),
        ("..", "cat x", "ask"),
        ("/etc", "cat passwd", "ask"),
        ("$(x)", "ls", "allow"),
        ("a'; rm -rf x; '", "ls", "allow"),
    ],
)
def test_where_a_command_runs_counts(cwd, command, expected):
    found = policy("allow command ./build.sh", "allow command 'npm test'", "deny read data/private")
    assert decide(Action("command", command, {"cwd": cwd}), policy=found).effect == expected


MANY = " ".join(f"a{i}" for i in range(400))


@pytest.mark.parametrize("mode", ["auto", "ask"])
@pytest.mark.parametrize(
    "command",
    [
        "; ".join(["ls"] * 260) + "; rm -rf /",
        f"env {' '.join(f'A{i}=1' for i in range(60))} git push",
        f"find {MANY} -exec git push ;",
        f"xargs {MANY} git push",
        f"rm {MANY} /",
        f"find {MANY} -exec rm -rf / ;",
    ],
)
def test_nothing_gets_through_by_its_length(command, mode):
    assert effect(policy("deny command 'git push'"), "command", command, mode=mode) == "ask"
    if "rm" in command:
        assert effect(policy(), "command", command, mode=mode) == "ask"


def nested(command: str, times: int) -> str:
    return nested(f"bash -c {shlex.quote(command)}", times - 1) if times else command


@each("mode", ["auto", "ask"])
@each(
    ("command", "expected"),
    [
        (nested("git push", 2), "deny"), (nested("git push", 5), "ask"), (nested("rm -rf /", 5), "deny"),
        ("; ".join(f"bash -c 'ls {at}'" for at in range(30)) + "; bash -c 'rm -rf /'", "deny"),
        ("bash -c -- 'git push'", "deny"), ("bash -c -x 'git push'", "deny"), ("env -S'git push'", "deny"),
        ("env -vS 'git push'", "deny"), ("watch -n1 'git push'", "deny"), ("watch -n 1 'git push'", "deny"),
        ("su -c'git push'", "deny"), ("git -c alias.p=push p", "deny"), ("git -c alias.p='!git push' p", "deny"),
        ("git submodule foreach 'git push'", "deny"), ("git rebase -x 'git push' main", "deny"),
        ("git rebase --exec='git push' main", "deny"), ("command git push", "ask"), ("git stash drop x", "deny"),
        ("bash -c 'git push \"'", "deny"),
    ],
)  # fmt: skip
def test_what_another_program_is_told_to_run_is_met_by_rules(command, expected, mode):
    found = policy("deny command 'git push'", "deny command 'git stash drop'")
    assert effect(found, "command", command, mode=mode) == expected


def test_what_is_read_to_its_end_may_be_long():
    found = policy("deny command 'git push'")
    assert effect(found, "command", f"cat {MANY}") == "allow"
    assert effect(found, "command", f"find . {' -o '.join(['-name x'] * 20)}") == "allow"
    assert effect(found, "command", f"npm test {MANY}", mode="auto") == "ask"


# --- properties -----------------------------------------------------------------------------------------------------

SUITE = Path(__file__).parents[3] / "data" / "suites" / "commands" / "dev.jsonl"
READERS = (
    *("cat", "head", "tail", "wc", "ls", "grep", "rg", "find", "sort", "uniq", "sed", "awk", "cut", "tr", "diff", "jq"),
    *("file", "stat", "echo", "printf", "git status", "git log", "git diff", "git show", "git branch", "git grep"),
)


def test_leave_for_programs_that_read_lifts_no_case_that_does_more():
    found = policy(*(f'allow command "{program} *"' for program in READERS))
    cases = [json.loads(line) for line in SUITE.read_text("utf-8").splitlines()]
    more = [case["command"] for case in cases if case["expect"] != "safe"]
    assert len(more) > 100
    assert [command for command in more if effect(found, "command", command) == "allow"] == []


FORMS = (
    "{}", "({})", "{{ {}; }}", "! {}", "if {}; then ls; fi", "if ls; then {}; fi", "for x in a b; do {}; done",
    "while {}; do ls; done", "ls; {}", "{}; ls", "{} && ls", "ls || {}", "{} | tail", "cat a | {}", "ls $({})",
    "echo `{}`", "cat <({})", "{} >/dev/null", "{} > out", "{} &", "case a in a) {};; esac", "cd src && {}", "x=$({})",
    "cat <<E\n$({})\nE", "{} # b", "eval '{}'", "bash -c '{}'", "sudo {}", "env A=b {}", "xargs {}", "time {}",
    "X=1 {}", "f() {{ {}; }}; f", "{}\n\n\nls",
)  # fmt: skip
COMMANDS = ("git push", "git push origin", "npm test", "npm publish", "rm x", "git -C a push", "make all", "rm -rf /")
RULES = (
    "allow command 'npm *'", "allow command 'git push'", "allow command '*'", "deny command 'git push'",
    "ask command 'npm publish'", "deny command rm", "allow command 'make *'", "allow any", "deny command '*'",
)  # fmt: skip


@given(
    st.lists(st.sampled_from(RULES), max_size=4),
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(FORMS), min_size=1, max_size=2),
    st.sampled_from(["auto", "ask", "deny"]),
)
def test_no_form_around_a_command_loosens_the_decision_on_it(own, command, forms, mode):
    found = policy(*own)
    bare = ask(found, "command", command, mode=mode)
    line = command
    for form in forms:
        line = form.format(line) if "'" not in form or "'" not in line else line
    assert EFFECTS.index(effect(found, "command", line, mode=mode)) >= EFFECTS.index(loosest(bare))


def loosest(decision):
    """What a form may make of a decision: what only may be a command that is denied or forbidden is asked about."""
    return "ask" if decision.effect == "deny" and decision.scope != "mode" else decision.effect
