"""The talk line by line: for terminals that can do nothing but print, and for screen readers."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from aiex import __version__
from aiex.cli.driver import execute
from aiex.cli.printer import open_printer
from aiex.cli.streams import StdoutLost, read_line, say, write_stdout
from aiex.cli.waits import tell_waits
from aiex.errors import AiexError, UsageError
from aiex.events import Noted, TurnEnded
from aiex.runs.changing import carry_over
from aiex.runs.opening import Opening, Shown
from aiex.runs.outcomes import INTERRUPTED_EXIT, Terminated, to_crash, to_failure, to_interruption, to_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiex.cli.driver import RunLoop
    from aiex.cli.hosting import CommandLine
    from aiex.cli.printer import Printer
    from aiex.cli.work import Markup, Work
    from aiex.events import Event
    from aiex.runs.recording import Recording
    from aiex.wiring import Services

LEAVE_S: Final = 2.0
"""Two Ctrl-C within so long leave."""
_HELP: Final = """\
Type what you want and press Enter.
  /new [WISH]       begin a new session
  /model [NAME]     go on with another model
  /mode [NAME]      what is done unasked: plan, ask, accept-edits, auto, deny, bypass
  /quit             leave; Ctrl-D does too
  /COMMAND ...      any command of aiex, such as /undo or /list sessions; /help COMMAND tells of it
  !COMMAND ...      run a command in the sandbox
