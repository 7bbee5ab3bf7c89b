"""What is known of models before anybody asks their vendors: windows, prices, abilities.

The snapshot `aiex/data/models.json` is packaged; a newer one that a person fetched takes its place. Models that are in
neither are usable, and their cost is unknown.
"""

import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from aiex.errors import StoreError
from aiex.messages import Usage
from aiex.patterns import late
from aiex.record import record

SNAPSHOT = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "models.json")
FORM = 1
"""The form of the file; a file of another form is not read."""
_PER_TOKEN = 1e-6
_DATED = late(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d|latest|\d{4})$")
"""What vendors put behind a name for one release of a model."""


@record
class Prices:
    """US dollars for a million tokens, when the input is longer than `above_tokens`; unknown is None."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    above_tokens: int = 0


@record
class ModelInfo:
    """One model of one vendor; unknown is None."""

    provider: str
    model: str
    kind: str = "chat"
    """chat or embedding."""
    context_tokens: int | None = None
    output_tokens: int | None = None
    capabilities: frozenset[str] = frozenset()
    """Of: tools, images, reasoning, json_schema, cache."""
    prices: tuple[Prices, ...] = ()
    """By rising `above_tokens`, the first from 0."""
    retires_on: str = ""
    """ISO date, empty when none was announced."""

    @property
    def name(self) -> str:
        """As `provider/model`."""
        return f"{self.provider}/{self.model}"


class Catalogue:
    """The models of one file."""

    def __init__(self, path: str = SNAPSHOT) -> None:
        """Read a catalogue.

        Raises:
            StoreError: if the file cannot be read or is damaged.
        """
        try:
            with open(path, encoding="utf-8") as file:
                data = json.load(file)
            if data["form"] != FORM:
                raise ValueError(f"form {data['form']}")
            self.source: str = str(data["source"])
            self.made_on: str = str(data["made_on"])
            self._rows: dict[str, dict[str, Any]] = dict(data["models"])
            if not self._rows:
                raise ValueError("it has no models")
            for row in self._rows.values():
                _check_row(row)
        except OSError as error:
            raise StoreError(f"cannot read the model catalogue {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise StoreError(
                f"the model catalogue {path} is damaged: {error}", hint="aiex list models --refresh fetches it anew"
            ) from error

    def __iter__(self) -> Iterator[ModelInfo]:
        """All models by name."""
        return (_to_info(name, row) for name, row in sorted(self._rows.items()))

    def find(self, provider: str, model: str) -> ModelInfo | None:
        """A model as its vendor names it, or as a gateway does: `openrouter` and `anthropic/claude-…`; None if unknown.

        A release with a date behind its name is looked up without it when it is not listed itself.
        """
        for name in _names(provider, model):
            if name in self._rows:
                return _to_info(name, self._rows[name])
        return None


def _names(provider: str, model: str) -> Iterator[str]:
    """Where a model may stand, likeliest first."""
    plain = model.removeprefix("models/").lower()
    for name in dict.fromkeys((plain, _DATED.sub("", plain), plain + "-latest")):
        yield f"{provider}/{name}"
        if "/" in name:  # a gateway sells it under the vendor's name
            vendor, _, own = name.partition("/")
            yield f"{_VENDORS.get(vendor, vendor)}/{own.partition(':')[0].replace('.', '-')}"
            yield f"{_VENDORS.get(vendor, vendor)}/{own.partition(':')[0]}"


_VENDORS = {"google": "gemini", "mistralai": "mistral", "x-ai": "xai"}


def _check_row(row: Mapping[str, Any]) -> None:
    for prices in row.get("prices", ()):
        for value in prices:
            if value is not None and (isinstance(value, bool) or not 0 <= float(value) < 1e9):
                raise ValueError(f"a price is {value!r}")
    for field in ("context", "output"):
        value = row.get(field)
        if value is not None and (type(value) is not int or value < 0):
            raise ValueError(f"a window is {value!r}")


def _to_info(name: str, row: Mapping[str, Any]) -> ModelInfo:
    provider, _, model = name.partition("/")
    return ModelInfo(
        provider,
        model,
        row.get("kind", "chat"),
        row.get("context"),
        row.get("output"),
        frozenset(row.get("can", ())),
        tuple(_to_prices(*prices) for prices in row.get("prices", ())),
        row.get("retires", ""),
    )


def _to_prices(
    above_tokens: int, price_in: float | None, price_out: float | None, read: float | None, write: float | None
) -> Prices:
    return Prices(price_in, price_out, read, write, above_tokens)


@lru_cache(maxsize=2)
def open_catalogue(path: str = "") -> Catalogue:
    """The catalogue in a file that was fetched, else the packaged one. Raises `StoreError` if the file is damaged."""
    return Catalogue(path) if path and os.path.exists(path) else Catalogue()


def cost_usd(usage: Usage, info: ModelInfo | None) -> float | None:
    """What a call cost; None when a price or a count that it needs is unknown.

    A model without a price of its own for reading from or writing to the cache charges them as input.
    """
    if info is None or not info.prices or usage.input_tokens is None or usage.output_tokens is None:
        return None
    fitting = [prices for prices in info.prices if usage.input_tokens > prices.above_tokens or not prices.above_tokens]
    prices = fitting[-1]
    output_price = 0.0 if info.kind == "embedding" else prices.output  # vectors are no tokens
    if prices.input is None or output_price is None:
        return None
    read, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    plain = max(0, usage.input_tokens - read - written)
    read_price = prices.input if prices.cache_read is None else prices.cache_read
    write_price = prices.input if prices.cache_write is None else prices.cache_write
    total = plain * prices.input + read * read_price + written * write_price + usage.output_tokens * output_price
    return total * _PER_TOKEN
