"""JSON schemas that a person names for an answer."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from aiex.errors import UsageError

if TYPE_CHECKING:
    from aiex.wiring import Services

SCHEMA_LIMIT_BYTES = 1_000_000


def read_schema(path: str, services: Services) -> dict[str, Any]:
    """The schema in a file, or the one that is written out where a file is named.

    Raises:
        UsageError: if it is not a JSON schema of an object.
        StoreError: if the file cannot be read.
    """
    from aiex.guard.neutral import printable_path
    from aiex.llm.schemas import check_schema

    try:
        is_inline = path.lstrip().startswith("{")
        text = path if is_inline else _read(path, services)
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{printable_path(path)} is not JSON: {error}") from error
    if not isinstance(schema, dict):
        raise UsageError(f"{printable_path(path)} is not a JSON schema: it is no object")
    check_schema(schema)
    return schema


def _read(path: str, services: Services) -> bytes:
    """What a file holds that a person named, wherever it lies."""
    from aiex.guard.handover import open_named

    with open_named(os.path.join(services.cwd, path)) as file:
        data = file.read(SCHEMA_LIMIT_BYTES + 1)
    if len(data) > SCHEMA_LIMIT_BYTES:
        raise UsageError(f"the schema is larger than {SCHEMA_LIMIT_BYTES:,} bytes", hint="name a smaller one")
    return data