Ctrl-C stops what runs, and twice leaves."""


def talk_in_lines(host: CommandLine, services: Services, opening: Opening) -> int:
    """Do what is typed, line by line, until the person leaves; the exit code."""
    os.environ["TERM"] = "dumb"  # nothing that is printed from here on moves the cursor
    tell_waits()
    with asyncio.Runner() as runner:
        talk = LineTalk(host, services, runner.run)
        with closing(talk):
            return talk.run(opening)


class _Left(Exception):
    """The person wants to leave."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class LineTalk:
    """One session, from line to line.

    Args:
        host: The command line that was typed.
        services: To begin with.
        run_loop: Runs something in the one event loop of the talk.
    """

    def __init__(self, host: CommandLine, services: Services, run_loop: RunLoop) -> None:
        self._host = host
        self._services = services
        self._run_loop = run_loop
        self._changes: dict[str, object] = {}
        self._recording: Recording | None = None
        self._stopped_s = float("-inf")
        self._told: set[Event] = set()
        self._kept = ""

    def run(self, opening: Opening) -> int:
        """Greet, do what was wanted at once, then every line."""
        code = 0
        try:
            say(f"aiex {__version__}, {self._services.model}; /help tells what can be typed, Ctrl-D leaves")
            self._enter(opening)
            while (line := self._read()) is not None:
                if line.strip():
                    self._do(line.strip())
        except _Left as left:
            code = left.exit_code
        except (Terminated, KeyboardInterrupt) as cause:
            code = to_interruption(cause).exit_code
        finally:
            self._close_session()
        if self._kept:
            say(f"to go on: aiex -r {self._kept}")
        return code

    def close(self) -> None:
        """Keep what was learned."""
        self._services.close()

    # --- lines --------------------------------------------------------------------------------------------------------

    def _read(self) -> str | None:
        """What was typed; None at the end."""
        while True:
            try:
                sys.stderr.write("\n> ")
                sys.stderr.flush()
                return read_line() or None
            except KeyboardInterrupt:
                self._stop()
            except OSError:  # the terminal is gone
                return None

    def _stop(self) -> None:
        """Ctrl-C: the second within a short time leaves."""
        now = time.monotonic()
        if now - self._stopped_s < LEAVE_S:
            raise _Left(INTERRUPTED_EXIT)
        self._stopped_s = now
        say("\nCtrl-C again leaves")

    def _do(self, line: str) -> None:
        """Do what was typed; nothing that goes wrong ends the talk."""
        try:
            if line.startswith("/") and not line.startswith("//"):
                self._command(line[1:])
            elif line.startswith("!"):
                self._carry_out(self._host.understand(["run", "sandbox", "--", "bash", "-c", line[1:].strip()]))
            else:
                self._carry_out(self._host.understand(["run", "--", line]))
        except Shown as shown:
            write_stdout(shown.text, flush=True)
        except AiexError as error:
            self._say_error(error)
        except KeyboardInterrupt:
            self._stop()

    def _say_error(self, error: AiexError) -> None:
        self._printer("text").end(to_failure(error))

    def _command(self, line: str) -> None:
        name, _, rest = line.strip().partition(" ")
        own = self._own().get(name)
        if own is not None:
            own(rest.strip())
            return
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise UsageError(f"cannot read /{line}: {error}") from None
        if words[:2] == ["set", "key"]:  # lines are read and shown as they are typed
            line = " ".join(words)
            raise UsageError(f"{line} needs a terminal of its own", hint=f"in a shell: aiex {line}")
        self._carry_out(self._host.understand(words))

    def _own(self) -> dict[str, Callable[[str], None]]:
        return {"quit": self._quit, "exit": self._quit, "new": self._begin_anew, "model": self._use_model,
                "mode": self._use_mode, "help": self._help}  # fmt: skip

    def _quit(self, _: str) -> None:
        raise _Left(0)

    def _help(self, topic: str) -> None:
        if topic:
            self._carry_out(self._host.understand(["help", *topic.split()]))
        else:
            write_stdout(f"{_HELP}\n", flush=True)

    def _begin_anew(self, prompt: str) -> None:
        self._close_session()
        services = self._host.open(self._changes)
        carry_over(self._services, services, keeps_session=False)
        self._services = services
        say("a new session begins")
        self._enter(Opening(prompt))

    def _use_model(self, name: str) -> None:
        if name:
            self._change({"model": name})
        say(f"model: {self._services.model}")

    def _use_mode(self, name: str) -> None:
        if name:
            self._change({"policy.mode": name})
        say(f"mode: {self._services.settings.get('policy.mode')}")

    def _change(self, changes: Mapping[str, object]) -> None:
        merged = {**self._changes, **changes}
        services = self._host.open(merged)
        _ = services.model  # what is wrong is found before anything is given up
        carry_over(self._services, services)
        self._services, self._changes = services, merged

    # --- the session --------------------------------------------------------------------------------------------------

    def _enter(self, opening: Opening) -> None:
        from aiex.runs.recovery import CHOICES, find_cut_off, find_dead, take_up

        try:
            self._tell_once([*self._services.settings.warnings, *find_dead(self._services)])
            if opening.chooses:
                self._carry_out(self._host.understand(["list", "sessions"]))
                raise UsageError("which session?", hint="aiex -r ID")
            cut_off = find_cut_off(opening, self._services)
            if cut_off is not None:
                if cut_off.is_wanted(self._choose(cut_off.question, CHOICES)):
                    self._tell_once(take_up(cut_off.session, self._services))
                else:
                    opening = Opening(opening.prompt)
            if opening.resumes is not None:
                self._open_session(opening)
        except AiexError as error:
            self._say_error(error)
            if opening.prompt:
                self._printer("text").show(Noted(f"not asked: {opening.prompt}"))
            return
        if opening.prompt:
            self._do(opening.prompt)

    def _choose(self, question: str, options: tuple[str, ...]) -> str:
        """What the person says; empty for nothing."""
        from aiex.cli.asking import AtTerminal

        async def ask() -> TurnEnded:
            said = await AtTerminal().answer(question, options)
            return TurnEnded("success", "answered", 0, said or "")

        try:
            return self._run_loop(ask()).answer
        except KeyboardInterrupt:
            return ""

    def _open_session(self, opening: Opening) -> Recording:
        from aiex.runs.talking import lasts, open_session

        begun = open_session(opening, self._services, to_outcome)
        self._recording = begun.recording
        self._kept = self._services.session if lasts(self._recording) else self._kept
        self._recording.keep(begun.started)
        self._tell_once(begun.warnings)
        if self._recording.turn:
            say(f"goes on with session {self._services.session}, after {self._recording.turn} turns")
        return self._recording

    def _close_session(self) -> None:
        from aiex.runs.talking import close_session

        recording, self._recording = self._recording, None
        close_session(recording, self._services)

    def _tell_once(self, events: Iterable[Event]) -> None:
        printer = self._printer("text")
        for event in events:
            if event not in self._told:
                self._told.add(event)
                printer.show(event)

    # --- work ---------------------------------------------------------------------------------------------------------

    def _printer(self, markup: Markup) -> Printer:
        return open_printer("text", "never", markup=markup)

    def _carry_out(self, task: Work) -> None:
        """Do the work of one line, and show its end. Raises AiexError where it cannot begin."""
        from aiex.cli.main import keeping, route

        services, printer = self._services, self._printer(task.markup)
        services.budget.begin_wish()
        job = task.prepare(services)
        recording = self._record(task, printer)
        services.tell = show = keeping(recording, printer)
        try:
            with recording:
                started = route(job, services, waits=task.waits)
                ended = recording.end(execute(started.events, show, waits=started.waits, run=self._run_loop))
        except AiexError as error:
            ended = recording.cut_short or to_failure(error)
        except KeyboardInterrupt as cause:
            ended, self._stopped_s = recording.cut_short or to_interruption(cause), time.monotonic()
        except (Terminated, StdoutLost, SystemExit, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001  (one line must not end the talk)
            ended = to_crash(error, [task.name])
        printer.end(ended)

    def _record(self, task: Work, printer: Printer) -> Recording:
        from aiex.runs.talking import record_wish

        return record_wish(self._begin, self._services, to_outcome, keeps=task.keeps, tell=printer.show)

    def _begin(self) -> Recording:
        return self._recording or self._open_session(Opening())
