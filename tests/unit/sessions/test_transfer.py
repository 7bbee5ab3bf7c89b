"""Sessions as files: exported whole, and taken in only when all of it is right."""

from __future__ import annotations

import gzip
import io
import json
import re
import signal
import subprocess
import sys
from hashlib import blake2b

import pytest

from aiex.errors import StoreError, UsageError
from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    CheckpointTaken,
    Imported,
    TextDelta,
    ToolFinished,
    ToolStarted,
    UnknownEvent,
)
from aiex.guard.redact import REMOVED
from aiex.messages import Text
from aiex.sessions.archivefile import BadArchive, Limits
from aiex.sessions.log import EventLog, first_link, next_link
from aiex.sessions.projections import Views
from aiex.sessions.state import fold
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.sessions.transfer import export_lines, import_session, read_archive
from tests.fakes.histories import START_MS, Histories, answered, ended, said, started, used

ONE = "00000000000000c1"


def open_log(path):
    return EventLog(SqliteStore(str(path)))


@pytest.fixture
def log(tmp_path):
    opened = open_log(tmp_path / "sessions.db")
    yield opened
    opened.close()


@pytest.fixture
def there(tmp_path):
    """The log of another machine."""
    opened = open_log(tmp_path / "there.db")
    yield opened
    opened.close()


def fill(log, session=ONE):
    events = [started(), said("why?\nünï"), TextDelta("be"), used(10, 2), ToolStarted("c", "run", {"argv": ["ls"]}),
              ToolFinished("c", "run", "a\udce9b"), answered("because"), ended()]  # fmt: skip
    log.append(session, events, after_seq=0, turn=1, at_ms=START_MS)
    return events


def exported(log, session=ONE):
    return b"".join(export_lines(log, session))


def bring(log, data, **options):
    return import_session(log, io.BytesIO(data), name="talk.jsonl", at_ms=START_MS + 9, **options)


def make(lines, session=ONE):
    """A file of events (type, v, data as JSON) that is right but for what they say."""
    said_lines = [json.dumps({"format": "aiex session", "version": 1, "session": session, "events": len(lines)})]
    link = first_link(session)
    for seq, (kind, v, data) in enumerate(lines, 1):
        link = next_link(link, seq, START_MS, 1, kind, v, data.encode())
        said_lines.append(
            f'{{"seq":{seq},"at_ms":{START_MS},"turn":1,"type":"{kind}","v":{v},"copied":false,'
            f'"link":"{link.hex()}","data":{data}}}'
        )
    whole = "".join(f"{line}\n" for line in said_lines).encode()
    end = {"end": True, "events": len(lines), "link": link.hex(), "digest": blake2b(whole, digest_size=32).hexdigest()}
    return whole + json.dumps(end).encode() + b"\n"


def said_data(text="hello"):
    return json.dumps({"parts": [{"type": "text", "text": text}]})


def test_an_export_is_lines_of_json_that_anybody_can_check(log):
    fill(log)
    data = exported(log)
    header, *events, footer = [json.loads(line) for line in data.splitlines()]
    assert header == {"format": "aiex session", "version": 1, "session": ONE, "events": 8}
    assert [event["type"] for event in events][:3] == ["session_started", "user_spoke", "text_delta"]
    assert [event["link"] for event in events] == [one.link.hex() for one in log.read(ONE)]
    assert footer["digest"] == blake2b(data[: data.rindex(b'{"end"')], digest_size=32).hexdigest()
    assert read_archive(io.BytesIO(data)).events == tuple(one._replace(position=0) for one in log.read(ONE))


def test_an_import_gives_the_same_events_and_says_where_they_are_from(log, there):
    fill(there)
    brought = bring(log, exported(there))
    assert (brought.session, brought.original, brought.events, brought.redacted) == (ONE, ONE, 8, 0)
    theirs, ours = list(there.read(ONE)), list(log.read(ONE))
    assert [(one.data, one.link, one.at_ms) for one in ours[:8]] == [(one.data, one.link, one.at_ms) for one in theirs]
    assert all(one.copied for one in ours)
    assert ours[8].event() == Imported("talk.jsonl", read_archive(io.BytesIO(exported(there))).digest)


