"""`json.loads` for the one line of an event, at two thirds of its time: no blanks are looked for that are not there."""

import json
from typing import Any

_decoder: Any = json.JSONDecoder()
_scan = _decoder.scan_once


def parse(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: if it is not JSON.
        RecursionError: if it is nested too deeply.

    Cost: 2.2 µs for an event of 164 characters, where `json.loads` takes 3.3 (`benchmarks/decode.py`).
    """
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return json.loads(text)
    return value if end == len(text) else json.loads(text)
