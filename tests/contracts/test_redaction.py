"""The redaction suite: no secret is left, nothing else is changed, a second pass changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from aiex.guard.redact import redact
from tests.fakes.tables import each

SUITE = Path(__file__).parents[1] / "data" / "suites" / "redaction"
CASES: list[dict[str, Any]] = [json.loads(line) for line in (SUITE / "dev.jsonl").open(encoding="utf-8")]
RUN = 10
"""A secret has leaked when so many of its characters are left in a row."""


@each("case", CASES, ids=lambda case: f"{case['id']}-{case['cat']}")
def test_every_case_of_the_suite_passes(case: dict[str, Any]) -> None:
    parts = [("".join(part.get("secret") or part["keep"]), part) for part in case["segments"]]
    text = "".join(words for words, _ in parts)
    shown = redact(text, {})
    assert redact(shown, {}) == shown
    if case["expect"] == "keep":
        assert shown == text
    position = 0
    for words, part in parts:
        if "secret" in part:
            body = words[part["prefix"] :]
            assert not [
                body[at : at + RUN] for at in range(max(1, len(body) - RUN + 1)) if body[at : at + RUN] in shown
            ]
        elif len(words.strip()) > 3:
            assert (position := shown.find(words.strip(), position)) >= 0


def test_the_copy_is_the_shared_suite() -> None:
    shared = Path(__file__).parents[3] / "shared" / "suites" / "redaction"
    if not shared.is_dir():
        pytest.skip("there is no shared suite beside the checkout")
    for name in ("dev.jsonl", "check.py", "README.md"):
        assert (SUITE / name).read_bytes() == (shared / name).read_bytes()
