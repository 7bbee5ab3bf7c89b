"""`list`, `show`, `export`, `verify` and `rm audit`, `show report`, and what `rotate keys` does to the log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aiex.cli.driver import execute
from aiex.cli.main import parse
from aiex.errors import StoreError, UsageError
from aiex.events import Event, TextDelta, TurnEnded
from aiex.guard import keys
from aiex.guard.actions import Action, Decision
from aiex.guard.audit.entries import Outcome
from aiex.guard.audit.log import AuditLog, Places, find_places, keep_in_file, open_keys
from aiex.jobs.auditing import parse_since
from aiex.wiring import Services

ALLOWED = Decision("allow", "allow read: src/**", "user", "it is in your list")
DENIED = Decision("deny", "deny network: *", "managed")
DAY_S = 86_400


def run(cwd: Path, *words: str, show: Callable[[Event], None] = lambda _event: None) -> TurnEnded:
    keys.open_store.cache_clear()
    invocation = parse(list(words))
    services = Services(str(cwd), overrides=invocation.flags.overrides, flags=invocation.flags.to_settings())
    return execute(invocation.work.prepare(services)(), show, waits=invocation.work.waits)


def data(ended: TurnEnded) -> dict[str, object]:
    assert ended.data is not None
    return dict(ended.data)


@pytest.fixture
def places(home: Path, tmp_path: Path) -> Places:
    """A log in which Ada read a file 40 days ago, and a host was denied today."""
    found = find_places()
    for age_days, session, action, verdicts in (
        (40, "old", Action("read", "src/a\n.py"), (ALLOWED, Outcome("done", 1, redactions=2))),
        (0, "new", Action("network", "evil.example:443", {"escape": "no leave"}), (DENIED, Outcome("refused", 3))),
        (0, "new", Action("network", "pypi.org:443"), (ALLOWED,)),
    ):
        now = time.time() - age_days * DAY_S
        log = AuditLog(found, clock=lambda now=now: now, copies=[keep_in_file(str(tmp_path / "heads"))])
        for verdict in verdicts:
            log.append(session, action, verdict, who="ada")
        log.close()
    return found


def test_without_a_log_every_door_says_so(tmp_path: Path) -> None:
    assert run(tmp_path, "list", "audit").answer == "no record"
    assert run(tmp_path, "verify", "audit").answer == "there is no audit log yet"
    assert data(run(tmp_path, "show", "report"))["records"] == 0
    with pytest.raises(UsageError):
        run(tmp_path, "show", "audit", "1")
    with pytest.raises(UsageError):
        run(tmp_path, "rm", "audit", "--session", "x")
    assert not Path(find_places().log).parent.exists()
    assert data(run(tmp_path, "rotate", "keys"))["audit"] > 0  # the log begins with this


@pytest.mark.parametrize(
    ("words", "seqs"),
    [
        ((), [1, 2, 3, 4, 5]),
        (("--since", "30d"), [3, 4, 5]),
        (("--session", "old"), [1, 2]),
        (("--kind", "network"), [3, 4, 5]),
        (("--denied",), [3, 4]),
        (("--denied", "--kind", "read"), []),
        (("--last", "2"), [4, 5]),
        (("--last", "0"), [1, 2, 3, 4, 5]),
    ],
)
def test_records_are_listed_as_asked(tmp_path: Path, places: Places, words: tuple[str, ...], seqs: list[int]) -> None:
    found = data(run(tmp_path, "list", "audit", *words))
    assert [record["seq"] for record in found["records"]] == seqs  # type: ignore[attr-defined]


def test_a_list_has_a_line_for_each_record_and_says_what_it_leaves_out(tmp_path: Path, places: Places) -> None:
    text = run(tmp_path, "list", "audit", "--last", "3").answer
    lines = text.splitlines()
    assert lines[0].split() == ["SEQ", "TIME", "SESSION", "WHAT", "EFFECT", "SUBJECT", "BY"]
    assert lines[1].split()[3:] == ["new", "network", "deny", "evil.example:443", "deny", "network:", "*", "(managed)"]
    assert lines[-1] == "3 of 5 records; all of them: --last 0"
    assert "src/a\\n.py" in run(tmp_path, "list", "audit").answer


def test_one_record_is_shown_whole(tmp_path: Path, places: Places) -> None:
    ended = run(tmp_path, "show", "audit", "3")
    assert data(ended)["detail"] == {"escape": "no leave"}
    assert "escape=no leave" in ended.answer
    with pytest.raises(UsageError, match="no audit record 9"):
        run(tmp_path, "show", "audit", "9")


def test_an_export_is_verified_and_a_change_in_it_is_found(tmp_path: Path, places: Places) -> None:
    pieces: list[Event] = []
    ended = run(tmp_path, "export", "audit", show=pieces.append)
    lines = "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)) + ended.answer
    assert [json.loads(line).get("seq") for line in lines.splitlines()] == [None, 1, 2, 3, 4, 5, None]
    assert data(run(tmp_path, "export", "audit", "--out", "copy.jsonl"))["records"] == data(ended)["records"] == 5
    copy = tmp_path / "copy.jsonl"
    assert copy.read_text() == lines
    assert data(run(tmp_path, "export", "audit", "-o", "json"))["lines"] == lines.splitlines()
    assert run(tmp_path, "verify", "audit", "copy.jsonl").exit_code == 0
    copy.write_text(copy.read_text().replace("evil", "good"))
    ended = run(tmp_path, "verify", "audit", "copy.jsonl")
    assert (ended.status, ended.exit_code, data(ended)["first_bad"]) == ("error", 3, 4)
    with pytest.raises(StoreError, match="no such file"):
        run(tmp_path, "verify", "audit", "nothing.jsonl")


def test_verifying_says_integrity_and_completeness_apart(tmp_path: Path, places: Places) -> None:
    ended = run(tmp_path, "verify", "audit", "--deep")
    assert (ended.exit_code, data(ended)["intact"], data(ended)["complete"]) == (0, True, True)
    log = Path(places.log)
    whole = log.read_bytes()
    log.write_bytes(whole[:-1])
    cut = run(tmp_path, "verify", "audit")
    assert (cut.exit_code, data(cut)["intact"], data(cut)["complete"], data(cut)["first_bad"]) == (3, False, False, 5)
    assert "record 5: it is cut off" in cut.answer
    log.write_bytes(whole)
    Path(places.head).unlink()
    headless = run(tmp_path, "verify", "audit")
    assert (headless.exit_code, data(headless)["intact"], data(headless)["complete"]) == (3, True, False)


def test_a_copy_of_the_log_is_compared_with_heads_that_were_kept(tmp_path: Path, places: Places) -> None:
    (tmp_path / "copy.log").write_bytes(Path(places.log).read_bytes())
    ended = run(tmp_path, "verify", "audit", "copy.log", "--heads", "heads")
    assert (ended.exit_code, data(ended)["heads"]) == (0, 3)
    (tmp_path / "copy.log").write_bytes(Path(places.log).read_bytes()[:64])
    assert run(tmp_path, "verify", "audit", "copy.log").exit_code == 0
    assert run(tmp_path, "verify", "audit", "copy.log", "--heads", "heads").exit_code == 3


def test_an_erased_session_is_unreadable_and_the_log_verifies(tmp_path: Path, places: Places) -> None:
    run(tmp_path, "rm", "audit", "--session", "old")
    assert run(tmp_path, "list", "audit").answer.count("  erased") == 3  # two records, and the note of it
    ended = run(tmp_path, "verify", "audit", "--deep")
    assert (ended.exit_code, data(ended)["erased"]) == (0, 1)
    with pytest.raises(UsageError, match="nothing of this session"):
        run(tmp_path, "rm", "audit", "--session", "old")


def test_rotating_keys_wraps_those_of_the_log_too(tmp_path: Path, places: Places) -> None:
    before = open_keys(places).header()
    assert data(run(tmp_path, "rotate", "keys"))["audit"] == 5  # with that of the run itself
    assert open_keys(places).header().seal != before.seal
    assert run(tmp_path, "verify", "audit", "--deep").exit_code == 0


def test_a_report_says_who_did_what_by_which_rule(tmp_path: Path, places: Places) -> None:
    ended = run(tmp_path, "show", "report")
    found = data(ended)
    assert (found["records"], found["sessions"], found["denials"], found["escapes"]) == (3, 1, 2, 1)
    assert found["who"] == {"ada": 3}
    assert found["hosts"] == {"pypi.org:443": 1}
    assert {"rule": "deny network: *", "scope": "managed", "effect": "deny", "count": 1} in found["rules"]  # type: ignore[operator]
    assert found["redactions"] == 0
    assert data(run(tmp_path, "show", "report", "--since", "60d"))["redactions"] == 2
    assert "wrapping key" in ended.answer
    assert "evil.example:443" in ended.answer


def test_a_report_on_a_damaged_log_says_that_it_is(tmp_path: Path, places: Places) -> None:
    log = Path(places.log)
    log.write_bytes(log.read_bytes()[:-1])
    ended = run(tmp_path, "show", "report")
    assert (ended.exit_code, data(ended)["intact"], data(ended)["records"]) == (0, False, 2)
    assert "integrity     NO: record 5" in ended.answer


@pytest.mark.parametrize("text", ["", "d", "30", "30y", "-3d", "yesterday", "2026-13-01", "9999999d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="as a time"):
        parse_since(text, now_s=0)


def test_times_are_read() -> None:
    assert parse_since("2d", now_s=200_000) == 27_200_000
    assert parse_since("90m", now_s=10_000) == 4_600_000
    assert parse_since("2026-01-31T08:00:00+00:00", now_s=0) == 1_769_846_400_000
