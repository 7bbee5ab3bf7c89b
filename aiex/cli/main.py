"""The command line in five stages: parse, validate, route, execute, present."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from types import FrameType
from typing import TYPE_CHECKING

import click

from aiex import __version__, dirs
from aiex.cli.driver import Show, execute
from aiex.cli.flags import Flags, Form, find_form, understand_chat, understand_print
from aiex.cli.groups import COMPLETE_VARIABLE, Root
from aiex.cli.journal import note_end
from aiex.cli.printer import Printer, open_printer
from aiex.cli.streams import (
    StdoutLost,
    end_interrupted,
    end_unwritable,
    flush_stdout,
    is_terminal,
    prepare_streams,
    say,
    write_stdout,
)
from aiex.cli.work import Events, Job, Work
from aiex.errors import AiexError, UsageError
from aiex.events import TurnEnded
from aiex.record import record
from aiex.runs.opening import Opening
from aiex.runs.outcomes import (
    BUG_EXIT,
    HANG_UP_EXIT,
    TERMINATED_EXIT,
    Terminated,
    to_crash,
    to_failure,
    to_interruption,
    to_outcome,
)
from aiex.runs.recording import open_recording, start_of
from aiex.wiring import NOWHERE, Services, Tape, open_services

if TYPE_CHECKING:
    from aiex.cli.hosting import CommandLine
    from aiex.events import Warned
    from aiex.runs.recording import Recording
    from aiex.settings import Settings
    from aiex.telemetry import Level

DEFAULT_LEVEL: Level = "warning"


@record
class Invocation:
    """A command line whose words are understood."""

    work: Work
    flags: Flags


@record
class Route:
    """The events of a started job, and whether it waits for the outside world."""

    events: Events
    waits: bool


OpenScreen = Callable[["CommandLine", Services, Opening], int]


class Answered(Exception):
    """The words themselves were the question, such as `--help`; `text` is the answer."""

    def __init__(self, exit_code: int, text: str) -> None:
        super().__init__(exit_code, text)
        self.exit_code = exit_code
        self.text = text


def run(arguments: list[str], open_screen: OpenScreen | None = None) -> int:
    """Run one command line, show everything, and give the process exit code.

    Args:
        arguments: Without the name of the program.
        open_screen: Opens a screen; None where there is none.
    """
    prepare_streams()
    if sys.stdout is None:
        return end_unwritable(OSError("it is closed"))
    _listen()
    code = 0
    try:
        code = _run(arguments, open_screen)
        flush_stdout()
    except StdoutLost as lost:
        unwritable = end_unwritable(lost.error)
        code = code if code == HANG_UP_EXIT else unwritable  # a screen knows why already
    except Terminated:
        code = end_interrupted(TERMINATED_EXIT)
    except Exception as error:  # noqa: BLE001  (showing the outcome failed)
        say(f"error: {to_crash(error, arguments).error}")
        code = BUG_EXIT
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # too late to interrupt anything: no traceback while Python winds up
    return code


def _run(arguments: list[str], open_screen: OpenScreen | None) -> int:
    if COMPLETE_VARIABLE in os.environ:
        from aiex.cli.completion import complete

        return complete(os.environ[COMPLETE_VARIABLE])
    printer, level, bug = open_printer(find_form(arguments)), DEFAULT_LEVEL, None
    opened: Recording | None = None
    try:
        invocation = parse(arguments)
        if invocation.work.opening is not None and open_screen is not None:
            return _show_screen(invocation, invocation.work.opening, open_screen)
        from aiex.cli.waits import tell_waits

        tell_waits()
        with contextlib.closing(find_services(invocation)) as services:
            settings = find_settings(invocation, services)
            level = settings.get("log.level")
            opened, warnings = open_recording(invocation.work, services, to_outcome)
            with opened as recording:
                printer = choose_printer(invocation, settings, services.session, recording)
                services.tell = show = keeping(recording, printer)
                _introduce(invocation, services, show, warnings)
                started = route(validate(invocation, services), services, waits=invocation.work.waits)
                ended = recording.end(execute(started.events, show, waits=started.waits))
    except Answered as answer:
        write_stdout(answer.text)
        return answer.exit_code
    except AiexError as error:
        ended = (opened.cut_short if opened else None) or to_failure(error)
    except (KeyboardInterrupt, Terminated) as cause:
        _ignore_signals()
        ended = (opened.cut_short if opened else None) or to_interruption(cause)
    except (StdoutLost, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001  (the outermost door; extension modules raise past Exception)
        ended, bug = to_crash(error, arguments), error
    note_end(ended, arguments, level, bug)
    return present(ended, printer)


def _show_screen(invocation: Invocation, opening: Opening, open_screen: OpenScreen) -> int:
    """Open a screen; the exit code. What is wrong before it opens is told as for any command."""
    from aiex.cli.drawing import needs_lines
    from aiex.cli.hosting import CommandLine

    if not is_terminal():
        raise UsageError("a screen needs a terminal on both sides", hint='without one: aiex run "PROMPT"')
    host = CommandLine(invocation)
    services = host.open({})
    if needs_lines(services.settings.get("screen.reader")):
        from aiex.cli.linemode import talk_in_lines

        return talk_in_lines(host, services, opening)
    return open_screen(host, services, opening)


# --- parse ---------------------------------------------------------------------------------------------------------


def parse(arguments: list[str]) -> Invocation:
    """Understand the words.

    Raises:
        UsageError: if they make no sense, with the nearest that do as the hint.
        Answered: if they asked for help or the version.
    """
    if not arguments:
        return Invocation(_begin(), Flags())
    arguments = understand_chat(understand_print(arguments))
    root = Root()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), root.make_context("aiex", list(arguments)) as ctx:
            flags = ctx.ensure_object(Flags)
            work = root.invoke(ctx)
    except click.exceptions.Exit as ended:
        raise Answered(ended.exit_code, printed.getvalue()) from None
    except click.UsageError as error:
        from aiex.cli.misuse import to_usage_error

        raise to_usage_error(error) from error
    if not isinstance(work, Work):
        raise TypeError(f"the command gave {type(work).__name__}, not work to do")
    return Invocation(work, flags)


def _begin() -> Work:
    """What `aiex` alone does: on a terminal it opens the screen; elsewhere it is a mistake."""
    if not is_terminal():
        raise UsageError("no command given", hint="aiex help")
    from aiex.cli.commands.chat import open_chat

    return open_chat()


# --- validate ------------------------------------------------------------------------------------------------------


def find_services(invocation: Invocation) -> Services:
    """The services for the place and the settings that the flags name.

    Raises:
        UsageError: if the place is no directory, the current one is gone and it matters, or a worktree is wanted where
            nothing may be written.
    """
    flags = invocation.flags
    try:
        start = os.getcwd()
    except OSError as error:
        if not (os.path.isabs(flags.cwd) if flags.cwd else invocation.work.placeless):
            raise UsageError("the current directory is gone", hint="change to a directory that exists") from error
        start = NOWHERE
    if invocation.work.worktree:
        with contextlib.closing(_open_services(start, flags)) as services:
            _require_writing(services.settings)
        start, flags.cwd = enter_worktree(os.path.join(start, flags.cwd or "."), invocation.work.worktree), None
    return _open_services(start, flags)


def _open_services(start: str, flags: Flags) -> Services:
    return open_services(
        start,
        flags.cwd,
        overrides=flags.overrides,
        profile=flags.profile,
        flags=flags.to_settings(),
        tape=Tape(flags.record, flags.replay),
    )


def _require_writing(settings: Settings) -> None:
    """Raise UsageError where the settings say that nothing is written."""
    for key, value in (("policy.mode", "plan"), ("sandbox.mode", "read-only")):
        if settings.get(key) == value:
            raise UsageError(
                f"a worktree is made on disk, and {key} is {value}, so nothing may be written",
                hint="leave out --worktree, or use another mode",
            )


def enter_worktree(start: str, name: str) -> str:
    """The worktree of a name beside the repository around a directory, made if it is not there; its directory.

    Raises as `open_worktree`.
    """
    from aiex.guard.neutral import printable_path
    from aiex.guard.sandbox.files import find_root
    from aiex.guard.sandbox.worktrees import open_worktree

    root = find_root(os.path.normpath(start))
    path = open_worktree(root, f"{root}.worktrees", name)
    say(f"note: works in {printable_path(path)}, on the branch aiex/{name}")
    return path


def find_settings(invocation: Invocation, services: Services) -> Settings:
    """The settings; what must work when they are broken gets the built-in ones then."""
    if invocation.work.sturdy:
        return services.sturdy_settings
    dirs.require_whole(services.environ)
    return services.settings


def validate(invocation: Invocation, services: Services) -> Job:
    """Check the values against the world, and give the job that is ready to start."""
    return invocation.work.prepare(services)


# --- route ---------------------------------------------------------------------------------------------------------


def route(job: Job, services: Services, *, waits: bool = False) -> Route:
    """Start the job and choose who steps it."""
    events = job()
    return Route(events, waits=isinstance(events, AsyncIterator) and (waits or not services.is_offline))


# --- present -------------------------------------------------------------------------------------------------------


def choose_printer(invocation: Invocation, settings: Settings, session: str, recording: Recording) -> Printer:
    """The printer for the form that flags, environment and settings ask for; it counts on where the session ends."""
    flags = invocation.flags
    form: Form = settings.get("output.format")
    return open_printer(
        form,
        settings.get("output.color"),
        markup=invocation.work.markup,
        quiet=flags.quiet,
        verbosity=flags.verbosity,
        session=session,
        last_seq=recording.last_seq,
        turn=recording.turn,
    )


def keeping(recording: Recording, printer: Printer) -> Show:
    """Shows each event when it is kept; where it cannot be, that is shown too."""
    return lambda event: recording.tell(event, printer.show)


def _introduce(invocation: Invocation, services: Services, show: Show, warnings: Iterable[Warned]) -> None:
    """Tell what runs where, what is odd about the settings, and what else there is to say first."""
    show(start_of(invocation.work, services, __version__))
    for warning in () if invocation.work.sturdy else services.settings.warnings:
        show(warning)
    for warning in warnings:
        show(warning)


def present(ended: TurnEnded, printer: Printer) -> int:
    """Show the outcome; the exit code is 0 only for success."""
    printer.end(ended)
    return ended.exit_code if ended.exit_code or ended.status == "success" else 1


# --- signals -------------------------------------------------------------------------------------------------------


def _listen() -> None:
    """Let SIGTERM end the run as Ctrl-C does, and the end of the terminal too, unless that is to be outlived."""
    process = os.getpid()

    def terminate(_number: int, _frame: FrameType | None) -> None:
        if os.getpid() != process:  # a forked worker inherits this, and has nothing to wind up
            os._exit(TERMINATED_EXIT)
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
        signal.signal(number, signal.SIG_IGN)
