"""The way in and out of the screen: what is typed before the first picture is kept, and the terminal is left clean."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Final

from aiex.tui.garbage import look_in_bites
from aiex.tui.leaving import WORK_S, Leaving
from aiex.tui.terminal import Before

if TYPE_CHECKING:
    from aiex.events import TurnEnded
    from aiex.runs.opening import Opening
    from aiex.tui.app import AiexApp
    from aiex.tui.host import Host
    from aiex.wiring import Services

BUG_EXIT = 70
TURNS_A_SECOND: Final = 120
"""A key waits for its picture at most two of these; with Textual's own 60 that alone is 33 ms."""


def open_screen(host: Host, services: Services, opening: Opening) -> int:
    """Show the screen until the person leaves; the exit code of the process. No exception comes out."""
    before = Before()
    before.quieten()
    leaving = Leaving(before)
    stdin, sys.stdin = sys.stdin, None  # what is typed is for the screen, which reads it
    try:
        with leaving.heeding():
            os.environ.setdefault("TEXTUAL_FPS", str(TURNS_A_SECOND))
            from aiex.tui.app import AiexApp  # as late as this: nothing that is typed meanwhile is lost

            app = AiexApp(host, services, opening, before)
            leaving.look_after(app)
            look_in_bites()
            code = _run(app)
            before.put_back()
            is_whole = app.backstage.close(WORK_S)
            return _tell_end(host, app, code, is_whole=is_whole)
    except Exception as error:  # noqa: BLE001  (the outermost door)
        before.end_screen()
        return _tell_crash(host, _report(error))
    finally:
        sys.stdin = stdin
        before.put_back()


def _run(app: AiexApp) -> int:
    hook = threading.excepthook
    threading.excepthook = lambda broken: app.fail(broken.exc_value) if broken.exc_value else None
    try:
        code = app.run()
    except Exception as error:  # noqa: BLE001  (told when the terminal is as it was)
        app.before.end_screen()
        app.fail(error)
        code = None
    finally:
        threading.excepthook = hook
    return app.exit_code or code or app.return_code or 0


def _tell_end(host: Host, app: AiexApp, code: int, *, is_whole: bool) -> int:
    """Say what went wrong, and how to go on."""
    if app.crash is not None:
        code = _tell_crash(host, _report(app.crash))
    elif app.backstage.fallen is not None:
        code = _tell_crash(host, app.backstage.fallen)
    elif not is_whole:
        what = app.backstage.held_up or app.backstage.doing or "what ran"
        host.say(f"error: {what} did not stop within {WORK_S:.0f} s, and was left")
        code = code or BUG_EXIT
    if session := app.backstage.kept_session:
        host.say(f"to go on: aiex -r {session}")
    return code


def _report(error: BaseException) -> TurnEnded:
    from aiex.runs.outcomes import to_crash

    return to_crash(error, ["screen"])


def _tell_crash(host: Host, ended: TurnEnded) -> int:
    host.say(f"error: {ended.error}")
    host.say(f"hint: {ended.hint}")
    return ended.exit_code
