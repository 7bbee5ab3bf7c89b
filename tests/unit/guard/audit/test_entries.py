"""What is sealed comes back as it was, whatever was said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import StoreError
from aiex.guard import actions
from aiex.guard.actions import Action, Decision
from aiex.guard.audit import entries
from aiex.guard.audit.entries import Gist, Note, Outcome, codes_of, from_payload, to_payload
from aiex.guard.audit.frames import Chain, Row, digest, render_header, render_record
from aiex.guard.audit.heads import Head, parse_head, render_head
from aiex.guard.audit.walk import Position, Walk, start_of

# Names of files that are not UTF-8 arrive with lone surrogates.
texts = st.text(st.characters(codec=None), max_size=30)
kinds = st.sampled_from(get_args(actions.Kind))
some_actions = st.builds(Action, kinds, texts, st.dictionaries(texts, texts, max_size=3))
decisions = st.builds(
    Decision, st.sampled_from(get_args(actions.Effect)), texts, st.sampled_from(get_args(actions.Scope)), texts
)
outcomes = st.builds(
    Outcome, st.sampled_from(get_args(entries.Status)), st.integers(0, 2**60), texts, st.integers(0, 99)
)
notes = st.builds(
    Note, st.sampled_from(get_args(entries.About)), texts, st.dictionaries(texts, texts | st.integers(), max_size=3)
)


@given(texts, texts, some_actions, decisions | outcomes | notes)
def test_what_is_said_comes_back(session: str, who: str, action: Action, verdict: entries.Verdict) -> None:
    found = from_payload(to_payload(session, who, action, verdict), 7, 9)
    assert found == entries.Entry(7, 9, session, who, action, verdict)


@given(texts, texts, some_actions, decisions | outcomes | notes)
def test_what_is_said_is_json_in_ascii_and_in_the_order_that_records_have(
    session: str, who: str, action: Action, verdict: entries.Verdict
) -> None:
    payload = to_payload(session, who, action, verdict)
    said = json.loads(payload)
    assert json.dumps(said, separators=(",", ":")).encode("ascii") == payload
    assert list(said) == ["session", *(["who"] if who else []), type(verdict).__name__.lower(), "action"]


@pytest.mark.parametrize(
    "text", ["plain words", "", "~ {}[],:", 'a"b', "a\\b", "a\nb", "a\x7fb", "é", "\udce9", "x" * 70_000]
)
@pytest.mark.parametrize("place", range(7))
def test_texts_that_need_quoting_and_others_are_written_alike(text: str, place: int) -> None:
    words = [text if number == place else f"word {number}" for number in range(7)]
    action = Action("tool", words[0], {words[1]: words[2], "more": "plain"})
    for verdict in (Decision("ask", words[3], "user", words[4]), Outcome("failed", 7, words[4], 3)):
        payload = to_payload(words[5], words[6], action, verdict)
        assert json.dumps(json.loads(payload), separators=(",", ":")).encode("ascii") == payload
        assert from_payload(payload, 1, 2) == entries.Entry(1, 2, words[5], words[6], action, verdict)


seams = st.sampled_from([',"action":', ',"outcome":["done",1,"",1]', '"', "\\"]) | texts


@given(seams, seams, some_actions, seams, outcomes, st.booleans())
def test_a_gist_is_what_a_record_says(
    session: str, who: str, action: Action, rule: str, outcome: Outcome, decides: bool
) -> None:
    verdict = Decision("deny", rule, "user", rule) if decides else replace(outcome, text=rule)
    found = Gist(to_payload(session, who, action, verdict), 7)
    assert (found.who, found.action) == (who, action)
    assert found.verdict == (verdict if isinstance(verdict, Decision) else replace(verdict, of=0))


@given(st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b'{"session":1}', b'{"session":"","decision":[]}']))
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(StoreError):
        from_payload(data, 1, 1)
    with pytest.raises(StoreError):
        Gist(data, 1)


@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(1, 400))
def test_a_chain_is_walked_as_it_was_made_in_pieces_of_any_size(payloads: list[bytes], block: int) -> None:
    chain = Chain(b"k" * 32)
    whole = render_header(chain, b"n" * 16)
    start = start_of(chain, whole)
    assert start is not None
    link = start.link
    for seq, payload in enumerate(payloads, 1):
        row = Row(104 + len(payload), 1, 1, 2, 3, seq, 1000 + seq, b"t" * 16, digest(payload))
        whole += render_record(chain, link, row, payload)
        link = whole[-32:]
    walk = Walk(
        lambda offset, size: whole[offset : offset + max(size if size < 1 << 20 else block, 1 << 9)], chain, start
    )
    assert [(row[5], sealed) for row, sealed, _link, _end in walk] == list(enumerate(payloads, 1))
    assert (walk.position, walk.problem) == (Position(len(payloads), len(whole), link), "")


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16))
def test_a_head_comes_back(seq: int, offset: int, log: bytes) -> None:
    chain = Chain(b"k" * 32)
    head = Head(log, seq, offset, 5, b"l" * 32)
    assert parse_head(chain, render_head(chain, head)) == head
    assert parse_head(Chain(b"j" * 32), render_head(chain, head)) is None


def test_every_word_has_a_number_of_its_own() -> None:
    for words, codes in (
        (get_args(actions.Kind), entries.KINDS),
        ((*get_args(actions.Effect), *get_args(entries.Status)), entries.EFFECTS),
        (get_args(entries.About), entries.ABOUTS),
        (get_args(entries.What), entries.WHATS),
    ):
        assert set(words) == set(codes)
        assert len({*codes.values(), 0}) == len(codes) + 1


def test_a_kind_of_a_later_version_is_written_with_its_name() -> None:
    action = Action("teleport", "x")  # type: ignore[arg-type]
    assert codes_of(action, Outcome("done")) == (2, 0, 4)
    assert from_payload(to_payload("", "", action, Outcome("done")), 1, 1).action == action
