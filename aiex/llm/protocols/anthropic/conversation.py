"""A conversation in the vendor's messages: roles in turn, results first, its own blocks in their places."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from aiex.llm.history import native, turns, with_call_ids, words_of
from aiex.llm.wire import Profile
from aiex.messages import (
    CachePoint,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Request,
    Text,
    ToolCall,
    ToolResult,
)
from aiex.pairing import NO_RESULT, balanced

Block = dict[str, Any]

_PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
"""Source: `Base64ImageSourceParam` of the SDK."""
_THOUGHTS: Final = ("thinking", "redacted_thinking")
GO_ON: Final = "Go on exactly where the answer above ends, without repeating it."
"""Stands where a conversation ends with an answer, because most models refuse to continue one (prefill)."""
FIRST: Final = "(The conversation begins with an answer.)"


class Encoded:
    """`system` and `messages` of a body; `wished` are the blocks before cache points, the latest last."""

    def __init__(self, request: Request, profile: Profile) -> None:
        self.system: list[Block] = []
        self.messages: list[dict[str, Any]] = []
        self.wished: list[Block] = []
        head = next((n for n, message in enumerate(request.messages) if message.role != "system"), None)
        rest = [] if head is None else [_to_role(message) for message in request.messages[head:]]
        for message in request.messages[:head]:
            words = [part for part in message.parts if isinstance(part, Text | Document | CachePoint)]
            self._add(words, self.system)
        for message in turns(with_call_ids(balanced(rest), profile.tag)):
            parts = native(message.parts, profile.tag)
            if message.role == "assistant":
                self._answer(parts)
            else:
                self._ask(parts)
        self._end()

    def _end(self) -> None:
        """Let the conversation end with the user, as it has to."""
        if self._open_ids():
            self._ask(())
        if not self.messages or (self.messages[-1]["role"] == "assistant" and _may_follow(self.messages[-1])):
            self._turn("user").append(_text(GO_ON))

    def _ask(self, parts: Sequence[Part]) -> None:
        """Results of all calls before, then the rest; a block of the vendor may hold other calls than it stands for."""
        found = {part.call_id: part for part in parts if isinstance(part, ToolResult)}
        results = [found.get(id) or ToolResult(id, NO_RESULT, is_error=True) for id in self._open_ids()]
        pictures = [image for result in results if result.is_error for image in result.images]
        rest = (part for part in parts if not isinstance(part, ToolResult))
        self._add([*results, *pictures, *rest], self._turn("user"))
        self._drop_if_empty()

    def _open_ids(self) -> list[str]:
        """The calls of the answer that the conversation ends with."""
        last = self.messages[-1]["content"] if self.messages else []
        return [block["id"] for block in last if block["type"] == "tool_use"]

    def _answer(self, parts: Sequence[Part]) -> None:
        if not self.messages:
            self._turn("user").append(_text(FIRST))
        blocks = self._turn("assistant")
        self._add([part for part in parts if not isinstance(part, Reasoning)], blocks, answered=True)
        calls = any(block["type"] == "tool_use" for block in blocks)
        while blocks and not calls and blocks[-1]["type"] in _THOUGHTS:
            blocks.pop()  # refused at the end of an answer
        self._drop_if_empty()

    def _turn(self, role: str) -> list[Block]:
        """The blocks of the turn that goes on, or of a new one."""
        if not self.messages or self.messages[-1]["role"] != role:
            self.messages.append({"role": role, "content": []})
        blocks: list[Block] = self.messages[-1]["content"]
        return blocks

    def _drop_if_empty(self) -> None:
        if not self.messages[-1]["content"]:
            self.messages.pop()

    def _add(self, parts: Iterable[Part], blocks: list[Block], *, answered: bool = False) -> None:
        for part in parts:
            if isinstance(part, CachePoint):
                self._wish(blocks)
            else:
                blocks += _encode_part(part, answered=answered)

    def _wish(self, blocks: list[Block]) -> None:
        """Note the block before a cache point, be it in the message before."""
        before = blocks or next((message["content"] for message in reversed(self.messages) if message["content"]), [])
        self.wished += (before or self.system)[-1:]


def to_tool_name(name: str) -> str:
    """A name that the vendor takes: letters, digits, `_` and `-`, at most 128. Source: `ToolParam` of the API."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:128] or "_"


def _to_role(message: Message) -> Message:
    """A message with parts that its role can have; later words of the system become the user's.

    Only some models take a system in between, and only an answer has calls and blocks of the vendor.
    """
    if message.role == "assistant":
        return message
    parts = tuple(part for part in message.parts if not isinstance(part, ToolCall | Opaque))
    if message.role != "system":
        return replace(message, parts=parts)
    wrapped = (
        replace(part, text=f"<system>\n{part.text}\n</system>") if isinstance(part, Text) else part for part in parts
    )
    return Message("user", tuple(wrapped))


def _may_follow(message: dict[str, Any]) -> bool:
    """Whether a word of the user may stand behind an answer; not where the vendor paused to go on by itself."""
    kind = message["content"][-1]["type"]
    return not (kind == "server_tool_use" or kind.endswith("_tool_result"))


def _encode_part(part: Part, *, answered: bool) -> list[Block]:
    match part:
        case Text(text) | Refusal(text):
            return [_text(text)] if text.strip() else []
        case Document():
            return [_text(words_of(part))]
        case Image():
            return [_encode_image(part, answered=answered)]
        case ToolCall(id, name, arguments):
            return [{"type": "tool_use", "id": id, "name": to_tool_name(name), "input": dict(arguments)}]
        case ToolResult():
            return [_encode_result(part)]
        case Opaque(data=data):
            held = data.get("blocks")
            return [dict(block) for block in (held if isinstance(held, list | tuple) else [data])]
        case _:
            return []


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _encode_image(image: Image, *, answered: bool) -> Block:
    if answered or image.media_type not in _PICTURES:
        return _text(f"[a picture of type {image.media_type} stood here]")
    return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.data}}


def _encode_result(result: ToolResult) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": result.call_id}
    text = result.text if result.text.strip() else ""
    if result.is_error:  # which must have words, and nothing else; its pictures follow the results
        text = text or "the tool failed and said nothing"
    if result.images and not result.is_error:
        pictures = [_encode_image(image, answered=False) for image in result.images]
        block["content"] = [*([_text(text)] if text else []), *pictures]
    elif text:
        block["content"] = text
    return {**block, "is_error": True} if result.is_error else block
