"""The outcome of a review in SARIF 2.1.0, for what shows findings beside code."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiex import __version__
from aiex.jobs.reviewing.model import Finding, Rule

if TYPE_CHECKING:
    from aiex.jobs.reviewing.review import Reviewed

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "aiexFinding/v1"
"""The key of the fingerprint; the number goes up when the same finding would get another one."""


def to_sarif(done: Reviewed) -> dict[str, Any]:
    """A SARIF log of one run (OASIS, Static Analysis Results Interchange Format 2.1.0)."""
    numbers = {name: number for number, name in enumerate(done.rules)}
    driver = {"name": "aiex", "version": __version__, "rules": [_rule(name, rule) for name, rule in done.rules.items()]}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, numbers) for finding in done.findings],
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": f"not looked into: {_plain(one.path)}: {_plain(one.reason)}"}}
                    for one in done.diff.skipped
                ],
            }
        ],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def render_sarif(done: Reviewed) -> str:
    """The same as text, ASCII only."""
    return json.dumps(to_sarif(done), indent=2)


def to_uri(path: str) -> str:
    """A path as a relative URI reference: every byte beyond the harmless ones as `%XX` (RFC 3986)."""
    return quote(os.fsencode(path), safe="/-._~")


def _rule(name: str, rule: Rule) -> dict[str, Any]:
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.help},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding, numbers: dict[str, int]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": to_uri(finding.path)}}
    if finding.line:
        place["region"] = {"startLine": finding.line, "endLine": finding.end_line}
        if finding.evidence:
            place["region"]["snippet"] = {"text": _plain("\n".join(finding.evidence))}
    message = finding.message + (f" ({finding.suggestion})" if finding.suggestion else "")
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": _plain(message)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
    }
    if finding.rule in numbers:
        result["ruleIndex"] = numbers[finding.rule]
    return result


def _plain(text: str) -> str:
    """Text without lone surrogates, which JSON readers may refuse."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
