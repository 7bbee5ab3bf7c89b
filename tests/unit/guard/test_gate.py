"""The gate, with a real policy and a real audit log: what is let through, what is asked, what stands on record."""

from __future__ import annotations

import asyncio
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from aiex.errors import Denied, StoreError, Transient
from aiex.events import SecurityNoticed
from aiex.guard.actions import Action, Decision
from aiex.guard.audit.log import AuditLog, find_places, open_keys
from aiex.guard.audit.reading import Reading, Wanted
from aiex.guard.gate import Gate
from aiex.guard.policy.judge import Judge
from aiex.guard.policy.offers import Offer
from aiex.guard.policy.policy import Policy
from aiex.guard.policy.rules import parse_rule

LS, PUSH, WIPE = Action("command", "ls"), Action("command", "git push"), Action("command", "rm -rf /")


class Guarded:
    """A gate over a log in the test's own home, and what the log says then."""

    def __init__(self, *rules: str, root: str = "", audit: bool = True, required: bool = False, **more: Any) -> None:
        self.places = find_places()
        self.told: list[SecurityNoticed] = []
        log = AuditLog(self.places, mode="required" if required else "on", tell=self.told.append)
        policy = Policy([parse_rule(rule) for rule in rules], root=root)
        approve = more.pop("approve", None)
        judge = Judge(lambda: policy, **more)
        self.gate = Gate(judge, session="s1", audit=lambda: log if audit else None, approve=approve)

    def records(self) -> list[tuple[str, str, str, str]]:
        """Kind, effect, subject, and the rule or what the outcome says."""
        self.gate.close()
        keys = open_keys(self.places)
        rows: list[tuple[str, str, str, str]] = []
        for found in Reading(self.places.log, keys, Wanted()):
            assert found.entry
            assert found.entry.session == "s1"
            said = found.entry.verdict
            text = said.rule if isinstance(said, Decision) else f"of {said.of}: {said.text}"
            rows.append((found.entry.action.kind, found.effect, found.entry.action.subject, text))
        return rows

    def entries(self) -> list[Any]:
        self.gate.close()
        return [found.entry for found in Reading(self.places.log, open_keys(self.places), Wanted())]


def answering(answer: Offer | None, seen: list[Any] | None = None) -> Any:
    async def approve(action: Action, decision: Decision, offers: tuple[Offer, ...]) -> Offer | None:
        if seen is not None:
            seen.append((action, decision, offers))
        return answer

    return approve


def test_what_is_allowed_leaves_a_decision_and_an_outcome() -> None:
    guarded = Guarded()
    with guarded.gate.doing(LS) as passage:
        passage.text, passage.detail = "exit code 0", {"lines": "3"}
    assert guarded.records() == [
        ("command", "allow", "ls", "built-in: commands that only read inside the workspace"),
        ("command", "done", "ls", "of 1: exit code 0"),
    ]
    assert guarded.entries()[1].action.detail == {"lines": "3"}


def test_what_a_rule_denies_is_refused_by_its_name() -> None:
    guarded = Guarded('deny command "git push"')
    with pytest.raises(Denied, match='refused to run git push: deny command "git push"') as caught:
        guarded.gate.require(PUSH)
    assert caught.value.exit_code == 4
    assert "aiex show policy command 'git push'" in caught.value.hint
    assert guarded.records() == [("command", "deny", "git push", 'deny command "git push"')]


def test_without_a_person_what_has_to_be_asked_about_is_refused() -> None:
    guarded = Guarded()
    with pytest.raises(Denied, match="it has to be asked about: built-in: commands that are not known to only read"):
        asyncio.run(guarded.gate.admit(PUSH))
    rows = guarded.records()
    assert [row[:3] for row in rows] == [("command", "ask", "git push"), ("command", "refused", "git push")]
    assert rows[1][3] == "of 1: nobody agreed"


def test_a_person_is_asked_with_what_each_answer_would_write() -> None:
    seen: list[Any] = []
    guarded = Guarded(approve=answering(Offer("once", ()), seen))
    admitted = asyncio.run(guarded.gate.admit(PUSH))
    ((action, decision, offers),) = seen
    assert (action, decision.effect) == (PUSH, "ask")
    assert Offer("session", ('allow command "git push"',)) in offers
    assert Offer("user", ('allow command "git push"',)) in offers
    assert admitted.number == 2
    assert guarded.records() == [
        ("command", "ask", "git push", "built-in: commands that are not known to only read"),
        ("approval", "allow", "git push", "approval: command"),
    ]
    detail = guarded.entries()[1].action.detail
    assert detail == {"kind": "command", "of": "1", "scope": "once", "by": "person"}


