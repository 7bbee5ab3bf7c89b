"""The gate as people meet it: what runs, is read, is sent and is changed stands on record, and rules are kept."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import click
import pytest

from aiex.cli.flags import global_options
from aiex.guard.policy.modes import MODES
from aiex.guard.sandbox.probing import choose
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.site import open_site
from tests.fakes.started import start_aiex

Run = Callable[..., CompletedProcess[str]]
confines = pytest.mark.skipif(
    sys.platform == "win32" or choose().requires_approval, reason="nothing on this machine confines commands"
)


@pytest.fixture
def aiex(run_warm: Run, workspace: Path, vendor: FakeOpenAI) -> Run:
    """`aiex` in the workspace, a repository, with one vendor on loopback."""
    (workspace / ".git").mkdir()
    model = ("--set", f"providers.one.base_url={vendor.base_url}", "--set", "retry.max_attempts=1")

    def call(*words: str, **options: Any) -> CompletedProcess[str]:
        at = words.index("--") if "--" in words else len(words)
        return run_warm(*words[:at], *model, *words[at:], **{"cwd": workspace, **options})

    return call


def records(run_warm: Run) -> list[dict[str, Any]]:
    done = run_warm("list", "audit", "-o", "json", "--last", "0")
    assert done.stdout, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["structured_output"]["records"]
    return found


def brief(run_warm: Run) -> list[tuple[str, str, str]]:
    return [(row["kind"], row["effect"], row["subject"]) for row in records(run_warm)]


# --- commands -------------------------------------------------------------------------------------------------------


@confines
def test_a_command_leaves_a_decision_and_an_outcome(aiex: Run, run_warm: Run) -> None:
    done = aiex("run", "sandbox", "-o", "json", "--", "sh", "-c", "exit 3")
    decision, outcome = records(run_warm)
    assert (decision["kind"], decision["effect"], decision["subject"]) == ("command", "allow", "sh -c 'exit 3'")
    assert decision["rule"] == "typed by a person"
    assert (outcome["effect"], outcome["of"], outcome["text"]) == ("failed", decision["seq"], "exit code 3")
    assert decision["session"] == outcome["session"] == json.loads(done.stdout)["session_id"]


@confines
def test_the_record_says_where_a_command_ran(aiex: Run, run_warm: Run, workspace: Path) -> None:
    (workspace / "plans").mkdir()
    (workspace / "plans/next.draft").write_text("we sell pears")
    assert run_warm("add", "policy", 'deny read "plans/*.draft"').returncode == 0
    refused = aiex("run", "sandbox", "--", "cat", "next.draft", cwd=workspace / "plans")
    assert (refused.returncode, "pears" in refused.stdout) == (4, False)
    assert aiex("run", "sandbox", "--", "true").returncode == 0
    assert [row["detail"].get("cwd") for row in records(run_warm) if row["kind"] == "command"] == ["plans", None, None]


@confines
def test_what_is_forbidden_runs_only_after_an_approval(aiex: Run, run_warm: Run, workspace: Path) -> None:
    done = aiex("run", "sandbox", "--", "git", "config", "core.hooksPath", "/tmp")
    refused = aiex("run", "sandbox", "--", "rm", "-rf", "/")
    assert (refused.returncode, done.returncode != 0) == (4, True)
    assert "forbidden commands" in refused.stderr
    assert "hint: to run it all the same: aiex run sandbox --approve -- COMMAND" in refused.stderr
    agreed = aiex("run", "sandbox", "--approve", "--", "rm", "-rf", "/")
    assert agreed.returncode != 4
    assert workspace.is_dir()
    kinds = [row[:2] for row in brief(run_warm)][-4:]
    assert kinds == [("command", "deny"), ("command", "deny"), ("approval", "allow"), ("command", "failed")]


@confines
def test_rules_bind_what_a_person_types(aiex: Run, run_warm: Run, workspace: Path) -> None:
    (workspace / "plans").mkdir()
    (workspace / "plans/next.txt").write_text("we sell pears")
    assert run_warm("add", "policy", 'deny command "git push"').returncode == 0
    assert run_warm("add", "policy", 'deny read "plans"').returncode == 0
    refused = aiex("run", "sandbox", "--", "git", "push")
    assert (refused.returncode, 'deny command "git push"' in refused.stderr) == (4, True)
    program = "import pathlib; print(pathlib.Path('pl' + 'ans/next.txt').read_text())"
    hidden = aiex("run", "sandbox", "--approve", "--", "python3", "-c", program)
    assert hidden.returncode != 0
    assert "pears" not in hidden.stdout


@confines
def test_modes_reach_commands(aiex: Run, workspace: Path) -> None:
    planned = aiex("run", "sandbox", "--permission-mode", "plan", "--", "touch", "new")
    assert planned.returncode not in (0, 4)
    assert not (workspace / "new").exists()
    assert aiex("run", "sandbox", "--yolo", "--", "rm", "-rf", "/").returncode == 4
    out = workspace.parent / "outside"
    aiex("run", "sandbox", "--yolo", "--", "touch", str(out))
    assert not out.exists()
    assert aiex("run", "sandbox", "--permission-mode", "wild", "--", "true").returncode == 2


def test_every_mode_has_its_word_on_the_command_line() -> None:
    said = next(option for option in global_options() if "--permission-mode" in option.opts)
    assert isinstance(said.type, click.Choice)
    assert set(said.type.choices) == set(MODES)


@pytest.fixture
def site() -> Iterator[int]:
    with open_site() as port:
        yield port


@confines
def test_hosts_that_a_command_asks_for_are_on_record(aiex: Run, run_warm: Run, site: int) -> None:
    if choose().name != "bubblewrap":
        pytest.skip("only there a command has a way to the allowed domains")
    program = f"""
