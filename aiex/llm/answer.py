"""The body of an answer, in whatever form it came, as stream events; pure, no input or output.

A stream was asked for, but servers also send one JSON object, or a proxy sends a web page, often under a wrong content
type. The first byte that is not blank tells: `{` or `[` begins JSON, `<` a page, anything else is the stream. Where the
stream is lines of JSON, its lines begin with `{` as well; there it is one object when its first line does not end it.
"""

from collections.abc import Iterator
from typing import Literal

from aiex.errors import Rejected, Unavailable
from aiex.events import ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta
from aiex.llm import failures, ndjson, sse
from aiex.llm.wire import Decoder

MAX_WHOLE_BYTES = 16 * 1024 * 1024
MAX_ANSWER_CHARS = 16 * 1024 * 1024
"""Of words, thinking and arguments of one answer: four million tokens, thirty times what any model gives (128,000 in
November 2026)."""
MAX_STREAM_BYTES = 512 * 1024 * 1024
"""Of one answer with everything around its words, which is a hundred times as much where each token is an event."""
_Words = TextDelta | ReasoningDelta
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


class AnswerReader:
    """Feed every chunk, then read `end` once; both give events as soon as they are certain.

    The events of one answer do not depend on how its bytes were cut. What goes wrong is raised as an `AiexError` after
    the events before it were given.
    """

    def __init__(self, decoder: Decoder, stream_form: Literal["sse", "ndjson"] = "sse") -> None:
        self._decoder = decoder
        self._stream_form = stream_form
        self._sse = sse.Reader()
        self._lines = ndjson.Reader()
        self._form: Literal["", "sse", "ndjson", "object", "json", "page"] = ""
        """object: JSON whose first line is not over, so that it may be a line or the whole."""
        self._whole = bytearray()
        self._room_chars = MAX_ANSWER_CHARS
        self._room_bytes = MAX_STREAM_BYTES

    @property
    def ended(self) -> bool:
        """True when nothing that follows can matter."""
        return self._decoder.ended

    @property
    def answered(self) -> bool:
        """True when the answer is whole, even if the connection should break now."""
        return self._decoder.answered

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that this chunk completes; read them all before the next chunk.

        Raises:
            Rejected: if the answer does not come to an end.
        """
        self._room_bytes -= len(chunk)
        if self._room_bytes < 0:
            raise _too_long(f"{MAX_STREAM_BYTES} bytes")
        if self._form not in ("sse", "ndjson"):
            self._whole += chunk
            if not self._tell_form(chunk):
                if len(self._whole) > MAX_WHOLE_BYTES:
                    said = f"the server sent more than {MAX_WHOLE_BYTES} bytes that are not a stream"
                    raise Unavailable(said, hint=self._hint)
                return
            chunk = bytes(self._whole)
            self._whole.clear()
        if self._form == "sse":
            for event in self._sse.feed(chunk):
                yield from self._bounded(self._decoder.feed(event.name, event.data))
        else:
            for line in self._lines.feed(chunk):
                yield from self._bounded(self._decoder.feed("", line))

    def end(self) -> Iterator[StreamEvent]:
        """The last events. Raises `Transient` if the answer was cut, `Unavailable` if it is a web page."""
        if self._form == "page":
            page = failures.read_body(200, bytes(self._whole)).message
            raise Unavailable(f"the server answered with {page} instead of a model's answer", hint=self._hint)
        if self._form == "json":
            yield from self._decoder.feed_whole(bytes(self._whole).removeprefix(_BOM))
            return
        if self._form == "sse":
            for event in self._sse.end():
                yield from self._decoder.feed(event.name, event.data)
        elif self._form:
            for line in (*self._lines.feed(bytes(self._whole)), *self._lines.end()):
                yield from self._decoder.feed("", line)
        yield from self._bounded(self._decoder.end())

    def _bounded(self, events: list[StreamEvent]) -> list[StreamEvent]:
        """The events, unless they are more than an answer can be."""
        for event in events:
            if isinstance(event, ToolCallDelta):
                self._room_chars -= len(event.arguments)
            elif isinstance(event, _Words):
                self._room_chars -= len(event.text)
        if self._room_chars < 0:
            raise _too_long(f"{MAX_ANSWER_CHARS} characters")
        return events

    @property
    def _hint(self) -> str:
        return _HINTS[self._stream_form]

    def _tell_form(self, chunk: bytes) -> bool:
        """Decide what the bytes are, as soon as they tell; whether it is a stream, which is read at once."""
        if not self._form:
            begin = bytes(self._whole).removeprefix(_BOM).lstrip(_BLANK)
            if not begin or (len(self._whole) < 3 and _BOM.startswith(self._whole)):
                return False
            self._form = _FORMS.get(begin[:1], self._stream_form)
            if begin[:1] == b"{" and self._stream_form == "ndjson":
                self._form = "object"
        if self._form == "object" and b"\n" in chunk:
            line, newline, _ = bytes(self._whole).removeprefix(_BOM).lstrip(_BLANK).partition(b"\n")
            if newline:
                self._form = "ndjson" if line.rstrip(_BLANK).endswith(b"}") else "json"
        return self._form in ("sse", "ndjson")


def _too_long(limit: str) -> Rejected:
    """Nobody is asked to go on: what was given is too much already."""
    return Rejected(f"the answer was broken off after {limit}: it did not end", hint="ask for less, or another model")


_FORMS: dict[bytes, Literal["json", "page"]] = {b"{": "json", b"[": "json", b"<": "page"}
_HINTS = {
    "sse": "check the base URL: with most servers it ends in /v1",
    "ndjson": "check the base URL, and that the server speaks this protocol",
}
