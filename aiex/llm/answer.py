"""The body of an answer, in whatever form it came, as stream events; pure, no input or output.

A stream was asked for, but servers also send one JSON object, or a proxy sends a web page, often under a wrong content
type. The first byte that is not blank tells: `{` or `[` begins JSON, `<` a page, anything else is server-sent events.
"""

from collections.abc import Iterator
from typing import Literal

from aiex.errors import Unavailable
from aiex.events import StreamEvent
from aiex.llm import failures, sse
from aiex.llm.wire import Decoder

MAX_WHOLE_BYTES = 16 * 1024 * 1024
_BLANK = b" \t\r\n"


class AnswerReader:
    """Feed every chunk, then read `end` once; both give events as soon as they are certain.

    The events of one answer do not depend on how its bytes were cut. What goes wrong is raised as an `AiexError` after
    the events before it were given.
    """

    def __init__(self, decoder: Decoder, stream_form: Literal["sse", "ndjson"] = "sse") -> None:
        self._decoder = decoder
        self._sse = sse.Reader()
        self._form: Literal["", "sse", "json", "page"] = ""
        self._whole = bytearray()

    @property
    def ended(self) -> bool:
        """True when nothing that follows can matter."""
        return self._decoder.ended

    @property
    def answered(self) -> bool:
        """True when the answer is whole, even if the connection should break now."""
        return self._decoder.answered

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that this chunk completes; read them all before the next chunk."""
        if not self._form:
            self._whole += chunk
            begin = bytes(self._whole).removeprefix(b"\xef\xbb\xbf").lstrip(_BLANK)
            if not begin or (len(self._whole) < 3 and b"\xef\xbb\xbf".startswith(self._whole)):
                return
            self._form = _FORMS.get(begin[:1], "sse")
            chunk = bytes(self._whole)
            self._whole.clear()
        if self._form == "sse":
            yield from self._decode(self._sse.feed(chunk))
            return
        self._whole += chunk
        if len(self._whole) > MAX_WHOLE_BYTES:
            raise Unavailable(f"the server sent more than {MAX_WHOLE_BYTES} bytes that are not a stream", hint=_HINT)

    def end(self) -> Iterator[StreamEvent]:
        """The last events. Raises `Transient` if the answer was cut, `Unavailable` if it is a web page."""
        if self._form == "page":
            page = failures.read_body(200, bytes(self._whole)).message
            raise Unavailable(f"the server answered with {page} instead of a model's answer", hint=_HINT)
        if self._form == "json":
            yield from self._decoder.feed_whole(bytes(self._whole).removeprefix(b"\xef\xbb\xbf"))
            return
        yield from self._decode(self._sse.end())
        yield from self._decoder.end()

    def _decode(self, events: list[sse.ServerEvent]) -> Iterator[StreamEvent]:
        for event in events:
            yield from self._decoder.feed(event.name, event.data)


_FORMS: dict[bytes, Literal["json", "page"]] = {b"{": "json", b"[": "json", b"<": "page"}
_HINT = "check the base URL: with most servers it ends in /v1"
