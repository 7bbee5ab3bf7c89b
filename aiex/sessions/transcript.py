"""A session to be read by people: as Markdown, or as one page of HTML that needs nothing else.

Everything that happened stands in the order of the log, with what was rewound, denied and cut. What a terminal or a
browser would obey is spelled out; in HTML all text is escaped, nothing is loaded, and nothing runs.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from aiex import events as told
from aiex.eventforms import to_timestamp
from aiex.guard.neutral import neutralise, printable_path
from aiex.jsonform import dump
from aiex.messages import Document, Image, Reasoning, Refusal, Text, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aiex.messages import Part
    from aiex.sessions.log import Recorded

PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Kinds of pictures that run nothing; an SVG may."""
_Kind = Literal["user", "assistant", "thought", "call", "result", "failed", "note", "picture"]


class Entry(NamedTuple):
    """One thing that happened, in words."""

    kind: _Kind
    seq: int
    at_ms: int
    head: str
    """What it is, on one line."""
    body: str = ""
    """Text, or the JSON of arguments, or the base64 of a picture."""
    media_type: str = ""


def to_entries(recorded: Iterable[Recorded]) -> Iterator[Entry]:
    """What happened, as far as a reader cares; pieces of answers that came whole later are left out."""
    telling = _Telling()
    for one in recorded:
        yield from telling.tell(one)
    yield from telling.flush()


