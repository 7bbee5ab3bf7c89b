"""What a list of models says, in every form the servers give it; pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from aiex.llm.wire import ModelCard

_CONTEXT = ("context_length", "context_window", "max_model_len", "max_context_length", "max_context_window_tokens")
"""OpenRouter and Together, Groq, vLLM, Mistral and LM Studio; llama.cpp has it below `meta`."""
_OUTPUT = ("max_completion_tokens", "max_output_tokens")


def read_models(body: bytes) -> tuple[ModelCard, ...]:
    """The models in `{data: [{id}, …]}`; `{models: [{name}]}` and a bare list are understood as well."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    rows = (value.get("data") or value.get("models")) if isinstance(value, dict) else value
    return tuple(_read_cards(rows if isinstance(rows, list) else []))


def _read_cards(rows: list[Any]) -> Iterator[ModelCard]:
    for row in rows:
        if not isinstance(row, dict):
            continue
        model = row.get("id") or row.get("name")
        if isinstance(model, str) and model:
            places = (row, _inner(row, "meta"), _inner(row, "top_provider"))
            context = _first_count((*places[:1], *places[2:]), _CONTEXT) or _first_count(places, ("n_ctx",))
            yield ModelCard(model, context, _first_count(places, _OUTPUT), frozenset(_read_capabilities(row)))


def _read_capabilities(row: Mapping[str, Any]) -> Iterator[str]:
    parameters = row.get("supported_parameters")
    said = [word for word in parameters if isinstance(word, str)] if isinstance(parameters, list) else []
    flags = _inner(row, "capabilities")
    listed = row.get("capabilities")
    said += [word for word in listed if isinstance(word, str)] if isinstance(listed, list) else []
    said += [word for word, value in flags.items() if value is True]
    modalities = _inner(row, "architecture").get("input_modalities")
    if isinstance(modalities, list) and "image" in modalities:
        yield "images"
    for word in said:
        if word in _CAPABILITIES:
            yield _CAPABILITIES[word]
    if row.get("type") in ("embedding", "embeddings"):
        yield "embeddings"


_CAPABILITIES = {
    "tools": "tools", "function_calling": "tools", "tool_use": "tools",
    "vision": "images",
    "reasoning": "reasoning", "thinking": "reasoning",
    "structured_outputs": "json_schema",
    "embedding": "embeddings", "embeddings": "embeddings",
}  # fmt: skip
"""Words of OpenRouter, Mistral, LM Studio and Ollama."""


def _inner(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def _first_count(places: tuple[Mapping[str, Any], ...], names: tuple[str, ...]) -> int | None:
    found = (place.get(name) for place in places for name in names)
    return next((value for value in found if type(value) is int and value > 0), None)
