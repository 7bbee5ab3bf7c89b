"""What lists, bills and searches say of the log."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

import pytest

from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    CheckpointTaken,
    FailedOver,
    FileEdited,
    Rewound,
    SessionForked,
    SessionRenamed,
    ToolFinished,
    ToolStarted,
)
from aiex.sessions.archive import ArchivingStore, archive, restore
from aiex.sessions.log import EventLog
from aiex.sessions.projections import Views
from aiex.sessions.state import fold
from aiex.sessions.stores.cold import ColdStore
from aiex.sessions.stores.sqlite import SqliteStore
from tests.fakes.histories import START_MS, Histories, answered, ended, said, started, used

ONE = "00000000000000a1"
TWO = "00000000000000a2"


class Desk:
    """A store with its archive and views, as one process has them open."""

    def __init__(self, folder: Path) -> None:
        self.store = ArchivingStore(SqliteStore(str(folder / "sessions.db")), ColdStore(str(folder / "cold.db")))
        self.log = EventLog(self.store)
        self.views = Views(str(folder / "views.db"), self.log, archived=self.store.cold.seqs)

    def add(self, session, *events, at_ms=START_MS):
        head = self.log.head(session)
        self.log.append(session, events, after_seq=head.seq if head else 0, turn=1, at_ms=at_ms)

    def close(self):
        self.views.close()
        self.log.close()


@pytest.fixture
def desk(tmp_path):
    opened = Desk(tmp_path)
    yield opened
    opened.close()


def rebuilt(desk: Desk, folder: Path):
    """What views that begin now say of the same log."""
    views = Views(str(folder / "fresh.db"), desk.log, archived=desk.store.cold.seqs)
    try:
        views.rebuild()
        return views.dump()
    finally:
        views.close()


def test_the_list_says_what_a_session_is_about(desk):
    desk.add(ONE, started(), said("why  does\nit fail?"), used(100, 5), used(100, 20), at_ms=START_MS)
    desk.add(
        ONE, ToolStarted("c1", "run", {}), FileEdited("a.py", "changed", 1, 1), FileEdited("a.py", "changed", 1, 1)
    )
    desk.add(ONE, answered("because"), at_ms=START_MS + 5000)
    desk.views.catch_up()
    (row,) = desk.views.listed()
    assert (row.id, row.words, row.title, row.root, row.model) == (
        ONE,
        "why does it fail?",
        "",
        "/code/app",
        "claude-x",
    )
    assert (row.turns, row.files, row.in_flight, row.state, row.seq) == (1, 1, 1, "working", 8)
    assert (row.input_tokens, row.output_tokens, row.cost_usd, row.unpriced) == (100, 20, 0.25, 0)
    assert (row.started_ms, row.last_ms) == (START_MS, START_MS + 5000)


def test_the_last_used_session_comes_first_and_a_title_stays(desk):
    desk.add(ONE, started(), said("first"), SessionRenamed("The old one"), at_ms=START_MS)
    desk.add(TWO, started("/code/lib"), said("second"), ended(), at_ms=START_MS + 1)
    desk.views.catch_up()
    assert [(row.id, row.title, row.state) for row in desk.views.listed()] == [
        (TWO, "", "done"),
        (ONE, "The old one", "working"),
    ]
    assert [row.id for row in desk.views.listed(root="/code/lib")] == [TWO]


def test_usage_is_summed_by_model_project_and_day_and_a_copy_counts_once(desk):
    desk.add(ONE, started(), said("x"), used(10, 1), FailedOver("anthropic/claude-x", "openai/gpt-x", "busy", False))
    desk.add(ONE, used(20, 2, None), answered("y", provider="openai", model="gpt-x"), ended())
    desk.log.copy(ONE, 7, TWO)
    desk.add(TWO, SessionForked(ONE, 7), used(5, 5), answered("z"), at_ms=START_MS + 86_400_000)
    desk.views.catch_up()
    by_model = {one.model: (spent.calls, spent.input_tokens, spent.unpriced) for one, spent in desk.views.usage()}
    assert by_model == {"anthropic/claude-x": (2, 15, 0), "openai/gpt-x": (1, 20, 1)}
    assert [(one.day, spent.calls) for one, spent in desk.views.usage(["day"])] == [
        ("2026-09-21", 2),
        ("2026-09-22", 1),
    ]
    assert [(one.root, spent.calls) for one, spent in desk.views.usage(["root"])] == [("/code/app", 3)]
    assert desk.views.usage([], since_day="2026-09-22")[0][1].output_tokens == 5
    assert desk.views.usage([], since_day="2027-01-01") == []
    assert desk.views.find(TWO).input_tokens == 35  # what a session cost in all, its copied beginning included


def test_an_approval_waits_until_it_is_given_or_its_turn_ends(desk):
    desk.add(ONE, started(), said("x"), ApprovalAsked("a", "run make", "rule 3"), ApprovalAsked("b", "rm x", "rule 1"))
    desk.add(ONE, ApprovalGiven("a", True, "once", "person"))
    desk.views.catch_up()
    assert [(session, asked.action) for session, asked in desk.views.approvals()] == [(ONE, "rm x")]
    desk.add(ONE, ended())
    desk.views.catch_up()
    assert desk.views.approvals() == []


def test_a_step_that_edited_nothing_is_no_step_whenever_the_views_caught_up(desk):
    look = [CheckpointTaken("c2", "look"), ToolStarted("1", "run", {}), ToolFinished("1", "run", "")]
    desk.add(ONE, started(), said("x"), CheckpointTaken("c1", "edit a"), FileEdited("a", "changed", 1, 0))
    desk.add(ONE, Rewound("c1", "u1", "files", 0, "back", 1))
    for event in look:
        desk.add(ONE, event)
        desk.views.catch_up()
    assert desk.views.steps("/code/app") == []
    assert [step.checkpoint_id for _, step in desk.views.steps("/code/app", undone=True)] == ["u1"]
    followed = desk.views.dump()
    desk.views.rebuild()
    assert desk.views.dump() == followed


def test_the_step_undone_last_is_redone_first_whichever_session_it_is_of(desk):
    desk.add(ONE, started(), said("x"), CheckpointTaken("c1", "edit a"), CheckpointTaken("c2", "edit b"))
    desk.add(TWO, started(), said("x"), CheckpointTaken("c3", "edit c"), FileEdited("c", "changed", 1, 0))
    desk.add(TWO, Rewound("c3", "u1", "files", 0, "back", 1))
    desk.add(ONE, Rewound("c1", "c3", "files", 0, "back", 2))
    desk.views.catch_up()
    assert [step.checkpoint_id for _, step in desk.views.steps("/code/app", undone=True)] == ["c2", "c3", "u1"]


def test_steps_go_from_undo_to_redo_and_back(desk):
    desk.add(ONE, started(), said("x"), CheckpointTaken("c1", "edit a"), CheckpointTaken("c2", "edit b"))
    desk.add(ONE, Rewound("c1", "u1", "files", 0, "back", 2))
    desk.views.catch_up()
    assert desk.views.steps("/code/app") == []
    assert [step.checkpoint_id for _, step in desk.views.steps("/code/app", undone=True)] == ["c2", "u1"]
    desk.add(ONE, Rewound("c2", "u2", "files", 0, "forth", 1))
    desk.views.catch_up()
    assert [step.checkpoint_id for _, step in desk.views.steps("/code/app")] == ["u2"]
    assert [step.checkpoint_id for _, step in desk.views.steps("/code/app", undone=True)] == ["u1"]
    desk.add(ONE, CheckpointTaken("c3", "edit c"))
    desk.views.catch_up()
    assert desk.views.steps("/code/app", undone=True) == []


def test_a_removed_session_disappears(desk):
    desk.add(ONE, started(), said("unwanted"), used(1, 1), answered("unwanted"), CheckpointTaken("c1", "x"))
    desk.views.catch_up()
    desk.log.remove(ONE)
    desk.views.catch_up()
    assert not any(desk.views.dump().values())
    assert desk.views.search("unwanted", limit=5) == []


def test_nothing_of_a_removed_session_stays_in_the_file(desk, tmp_path):
    for number in range(30):
        desk.add(f"{number:016x}", started(), said(f"ordinary words {number} " * 50))
    desk.add(ONE, started(), said("Quetzalcoatl " * 400), SessionRenamed("Quetzalcoatl"), answered("quetzalcoatl!"))
    desk.views.catch_up()
    assert b"uetzalcoatl" in b"".join(path.read_bytes() for path in tmp_path.glob("views.db*"))
    desk.log.remove(ONE)
    desk.views.catch_up()
    assert b"uetzalcoatl" not in b"".join(path.read_bytes() for path in tmp_path.glob("views.db*"))
    assert len(desk.views.search("ordinary", limit=99)) == 30


def test_a_session_that_comes_back_under_its_name_is_folded_anew(desk):
    desk.add(ONE, started(), said("old"), answered("old"), ended())
    desk.views.catch_up()
    desk.log.remove(ONE)
    desk.add(ONE, started(), said("new"))
    desk.views.catch_up()
    assert [(row.words, row.seq) for row in desk.views.listed()] == [("new", 2)]
    assert desk.views.search("old", limit=5) == []


def test_an_archived_session_stays_in_the_list_and_is_not_counted_twice_when_restored(desk, tmp_path):
    desk.add(ONE, started(), said("kept"), used(3, 3), answered("kept"), ended())
    desk.views.catch_up()
    before = desk.views.usage()
    archive(desk.log, desk.store, ONE, at_ms=START_MS + 1)
    desk.views.catch_up()
    assert [(row.id, row.archived) for row in desk.views.listed()] == [(ONE, True)]
    assert desk.views.listed(archived=False) == []
    assert desk.views.dump() == rebuilt(desk, tmp_path)
    restore(desk.log, desk.store, ONE, at_ms=START_MS + 2)
    desk.views.catch_up()
    assert [(row.archived, row.seq) for row in desk.views.listed()] == [(False, 7)]
    assert desk.views.usage() == before


def test_views_that_never_saw_a_session_before_it_was_archived_show_it(desk):
    desk.add(ONE, started(), said("unseen"))
    archive(desk.log, desk.store, ONE, at_ms=START_MS + 1)
    desk.views.catch_up()
    assert [(row.words, row.archived) for row in desk.views.listed()] == [("unseen", True)]


@pytest.mark.parametrize("seed", range(8))
def test_followed_and_rebuilt_views_are_equal(tmp_path, seed):
    desk = Desk(tmp_path)
    histories, random = Histories(desk.log, seed), Random(seed)
    try:
        for number in range(160):
            if random.random() < 0.15:
                desk.views.catch_up()
            alive = [one for one in histories.ids if not desk.store.is_archived(one)]
            deed = random.random()
            if not alive or deed < 0.06:
                histories.begin()
            elif deed < 0.10:
                histories.fork(random.choice(alive))
            elif deed < 0.13:
                histories.remove(random.choice(histories.ids))
            elif deed < 0.16:
                archive(desk.log, desk.store, random.choice(alive), at_ms=START_MS + number)
            elif deed < 0.20:
                restore(desk.log, desk.store, random.choice(histories.ids), at_ms=START_MS + number)
            else:
                histories.live(random.choice(alive))
        desk.views.catch_up()
        followed = desk.views.dump()
        assert followed == rebuilt(desk, tmp_path)
        assert sorted(row[0] for row in followed["sessions"]) == sorted(histories.ids)
        desk.views.rebuild()
        assert desk.views.dump() == followed
    finally:
        desk.close()


@pytest.mark.parametrize("seed", range(6))
def test_views_say_what_the_state_of_each_session_says(tmp_path, seed):
    desk = Desk(tmp_path)
    histories, random = Histories(desk.log, seed), Random(seed)
    try:
        for _ in range(120):
            if not histories.ids or random.random() < 0.05:
                histories.begin()
            elif random.random() < 0.05:
                histories.fork(random.choice(histories.ids))
            else:
                histories.live(random.choice(histories.ids))
        desk.views.catch_up()
        waiting = {(session, asked.approval_id) for session, asked in desk.views.approvals()}
        for session in histories.ids:
            state, row = fold(desk.log.read(session)), desk.views.find(session)
            assert (row.title, row.words, row.root) == (
                state.title,
                state.first_words,
                state.root.replace("\udce9", "\\udce9"),
            )
            assert (row.files, row.in_flight, row.seq) == (len(state.files), len(state.in_flight), state.seq)
            assert {name for one, name in waiting if one == session} == state.approvals.keys()
            summary = desk.views._file.load(session)
            assert [step.checkpoint_id for step in summary.undo] == [step.checkpoint_id for step in state.steps.undo]
            assert [step.checkpoint_id for step in summary.redo] == [step.checkpoint_id for step in state.steps.redo]
            spent = (state.spent.usage.input_tokens or 0, state.spent.cost_usd or 0, state.spent.unpriced)
            assert (row.input_tokens, row.cost_usd, row.unpriced) == spent
    finally:
        desk.close()


def test_several_followers_at_once_count_each_event_once(tmp_path):
    desk = Desk(tmp_path)
    histories = Histories(desk.log, 5)
    others = [Desk(tmp_path) for _ in range(3)]
    failures: list[BaseException] = []

    def follow(other: Desk) -> None:
        try:
            for _ in range(40):
                other.views.catch_up()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=follow, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    session = histories.begin()
    for _ in range(150):
        histories.live(session)
    for thread in threads:
        thread.join()
    desk.views.catch_up()
    assert failures == []
    assert desk.views.dump() == rebuilt(desk, tmp_path)
    for one in (desk, *others):
        one.close()


def test_a_damaged_file_of_views_is_set_aside_and_made_anew(desk, tmp_path):
    desk.add(ONE, started(), said("whole"))
    desk.views.catch_up()
    desk.views.close()
    (tmp_path / "views.db").write_bytes(b"no database" * 1000)
    again = Views(str(tmp_path / "views.db"), desk.log)
    again.catch_up()
    assert [row.words for row in again.listed()] == ["whole"]
    again.close()
    assert any(".damaged-" in path.name for path in tmp_path.iterdir())


def test_where_the_disk_is_full_memory_serves(desk, tmp_path):
    desk.add(ONE, started(), said("before"))
    desk.views.catch_up()
    pages = desk.views._file.connection.execute("PRAGMA page_count").fetchone()[0]
    desk.views._file.connection.execute(f"PRAGMA max_page_count = {pages}")
    desk.add(TWO, started(), said("after " * 20_000), at_ms=START_MS + 1)
    desk.views.catch_up()
    assert [row.words.split()[0] for row in desk.views.listed()] == ["after", "before"]
    fresh = Views(str(tmp_path / "views.db"), desk.log)
    assert [row.words for row in fresh.listed()] == ["before"]
    fresh.close()


_FOLLOWER = """
import sys
from aiex.sessions.log import EventLog
from aiex.sessions.projections import Views
from aiex.sessions.stores.sqlite import SqliteStore
log = EventLog(SqliteStore(sys.argv[1] + "/sessions.db"))
views = Views(sys.argv[1] + "/views.db", log)
while True:
    views.catch_up()
    if any(row.title == "the end" for row in views.listed()):
        break
    if sys.argv[2] == "rebuilding":
        views.rebuild()