class _Telling:
    """Keeps the words of an answer until it is known whether it came whole, and the calls that were shown."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._last: Recorded | None = None
        self._shown_calls: set[str] = set()
        self._answered = False

    def tell(self, one: Recorded) -> Iterator[Entry]:
        event = one.event()
        match event:
            case told.TextDelta(text=text):
                self._pieces.append(text)
                self._last = one
            case told.AssistantSpoke(parts=parts, provider=provider, model=model):
                self._pieces.clear()
                self._answered = True
                yield from self._parts(one, "assistant", f"{provider}/{model}".strip("/") or "Assistant", parts)
            case told.UserSpoke(parts=parts):
                yield from self.flush()
                self._answered = False
                yield from self._parts(one, "user", "You", parts)
            case told.ToolStarted(call_id=call, name=name, arguments=arguments):
                if call not in self._shown_calls:
                    yield self._call(one, call, name, arguments)
            case told.ToolFinished(call_id=call, name=name, text=text, is_error=is_error, duration_ms=ms):
                self._shown_calls.discard(call)
                took = f" in {ms / 1000:.1f} s" if ms is not None else ""
                head = f"{name} failed{took}" if is_error else f"{name} answered{took}"
                yield Entry("failed" if is_error else "result", one.seq, one.at_ms, head, text)
            case told.TurnEnded(answer=answer) if answer and not self._answered:
                self._pieces.clear()
                self._answered = True
                yield Entry("assistant", one.seq, one.at_ms, "Answer", answer)
                yield from _notes(one, event)
            case told.TurnEnded() | told.TurnInterrupted() | told.Rewound():
                yield from self.flush()
                yield from _notes(one, event)
            case _:
                yield from _notes(one, event)

    def flush(self) -> Iterator[Entry]:
        """The words of an answer that was cut."""
        if self._last is not None and self._pieces:
            yield Entry("assistant", self._last.seq, self._last.at_ms, "An answer that was cut", "".join(self._pieces))
        self._pieces.clear()

    def _parts(self, one: Recorded, kind: _Kind, speaker: str, parts: Sequence[Part]) -> Iterator[Entry]:
        for part in parts:
            match part:
                case Text(text=text):
                    yield Entry(kind, one.seq, one.at_ms, speaker, text)
                case Reasoning(text=text):
                    yield Entry("thought", one.seq, one.at_ms, f"{speaker} thought", text)
                case Refusal(text=text):
                    yield Entry("failed", one.seq, one.at_ms, f"{speaker} declined", text)
                case ToolCall(id=call, name=name, arguments=arguments):
                    yield self._call(one, call, name, arguments)
                case Document(title=title, text=text):
                    yield Entry("result", one.seq, one.at_ms, f"Material: {title}", text)
                case Image(media_type=media_type, data=data):
                    yield Entry("picture", one.seq, one.at_ms, f"A picture ({media_type})", data, media_type)
                case _:
                    continue

    def _call(self, one: Recorded, call: str, name: str, arguments: Mapping[str, Any]) -> Entry:
        self._shown_calls.add(call)
        return Entry("call", one.seq, one.at_ms, f"Calls {name}", _readable(arguments))


def _notes(one: Recorded, event: told.Event | told.UnknownEvent) -> Iterator[Entry]:
    for line in _say(event):
        yield Entry("note", one.seq, one.at_ms, line)


def _say(event: told.Event | told.UnknownEvent) -> Iterator[str]:
    """What happened beside the talk, a line each."""
    match event:
        case told.SessionStarted(provider=provider, model=model, command=command, root=root, cwd=cwd):
            yield f"{command} began in {root or cwd}, asking {provider}/{model}"
        case told.ApprovalAsked(action=action, reason=reason):
            yield f"Asked for leave: {action} ({reason})"
        case told.ApprovalGiven(allowed=allowed, scope=scope, decided_by=who):
            yield f"{'Allowed' if allowed else 'Denied'} by a {who}, {scope}"
        case told.FileEdited(path=path, change=change, added_lines=added, removed_lines=removed):
            yield f"File {change}: {printable_path(path)} (+{added} -{removed})"
        case told.CheckpointTaken(checkpoint_id=checkpoint, reason=reason):
            yield f"Checkpoint {checkpoint}: {reason}"
        case told.Rewound(what=what, direction=direction, to_seq=seq, checkpoint_id=checkpoint):
            way = "back" if direction == "back" else "forth again"
            place = f"event {seq}" if what != "files" else f"checkpoint {checkpoint}"
            yield f"Went {way} to {place} ({'files and conversation' if what == 'both' else what})"
        case told.TurnEnded():
            yield from _say_end(event)
        case told.TurnInterrupted(reason=reason, in_flight=calls):
            unknown = f"; {len(calls)} calls have no outcome" if calls else ""
            yield f"The turn was interrupted: {reason}{unknown}"
        case _:
            yield from _say_of_work(event)


def _say_of_work(event: told.Event | told.UnknownEvent) -> Iterator[str]:
    match event:
        case told.CheckRan(name=name, passed=passed, summary=summary):
            yield f"Check {name} {'passed' if passed else 'failed'}: {summary}"
        case told.FailedOver(from_provider=one, to_provider=other, reason=reason):
            yield f"{other} took over from {one}: {reason}"
        case told.Compacted(before_tokens=before, after_tokens=after):
            yield f"The conversation was shortened from {before} to {after} tokens"
        case told.BudgetHit(kind=kind, used=used, limit=limit):
            yield f"The budget of {kind} ended: {used:g} of {limit:g}"
        case told.Failed(message=message) | told.Warned(message=message) | told.SecurityNoticed(message=message):
            yield message
        case _:
            yield from _say_of_session(event)


def _say_of_session(event: told.Event | told.UnknownEvent) -> Iterator[str]:
    match event:
        case told.SessionRenamed(title=title):
            yield f"Renamed: {title}" if title else "The title was taken away"
        case told.SessionForked(parent=parent, parent_seq=seq):
            yield f"Everything before this is a copy of session {parent} up to its event {seq}"
        case told.Imported(source=source):
            yield f"Everything before this was imported from {source}"
        case told.SessionArchived():
            yield "Archived"
        case told.SessionRestored():
            yield "Restored from the archive"
        case told.UnknownEvent(type=kind):
            yield f"Something of a later version: {kind}"
        case _:
            return


def _say_end(event: told.TurnEnded) -> Iterator[str]:
    words = ["Done" if event.status == "success" else f"Ended with an error ({event.subtype}): {event.error}"]
    usage = event.usage
    if usage.input_tokens is not None or usage.output_tokens is not None:
        words.append(f"{usage.input_tokens or 0} tokens in, {usage.output_tokens or 0} out")
    if event.total_cost_usd is not None:
        words.append(f"${event.total_cost_usd:.4f}")
    if event.files_changed:
        words.append(f"changed {', '.join(map(printable_path, event.files_changed))}")
    yield "; ".join(words)


def _readable(arguments: Mapping[str, Any]) -> str:
    """Arguments, one after the other; text stands as it is."""
    return "\n".join(f"{name}: {value if isinstance(value, str) else dump(value)}" for name, value in arguments.items())


# --- Markdown -------------------------------------------------------------------------------------------------------


def to_markdown(recorded: Iterable[Recorded], *, title: str) -> Iterator[str]:
    """The session as Markdown, a piece for each entry. What people and models said stays the Markdown that it is."""
    yield f"# {_one_line(title)}\n"
    for entry in to_entries(recorded):
        head, body = _one_line(entry.head), neutralise(entry.body).strip("\n")
        when = to_timestamp(entry.at_ms / 1000)
        match entry.kind:
            case "user" | "assistant":
                yield f"\n## {head}\n\n*{when} · event {entry.seq}*\n\n{body}\n"
            case "note":
                yield f"\n> {_marked(head)} *({when}, event {entry.seq})*\n"
            case "picture":
                yield f"\n*{_marked(head)}*\n"
            case _:
                fence = _fence(body)
                yield f"\n**{_marked(head)}**\n\n{fence}text\n{body}\n{fence}\n"


def _one_line(text: str) -> str:
    return " ".join(neutralise(text).split())


def _marked(text: str) -> str:
    """Words in which nothing is a mark of Markdown."""
    return "".join(f"\\{one}" if one in "\\`*_[]<>#|" else one for one in text)


def _fence(text: str) -> str:
    """More backticks than stand in a row anywhere in the text."""
    return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))


# --- HTML -----------------------------------------------------------------------------------------------------------

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
pre { font: .9rem/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; }
article, details { border-left: .25rem solid #8888; margin: 1rem 0; padding: .25rem 1rem; }
.user { border-color: #37c; } .failed { border-color: #c33; } .assistant { border-color: #393; }
.assistant pre, .user pre { font: inherit; }
h2 { font-size: 1rem; margin: 0; } time, .seq, .note { color: #888; font-size: .85rem; } img { max-width: 100%; }
"""


