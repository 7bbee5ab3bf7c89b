"""Sessions written for others, and taken in once all was checked."""

from __future__ import annotations

import io
import json

import pytest

from aiex.errors import Denied, StoreError, UsageError
from aiex.events import SessionRenamed, UserSpoke
from aiex.jobs.sessions.moving import export_blocks, export_texts, take_in, warnings_of
from aiex.messages import Text
from aiex.sessions.archivefile import BadArchive
from aiex.sessions.keeping import Sessions
from tests.fakes.histories import said
from tests.unit.jobs.sessions.conftest import ONE, STORY, damage


@pytest.fixture
def there(tmp_path):
    """The sessions of another machine."""
    opened = Sessions(str(tmp_path / "there"))
    yield opened
    opened.close()


def exported(sessions, form="jsonl"):
    return b"".join(export_blocks(sessions, ONE, form))


def bring(sessions, data, name="talk.jsonl", role="editor"):
    return take_in(sessions, io.BytesIO(data), name, role)


def test_what_was_exported_is_taken_in_as_it_was(sessions, story, there):
    brought = bring(there, exported(sessions))
    assert (brought.session, brought.events, list(warnings_of(brought))) == (story, len(STORY), [])
    assert [one.event() for one in there.log.read(story)][:-1] == list(STORY)
    assert there.state(story).imported_from.source == "talk.jsonl"


def test_a_name_that_is_taken_gives_another(sessions, story):
    brought = bring(sessions, exported(sessions))
    (warning,) = warnings_of(brought)
    assert brought.session != story
    assert brought.session in warning.message
    assert sessions.log.head(story).seq == len(STORY)


def test_long_exports_come_in_blocks_and_texts_are_never_cut_in_a_letter(sessions, story, tell):
    tell(story, *[said("ünïcödé " * 900) for _ in range(30)])
    blocks = list(export_blocks(sessions, story, "jsonl"))
    assert len(blocks) > 3
    assert max(map(len, blocks)) < 100_000
    assert "".join(export_texts(sessions, story, "jsonl")).encode() == b"".join(blocks)


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_what_is_to_be_read_has_the_title_and_what_was_said(sessions, story, tell, form):
    tell(story, SessionRenamed("<The> parser"), UserSpoke((Text("half \ud83d and \x1b[31m"),)))
    text = exported(sessions, form).decode()
    assert ("&lt;The&gt; parser" if form == "html" else "# <The> parser") in text
    assert "Because of the bracket" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("form", ["jsonl", "markdown", "html"])
def test_a_damaged_session_is_not_exported_as_if_it_were_whole(sessions, story, form):
    damage(sessions, 9)
    with pytest.raises(StoreError, match="damaged at event 9"):
        exported(sessions, form)


def spoil(data, kind):
    lines = data.splitlines(keepends=True)
    match kind:
        case "changed":
            return data.replace(b"why does", b"why Does")
        case "cut in a line":
            return data[:-40]
        case "cut between lines":
            return b"".join(lines[:-1])
        case "an event less":
            return b"".join([*lines[:4], *lines[5:]])
        case "two swapped":
            return b"".join([*lines[:4], lines[5], lines[4], *lines[6:]])
        case "more behind it":
            return data + lines[1]
        case "another name":
            return data.replace(ONE.encode(), b"../../etc/passwd")
        case "deep":
            return lines[0] + b'{"a":' * 100_000
        case "a bomb":
            import gzip

            return gzip.compress(lines[0] + b'{"a":"' + b"x" * (40 << 20) + b'"}\n')
        case "of the future":
            return data.replace(b'"version":1', b'"version":99', 1)
        case _:
            return b"\x00\xff\xfe" * 99


@pytest.mark.parametrize(
    "kind",
    ["changed", "cut in a line", "cut between lines", "an event less", "two swapped", "more behind it", "another name",
     "deep", "a bomb", "of the future", "noise"],
)  # fmt: skip
def test_of_a_file_that_is_not_right_nothing_is_taken_in(sessions, there, kind):
    data = exported_of(sessions)
    with pytest.raises(UsageError) as caught:
        bring(there, spoil(data, kind))
    assert isinstance(caught.value, BadArchive)
    assert caught.value.message.startswith("cannot take in talk.jsonl: line ")
    assert caught.value.hint
    assert there.log.sessions() == []


def exported_of(sessions):
    sessions.log.append(ONE, STORY, after_seq=0, turn=1, at_ms=1)
    return exported(sessions)


def test_a_viewer_takes_nothing_in(sessions, story, there):
    with pytest.raises(Denied):
        bring(there, exported(sessions), role="viewer")
    assert there.log.sessions() == []
    assert story == ONE


class Failing(io.RawIOBase):
    """A disk that cannot be read."""

    def readinto(self, _buffer):
        raise OSError(5, "Input/output error")

    def readable(self):
        return True


def test_a_file_that_cannot_be_read_is_told_by_its_name(there):
    with pytest.raises(StoreError, match=r"cannot read talk\.jsonl: Input/output error"):
        take_in(there, io.BufferedReader(Failing()), "talk.jsonl", "editor")


def test_secrets_and_events_of_later_versions_are_told_of(sessions, there):
    secret = "ghp_" + "a1B2" * 9
    sessions.log.append(ONE, [*STORY, said(f"my token is {secret}")], after_seq=0, turn=1, at_ms=1)
    brought = bring(there, exported(sessions))
    assert [event.message for event in warnings_of(brought)] == ["secrets were taken out of 1 event"]
    assert secret not in json.dumps([one.data.decode() for one in there.log.read(ONE)])