"""


def test_processes_that_follow_and_rebuild_at_once_count_each_event_once(tmp_path):
    desk = Desk(tmp_path)
    ways = ["following", "following", "rebuilding"]
    running = [subprocess.Popen([sys.executable, "-c", _FOLLOWER, str(tmp_path), way]) for way in ways]
    try:
        histories = Histories(desk.log, 6)
        sessions = [histories.begin(), histories.begin()]
        for number in range(120):
            histories.live(sessions[number % 2])
        histories.add(sessions[0], SessionRenamed("the end"))
        assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    finally:
        for process in running:
            process.kill()
            process.wait()
    desk.views.catch_up()
    assert desk.views.dump() == rebuilt(desk, tmp_path)
    desk.close()


def test_views_of_a_newer_version_are_left_alone_and_memory_serves(desk, tmp_path):
    desk.add(ONE, started(), said("whole"))
    path = tmp_path / "newer.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    views = Views(str(path), desk.log)
    views.catch_up()
    assert [row.words for row in views.listed()] == ["whole"]
    views.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()


def test_views_folded_by_another_version_are_folded_anew(desk, tmp_path):
    desk.add(ONE, started(), said("whole"))
    desk.views.catch_up()
    with sqlite3.connect(tmp_path / "views.db") as connection:
        connection.execute("UPDATE applied SET version = 99")
        connection.execute("UPDATE sessions SET words = 'stale'")
    connection.close()
    desk.views.catch_up()
    assert [row.words for row in desk.views.listed()] == ["whole"]