def test_a_person_says_no() -> None:
    guarded = Guarded(approve=answering(None))
    with pytest.raises(Denied):
        asyncio.run(guarded.gate.admit(PUSH))
    assert [row[:2] for row in guarded.records()] == [("command", "ask"), ("command", "refused")]


def test_an_answer_for_the_session_counts_until_it_ends() -> None:
    guarded = Guarded(approve=answering(Offer("session", ('allow command "git push"',))))
    asyncio.run(guarded.gate.admit(PUSH))
    assert guarded.gate.judge(PUSH).rule == 'allow command "git push"'
    assert Guarded().gate.judge(PUSH).effect == "ask"


def test_an_answer_for_good_is_written_down(home: Path) -> None:
    guarded = Guarded(approve=answering(Offer("user", ('allow command "git push"',))))
    asyncio.run(guarded.gate.admit(PUSH))
    written = tomllib.loads((home / "config/config.toml").read_text())
    assert written["policy"]["rules"] == ['allow command "git push"']


@pytest.mark.parametrize(
    ("role", "offer"), [("editor", Offer("once", ())), ("operator", Offer("user", ("allow tool",)))]
)
def test_nobody_approves_more_than_their_role_may(role: Any, offer: Offer, home: Path) -> None:
    guarded = Guarded("ask tool", role=role, approve=answering(offer))
    with pytest.raises(Denied, match=r"and above may|only admin may"):
        asyncio.run(guarded.gate.admit(Action("tool", "fetch")))
    assert not (home / "config/config.toml").exists()
    assert [row[:2] for row in guarded.records()][-1] == ("approval", "deny")


def test_what_a_person_chose_is_not_asked_about_and_rules_count() -> None:
    gate = Guarded('deny command "git push"', 'ask network "*.example.org"', mode="deny").gate
    made = gate.judge(Action("command", "make"), chosen="typed")
    assert (made.effect, made.rule, made.scope) == ("allow", "typed", "once")
    assert gate.judge(PUSH, chosen="typed").effect == "deny"
    assert gate.judge(WIPE, chosen="typed").effect == "deny"
    assert gate.judge(Action("network", "api.example.net:443"), chosen="settings").rule == "settings"
    assert gate.judge(Action("network", "a.example.org:443"), chosen="settings").effect == "deny"
    assert gate.judge(Action("network", "no host"), chosen="settings").effect == "deny"


@pytest.mark.parametrize(
    ("command", "cwd", "effect"),
    [
        ("cat ../notes", "", "ask"),
        ("cat ../notes", "src", "allow"),
        ("cat ../../notes", "src", "ask"),
        ("cat link", "", "allow"),
        ("cat link", "src", "ask"),
        ("ls", "/etc", "ask"),
        ("git status", "src", "ask"),
        ("cat a.draft", "plans", "deny"),
        ("cat a.draft", "", "allow"),
    ],
)
def test_a_command_is_judged_where_it_runs(command: str, cwd: str, effect: str) -> None:
    look = {"src/link": "it leads out"}
    gate = Guarded('deny read "plans/*.draft"', look=lambda path: look.get(path, "")).gate
    assert gate.judge(Action("command", command, {"cwd": cwd} if cwd else {})).effect == effect


def test_what_is_offered_was_looked_at_as_well() -> None:
    seen: list[Any] = []
    guarded = Guarded(approve=answering(Offer("once", ()), seen), look=lambda _path: "it leads out")
    asyncio.run(guarded.gate.admit(Action("command", "cat link")))
    assert Offer("once", ()) in seen[0][2]


def test_a_viewer_runs_nothing_by_typing_it() -> None:
    gate = Guarded(role="viewer").gate
    assert gate.judge(Action("command", "make"), chosen="typed").effect == "deny"
    assert gate.judge(Action("network", "api.example.net:443"), chosen="settings").effect == "allow"


def test_a_forbidden_command_needs_an_agreement_to_it_alone() -> None:
    guarded = Guarded(mode="bypass", approve=answering(Offer("once", ())))
    with pytest.raises(Denied, match="forbidden commands"):
        asyncio.run(guarded.gate.admit(WIPE))
    admitted = asyncio.run(guarded.gate.admit(WIPE, chosen="typed", approved="--approve"))
    rows = guarded.records()
    assert [row[:2] for row in rows] == [("command", "deny"), ("command", "deny"), ("approval", "allow")]
    assert guarded.entries()[2].action.detail["by"] == "--approve"
    assert admitted.number == 3