def test_a_name_that_is_taken_makes_a_new_one(log):
    fill(log)
    before = list(log.read(ONE))
    names = iter([ONE, "00000000000000c2"])
    brought = bring(log, exported(log), new_id=lambda: next(names))
    assert (brought.session, brought.original) == ("00000000000000c2", ONE)
    assert list(log.read(ONE)) == before
    assert [one.data for one in log.read("00000000000000c2")][:8] == [one.data for one in before]


@pytest.mark.parametrize("seed", range(3))
def test_random_sessions_come_over_with_the_same_state(log, there, seed):
    histories = Histories(there, seed)
    session = histories.begin()
    for _ in range(80):
        histories.live(session)
    bring(log, gzip.compress(exported(there, session)))
    ours, theirs = fold(log.read(session, upto_seq=there.head(session).seq)), fold(there.read(session))
    ours.position = theirs.position = 0
    assert ours == theirs


def test_leave_that_was_given_elsewhere_is_not_given_here(log, there):
    fill(there)
    there.append(ONE, [ApprovalAsked("a", "run rm", "r"), ApprovalGiven("a", True, "session", "person"),
                       CheckpointTaken("cccccccccccc", "x")], after_seq=8, turn=2, at_ms=START_MS)  # fmt: skip
    bring(log, exported(there))
    state = fold(log.read(ONE))
    assert (state.grants, state.approvals, state.steps.undo) == ([], {}, [])


def test_secrets_of_an_import_stay_outside(log):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    brought = bring(log, make([("user_spoke", 1, said_data(f"my token is {secret}")), ("user_spoke", 1, said_data())]))
    assert brought.redacted == 1
    assert secret.encode() not in b"".join(one.data for one in log.read(ONE))


def test_an_import_is_without_what_is_named_a_secret_and_without_signed_blocks_that_hold_one(log):
    named = {"call_id": "c", "name": "login", "arguments": {"user": "me", "password": "gH7-kk2-wW9-pp4"}}
    block = {"type": "opaque", "provider": "p", "model": "m", "endpoint": "e", "data": {"password": "gH7-kk2-wW9-pp4"}}
    parts = [{"type": "text", "text": "ok"}, {**block, "form": 1}]
    answer = {"parts": parts, "provider": "p", "model": "m"}
    brought = bring(log, make([("tool_started", 1, json.dumps(named)), ("assistant_spoke", 1, json.dumps(answer))]))
    assert brought.redacted == 2
    started_call, spoke, _ = [one.event() for one in log.read(ONE)]
    assert started_call == ToolStarted("c", "login", {"user": "me", "password": REMOVED})
    assert spoke.parts == (Text("ok"),)


def test_events_of_a_later_version_are_kept_and_counted(log):
    brought = bring(
        log, make([("user_spoke", 1, said_data()), ("telepathy", 3, '{"to":"you"}'), ("user_spoke", 9, "{}")])
    )
    assert brought.unknown == 2
    assert [one.event() for one in log.read(ONE)][1] == UnknownEvent("telepathy", {"to": "you"})


def test_an_export_of_no_session_is_refused(log):
    with pytest.raises(UsageError, match="there is no session"):
        exported(log, "0" * 16)


def test_a_session_whose_end_was_cut_off_anywhere_is_refused(log, there):
    fill(there)
    data = exported(there)
    for end in (*range(0, len(data), 97), len(data) - 1):
        with pytest.raises(BadArchive, match=r"^line \d+: "):
            bring(log, data[:end])
    packed = gzip.compress(data)
    for end in (*range(20, len(packed), 41), len(packed) - 1):
        with pytest.raises(BadArchive):
            bring(log, packed[:end])
    assert log.sessions() == []


