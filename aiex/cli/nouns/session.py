"""Sessions: what was asked, answered and done; look at them, go on with them, carry them elsewhere."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.rewinding import bisect_session, rewind_session
from aiex.cli.work import Work, answered
from aiex.errors import AiexError, UsageError
from aiex.events import Event, TextDelta, Warned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from click.shell_completion import CompletionItem

    from aiex.cli.flags import Form
    from aiex.cli.work import Markup
    from aiex.jobs.sessions.moving import As
    from aiex.jobs.sessions.replaying import Telling
    from aiex.wiring import Services

_HEAD = ("ID", "WHEN", "STATE", "TITLE", "MODEL", "TURNS", "TOKENS", "COST", "FILES", "WORKSPACE")
_PLACE = "EVENT|TIME"
_STDIN = "-"
_TELLINGS: Mapping[Form, Telling] = {"json": "data", "stream-json": "progress"}


def _complete_sessions(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from aiex.jobs.sessions.finding import name_sessions
    from aiex.wiring import Services

    try:
        named = name_sessions(Services(os.getcwd()).sessions.folder)
    except (AiexError, OSError):
        return []
    return [CompletionItem(id, help=words) for id, words in named if id.startswith(incomplete)]


Handler = TypeVar("Handler", bound="Callable[..., Any]")
_SESSION = click.argument("session", default="", metavar="[ID]", shell_complete=_complete_sessions)
_ONE_SESSION = click.argument("session", metavar="ID", shell_complete=_complete_sessions)


def _at(text: str) -> Callable[[Handler], Handler]:
    return click.option("--at", default="", metavar=_PLACE, help=text)


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Of every workspace, archived ones too.")
@click.option("--archived", is_flag=True, help="Those that are archived.")
@click.option("--last", default=20, type=click.IntRange(0), show_default=True, help="So many; 0 for all.")
def list_session(*, everything: bool, archived: bool, last: int) -> Work:
    """List the sessions of this workspace, the one used last first."""
    return _work("list session", lambda services: _list(services, last, everything=everything, archived=archived))


@click.command("show")
@_SESSION
@_at("As it was behind this event, or at this time (10m, 2h or 3d ago, 2026-01-31T10:00).")
def show_session(*, session: str, at: str) -> Work:
    """Show all that happened in a session, what is in flight, and what can be undone.

    ID is an id, the beginning of one, or a title; without it the last session of this workspace is shown.
    """
    return _work("show session", lambda services: _show(services, session, at))


@click.command("search")
@click.argument("text", nargs=-1, required=True)
@click.option("--all", "everything", is_flag=True, help="In every workspace.")
@click.option("--kind", type=click.Choice(["user", "assistant", "tool"]), default=None, help="What these said.")
@click.option("--last", default=20, type=click.IntRange(1), show_default=True, help="At most so many.")
def search_session(*, text: tuple[str, ...], everything: bool, kind: str | None, last: int) -> Work:
    """Find what was said: TEXT is words, "phrases" and beginnings* that all have to stand there."""
    return _work(
        "search session", lambda services: _search(services, " ".join(text), kind, last, everything=everything)
    )


@click.command("resume")
@_SESSION
def resume_session(*, session: str) -> Work:
    """Take up a session whose process died or whose turn did not end: tell what was in flight, and close it.

    No call is repeated: what has no outcome may have had effects. To go on: aiex ask --resume ID QUESTION
    """
    return _work("resume session", lambda services: _resume(services, session))


@click.command("fork")
@_SESSION
@_at("Copy it up to this event, or this time.")
def fork_session(*, session: str, at: str) -> Work:
    """Begin another session with what happened in this one; it stays as it is."""
    return _work("fork session", lambda services: _fork(services, session, at))


@click.command("rename")
@_ONE_SESSION
@click.argument("title", nargs=-1, required=True)
def rename_session(*, session: str, title: tuple[str, ...]) -> Work:
    """Give a session a title, by which it is found too; an empty one ('') takes it away."""
    return _work("rename session", lambda services: _rename(services, session, " ".join(title)))


@click.command("export")
@_SESSION
@click.option("--out", default="", type=click.Path(), metavar="FILE", help="Write there, to a new file, not to stdout.")
@click.option(
    "--as", "form", type=click.Choice(["jsonl", "markdown", "html"]), default="jsonl", show_default=True,
    help="JSON lines are complete and can be imported; the others are to be read.",
)  # fmt: skip
def export_session(*, session: str, out: str, form: As) -> Work:
    """Print a session, or write it to a file, to carry it elsewhere or to read it."""
    return _work("export session", lambda services: _export(services, session, out, form), _verbatim())


@click.command("import")
@click.argument("file", type=click.Path())
def import_session(*, file: str) -> Work:
    """Take in a session from FILE (- for standard input), once all of it was checked."""
    return _work("import session", lambda services: _import(services, file))


@click.command("archive")
@_ONE_SESSION
def archive_session(*, session: str) -> Work:
    """Put a session aside: compressed, and still shown, searched and exported."""
    return _work("archive session", lambda services: _archive(services, session))


@click.command("restore")
@_ONE_SESSION
def restore_session(*, session: str) -> Work:
    """Bring a session back from the archive, as it was."""
    return _work("restore session", lambda services: _restore(services, session))


@click.command("rm")
@_ONE_SESSION
def rm_session(*, session: str) -> Work:
    """Remove a session for good, with its key where it is encrypted; the files of the workspace stay."""
    return _work("rm session", lambda services: _remove(services, session))


@click.command("diff")
@_SESSION
@click.option("--from", "start", required=True, metavar=_PLACE, help="The earlier place; 0 for the very beginning.")
@click.option("--to", "end", default="", metavar=_PLACE, help="The later place; the end of the session by default.")
def diff_session(*, session: str, start: str, end: str) -> Work:
    """Show what lies between two places of a session: talk, files, permissions and cost."""
    return _work("diff session", lambda services: _diff(services, session, start, end))


@click.command("replay")
@_SESSION
@click.option("--from", "start", default="", metavar=_PLACE, help="Begin with this event, or behind this time.")
@click.option("--to", "end", default="", metavar=_PLACE, help="End with this event, or at this time.")
@click.option("--lines", is_flag=True, help="As the lines of stream-json that they were, and nothing else.")
def replay_session(*, session: str, start: str, end: str, lines: bool) -> Work:
    """Tell the events of a session again, with their numbers and times; nothing is done again.

    With -o stream-json each is a line of the type progress, and the line that it was stands in its data.
    """
    markup = _verbatim() if lines else "text"
    return _work("replay session", lambda services: _replay(services, session, start, end, lines=lines), markup=markup)


def _work(name: str, tell: Callable[[Services], Iterator[Event]], markup: Markup = "text") -> Work:
    """Work that needs no workspace, from what tells its events."""
    return Work(name, lambda services: lambda: tell(services), markup=markup, placeless=True)


def _verbatim() -> Markup:
    """What is meant for a program comes byte for byte, but not to a terminal, which it could steer."""
    return "text" if os.isatty(1) else "verbatim"


# --- looking --------------------------------------------------------------------------------------------------------


def _list(services: Services, last: int, *, everything: bool, archived: bool) -> Iterator[Event]:
    from aiex.jobs.sessions.showing import list_sessions, to_cells, to_data

    rows, count = list_sessions(
        services.sessions,
        root="" if everything else services.root,
        archived=True if archived else None if everything else False,
        last=last,
        is_shared=services.settings.get("sessions.store") != "sqlite",
    )
    width = len(_HEAD) if everything else len(_HEAD) - 1
    text = columns([to_cells(row)[:width] for row in rows], head=_HEAD[:width])
    if count > len(rows):
        text += f"\n\n{len(rows)} of {count} sessions; all of them: --last 0"
    nothing = "no session" if everything else "no session of this workspace; of every workspace: --all"
    yield answered(text or nothing, {"sessions": [to_data(row) for row in rows], "count": count})


def _show(services: Services, wanted: str, at: str) -> Iterator[Event]:
    from aiex.jobs.sessions.showing import show_session

    session = _find(services, wanted)
    shown = show_session(services.sessions, session, at_seq=_place(services, session, at))
    if shown.problem:
        yield Warned(shown.problem, "what is before it is shown")
    yield answered(shown.text, shown.data)


def _search(services: Services, question: str, kind: str | None, last: int, *, everything: bool) -> Iterator[Event]:
    from aiex.jobs.sessions.finding import find_said
    from aiex.jobs.sessions.showing import hit_cells, hits_data

    root = "" if everything else services.root
    hits = find_said(services.sessions, question, root=root, kind=kind, last=last)
    if hits.not_opened:
        yield Warned(f"encrypted sessions that cannot be opened were left out: {', '.join(hits.not_opened)}")
    text = columns(list(map(hit_cells, hits.hits)), head=("SESSION", "EVENT", "WHEN", "WHO", "SAID"))
    yield answered(text or "nothing was found", hits_data(hits))


def _diff(services: Services, wanted: str, start: str, end: str) -> Iterator[Event]:
    from aiex.jobs.sessions.comparing import compare, render, to_data

    session = _find(services, wanted)
    first, last = _place(services, session, start, least=0), _place(services, session, end, least=0)
    found = compare(services.sessions, session, first, last)
    yield answered(render(found), to_data(found))


def _replay(services: Services, wanted: str, start: str, end: str, *, lines: bool) -> Iterator[Event]:
    from aiex.cli.forms.json_lines import escape
    from aiex.cli.streams import writes_unicode
    from aiex.jobs.sessions.replaying import replay

    session = _find(services, wanted)
    last = _place(services, session, end)
    first = _place(services, session, start, least=0) if start else 0
    if start and not start.isdigit():
        first += 1  # what happened until then is over
    first = max(first, 1)
    if last < first:
        raise UsageError(f"event {last} comes before event {first}", hint="--from names the earlier one")
    telling = _TELLINGS.get(services.settings.get("output.format")) or ("lines" if lines else "words")
    odd = not writes_unicode()
    for event in replay(services.sessions, session, first, last, telling):
        yield TextDelta(escape(event.text, ascii_only=odd)) if lines and isinstance(event, TextDelta) else event


# --- changing -------------------------------------------------------------------------------------------------------


def _resume(services: Services, wanted: str) -> Iterator[Event]:
    from aiex.jobs.sessions.changing import render, take_up, tidy, to_data

    session = _find(services, wanted)
    found = take_up(services.sessions, session, services.gate.judge.role)
    if found.state.root == services.root:
        yield from tidy(services.checkpoints, found)
    yield replace(answered(render(found), to_data(found)), resume=session)


def _fork(services: Services, wanted: str, at: str) -> Iterator[Event]:
    from aiex.jobs.sessions.changing import fork

    session = _find(services, wanted)
    seq = _place(services, session, at)
    child = fork(services.sessions, session, seq, services.gate.judge.role)
    text = f'session {child} begins as {session} was behind event {seq}\n\naiex ask --resume {child} "..."'
    yield replace(answered(text, {"session": child, "parent": session, "parent_seq": seq}), resume=child)


def _rename(services: Services, wanted: str, title: str) -> Iterator[Event]:
    from aiex.guard.neutral import printable_path
    from aiex.jobs.sessions.changing import rename

    session = _find_one(services, wanted)
    kept = rename(services.sessions, session, title, services.gate.judge.role)
    text = f"session {session} is called {printable_path(kept)}" if kept else f"session {session} has no title"
    yield answered(text, {"session": session, "title": kept})


def _archive(services: Services, wanted: str) -> Iterator[Event]:
    from aiex.jobs.sessions.changing import put_aside

    session = _find_one(services, wanted)
    file = put_aside(services.sessions, session, services.gate.judge.role)
    text = f"session {session} is archived in {file}\n\nto bring it back: aiex restore session {session}"
    yield answered(text, {"file": file, "session": session, "archived": True})


def _restore(services: Services, wanted: str) -> Iterator[Event]:
    from aiex.jobs.sessions.changing import fetch_back

    session = _find_one(services, wanted)
    fetch_back(services.sessions, session, services.gate.judge.role)
    yield answered(f"session {session} is back from the archive", {"session": session, "archived": False})


def _remove(services: Services, wanted: str) -> Iterator[Event]:
    from aiex.jobs.sessions.changing import remove

    session = _find_one(services, wanted)
    remove(services.sessions, session, services.gate)
    yield answered(f"session {session} is removed", {"session": session, "removed": True})


# --- carrying -------------------------------------------------------------------------------------------------------


def _export(services: Services, wanted: str, out: str, form: As) -> Iterator[Event]:
    from aiex.cli.streams import writes_unicode
    from aiex.jobs.sessions.moving import export_blocks, export_texts

    session, output = _find(services, wanted), services.settings.get("output.format")
    said = {"session": session, "as": form}
    if out:
        from aiex.guard.handover import write_new
        from aiex.guard.neutral import printable_path

        path = _path(services, out)
        size = write_new(path, export_blocks(services.sessions, session, form))
        yield answered(f"session {session} is in {printable_path(path)}", {**said, "file": path, "bytes": size})
    elif output == "json":
        yield answered("".join(export_texts(services.sessions, session, form)), said)
    elif output == "text" and not writes_unicode():
        raise UsageError("standard output takes no UTF-8, so the export would not be whole", hint="--out FILE")
    else:
        yield from map(TextDelta, export_texts(services.sessions, session, form))
        yield answered("", said)


def _import(services: Services, file: str) -> Iterator[Event]:
    from contextlib import nullcontext
    from io import BytesIO

    from aiex.guard.handover import open_named
    from aiex.jobs.sessions.moving import take_in, warnings_of

    stdin = sys.stdin.buffer if sys.stdin else BytesIO()
    with nullcontext(stdin) if file == _STDIN else open_named(_path(services, file)) as source:
        name = "standard input" if file == _STDIN else file
        brought = take_in(services.sessions, source, name, services.gate.judge.role)
    yield from warnings_of(brought)
    events = "1 event" if brought.events == 1 else f"{brought.events} events"
    yield answered(f"session {brought.session} is here, with {events}", asdict(brought))


def _path(services: Services, path: str) -> str:
    return os.path.join(services.cwd, os.path.expanduser(path))


# --- which one ------------------------------------------------------------------------------------------------------


def _find(services: Services, wanted: str) -> str:
    from aiex.jobs.sessions.finding import find_session

    return find_session(services.sessions, wanted, root=services.root)


def _find_one(services: Services, wanted: str) -> str:
    """One that has to be named: an empty word stands for none."""
    if not wanted.strip():
        raise UsageError("which session?", hint="aiex list sessions")
    return _find(services, wanted)


def _place(services: Services, session: str, place: str, *, least: int = 1) -> int:
    from aiex.jobs.sessions.finding import find_place

    return find_place(services.sessions.log, session, place, least=least)


NOUN = Noun(
    {
        "list": list_session,
        "show": show_session,
        "search": search_session,
        "resume": resume_session,
        "fork": fork_session,
        "rename": rename_session,
        "diff": diff_session,
        "replay": replay_session,
        "rewind": rewind_session,
        "bisect": bisect_session,
        "export": export_session,
        "import": import_session,
        "archive": archive_session,
        "restore": restore_session,
        "rm": rm_session,
    }
)
