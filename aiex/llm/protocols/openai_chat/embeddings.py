"""Embeddings of OpenAI's protocol; pure."""

import base64
import json
import struct
from collections.abc import Sequence
from typing import Any

from aiex.errors import Rejected
from aiex.llm import failures
from aiex.llm.wire import Profile, heal
from aiex.messages import Usage


def encode_embed(texts: Sequence[str], profile: Profile) -> dict[str, Any]:
    """The JSON body of the question."""
    return {"model": profile.model, "input": [heal(text) for text in texts], "encoding_format": "float"}


def read_embeddings(body: bytes) -> tuple[list[list[float]], Usage]:
    """One vector for each text, in the order of the texts.

    Raises:
        Rejected: when the answer is something else.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    rows = value.get("data") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        said = failures.read_body(0, body).message
        raise Rejected(f"the server did not answer with embeddings: {said}", hint="does the model make embeddings?")
    placed = sorted(enumerate(rows), key=lambda item: _place(item[1].get("index"), item[0]))
    counts = value.get("usage") if isinstance(value.get("usage"), dict) else {}
    prompt = counts.get("prompt_tokens")
    usage = Usage(input_tokens=prompt if type(prompt) is int and prompt >= 0 else None)
    return [_read_vector(row.get("embedding")) for _, row in placed], usage


def _place(index: Any, otherwise: int) -> int:
    return index if type(index) is int else otherwise


def _read_vector(value: Any) -> list[float]:
    """A list of numbers, or what some servers send instead: base64 of 32-bit floats, little endian."""
    if isinstance(value, str):
        try:
            data = base64.b64decode(value, validate=True)
            return list(struct.unpack(f"<{len(data) // 4}f", data))
        except (ValueError, struct.error) as error:
            raise Rejected("the server sent an embedding that is neither numbers nor base64") from error
    if not isinstance(value, list) or not all(type(number) in (int, float) for number in value):
        raise Rejected("the server sent an embedding that is not a list of numbers")
    return [float(number) for number in value]
