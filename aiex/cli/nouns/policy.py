"""The rules of what may happen: which are in force, what they decide, and how they change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Job, Work, answered
from aiex.errors import AiexError, UsageError
from aiex.events import Event, TurnEnded, Warned
from aiex.guard.actions import Mode, Role, Scope

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from aiex.guard.policy.policy import Policy
    from aiex.guard.policy.rules import Rule
    from aiex.jobs.policing import Answer, Replay
    from aiex.wiring import Services

CHANGED = 3
"""The exit code of a test that finds decisions which would be others."""
_MOST_ROWS = 100
_LONGEST = 80
_MODE = click.option(
    "--mode",
    type=click.Choice(get_args(Mode)),
    default=None,
    metavar="MODE",
    help=f"The permission mode instead of the one set: {', '.join(get_args(Mode))}.",
)
_ROLE = click.option(
    "--role",
    type=click.Choice(get_args(Role)),
    default="admin",
    metavar="ROLE",
    help=f"On whose behalf: {', '.join(get_args(Role))}.",
)
_SCOPE = click.option(
    "--scope", type=click.Choice(["user", "project"]), default="user", help="Whose file: your own, or the project's."
)


def _complete_rules(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from aiex.wiring import Services

    wanted = ctx.params.get("scope") or "user"
    try:
        rules = [rule for rule in Services(os.getcwd()).load_policy().rules if rule.scope == wanted]
    except AiexError:
        return []
    return [CompletionItem(rule.text, help=rule.place) for rule in rules if rule.text.startswith(incomplete)]


@click.command("list")
@_MODE
def list_policy(*, mode: str | None) -> Work:
    """List the rules in force with where they come from, and what is decided where none says anything."""
    return Work("list policy", lambda services: lambda: _list(services, mode))


@click.command("show", context_settings={"ignore_unknown_options": True})
@_MODE
@_ROLE
@click.argument("action", nargs=-1, type=click.UNPROCESSED)
def show_policy(*, mode: str | None, role: Role, action: tuple[str, ...]) -> Work:
    """Show what would be decided on ACTION, by which rule and why; without one, what each permission mode does.

    ACTION is a kind and a subject: command 'git push', read .env, write src/a.py, delete src/a.py, network
    example.org, tool NAME. The exit code says only whether the question could be answered.
    """

    def prepare(services: Services) -> Job:
        return lambda: _show(services, action, mode, role) if action else _show_modes(services, mode)

    return Work("show policy", prepare)


@click.command("add")
@_SCOPE
@click.argument("rule")
def add_policy(*, scope: str, rule: str) -> Work:
    """Write RULE into your own configuration file, such as 'deny write "migrations/**"'.

    A project can only tighten: its file takes rules that ask or deny. The rest of the file stays as it is.
    """
    return Work("add policy", lambda services: lambda: _add(services, rule, scope))


@click.command("rm")
@_SCOPE
@click.argument("rule", shell_complete=_complete_rules)
def rm_policy(*, scope: str, rule: str) -> Work:
    """Take RULE out of your own configuration file, however it is spelled there."""
    return Work("rm policy", lambda services: lambda: _remove(services, rule, scope), sturdy=True)


@click.command("test")
@_MODE
@click.option("--rule", "rules", multiple=True, metavar="RULE", help="Add this rule to those in force; repeatable.")
@click.option("--without", multiple=True, metavar="RULE", help="Leave this rule out; repeatable.")
@click.option("--since", default="30d", show_default=True, metavar="TIME", help="From then on: 30d, 12h or a date.")
@click.argument("file", default="", type=click.Path())
def test_policy(*, mode: str | None, rules: tuple[str, ...], without: tuple[str, ...], since: str, file: str) -> Work:
    """Decide again on what is on record by a changed policy, and list the decisions that would be others.

    FILE is a configuration file whose rules take the place of your own. Nothing is changed. The exit code is 0 when
    no decision would be another, 3 when some would.
    """
    return Work("test policy", lambda services: lambda: _test(services, file, rules, without, since, mode))


# --- list, show -----------------------------------------------------------------------------------------------------


def _mode(services: Services, mode: str | None) -> Mode:
    from aiex.guard.policy.sources import load_mode

    return next(known for known in get_args(Mode) if known == (mode or load_mode(services.settings)))


def _warnings(policy: Policy) -> Iterator[Event]:
    yield from (Warned(warning) for warning in policy.warnings)


def _list(services: Services, mode: str | None) -> Iterator[Event]:
    from aiex.guard.policy.modes import DEFAULTS, default_of
    from aiex.jobs.policing import describe_decision, describe_rule

    policy, chosen = services.load_policy(), _mode(services, mode)
    yield from _warnings(policy)
    defaults = {case: default_of(case, chosen) for case in DEFAULTS}
    rows = [(rule.scope, _clean(rule.text), _clean(rule.place)) for rule in policy.rules]
    rows += [(found.scope, f"{found.effect} {DEFAULTS[case].name}", "") for case, found in defaults.items()]
    data = {
        "mode": chosen,
        "rules": [describe_rule(rule) for rule in policy.rules],
        "defaults": {case: describe_decision(found) for case, found in defaults.items()},
    }
    text = columns(rows, head=("SCOPE", "RULE", "FROM"))
    yield answered(f"{text}\n\npermission mode: {chosen}", data)


def _show_modes(services: Services, mode: str | None) -> Iterator[Event]:
    from aiex.guard.policy.modes import DEFAULTS, MODES, default_of

    policy, chosen = services.load_policy(), _mode(services, mode)
    yield from _warnings(policy)
    table = {case: [default_of(case, one).effect for one in MODES] for case in DEFAULTS}
    rows = [(DEFAULTS[case].name, *effects) for case, effects in table.items()]
    origin = services.settings.origin("policy.mode")
    lines = [
        f"permission mode: {chosen} (from {'--mode' if mode else _clean(origin.place)})",
        f"rules in force: {len(policy.rules)}",
        "",
        columns(rows, head=("WHERE NO RULE SAYS ANYTHING", *MODES)),
    ]
    data = {
        "mode": chosen,
        "rules": len(policy.rules),
        "defaults": {case: dict(zip(MODES, effects, strict=True)) for case, effects in table.items()},
    }
    yield answered("\n".join(lines), data)


def _show(services: Services, words: tuple[str, ...], mode: str | None, role: Role) -> Iterator[Event]:
    from aiex.jobs.policing import answer

    chosen = _mode(services, mode)
    judge = services.make_judge(mode=chosen, role=role)
    yield from _warnings(judge.policy)
    found = answer(words, judge=judge, root=services.workspace.root, cwd=os.path.realpath(services.cwd))
    yield answered("\n".join(_lines(found, chosen, role)), _to_data(found, chosen, role))


def _lines(found: Answer, mode: str, role: str) -> Iterator[str]:
    decision = found.decision
    yield f"{decision.effect}: {found.action.kind} {_clean(found.action.subject)}"
    yield f"  rule: {_clean(decision.rule)}"
    yield f"  from: {decision.scope}"
    if decision.reason:
        yield f"  why:  {_clean(decision.reason)}"
    yield f"  as {role}, in mode {mode}"
    if len(found.parts) > 1:
        yield ""
        yield columns(
            [(_clean(text), part.effect, _clean(part.rule)) for text, part in found.parts],
            head=("COMMAND", "EFFECT", "RULE"),
        )
    if found.remark:
        yield ""
        yield found.remark
        return
    lasting = [offer for offer in found.offers if offer.scope == "user"]
    if lasting:
        yield ""
        yield "to allow it for good"
        for offer in lasting:
            yield from (f"  aiex add policy {_quote(rule)}" for rule in offer.rules)


def _to_data(found: Answer, mode: str, role: str) -> dict[str, Any]:
    from aiex.jobs.policing import describe_decision

    return {
        "kind": found.action.kind,
        "subject": found.action.subject,
        **describe_decision(found.decision),
        "mode": mode,
        "role": role,
        "parts": [{"command": text, **describe_decision(part)} for text, part in found.parts],
        "offers": [{"scope": offer.scope, "rules": list(offer.rules)} for offer in found.offers],
        "remark": found.remark,
    }


# --- add, rm --------------------------------------------------------------------------------------------------------


def _add(services: Services, text: str, scope: str) -> Iterator[Event]:
    from aiex.guard.policy.rules import parse_rule
    from aiex.guard.policy.sources import add_rule
    from aiex.jobs.policing import remarks

    rule = parse_rule(text)
    yield from (Warned(remark) for remark in remarks(rule))
    with services.standing(f"add policy {text}", scope=_scope(scope)):
        done = add_rule(text, scope=_scope(scope), root=services.root, environ=services.environ)
    lines = [f"{rule.text} is in {_clean(done.file)}"]
    lines += [] if done.in_force else ["it does not count yet: this workspace is not trusted (aiex add trust)"]
    yield answered("\n".join(lines), {"rule": rule.text, "scope": scope, "file": done.file, "in_force": done.in_force})


def _remove(services: Services, text: str, scope: str) -> Iterator[Event]:
    from aiex.guard.policy.sources import remove_rule

    with services.standing(f"rm policy {text}", scope=_scope(scope)):
        done = remove_rule(text, scope=_scope(scope), root=services.root, environ=services.environ)
    if not done.rules:
        raise UsageError(f"there is no rule {_clean(text)} in {_clean(done.file)}", hint="aiex list policy")
    lines = [f"{_clean(rule)} is out of {_clean(done.file)}" for rule in done.rules]
    yield answered("\n".join(lines), {"rules": list(done.rules), "scope": scope, "file": done.file})


def _scope(scope: str) -> Scope:
    return "project" if scope == "project" else "user"


# --- test -----------------------------------------------------------------------------------------------------------


def _test(
    services: Services, file: str, rules: tuple[str, ...], without: tuple[str, ...], since: str, mode: str | None
) -> Iterator[Event]:
    import time

    from aiex.guard.audit.opening import find_records
    from aiex.guard.audit.reading import Reading, Wanted
    from aiex.jobs.auditing import parse_since
    from aiex.jobs.policing import replay

    if not (file or rules or without):
        raise UsageError("what would change?", hint="give a FILE, --rule RULE or --without RULE")
    before = services.load_policy()
    yield from _warnings(before)
    after = _changed(before, os.path.join(services.cwd, file) if file else "", rules, without)
    since_ms = parse_since(since, now_s=time.time())
    places, keys = find_records(services.environ)
    reading = Reading(places.log, keys, Wanted(since_ms=since_ms)) if keys.exists() else ()
    found = replay(reading, before=before, after=after, mode=_mode(services, mode))
    if isinstance(reading, Reading) and reading.problem:
        yield Warned(f"the audit log cannot be read to its end: {reading.problem}", "aiex verify audit")
    yield _replayed(found)


def _changed(before: Policy, file: str, rules: tuple[str, ...], without: tuple[str, ...]) -> Policy:
    from aiex.guard.policy.rules import parse_rule
    from aiex.guard.policy.sources import read_file

    gone: list[Rule] = [rule for rule in before.rules if rule.scope == "user"] if file else []
    for text in without:
        named = [rule for rule in before.rules if rule.text == parse_rule(text).text and rule.scope != "managed"]
        if not named:
            raise UsageError(f"there is no rule {_clean(text)} that could be left out", hint="aiex list policy")
        gone += named
    more = [*(read_file(file) if file else ()), *(parse_rule(text) for text in rules)]
    return before.without(gone).extended(more)


def _replayed(found: Replay) -> TurnEnded:
    from aiex.eventforms import to_timestamp
    from aiex.jobs.policing import describe_change

    changes = found.changes[-_MOST_ROWS:]
    rows = [
        (
            to_timestamp(one.at_ms / 1000)[:16].replace("T", " "),
            str(one.times),
            one.action.kind,
            _clean(one.action.subject),
            f"{one.before.effect} -> {one.after.effect}",
            _clean(one.after.rule),
        )
        for one in changes
    ]
    text = columns(rows, head=("LAST", "TIMES", "WHAT", "SUBJECT", "CHANGE", "BY"))
    if len(found.changes) > len(changes):
        text += f"\n\n{len(changes)} of {len(found.changes)} changes; all of them: -o json"
    total = f"{found.records} decisions on record, {len(found.changes)} actions would be decided otherwise"
    total += f", {found.loosened} of them more mildly"
    total += f"; {found.erased} erased" if found.erased else ""
    data = {
        "records": found.records,
        "erased": found.erased,
        "loosened": found.loosened,
        "changes": [describe_change(one) for one in found.changes],
    }
    answer = f"{text}\n\n{total}" if text else total
    if not found.changes:
        return answered(answer, data)
    return TurnEnded("error", "changed", CHANGED, answer=answer, data=data, error=f"{len(found.changes)} would change")


def _clean(text: str) -> str:
    from aiex.guard.neutral import printable_path

    shown = printable_path(text)
    return shown if len(shown) <= _LONGEST * 2 else f"{shown[: _LONGEST * 2 - 1]}…"


def _quote(text: str) -> str:
    import shlex

    return shlex.quote(text)


NOUN = Noun({"list": list_policy, "show": show_policy, "add": add_policy, "rm": rm_policy, "test": test_policy})
