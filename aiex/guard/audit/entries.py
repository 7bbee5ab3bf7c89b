"""What an audit record says: a decision, an outcome, or a note of the log about itself; and its sealed JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any, Final, Literal

from aiex.digest import fingerprint
from aiex.errors import StoreError
from aiex.guard.actions import Action, Decision
from aiex.record import record

What = Literal["decision", "outcome", "note"]
Status = Literal["done", "failed", "refused", "cancelled"]
About = Literal["lost", "head-missing", "head-behind", "unfinished", "missed", "erased", "rotated"]


@record
class Outcome:
    """What came of an action."""

    status: Status
    of: int = 0
    """The number of the decision that let it happen; 0 when there is none."""
    text: str = ""
    """For a person, in a few words: an exit code, an error; nothing that was read or written."""
    redactions: int = 0
    """How many secrets were taken out of what it showed."""


@record
class Note:
    """What the log says about itself."""

    about: About
    text: str
    data: Mapping[str, int | str] = field(default_factory=dict)


Verdict = Decision | Outcome | Note
NOWHERE: Final = Action("tool", "")
"""The action of a note, which is about none."""
OWN: Final = ""
"""The session of the log's own notes."""


@record
class Entry:
    """One record, opened."""

    seq: int
    at_ms: int
    """UTC, milliseconds since 1970."""
    session: str
    who: str
    action: Action
    verdict: Verdict


WHATS: Final[Mapping[str, int]] = {"decision": 1, "outcome": 2, "note": 3}
KINDS: Final[Mapping[str, int]] = {
    "read": 1, "write": 2, "delete": 3, "command": 4, "network": 5, "tool": 6, "approval": 7,
}  # fmt: skip
ABOUTS: Final[Mapping[str, int]] = {
    "lost": 1, "head-missing": 2, "head-behind": 3, "unfinished": 4, "missed": 5, "erased": 6, "rotated": 7,
}  # fmt: skip
EFFECTS: Final[Mapping[str, int]] = {
    "allow": 1, "ask": 2, "deny": 3, "done": 4, "failed": 5, "refused": 6, "cancelled": 7,
}  # fmt: skip
"""What stands in the open beside the sealed part, as numbers that never change; 0 for a word of a later version."""
DENIED: Final = frozenset({EFFECTS["deny"], EFFECTS["refused"]})


MOST_BYTES: Final = 1 << 19
_SURELY_FITS: Final = 1 << 16
"""Characters of texts that are never too long for a record, with all that stands between them."""
_LONGEST_CHARS: Final = (50_000, 5_000, 500)
_SEAM, _NEXT, _OUTCOME = b',"action":', b',"', b'"outcome":["'
"""In no text of a payload, for there quotes are escaped."""
_MALFORMED: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_quote = json.encoder.encode_basestring_ascii


def codes_of(action: Action, verdict: Verdict) -> tuple[int, int, int]:
    """What, kind and effect, as they stand in the open."""
    match verdict:
        case Decision():
            return WHATS["decision"], KINDS.get(action.kind, 0), EFFECTS.get(verdict.effect, 0)
        case Outcome():
            return WHATS["outcome"], KINDS.get(action.kind, 0), EFFECTS.get(verdict.status, 0)
        case Note():
            return WHATS["note"], ABOUTS[verdict.about], 0


def to_payload(session: str, who: str, action: Action, verdict: Verdict) -> bytes:
    """The part that gets sealed: JSON in ASCII, so that names which are not UTF-8 survive.

    Where it is larger than a record can be, long texts are cut, and say so with a digest of the whole. Raises
    StoreError if that does not help.
    """
    if action is not NOWHERE and (plain := _write_plain(session, who, action, verdict)) is not None:
        return plain
    by = f',"who":{_quote(who)}' if who else ""
    about = "" if action is NOWHERE else f',"action":{_write_action(action)}'
    payload = f'{{"session":{_quote(session)}{by},{_write_verdict(verdict)}{about}}}'.encode("ascii")
    return payload if len(payload) <= MOST_BYTES else _cut_to_fit(json.loads(payload))


def _write_plain(session: str, who: str, action: Action, verdict: Verdict) -> bytes | None:
    """The payload where no text in it needs quoting, as of most records; None elsewhere. A third of the time."""
    subject, detail = action.subject, action.detail
    said: tuple[str, ...]
    if type(verdict) is Decision:
        said = verdict.effect, verdict.rule, verdict.scope, verdict.reason
        written = f'"decision":["{verdict.effect}","{verdict.rule}","{verdict.scope}","{verdict.reason}"]'
    elif type(verdict) is Outcome:
        said = verdict.status, verdict.text
        written = f'"outcome":["{verdict.status}",{verdict.of},"{verdict.text}",{verdict.redactions}]'
    else:
        return None
    try:
        texts = "".join((session, who, action.kind, subject, *said, *detail, *detail.values()))
    except TypeError:  # a detail that is no text
        return None
    if '"' in texts or "\\" in texts or not texts.isascii() or not (texts.isprintable() and len(texts) < _SURELY_FITS):
        return None
    by = f',"who":"{who}"' if who else ""
    about = ",".join([f'"{name}":"{value}"' for name, value in detail.items()])
    return f'{{"session":"{session}"{by},{written},"action":["{action.kind}","{subject}",{{{about}}}]}}'.encode("ascii")