def test_no_agreement_lifts_a_rule_that_denies() -> None:
    gate = Guarded('deny command "git push"').gate
    with pytest.raises(Denied):
        asyncio.run(gate.admit(PUSH, chosen="typed", approved="--approve"))


@pytest.mark.parametrize(
    ("error", "effect", "text"),
    [
        (Transient("the words of a vendor", kind="timeout"), "failed", "Transient: timeout"),
        (ValueError("content"), "failed", "ValueError"),
        (Denied("no"), "refused", "Denied"),
        (asyncio.CancelledError(), "cancelled", "CancelledError"),
        (KeyboardInterrupt(), "cancelled", "KeyboardInterrupt"),
        (GeneratorExit(), "cancelled", "GeneratorExit"),
    ],
)
def test_whatever_ends_an_action_is_on_record_without_its_words(error: BaseException, effect: str, text: str) -> None:
    guarded = Guarded()

    async def act() -> None:
        async with guarded.gate.through(LS):
            raise error

    with pytest.raises(type(error)):
        asyncio.run(act())
    assert guarded.records()[1] == ("command", effect, "ls", f"of 1: {text}")


def test_secrets_in_a_command_stay_off_the_record() -> None:
    guarded = Guarded()
    key = "sk-" + "proj-abcdefghijklmnopqrstuvwxyz0123456789"
    command = f"curl -H 'Authorization: Bearer {key}' https://example.org"
    with pytest.raises(Denied) as caught:
        guarded.gate.require(Action("command", command))
    assert key not in caught.value.message + caught.value.hint
    assert all(key not in subject for _, _, subject, _ in guarded.records())
    assert len(guarded.records()) == 2


def test_leave_to_read_lasts_as_long_as_the_reading() -> None:
    guarded = Guarded("ask read", approve=answering(Offer("once", ())))
    gate, path = guarded.gate, Action("read", "a.py")
    assert gate.judge.kept_out("a.py") == "ask read (user)"
    admitted = asyncio.run(gate.admit(path))
    assert gate.judge.kept_out("a.py") == ""
    gate.outcome(admitted, "done")
    assert gate.judge.kept_out("a.py") != ""


def test_without_a_log_the_gate_decides_all_the_same(home: Path) -> None:
    guarded = Guarded('deny command "git push"', audit=False)
    with guarded.gate.doing(LS) as passage:
        assert passage.admitted.number == 0
    with pytest.raises(Denied):
        guarded.gate.require(PUSH)
    assert not os.path.exists(guarded.places.log)


def _block(places: Any) -> None:
    """Nobody, root neither, can make a directory where a file is."""
    Path(places.log).parent.parent.mkdir(parents=True, exist_ok=True)
    Path(places.log).parent.write_text("")


def test_nothing_happens_that_has_to_be_on_record_and_cannot() -> None:
    guarded = Guarded(required=True)
    _block(guarded.places)
    happened = []
    with pytest.raises(Denied, match="cannot be written into the audit log") as caught, guarded.gate.doing(LS):
        happened.append(1)
    assert (caught.value.exit_code, happened) == (4, [])


def test_otherwise_it_is_told_that_it_is_not_on_record() -> None:
    guarded = Guarded()
    _block(guarded.places)
    with guarded.gate.doing(LS):
        pass
    assert [event.kind for event in guarded.told] == ["unrecorded"]


def test_an_outcome_that_cannot_be_written_is_no_refusal() -> None:
    guarded = Guarded(required=True)
    admitted = guarded.gate.require(LS)
    guarded.gate.close()
    Path(guarded.places.log).unlink()
    Path(guarded.places.log).mkdir()
    with pytest.raises(StoreError, match="it happened, but what came of it is not on record"):
        guarded.gate.outcome(admitted, "done")


def test_repeated_denials_are_told() -> None:
    guarded = Guarded("deny command")
    for _ in range(5):
        with pytest.raises(Denied):
            guarded.gate.require(PUSH)
    assert [event.kind for event in guarded.told] == ["repeated-denials"]


def test_a_new_host_is_told_and_this_machine_is_none() -> None:
    guarded = Guarded()
    for host in ("api.example.org:443", "127.0.0.1:8080", "api.example.org:443"):
        guarded.gate.require(Action("network", host), chosen="the settings name this server")
    assert [(event.kind, event.message.split()[0]) for event in guarded.told] == [("new-host", "api.example.org:443")]