import os, urllib.request
for name in ("NO_PROXY", "no_proxy"):
    os.environ.pop(name, None)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{"http": os.environ["HTTP_PROXY"]}}))
for place in ("127.0.0.1:{site}", "127.0.0.1:{site}", "example.org:80"):
    try:
        print(opener.open(f"http://{{place}}/").read())
    except OSError as error:
        print(error)
"""
    done = aiex("run", "sandbox", "--domain", f"127.0.0.1:{site}", "--", "python3", "-c", program)
    assert done.stdout.count("b'hello'") == 2, done.stderr
    rows = [row for row in records(run_warm) if row["kind"] == "network"]
    assert [(row["effect"], row["subject"]) for row in rows] == [
        ("allow", f"127.0.0.1:{site}"),
        ("deny", "example.org:80"),
        ("done", f"127.0.0.1:{site}"),
    ]
    run_warm("add", "policy", f'deny network "127.0.0.1:{site}"')
    refused = aiex("run", "sandbox", "--domain", f"127.0.0.1:{site}", "--", "python3", "-c", program)
    assert "b'hello'" not in refused.stdout
    assert "deny network" in refused.stderr


@confines
def test_a_process_that_is_killed_leaves_a_decision_and_a_whole_log(aiex: Run, run_warm: Run, workspace: Path) -> None:
    with start_aiex("run", "sandbox", "--", "sh", "-c", "echo up; sleep 60", cwd=workspace, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGKILL)
    assert [row[:2] for row in brief(run_warm)] == [("command", "allow")]
    assert run_warm("verify", "audit").returncode == 0
    assert aiex("run", "sandbox", "--", "true").returncode == 0
    assert [row[:2] for row in brief(run_warm)][-2:] == [("command", "allow"), ("command", "done")]
    assert run_warm("verify", "audit").returncode == 0


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_what_goes_to_a_model_is_on_record_without_its_words(aiex: Run, run_warm: Run, vendor: FakeOpenAI) -> None:
    vendor.say("It adds things.")
    done = aiex("ask", "What does add do, my friend?", "shop/basket.py", "-m", "one/fake-1")
    assert (done.returncode, done.stderr) == (0, "")
    host = vendor.base_url.split("/")[2]
    assert brief(run_warm) == [
        ("read", "allow", "shop/basket.py"),
        ("network", "allow", host),
        ("network", "done", host),
        ("read", "done", "shop/basket.py"),
    ]
    read, allowed, reached, _ = records(run_warm)
    assert read["rule"] == "built-in: reads inside the workspace"
    assert read["detail"] == {"for": "one/fake-1", "named": "by a person"}
    assert allowed["rule"] == "the settings name this server"
    assert reached["detail"]["output_tokens"].isdigit()
    exported = run_warm("export", "audit").stdout
    assert not any(word in exported for word in ("my friend", "class Basket", "adds things"))


def test_code_that_was_found_is_on_record_by_its_lines(aiex: Run, run_warm: Run, vendor: FakeOpenAI) -> None:
    vendor.say("In the basket.")
    assert aiex("ask", "where is the total of a basket counted?", "-m", "one/fake-1").returncode == 0
    reads = [row for row in records(run_warm) if row["kind"] == "read" and row["what"] == "decision"]
    assert "shop/basket.py" in [row["subject"] for row in reads]
    assert {row["rule"] for row in reads} == {"built-in: reads inside the workspace"}
    assert all(row["detail"]["lines"] for row in reads)
    vendor.say("It is a basket.")
    assert aiex("explain", "shop/prices.py", "-m", "one/fake-1").returncode == 0
    session = records(run_warm)[-1]["session"]
    reads = [row for row in records(run_warm) if row["session"] == session and row["kind"] == "read"]
    assert (reads[0]["subject"], reads[0]["detail"]["named"]) == ("shop/prices.py", "by a person")
    others = [row["subject"] for row in reads if row["what"] == "decision" and "named" not in row["detail"]]
    assert "shop/basket.py" in others


def test_secrets_that_are_taken_out_are_counted(aiex: Run, run_warm: Run, vendor: FakeOpenAI, workspace: Path) -> None:
    key = "sk-" + "proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"
    (workspace / "shop/pay.py").write_text(f'API_KEY = "{key}"\n\n\ndef pay():\n    return API_KEY\n')
    vendor.say("It pays.")
    assert aiex("ask", "What does it do?", "shop/pay.py", "-m", "one/fake-1").returncode == 0
    assert key not in json.dumps(vendor.requests[0].body)
    reached = next(row for row in records(run_warm) if row["kind"] == "network" and row["what"] == "outcome")
    assert reached["redactions"] == 1


def test_a_server_that_fails_is_on_record(aiex: Run, run_warm: Run, vendor: FakeOpenAI) -> None:
    vendor.say(status=500, body=b"{}")
    assert aiex("ask", "Why?", "-m", "one/fake-1", "--no-code").returncode != 0
    assert [row[:2] for row in brief(run_warm)] == [("network", "allow"), ("network", "failed")]


def test_a_trial_of_a_model_is_on_record_too(aiex: Run, run_warm: Run, vendor: FakeOpenAI) -> None:
    vendor.say("ready")
    assert aiex("test", "provider", "one/fake-1").returncode == 0
    assert ("network", "done") in [row[:2] for row in brief(run_warm)]


def test_a_server_that_a_rule_denies_hears_nothing(aiex: Run, run_warm: Run, vendor: FakeOpenAI) -> None:
    run_warm("add", "policy", 'deny network "127.0.0.1"')
    done = aiex("ask", "Why?", "-m", "one/fake-1", "--fallback-model", "one/fake-2")
    assert (done.returncode, 'deny network "127.0.0.1"' in done.stderr) == (4, True)
    assert vendor.requests == []


def test_a_rule_keeps_a_file_out_and_it_is_said(aiex: Run, run_warm: Run, vendor: FakeOpenAI) -> None:
    vendor.say("Somewhere.")
    vendor.say("Elsewhere.")
    question = ("ask", "where is the total of a basket counted?", "-m", "one/fake-1")
    assert aiex(*question).returncode == 0
    assert "class Basket" in json.dumps(vendor.requests[0].body)
    run_warm("add", "policy", 'ask read "shop/basket.py"')
    done = aiex(*question)
    assert done.returncode == 0
    assert "warning: 1 file is left out: a rule keeps it from being read" in done.stderr
    assert "class Basket" not in json.dumps(vendor.requests[1].body)
    found = aiex("query", "context", "--task", "basket total", "-o", "json")
    assert "shop/basket.py" not in found.stdout
    assert "left out" in found.stderr


def test_a_file_that_is_named_and_kept_out_is_refused(aiex: Run, run_warm: Run, vendor: FakeOpenAI) -> None:
    run_warm("add", "policy", 'ask read "shop/basket.py"')
    for words in (("ask", "Why?", "shop/basket.py"), ("explain", "shop/basket.py::Basket")):
        done = aiex(*words, "-m", "one/fake-1")
        assert (done.returncode, 'ask read "shop/basket.py"' in done.stderr) == (4, True), done.stderr
    assert vendor.requests == []
    denied = [row for row in records(run_warm) if row["kind"] == "read"]
    assert [(row["effect"], row["subject"]) for row in denied] == [("deny", "shop/basket.py")] * 2
    vendor.say("Because.")
    leave = ("--set", 'policy.rules=["allow read \\"shop/basket.py\\""]')
    assert aiex("ask", "Why?", "shop/basket.py", "-m", "one/fake-1", *leave).returncode == 0


def test_what_is_only_shown_to_the_person_is_not_on_record(aiex: Run, home: Path) -> None:
    assert aiex("explain", "shop/basket.py", "--offline").returncode == 0
    assert aiex("ask", "Why?", "shop/basket.py", "-m", "one/fake-1", "--explain").returncode == 0
    assert aiex("query", "context", "--task", "basket").returncode == 0
    assert not (home / "data/audit").exists()


def test_nothing_is_sent_that_cannot_be_put_on_record_and_has_to_be(aiex: Run, vendor: FakeOpenAI, home: Path) -> None:
    (home / "data").mkdir()
    (home / "data/audit").write_text("in the way, for root too")
    vendor.say("Because.")
    done = aiex("ask", "Why?", "shop/basket.py", "-m", "one/fake-1", "--set", "audit.mode=required")
    assert (done.returncode, "cannot be written into the audit log" in done.stderr) == (4, True), done.stderr
    assert vendor.requests == []
    done = aiex("ask", "Why?", "shop/basket.py", "-m", "one/fake-1")
    assert (done.returncode, done.stdout) == (0, "Because.\n")
    assert "security: what happens is not on record" in done.stderr


def test_nothing_is_kept_where_no_record_is_wanted(aiex: Run, vendor: FakeOpenAI, home: Path) -> None:
    vendor.say("Because.")
    done = aiex("ask", "Why?", "shop/basket.py", "-m", "one/fake-1", "--set", "audit.mode=off")
    assert (done.returncode, (home / "data/audit").exists()) == (0, False)


# --- changes that stay ----------------------------------------------------------------------------------------------


def test_changes_that_stay_are_approvals_on_record(aiex: Run, run_warm: Run, workspace: Path) -> None:
    key = "sk-" + "test-abcdefghijklmnopqrstuvwxyz0123456789"
    assert run_warm("set", "key", "openai", "--in", "file", input=key).returncode == 0
    assert run_warm("rm", "key", "openai").returncode == 0
    assert aiex("add", "trust").returncode == 0
    assert aiex("rm", "trust").returncode == 0
    assert run_warm("add", "policy", "deny tool fetch").returncode == 0
    assert run_warm("rm", "policy", "deny tool fetch").returncode == 0
    assert run_warm("set", "config", "policy.mode", "plan").returncode == 0
    assert run_warm("set", "config", "budget_tokens", "5000").returncode == 0
    assert run_warm("rotate", "keys").returncode == 0
    rows = [row for row in records(run_warm) if row["what"] == "decision"]
    assert [row["subject"] for row in rows] == [
        "set key openai",
        "rm key openai",
        f"add trust {workspace}",
        f"rm trust {workspace}",
        "add policy deny tool fetch",
        "rm policy deny tool fetch",
        "set config policy.mode",
        "rotate keys",
    ]
    assert {(row["kind"], row["effect"], row["detail"]["scope"]) for row in rows} == {("approval", "allow", "user")}
    assert key not in run_warm("export", "audit").stdout


def test_only_an_admin_changes_what_stays(aiex: Run, run_warm: Run, home: Path) -> None:
    role = ("--set", "policy.role=operator")
    for words in (("add", "policy", "allow tool"), ("add", "trust"), ("set", "config", "policy.mode", "bypass")):
        done = aiex(*words, *role)
        assert (done.returncode, "only admin may" in done.stderr) == (4, True), done.stderr
    assert not (home / "config/config.toml").exists()
    assert {row[:2] for row in brief(run_warm)} == {("approval", "deny")}
