"""Carries a session elsewhere: as JSON lines that can be taken in again, as Markdown or as a page of HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from aiex.errors import StoreError
from aiex.events import Warned
from aiex.guard.actions import Action
from aiex.guard.neutral import printable_path
from aiex.guard.roles import require
from aiex.jobs.briefing.words import count
from aiex.jobs.sessions.showing import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from aiex.guard.actions import Role
    from aiex.sessions.keeping import Sessions
    from aiex.sessions.transfer import Brought

As = Literal["jsonl", "markdown", "html"]
_BLOCK_BYTES: Final = 1 << 16


def export_blocks(sessions: Sessions, session: str, form: As) -> Iterator[bytes]:
    """A session as bytes in UTF-8, 64 KiB and an event at most at once.

    Raises:
        StoreError: if it is damaged or cannot be read; JSON lines have no last line then.
    """
    block = bytearray()
    for piece in _pieces(sessions, session, form):
        block += piece
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)


def export_texts(sessions: Sessions, session: str, form: As) -> Iterator[str]:
    """The same as text in blocks. Raises as `export_blocks` does."""
    from codecs import getincrementaldecoder

    decoder = getincrementaldecoder("utf-8")()
    return map(decoder.decode, export_blocks(sessions, session, form))


def _pieces(sessions: Sessions, session: str, form: As) -> Iterator[bytes]:
    if form == "jsonl":
        from aiex.sessions.transfer import export_lines

        yield from export_lines(sessions.log, session)
        return
    from aiex.sessions.transcript import to_html, to_markdown

    write = to_markdown if form == "markdown" else to_html
    title = name_of(sessions.state(session))
    for text in write(sessions.log.read(session), title=title):
        yield text.encode("utf-8", "backslashreplace")


def take_in(sessions: Sessions, source: BinaryIO, name: str, role: Role) -> Brought:
    """Take in an exported session, all of it or nothing.

    Args:
        name: Of the file, to be shown.

    Raises:
        Denied: if the role may not do this.
        BadArchive: naming the line and what is wrong with it.
        StoreError: if it cannot be read or kept.
    """
    from aiex.sessions.archivefile import BadArchive
    from aiex.sessions.transfer import import_session

    require(role, Action("write", "sessions"))
    try:
        return import_session(sessions.log, source, name=name, at_ms=sessions.now_ms(), new_id=sessions.new_id)
    except BadArchive as error:
        error.message = f"cannot take in {printable_path(name)}: {error.message}"
        error.args = (error.message,)
        raise
    except OSError as error:
        raise StoreError(f"cannot read {printable_path(name)}: {error.strerror or error}") from error


def warnings_of(brought: Brought) -> Iterator[Warned]:
    """What a person should know of an import."""
    if brought.session != brought.original:
        yield Warned(f"there is a session {brought.original} already, so this one is {brought.session}")
    if brought.redacted:
        yield Warned(f"secrets were taken out of {count(brought.redacted, 'event')}")
    if brought.unknown:
        yield Warned(f"{count(brought.unknown, 'event')} of a later version of Aiex, kept as they are")