def _write_action(action: Action) -> str:
    """As JSON, written piece by piece: a quarter of the time of an encoder."""
    details = [f"{_quote(str(name))}:{_quote(str(value))}" for name, value in action.detail.items()]
    return f"[{_quote(action.kind)},{_quote(action.subject)},{{{','.join(details)}}}]"


def _write_verdict(verdict: Verdict) -> str:
    if isinstance(verdict, Decision):
        said = f"{_quote(verdict.effect)},{_quote(verdict.rule)},{_quote(verdict.scope)},{_quote(verdict.reason)}"
        return f'"decision":[{said}]'
    if isinstance(verdict, Outcome):
        return f'"outcome":[{_quote(verdict.status)},{verdict.of},{_quote(verdict.text)},{verdict.redactions}]'
    return f'"note":{_encode([verdict.about, verdict.text, dict(verdict.data)])}'


def _cut_to_fit(said: Mapping[str, Any]) -> bytes:
    for longest in _LONGEST_CHARS:
        payload = _encode(_shorten(said, longest)).encode("ascii")
        if len(payload) <= MOST_BYTES:
            return payload
    raise StoreError("an action says more of itself than a record can hold", hint="it has too many details")


def _shorten(value: Any, longest: int) -> Any:
    match value:
        case str() if len(value) > longest:
            return _cut(value, longest)
        case list() | tuple():
            return [_shorten(one, longest) for one in value]
        case Mapping():
            return {name: _shorten(one, longest) for name, one in value.items()}
        case _:
            return value


def _cut(text: str, longest_chars: int) -> str:
    whole = text.encode("utf-8", "surrogatepass")
    return f"{text[: longest_chars // 2]} [cut: {len(text)} characters, blake2b {fingerprint(whole)}]"


def from_payload(data: bytes, seq: int, at_ms: int) -> Entry:
    """Read what `to_payload` wrote. Raises StoreError if it is something else."""
    try:
        said = json.loads(data)
        action = _action(said.get("action") or (NOWHERE.kind, "", {}))
        return Entry(seq, at_ms, str(said["session"]), str(said.get("who", "")), action, _verdict(said))
    except _MALFORMED as error:
        raise _unreadable(seq) from error


class Gist:
    """What most records share with others, read once for all of them; the action only when it is asked for."""

    __slots__ = ("_action", "_seq", "verdict", "who")

    def __init__(self, data: bytes, seq: int) -> None:
        """Read what `to_payload` wrote of a decision or an outcome, but for the session and the number of a decision.

        Raises StoreError if it is something else. Cost: a sixth of `from_payload`.
        """
        head, _, self._action = data.partition(_SEAM)
        self._seq = seq
        try:
            self.who, self.verdict = _read_head(_without_number(head[head.find(_NEXT) + 1 :]))
        except _MALFORMED as error:
            raise _unreadable(seq) from error

    @property
    def action(self) -> Action:
        """What it is about. Raises StoreError."""
        try:
            return _action(json.loads(self._action[:-1]))
        except _MALFORMED as error:
            raise _unreadable(self._seq) from error


def _unreadable(seq: int) -> StoreError:
    return StoreError(f"cannot read audit record {seq}: it does not say what a record says")


def _without_number(head: bytes) -> bytes:
    """The same with 0 as the number of the decision that an outcome is of."""
    at = head.find(_OUTCOME)
    if at < 0:
        return head
    begin = head.find(b'",', at + len(_OUTCOME)) + 2
    return head[:begin] + b"0" + head[head.find(b",", begin) :]


@lru_cache(maxsize=4096)
def _read_head(head: bytes) -> tuple[str, Verdict]:
    said = json.loads(b"{" + head + b"}")
    return str(said.get("who", "")), _verdict(said)


def _action(said: Sequence[Any]) -> Action:
    kind, subject, detail = said
    return Action(kind, str(subject), {str(name): str(value) for name, value in detail.items()})


def _verdict(said: Mapping[str, Any]) -> Verdict:
    if "decision" in said:
        effect, rule, scope, reason = said["decision"]
        return Decision(effect, rule, scope, reason)
    if "outcome" in said:
        status, of, text, redactions = said["outcome"]
        return Outcome(status, of, text, redactions)
    about, text, data = said["note"]
    return Note(about, text, data)
