"""SARIF: what the format demands, and what a viewer needs to find the place."""

from __future__ import annotations

import json
import os
from typing import Any

from aiex.jobs.reviewing.catalogue import load_rules
from aiex.jobs.reviewing.diff import Diff, Skipped
from aiex.jobs.reviewing.model import Finding
from aiex.jobs.reviewing.review import Reviewed
from aiex.jobs.reviewing.sarif import FINGERPRINT, render_sarif, to_uri

RULES = load_rules()
FINDINGS = [
    Finding("mutable-default", "warning", "shop/ä b.py", 3, 4, "shared", ("def f(a=[]):",), "use None", "f1"),
    Finding("large-file", "error", os.fsdecode(b"caf\xe9#1.bin"), 0, 0, "2 MB", (), "", "f2"),
]


def sarif(findings: list[Finding], *skipped: Skipped) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(render_sarif(Reviewed(Diff([], "", [*skipped]), findings, 0, RULES)))
    return made


def test_a_path_is_a_relative_uri() -> None:
    assert to_uri("a/b c#d%?.py") == "a/b%20c%23d%25%3F.py"
    assert to_uri(os.fsdecode(b"caf\xe9.py")) == "caf%E9.py"
    assert to_uri("c:d/e.py") == "c%3Ad/e.py"


def test_it_has_what_the_format_requires() -> None:
    """Required properties and value sets of SARIF 2.1.0 (OASIS, sections 3.13 to 3.30)."""
    log = sarif(FINDINGS, Skipped("a.bin", "binary"))
    assert (log["version"], log["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "aiex"
    assert [rule["id"] for rule in driver["rules"]] == sorted(RULES)
    for rule in driver["rules"]:
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        assert set(result["partialFingerprints"]) == {FINGERPRINT}
        (location,) = result["locations"]
        assert set(location["physicalLocation"]) <= {"artifactLocation", "region"}
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is True
    assert invocation["toolExecutionNotifications"] == [
        {"level": "note", "message": {"text": "not looked into: a.bin: binary"}}
    ]


def test_a_result_names_its_place() -> None:
    first, second = sarif(FINDINGS)["runs"][0]["results"]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "shop/%C3%A4%20b.py"},
        "region": {"startLine": 3, "endLine": 4, "snippet": {"text": "def f(a=[]):"}},
    }
    assert (first["level"], first["message"]["text"]) == ("warning", "shared (use None)")
    assert second["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "caf%E9%231.bin"}}


def test_a_finding_of_another_source_needs_no_rule() -> None:
    other = FINDINGS[0]._replace(rule="model")
    (result,) = sarif([other])["runs"][0]["results"]
    assert (result["ruleId"], "ruleIndex" in result) == ("model", False)