def test_a_changed_byte_is_found_and_its_line_is_named(log, there):
    fill(there)
    data = bytearray(exported(there))
    starts = [match.start() for match in re.finditer(rb"^", bytes(data), re.MULTILINE)]
    for place in range(0, len(data), 13):
        changed = bytes(data[:place]) + bytes([data[place] ^ 1]) + bytes(data[place + 1 :])
        line = sum(start <= place for start in starts)
        with pytest.raises(BadArchive) as caught:
            read_archive(io.BytesIO(changed))
        assert caught.value.line in (line, line + 1, len(starts) - 1, len(starts)), (place, str(caught.value))
    assert log.sessions() == []


def test_lines_that_were_moved_left_out_or_doubled_are_found(there):
    fill(there)
    lines = exported(there).splitlines(keepends=True)
    for wrong in (
        [*lines[:2], *lines[3:]],
        [*lines[:3], lines[2], *lines[3:]],
        [lines[0], lines[2], lines[1], *lines[3:]],
        [*lines, lines[-1]],
        [*lines[:-1]],
        [*lines[:3], lines[-1]],
        lines[1:],
        [line.replace(b"\n", b"\r\n") for line in lines],
    ):
        with pytest.raises(BadArchive):
            read_archive(io.BytesIO(b"".join(wrong)))


def called(arguments):
    return ("tool_started", 1, f'{{"call_id":"c","name":"n","arguments":{arguments}}}')


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([("user_spoke", 1, "{}")], "line 2: cannot read event.user_spoke: parts is missing"),
        ([("user_spoke", 1, '{"parts":7}')], "line 2: cannot read event.user_spoke.parts"),
        ([("text_delta", 1, '{"text":"a","type":"user_spoke"}')], "line 2: its data is no"),
        ([("part_ended", 1, '{"part":{"type":"text","text":"x"}}')], "belong in no session"),
        ([("user_spoke", 1, '{"parts":[]},"data":{}')], "line 2: it is not JSON"),
        ([("user_spoke", 70_000, said_data())], "beyond all bounds"),
        ([called('{"x":NaN}')], "no number"),
        ([called('{"x":1e999}')], "no number"),
        ([("usage_updated", 1, '{"usage":{"input_tokens":' + "9" * 30 + "}}")], "no number"),
        ([called('{"a":' * 150 + "1" + "}" * 150)], "nested deeper"),
        ([called('{"a":' + "[" * 90_000 + "]" * 90_000 + "}")], "nested far too deep"),
    ],
)  # fmt: skip
def test_an_event_that_is_none_is_refused(log, lines, words):
    # The version is beyond what a link can hold: such a line is written by hand.
    data = make([(kind, v if v < 65_536 else 1, text) for kind, v, text in lines])
    if lines[0][1] > 65_535:
        data = data.replace(b'"v":1', b'"v":70000')
    with pytest.raises(BadArchive) as caught:
        bring(log, data)
    assert words in caught.value.message
    assert log.sessions() == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "line 1: the file ends where the first line"),
        (b"\n", "line 1: it is not JSON"),
        (b"hello\n", "line 1: it is not JSON"),
        (b"[]\n", "line 1: it is no object"),
        (b"\xff\xfe\n", "line 1: it is not UTF-8 at byte 1"),
        (b'{"format":"other"}\n', 'line 1: it is no exported session'),
        (b'{"format":"aiex session","version":2}\n', "this aiex reads 1"),
        (b'{"format":"aiex session","version":true}\n', "its version is True"),
        (b'{"format":"aiex session","version":1,"session":"../../etc"}\n', "not 16 hexadecimal digits"),
        (b'{"format":"aiex session","version":1,"session":"%s","events":0}\n' % (b"a" * 16), "needs one at least"),
        (b'{"format":"aiex session","version":1,"session":"%s","events":9999999}\n' % (b"a" * 16), "the limit is"),
        (b'{"format":"aiex session","version":1,"session":"%s","events":2}\n{}\n' % (b"a" * 16), "line 2: seq, at_ms"),
        (b"\x1f\x8bno gzip at all", "line 1: it cannot be unpacked"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_session_is_refused(log, data, words):
    with pytest.raises(BadArchive) as caught:
        bring(log, data)
    assert words in caught.value.message
    assert log.sessions() == []


def test_what_is_larger_than_the_limits_is_refused(log):
    data = make([("user_spoke", 1, said_data("x" * 5000)), ("user_spoke", 1, said_data())])
    for limits in (Limits(bytes=4000), Limits(line_bytes=4000), Limits(events=1)):
        with pytest.raises(BadArchive):
            bring(log, data, limits=limits)
    assert bring(log, data, limits=Limits(bytes=20_000, line_bytes=6000, events=2)).events == 2


def test_a_bomb_is_refused_before_it_is_unpacked(log):
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size=-1):
            piece = super().read(size)
            self.taken += len(piece)
            return piece

    bomb = Counting(gzip.compress(b'{"a":"' + b"0" * (64 << 20)))
    with pytest.raises(BadArchive, match="times its size"):
        import_session(log, bomb, name="bomb.gz", at_ms=START_MS)
    assert bomb.taken <= 65_536
    with pytest.raises(BadArchive, match="something follows"):
        bring(log, gzip.compress(make([("user_spoke", 1, said_data())])) + b"more")


