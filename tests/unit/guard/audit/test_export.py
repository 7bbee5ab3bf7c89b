"""Exported lines: complete, readable by programs, and nothing in them can be changed unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.guard.actions import Action
from aiex.guard.audit.entries import Outcome
from aiex.guard.audit.export import export_lines, is_export, verify_export, write_lines
from aiex.guard.audit.log import open_keys
from aiex.guard.audit.reading import Wanted
from aiex.guard.audit.verify import Checked
from tests.unit.guard.audit.conftest import ALLOWED, DENIED, Records


@pytest.fixture
def exported(records: Records, tmp_path: Path) -> Path:
    log = records.open(clock=lambda: 1700000000.25, who="bo")
    log.append("one", Action("read", "na\udce4me.py"), ALLOWED, who="ada")
    log.append("two", Action("command", "rm -rf /", {"cwd": "."}), DENIED)
    log.append("two", Action("command", "rm -rf /"), Outcome("refused", 2, "denied", 3))
    log.erase("one")
    log.close()
    return export(records, tmp_path / "audit.jsonl")


def export(records: Records, path: Path, wanted: Wanted | None = None) -> Path:
    write_lines(str(path), export_lines(records.places.log, open_keys(records.places), wanted or Wanted()))
    return path


def check(records: Records, path: Path) -> Checked:
    return verify_export(str(path), open_keys(records.places).open_chain())


def test_lines_say_everything_for_programs(records: Records, exported: Path) -> None:
    first, erased, denied, refused, note, last = map(json.loads, exported.read_text("ascii").splitlines())
    assert (first["audit_export"], first["asked"]["session"]) == (1, "")
    assert (erased["erased"], erased["kind"], erased["effect"]) == (True, "read", "allow")
    assert "subject" not in erased
    del denied["mac"]
    assert denied == {
        "seq": 2, "at": "2023-11-14T22:13:20.250Z", "tag": denied["tag"], "what": "decision", "kind": "command",
        "effect": "deny", "erased": False, "session": "two", "who": "bo", "subject": "rm -rf /", "detail": {"cwd": "."},
        "rule": "deny command: rm", "scope": "user", "reason": "",
    }  # fmt: skip
    assert (refused["of"], refused["redactions"]) == (2, 3)
    assert (note["what"], note["kind"]) == ("note", "erased")
    assert (last["end"], last["records"], last["problem"]) == (True, 4, "")
    assert check(records, exported) == Checked(4, 4)
    assert is_export(str(exported))
    assert not is_export(records.places.log)
    assert exported.stat().st_mode & 0o777 == 0o600


def test_each_changed_byte_is_found(records: Records, exported: Path) -> None:
    whole, chain = exported.read_bytes(), open_keys(records.places).open_chain()
    unseen = []
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        exported.write_bytes(changed)
        checked = verify_export(str(exported), chain)
        if checked.is_intact and checked.is_complete:
            unseen.append(at)
    assert unseen == []


def test_each_cut_is_found(records: Records, exported: Path) -> None:
    whole, chain = exported.read_bytes(), open_keys(records.places).open_chain()
    for length in range(len(whole)):
        exported.write_bytes(whole[:length])
        checked = verify_export(str(exported), chain)
        assert not (checked.is_intact and checked.is_complete), length


def test_lines_that_were_swapped_left_out_or_added_are_found(records: Records, exported: Path) -> None:
    lines = exported.read_bytes().splitlines(keepends=True)
    for order, bad in (((0, 2, 1, 3, 4, 5), 2), ((0, 1, 3, 4, 5), 3), ((0, 1, 1, 2, 3, 4, 5), 3), ((1, 2, 3, 4, 5), 1)):
        exported.write_bytes(b"".join(lines[number] for number in order))
        assert check(records, exported).first_bad == bad
    exported.write_bytes(b"".join([*lines, lines[-1]]))
    assert check(records, exported).broken == ("line 7: something follows the last line",)
    exported.write_bytes(b"".join(lines[:-1]))
    checked = check(records, exported)
    assert (checked.is_intact, checked.missing) == (True, ("the last line is missing; there are 5 lines",))


def test_what_was_asked_for_is_exported(records: Records, exported: Path, tmp_path: Path) -> None:
    path = export(records, tmp_path / "denied.jsonl", Wanted(denied=True))
    assert [json.loads(line).get("seq") for line in path.read_text().splitlines()] == [None, 2, 3, None]
    assert check(records, path) == Checked(2, 4)


def test_a_damaged_log_is_exported_as_far_as_it_goes_and_the_export_says_so(records: Records, tmp_path: Path) -> None:
    records.fill(4)
    log = Path(records.places.log)
    log.write_bytes(log.read_bytes()[:-5])
    path = export(records, tmp_path / "part.jsonl")
    checked = check(records, path)
    assert (checked.records, checked.is_intact) == (3, True)
    assert checked.missing == ("the log was damaged after record 3: it is cut off",)


def test_an_export_never_writes_over_a_file(records: Records, exported: Path) -> None:
    with pytest.raises(StoreError, match="exists already"):
        export(records, exported)
