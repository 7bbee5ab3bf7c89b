"""One renderer for each event: what it adds to the story of the talk. What nobody knows shows as a plain line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiex import events as told
from aiex.guard.neutral import neutralise, printable_path
from aiex.messages import Document, Image, Reasoning, Refusal, Text, ToolCall
from aiex.tui.blocks import Call, Closing, Said
from aiex.tui.hints import said_here

if TYPE_CHECKING:
    from aiex.events import Event
    from aiex.tui.blocks import Tone
    from aiex.tui.story import Story

ABOUT_CHARS: Final = 160
WORD_CHARS: Final = 40
"""A longer argument that is not the first is left out."""
_SHOWN_BELOW: Final = frozenset({"old", "new", "content", "patch"})
"""What an edit does stands below its call."""
_EXIT: Final = re.compile(r"exit code (\d{1,3})\b")
"""How the result of a command begins."""
_BACK: Final = re.compile(r"^(to take this back: )aiex ", re.MULTILINE)
"""Said of what was done to files, for a shell."""
_STEERING: Final = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")
"""What sets colours and moves the cursor; programs write it where nobody asked for it."""
TYPED_END: Final = "exited"
"""How the end of a command is called that a person typed: it is no part of the talk."""
_CUT_SHORT: Final = {
    "max_tokens": "the answer was cut at the length that the vendor allows",
    "content_filter": "the vendor's filter cut the answer",
}


def render(story: Story, event: Event | told.UnknownEvent) -> None:
    """Put what an event says where it belongs."""
    renderer = RENDERERS.get(type(event))
    if renderer is None:
        name = event.type if isinstance(event, told.UnknownEvent) else type(event).__name__
        story.note(f"{name}: nothing is known of this kind of event")
    else:
        renderer(story, event)


# --- the talk --------------------------------------------------------------------------------------------------------


def _user_spoke(story: Story, event: told.UserSpoke) -> None:
    story.end_parts()
    story.turn += 1
    story.has_answered = False
    texts = [part.text for part in event.parts if isinstance(part, Text)]
    attached = [
        part.title if isinstance(part, Document) else "a picture"
        for part in event.parts
        if isinstance(part, Document | Image)
    ]
    story.add(Said(neutralise("\n".join(texts)), story.turn, tuple(map(neutralise, attached))))


def _text_delta(story: Story, event: told.TextDelta) -> None:
    story.speak(event.text)


def _reasoning_delta(story: Story, event: told.ReasoningDelta) -> None:
    story.think(event.text)


def _assistant_spoke(story: Story, event: told.AssistantSpoke) -> None:
    if not story.has_spoken:
        for part in event.parts:
            match part:
                case Text(text=text):
                    story.speak(text)
                case Reasoning(text=text) if text:
                    story.think(text)
                case Refusal(text=text):
                    story.note(f"the model declined: {text}", "warning")
                case _:
                    continue
    story.end_parts()
    story.has_spoken = False
    if any(isinstance(part, Text | Refusal) and part.text.strip() for part in event.parts):
        story.has_answered = True
    story.speaker = f"{event.provider}/{event.model}".strip("/")
    for part in event.parts:
        if isinstance(part, ToolCall):
            story.calls[part.id] = story.add(
                Call(part.id, neutralise(part.name), describe(part.arguments), state="waiting")
            )


def _started(story: Story, event: told.Started) -> None:
    story.has_spoken = False


# --- calls -----------------------------------------------------------------------------------------------------------


def _tool_started(story: Story, event: told.ToolStarted) -> None:
    story.end_parts()
    call = story.calls.get(event.call_id)
    if call is None:
        call = story.calls[event.call_id] = story.add(
            Call(event.call_id, neutralise(event.name), describe(event.arguments))
        )
    call.state = "running"
    call.touch()
    story.changed(call)


def _tool_wrote(story: Story, event: told.ToolWrote) -> None:
    if (call := story.calls.get(event.call_id)) is not None:
        text = _STEERING.sub("", event.text).replace("\r\n", "\n")
        call.write("\r".join(map(neutralise, text.split("\r"))))
        story.changed(call)


def _tool_finished(story: Story, event: told.ToolFinished) -> None:
    call = story.calls.pop(event.call_id, None)
    if call is None:
        call = story.add(Call(event.call_id, neutralise(event.name)))
    ended = _EXIT.match(event.text)
    call.exit_code = int(ended[1]) if ended else None
    if call.state != "refused":
        call.state = "failed" if event.is_error or call.exit_code else "done"
    call.result = neutralise(_STEERING.sub("", event.text))
    call.duration_ms = event.duration_ms
    call.touch()
    story.changed(call)


def _file_edited(story: Story, event: told.FileEdited) -> None:
    running = [call for call in story.calls.values() if call.state == "running"]
    path = printable_path(event.path)
    if not running:
        story.note(f"{event.change} {path} (+{event.added_lines} -{event.removed_lines})")
        return
    running[-1].edits.append((path, event.change, event.added_lines, event.removed_lines))
    running[-1].touch()
    story.changed(running[-1])


def _approval_asked(story: Story, event: told.ApprovalAsked) -> None:
    story.asked[event.approval_id] = (neutralise(event.action), neutralise(event.reason))


def _approval_given(story: Story, event: told.ApprovalGiven) -> None:
    action, reason = story.asked.pop(event.approval_id, ("something", ""))
    who = "you" if event.decided_by == "person" else "the rules"
    rule = f" ({reason})" if reason else ""
    if event.allowed:
        until = {"once": "this time", "session": "in this session"}.get(event.scope, f"for the {event.scope}")
        story.note(f"{who} allowed it {until}: {action}{rule}", "good")
    else:
        story.note(f"{who} refused: {action}{rule}", "warning")


# --- seams -----------------------------------------------------------------------------------------------------------


def _failed_over(story: Story, event: told.FailedOver) -> None:
    story.end_parts()
    what = "goes on with the answer" if event.mid_answer else "answers"
    story.note(f"{event.to_provider} {what} instead of {event.from_provider}: {event.reason}", "seam")


def _stopped(story: Story, event: told.Stopped) -> None:
    if words := _CUT_SHORT.get(event.reason):
        story.end_parts()
        story.note(words, "warning")


def _retrying(story: Story, event: told.Retrying) -> None:
    when = f" in {event.wait_s:.0f} s" if event.wait_s >= 1 else ""
    story.note(f"asking again{when}: {event.reason}", "seam")


def _checkpoint(story: Story, event: told.CheckpointTaken) -> None:
    story.note(f"checkpoint {event.checkpoint_id[:12]}: {event.reason}", "seam")


def _rewound(story: Story, event: told.Rewound) -> None:
    way = "went back to" if event.direction == "back" else "went forth again to"
    place = f"event {event.to_seq}" if event.what != "files" else f"checkpoint {event.checkpoint_id[:12]}"
    story.note(f"{way} {place} ({'files and talk' if event.what == 'both' else event.what})", "seam")


def _compacted(story: Story, event: told.Compacted) -> None:
    line = f"the talk was shortened from about {event.before_tokens:,} to {event.after_tokens:,} tokens"
    story.note(line, "seam", event.summary)


def _budget(story: Story, event: told.BudgetHit) -> None:
    used, limit = (_amount(event.kind, value) for value in (event.used, event.limit))
    if event.used < event.limit:
        story.note(f"the budget of {event.kind} ends before the next request: {used} of {limit} used", "warning")
    else:
        story.note(f"the budget of {event.kind} ended: {used} of {limit}", "warning")


def _amount(kind: str, value: float) -> str:
    if kind == "money":
        return f"${value:.4f}".rstrip("0").rstrip(".")
    return f"{value:,.0f} s" if kind == "time" else f"{value:,.0f}"


def _check(story: Story, event: told.CheckRan) -> None:
    outcome = "passed" if event.passed else "FAILED"
    facts = [] if event.exit_code in (None, 0) else [f"exit {event.exit_code}"]
    facts += [] if event.duration_ms is None else [f"{event.duration_ms / 1000:.1f} s"]
    facts += [] if event.required else ["not required"]
    said = f" ({', '.join(facts)})" if facts else ""
    command = f"\n{event.command}" if event.command and event.command != event.name else ""
    tone: Tone = "good" if event.passed else "error" if event.required else "warning"
    first, _, rest = event.summary.strip().partition("\n")
    brief = f": {first}" if first and not event.passed and len(first) <= ABOUT_CHARS else ""
    detail = event.summary.strip() if rest or not brief else ""
    story.note(f"check {event.name} {outcome}{said}{brief}", tone, f"{detail}{command}".strip("\n"))


def _warned(story: Story, event: told.Warned) -> None:
    story.note(event.message, "warning", said_here(event.hint))


def _noted(story: Story, event: told.Noted) -> None:
    story.note(event.message)


def _security(story: Story, event: told.SecurityNoticed) -> None:
    story.note(f"security: {event.message}", "warning")


def _failed(story: Story, event: told.Failed) -> None:
    story.end_parts()
    story.note(event.message, "error", said_here(event.hint))


def _session_started(story: Story, event: told.SessionStarted) -> None:
    whom = f"{event.provider}/{event.model}" if event.model != event.provider else event.provider
    story.note(f"aiex {event.version} in {printable_path(event.root or event.cwd)}, asking {whom}", "seam")


def _session_renamed(story: Story, event: told.SessionRenamed) -> None:
    story.note(f"this session is called {event.title}" if event.title else "this session has no title any more")


def _session_forked(story: Story, event: told.SessionForked) -> None:
    story.note(f"a copy of session {event.parent} up to event {event.parent_seq}", "seam")


def _session_archived(story: Story, event: told.SessionArchived) -> None:
    story.note("this session was put aside", "seam")


def _session_restored(story: Story, event: told.SessionRestored) -> None:
    story.note("this session was fetched back", "seam")


def _imported(story: Story, event: told.Imported) -> None:
    story.note(f"imported from {event.source}", "seam")


def _pinned(story: Story, event: told.Pinned) -> None:
    story.note(f"event {event.at_seq} {'stays' if event.pinned else 'no longer stays'} through shortening")


def _left_out(story: Story, event: told.LeftOut) -> None:
    story.note(f"the model {'no longer sees' if event.left_out else 'sees again'} what event {event.at_seq} says")


def _interrupted(story: Story, event: told.TurnInterrupted) -> None:
    story.end_parts()
    _fail_open_calls(story)
    story.note(f"the turn was cut off: {event.reason}", "warning", ", ".join(event.in_flight))


# --- the end of a turn -----------------------------------------------------------------------------------------------


def _turn_ended(story: Story, event: told.TurnEnded) -> None:
    if event.subtype == TYPED_END:  # of a session that is opened again
        render_printed(story, "run sandbox", event, "verbatim")
        return
    story.end_parts()
    _fail_open_calls(story)
    usage = event.usage
    counts = [count for count in (usage.input_tokens, usage.output_tokens) if count is not None]
    tokens = sum(counts) if counts else None
    is_silent = story.has_answered is False and event.status == "success" and not event.answer.strip()
    silence: Iterable[tuple[str, Tone]] = [("the turn ended without an answer", "warning")] if is_silent else []
    story.add(Closing((*silence, *_sum_up(event)), event.duration_ms, tokens, event.total_cost_usd))


def _fail_open_calls(story: Story) -> None:
    """Calls that a turn left open have no outcome."""
    for call in story.calls.values():
        call.state = "failed"
        call.result = call.result or "it has no outcome: the turn ended before"
        call.touch()
        story.changed(call)
    story.calls.clear()


def _sum_up(ended: told.TurnEnded) -> Iterable[tuple[str, Tone]]:
    """What the log says came of it."""
    if ended.subtype == "interrupted":
        yield "stopped; what was said and done is kept", "warning"
    elif ended.status == "error":
        yield neutralise(ended.error or ended.subtype), "error"
        if ended.hint:
            yield neutralise(said_here(ended.hint)), "note"
    files: Any = (ended.data or {}).get("files", ())
    for one in files:
        if isinstance(one, Mapping) and "change" in one:
            counts = f"(+{one.get('added', 0)} -{one.get('removed', 0)})"
            yield f"{one['change']} {printable_path(str(one.get('path', '')))} {counts}", "note"
    for check in ended.checks:
        stale = "" if check.get("current") else ", before the last edit"
        name = neutralise(str(check.get("command") or check.get("name")))
        passed = bool(check.get("passed"))
        yield f"check {name}: {'passed' if passed else 'FAILED'}{stale}", "good" if passed else "error"
    if ended.files_changed and not any(check.get("current") for check in ended.checks):
        yield "no check ran since the last edit", "warning"


def render_printed(story: Story, name: str, ended: told.TurnEnded, markup: str) -> None:
    """The answer of a command that is no part of the talk."""
    story.end_parts()
    if ended.status == "error":
        story.note(ended.error or ended.subtype, "error", said_here(ended.hint))
    if not ended.answer.strip():
        return
    if markup == "markdown":
        story.speak(ended.answer)
        story.end_parts()
        story.has_spoken = False
    else:
        story.print(name, _BACK.sub(r"\1/", ended.answer.rstrip("\n")))


def describe(arguments: Mapping[str, Any]) -> str:
    """Arguments of a call on one line: the first text says most, of the others what is short."""
    first = next((name for name, value in arguments.items() if isinstance(value, str) and value.strip()), None)
    words = [] if first is None else [" ".join(arguments[first][: 4 * ABOUT_CHARS].split())]
    for name, value in arguments.items():
        if name == first or name in _SHOWN_BELOW:
            continue
        if isinstance(value, list | Mapping):
            words.append(f"{name}: {len(value)}")
        elif value not in (None, "") and len(short := str(value)) <= WORD_CHARS and "\n" not in short:
            words.append(f"{name}={short}")
    text = "  ".join(words)
    return neutralise(text if len(text) <= ABOUT_CHARS else f"{text[: ABOUT_CHARS - 1]}…").replace("\n", " ")


def _nothing(_story: Story, _event: Event) -> None:
    """It is shown elsewhere: in the status line, or by the event that follows."""


RENDERERS: Final[Mapping[type, Callable[[Story, Any], None]]] = {
    told.Started: _started,
    told.TextDelta: _text_delta,
    told.ReasoningDelta: _reasoning_delta,
    told.ToolCallStarted: _nothing,
    told.ToolCallDelta: _nothing,
    told.PartEnded: _nothing,
    told.UsageUpdated: _nothing,
    told.Retrying: _retrying,
    told.Waiting: _nothing,
    told.FailedOver: _failed_over,
    told.Stopped: _stopped,
    told.Failed: _failed,
    told.SessionStarted: _session_started,
    told.UserSpoke: _user_spoke,
    told.AssistantSpoke: _assistant_spoke,
    told.ToolStarted: _tool_started,
    told.ToolWrote: _tool_wrote,
    told.ToolFinished: _tool_finished,
    told.ApprovalAsked: _approval_asked,
    told.ApprovalGiven: _approval_given,
    told.FileEdited: _file_edited,
    told.CheckpointTaken: _checkpoint,
    told.Rewound: _rewound,
    told.Compacted: _compacted,
    told.Pinned: _pinned,
    told.LeftOut: _left_out,
    told.SessionRenamed: _session_renamed,
    told.SessionForked: _session_forked,
    told.SessionArchived: _session_archived,
    told.SessionRestored: _session_restored,
    told.Imported: _imported,
    told.TurnInterrupted: _interrupted,
    told.BudgetHit: _budget,
    told.CheckRan: _check,
    told.Progressed: _nothing,
    told.Noted: _noted,
    told.Warned: _warned,
    told.SecurityNoticed: _security,
    told.TurnEnded: _turn_ended,
}
