"""What Ollama says about its models (`/api/tags`, `/api/show`), and embeddings (`/api/embed`)."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from aiex.errors import Rejected
from aiex.llm import failures
from aiex.llm.wire import ModelCard, Profile
from aiex.messages import Usage

SHOW_PATH = "/api/show"
EMBED_PATH = "/api/embed"

_CAPABILITIES = {
    "tools": "tools",
    "vision": "images",
    "thinking": "reasoning",
    "completion": "json_schema",
    "embedding": "embeddings",
}
"""Our names; answers of every model that completes can be held to a schema."""


def encode_show(profile: Profile) -> dict[str, Any]:
    """The question for `SHOW_PATH`."""
    return {"model": profile.model}


def read_card(model: str, body: bytes) -> ModelCard | None:
    """The card in an answer from `SHOW_PATH`; None when it is something else."""
    value = _parse(body)
    if not isinstance(value, dict) or not isinstance(value.get("model_info"), dict | None) or "error" in value:
        return None
    return ModelCard(model, _find_window(value.get("model_info") or {}), None, _capabilities(value.get("capabilities")))


def read_models(body: bytes) -> Sequence[ModelCard]:
    """The models in an answer from `/api/tags`; what they can do only where the server says so there."""
    value = _parse(body)
    rows = value.get("models") if isinstance(value, dict) else None
    cards = []
    for row in rows if isinstance(rows, list) else ():
        name = (row.get("model") or row.get("name")) if isinstance(row, dict) else None
        if isinstance(name, str):
            details = row.get("details") if isinstance(row.get("details"), dict) else {}
            window = _count(row.get("context_length")) or _count(details.get("context_length"))
            cards.append(ModelCard(name, window, None, _capabilities(row.get("capabilities"))))
    return tuple(cards)


def _find_window(info: Mapping[str, Any]) -> int | None:
    """`ARCHITECTURE.context_length`; parts of a model, such as its eyes, may have one too."""
    own = _count(info.get(f"{info.get('general.architecture')}.context_length"))
    others = (_count(value) for name, value in info.items() if name.endswith(".context_length"))
    return own or next(filter(None, others), None)


def _capabilities(value: Any) -> frozenset[str]:
    names = value if isinstance(value, list) else []
    return frozenset(_CAPABILITIES[name] for name in names if isinstance(name, str) and name in _CAPABILITIES)


# --- embeddings -----------------------------------------------------------------------------------------------------


def encode_embed(texts: Sequence[str], profile: Profile) -> dict[str, Any]:
    """The question for `EMBED_PATH`; a text that is too long is refused instead of cut."""
    return {"model": profile.model, "input": list(texts), "truncate": False}


def read_embeddings(body: bytes) -> tuple[list[list[float]], Usage]:
    """One vector for each text, in order. Raises `Rejected` when the answer says something else."""
    value = _parse(body)
    rows = value.get("embeddings") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(_is_vector(row) for row in rows):
        said = failures.read_body(200, body).message
        raise Rejected("the server answered with no embeddings" + (f": {said}" if said else ""))
    vectors = [[float(number) for number in row] for row in rows]
    return vectors, Usage(input_tokens=_count(value.get("prompt_eval_count")))


def _is_vector(row: Any) -> bool:
    return isinstance(row, list) and bool(row) and all(type(n) in (int, float) and isfinite(n) for n in row)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None