def test_sums_survive_what_a_forged_session_claims(log, tmp_path):
    huge = '{"usage":{"input_tokens":9223372036854775807,"output_tokens":-5},"cost_usd":1e300}'
    fork = '{"parent":"x","parent_seq":9223372036854775807}'
    bring(log, make([("usage_updated", 1, huge), ("session_forked", 1, fork), *[("usage_updated", 1, huge),
                     ("failed", 1, '{"error":"e","message":"m","hint":"","exit_code":1}')] * 20]))  # fmt: skip
    views = Views(str(tmp_path / "views.db"), log)
    views.catch_up()
    assert [(row.id, row.unpriced) for row in views.listed()] == [(ONE, 21)]
    views.rebuild()
    views.close()


def test_a_disk_that_fails_leaves_nothing_of_an_import(log, there, monkeypatch):
    fill(there)
    data = exported(there)
    log.store._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError):
        bring(log, make([("user_spoke", 1, said_data("x" * 100_000))]))
    assert log.sessions() == []
    log.store._connection.execute("PRAGMA max_page_count = 1000000")
    assert bring(log, data).events == 8


_IMPORT = """
import sys
from aiex.sessions.log import EventLog
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.sessions.transfer import import_session
log = EventLog(SqliteStore(sys.argv[1]))
append = SqliteStore.append
class Dying:
    def __init__(self, rows):
        self.rows = rows
    def __len__(self):
        return len(self.rows)
    def __iter__(self):
        import os, signal
        for number, row in enumerate(self.rows):
            if number == int(sys.argv[3]):
                os.kill(os.getpid(), signal.SIGKILL)
            yield row
SqliteStore.append = lambda self, session, drafts, **options: append(self, session, Dying(drafts), **options)
with open(sys.argv[2], "rb") as file:
    import_session(log, file, name="x", at_ms=1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
@pytest.mark.parametrize("at", [0, 5, 8])
def test_a_kill_in_the_middle_of_an_import_leaves_nothing(tmp_path, there, at):
    fill(there)
    (tmp_path / "talk.jsonl").write_bytes(exported(there))
    path = str(tmp_path / "sessions.db")
    ended_by = subprocess.run(
        [sys.executable, "-c", _IMPORT, path, str(tmp_path / "talk.jsonl"), str(at)], timeout=60, check=False
    ).returncode
    assert ended_by == -signal.SIGKILL
    log = open_log(path)
    assert log.sessions() == []
    assert bring(log, exported(there)).session == ONE
    log.close()