def to_html(recorded: Iterable[Recorded], *, title: str) -> Iterator[str]:
    """The session as one page, a piece for each entry; it holds its style and pictures, and loads and runs nothing."""
    name = escape(_one_line(title))
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n"
    )
    for entry in to_entries(recorded):
        yield _html_of(entry)
    yield "</body>\n</html>\n"


def _html_of(entry: Entry) -> str:
    head = escape(_one_line(entry.head))
    mark = f'<time>{to_timestamp(entry.at_ms / 1000)}</time> <span class="seq">event {entry.seq}</span>'
    body = f"<pre>{escape(neutralise(entry.body))}</pre>"
    match entry.kind:
        case "note":
            return f'<p class="note">{head} {mark}</p>\n'
        case "picture":
            return f"<figure>{_picture(entry)}<figcaption>{head} {mark}</figcaption></figure>\n"
        case "user" | "assistant":
            return f'<article class="{entry.kind}"><h2>{head}</h2>{mark}{body}</article>\n'
        case _:
            return f'<details class="{entry.kind}"><summary>{head} {mark}</summary>{body}</details>\n'


def _picture(entry: Entry) -> str:
    """The picture itself when its kind runs nothing and its data is base64; else nothing."""
    from base64 import b64decode

    if entry.media_type not in PICTURES:
        return ""
    try:
        b64decode(entry.body, validate=True)
    except ValueError:
        return ""
    return f'<img alt="" src="data:{entry.media_type};base64,{entry.body}">'
