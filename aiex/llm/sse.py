"""Server-sent events from bytes, however the network cut them.

Lines end at LF, CR or CRLF only (WHATWG HTML, "9.2.6 Interpreting an event stream"); U+2028 and its kin are ordinary
text. A line is decoded once it is whole, so a character split between two chunks survives. An event that is complete
but for its final blank line is still delivered, because servers forget it.
"""

from itertools import starmap
from typing import NamedTuple

from aiex.errors import Unavailable
from aiex.patterns import late

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""More than any vendor sends in one event; a bound on memory, not on answers."""

_BOM = b"\xef\xbb\xbf"
_PLAIN = late(r"(?:event: ([^\n]*)\n)?data: ([^\n]*)\n\n")
_PLAIN_RUN = late(rb"(?:(?:event: [^\n]*+\n)?data: [^\n]*+\n\n)++")


class ServerEvent(NamedTuple):
    """One event: `name` is empty where the server gave none, `data` has its lines joined by LF."""

    name: str
    data: str


class Reader:
    """Turns chunks of bytes into events; feed everything, then call `end` once."""

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._at_start = True
        self._head = b""
        self._after_cr = False
        self._line: list[bytes] = []
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that this chunk completes.

        Raises:
            Unavailable: if one event grows beyond the limit.
        """
        if self._at_start:
            chunk = self._skip_bom(chunk)
        if not chunk:
            return []
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        events: list[ServerEvent] = []
        if self._size:
            end = chunk.find(b"\n\n") + 2
            self._take_lines(chunk[:end] if end > 1 else chunk, events)
            chunk = chunk[end:] if end > 1 else b""
        if not self._size:
            chunk = self._take_plain(chunk, events)
        self._take_lines(chunk, events)
        return events

    def end(self) -> list[ServerEvent]:
        """The event that was complete but for its blank line, if there is one."""
        events: list[ServerEvent] = []
        if self._head:
            self._line, self._head = [self._head], b""
        if self._line:
            self._take_line(b"", events)
        self._dispatch(events)
        return events

    def _skip_bom(self, chunk: bytes) -> bytes:
        """Hold the first bytes back until it is clear whether they are a byte order mark."""
        head = self._head + chunk
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._at_start, self._head = False, b""
        return head.removeprefix(_BOM)

    def _take_plain(self, chunk: bytes, events: list[ServerEvent]) -> bytes:
        """Take whole events from the beginning of a chunk while they are a name and one line of data, or the data only.

        This is what vendors send, and the quick way through it; what is left begins with the first other event.
        """
        run = _PLAIN_RUN.match(chunk)
        if run is None or run.end() > self._max_event_bytes:
            return chunk
        events += starmap(ServerEvent, _PLAIN.findall(run[0].decode("utf-8", "replace")))
        return chunk[run.end() :]

    def _take_lines(self, chunk: bytes, events: list[ServerEvent]) -> None:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            self._take_line(line, events)
        if rest:
            self._grow(len(rest))
            self._line.append(rest)

    def _take_line(self, line: bytes, events: list[ServerEvent]) -> None:
        self._grow(len(line))
        if self._line:
            self._line.append(line)
            line = b"".join(self._line)
            self._line = []
        if not line:
            self._dispatch(events)
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")

    def _dispatch(self, events: list[ServerEvent]) -> None:
        if self._data:
            events.append(ServerEvent(self._name, b"\n".join(self._data).decode("utf-8", "replace")))
        self._name, self._data, self._size = "", [], 0

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._max_event_bytes:
            raise Unavailable(
                f"the server sent one event of more than {self._max_event_bytes} bytes",
                hint="this is not how a model answers; check the address of the provider",
            )
