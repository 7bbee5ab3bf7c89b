"""OpenAI Responses, the protocol of OpenAI's own models; pure, no input or output."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiex.errors import AiexError, Transient
from aiex.events import PartEnded, Stopped, StreamEvent, TextDelta, UsageUpdated
from aiex.llm import failures
from aiex.llm.wire import Credential, Decoder, ModelCard, Profile
from aiex.messages import Document, Request, Text, Usage


class OpenAIResponses:
    """The codec; stateless."""

    name = "openai-responses"
    stream_form: Literal["sse", "ndjson"] = "sse"
    models_path = "/models"

    def path(self, profile: Profile) -> str:
        """The same for every model."""
        return "/responses"

    def headers(self, credential: Credential, profile: Profile) -> dict[str, str]:
        """The key as a bearer token."""
        signed = {"authorization": f"Bearer {credential.secret}"} if credential.secret else {}
        return {**signed, **credential.extra}

    def quirks(self, host: str, model: str) -> None:
        """The same for every server."""

    def encode(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The body of a streaming request."""
        items = [
            {"role": message.role if message.role in ("system", "user") else "user", "content": part.text}
            for message in request.messages
            for part in message.parts
            if isinstance(part, Text | Document)
        ]
        return {"model": profile.model, "input": items, "stream": True, "store": False}

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one answer."""
        return _Decoder(profile)

    def to_error(self, status: int, headers: Mapping[str, str], body: bytes, profile: Profile) -> AiexError:
        """What an answer other than 200 means."""
        return failures.explain(failures.read_body(status, body), profile, headers)

    def read_models(self, body: bytes) -> Sequence[ModelCard]:
        """The ids in `{data: [{id}, …]}`."""
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return ()
        rows = value.get("data") if isinstance(value, dict) else None
        ids = (row.get("id") for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
        return tuple(ModelCard(model) for model in ids if isinstance(model, str))


class _Decoder:
    """One answer while it arrives."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._text = ""
        self._done = False

    @property
    def ended(self) -> bool:
        """True after `response.completed`."""
        return self._done

    @property
    def answered(self) -> bool:
        """The same."""
        return self._done

    def feed(self, name: str, data: str) -> list[StreamEvent]:
        """Decode one event."""
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Transient("an event is not valid JSON", kind="malformed") from error
        match event.get("type") or name:
            case "response.output_text.delta":
                self._text += event["delta"]
                return [TextDelta(event["delta"])]
            case "error" | "response.failed":
                raise failures.explain(failures.read_value(0, event.get("response") or event), self._profile)
            case "response.completed":
                self._done = True
                usage = event["response"].get("usage") or {}
                return [UsageUpdated(Usage(usage.get("input_tokens"), usage.get("output_tokens")))]
        return []

    def feed_whole(self, body: bytes) -> list[StreamEvent]:
        """Decode an answer that came as one JSON object."""
        raise failures.explain(failures.read_body(0, body), self._profile)

    def end(self) -> list[StreamEvent]:
        """The last part and `Stopped`."""
        if not self._done:
            raise Transient("the stream ended in the middle of the answer", hint="try again")
        return [*([PartEnded(Text(self._text))] if self._text else []), Stopped("end_turn")]


PROVIDER = OpenAIResponses()
