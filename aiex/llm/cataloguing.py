"""Makes the catalogue of models from the price list of the litellm project (MIT licence, BerriAI).

    python -m aiex.llm.cataloguing model_prices_and_context_window_backup.json "litellm 1.109.1" > aiex/data/models.json

Of its several thousand entries those of the vendors that are built in are kept, with what Aiex uses of them.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiex.llm.catalogue import FORM

VENDORS = ("anthropic", "openai", "gemini", "deepseek", "mistral", "groq", "xai")
_KINDS = {"chat": "chat", "responses": "chat", "completion": "chat", "embedding": "embedding"}
_CAPABILITIES = {
    "supports_function_calling": "tools",
    "supports_vision": "images",
    "supports_reasoning": "reasoning",
    "supports_response_schema": "json_schema",
    "supports_prompt_caching": "cache",
}
_PRICES = (
    "input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost", "cache_creation_input_token_cost",
)  # fmt: skip
_TIERS = {"": 0, "_above_128k_tokens": 128_000, "_above_200k_tokens": 200_000, "_above_272k_tokens": 272_000}


def to_catalogue(listed: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The catalogue file as data; entries that make no sense are left out.

    Raises:
        ValueError: if nothing in the list makes sense.
    """
    models: dict[str, Any] = {}
    for key, entry in listed.items():
        if not isinstance(entry, Mapping) or entry.get("litellm_provider") not in VENDORS:
            continue
        vendor, kind = str(entry["litellm_provider"]), _KINDS.get(str(entry.get("mode")))
        name = key.removeprefix(f"{vendor}/").lower()
        if kind and "/" not in name and not name.startswith("ft:"):
            models[f"{vendor}/{name}"] = _to_row(entry, kind)
    if not models:
        raise ValueError("no known model is in the list")
    made_on = datetime.now(UTC).date().isoformat()
    return {"form": FORM, "source": source, "made_on": made_on, "models": dict(sorted(models.items()))}


def _to_row(entry: Mapping[str, Any], kind: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if kind != "chat":
        row["kind"] = kind
    for field, ours in (("max_input_tokens", "context"), ("max_output_tokens", "output")):
        if type(entry.get(field)) is int:
            row[ours] = entry[field]
    can = sorted({ours for field, ours in _CAPABILITIES.items() if entry.get(field) is True})
    if can:
        row["can"] = can
    prices = [
        [tokens, *(_per_million(entry.get(field + ending)) for field in _PRICES)] for ending, tokens in _TIERS.items()
    ]
    row["prices"] = [_filled(tier, prices[0]) for tier in prices if any(value is not None for value in tier[1:])]
    if isinstance(entry.get("deprecation_date"), str):
        row["retires"] = entry["deprecation_date"][:10]
    return row


def _per_million(cost: Any) -> float | None:
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return round(cost * 1e6, 6)


def _filled(tier: list[Any], base: list[Any]) -> list[Any]:
    """A tier with the prices it does not name taken from the lowest one."""
    return [tier[0], *(own if own is not None else low for own, low in zip(tier[1:], base[1:], strict=True))]


def to_text(catalogue: Mapping[str, Any]) -> str:
    """The file: one model a line, so that changes can be read."""
    head = {key: value for key, value in catalogue.items() if key != "models"}
    lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in catalogue["models"].items()]
    return json.dumps(head)[:-1] + ', "models": {\n' + ",\n".join(lines) + "\n}}\n"


def main() -> None:
    """Read the list named first, write the catalogue to standard output."""
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(to_text(to_catalogue(json.load(file), sys.argv[2])))


if __name__ == "__main__":
    main()
