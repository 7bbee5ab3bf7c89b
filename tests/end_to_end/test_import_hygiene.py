"""The cheapest questions stay cheap: what they load is looked at in a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = {
    "asyncio",
    "textual",
    "rich",
    "httpx2",
    "tree_sitter",
    "tiktoken",
    "sqlite3",
    "importlib.metadata",
}

PROBE = """
import json, sys
before = set(sys.modules)
sys.argv = ["aiex", *json.loads(sys.argv[1])]
from aiex._entry import main
code = main()
print(json.dumps({"code": code, "loaded": sorted(set(sys.modules) - before)}), file=sys.stderr)
"""


def loaded_by(*arguments: str, cwd: str | os.PathLike[str]) -> set[str]:
    """The modules that one run of the command imports beyond what the interpreter itself does."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    process = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": root},
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    assert process.stdout, process.stderr
    report = json.loads(process.stderr.splitlines()[-1])
    assert report["code"] == 0
    return set(report["loaded"])


FOR_MODELS = ("aiex.context.packing", "aiex.context.search", "aiex.context.retrieval", "aiex.jobs.asking",
              "aiex.jobs.gathering", "aiex.jobs.surrounding")  # fmt: skip


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("-h",)], ids=" ".join)
def test_nothing_heavy_is_loaded(arguments, tmp_path):
    assert loaded_by(*arguments, cwd=tmp_path) & HEAVY == set()


@pytest.mark.parametrize("arguments", [("--version",), ("--help",)], ids=" ".join)
def test_not_even_click_is_loaded(arguments, tmp_path):
    loaded = loaded_by(*arguments, cwd=tmp_path)
    assert "click" not in loaded
    assert len(loaded) < 10, sorted(loaded)


@pytest.mark.parametrize("arguments", [("help",), ("explain", "--help")], ids=" ".join)
def test_the_command_line_itself_loads_nothing_heavy(arguments, tmp_path):
    assert loaded_by(*arguments, cwd=tmp_path) & HEAVY == set()


def test_a_warm_offline_briefing_starts_no_event_loop_and_no_parser(workspace):
    file = os.path.join("shop", "basket.py")
    loaded_by("explain", file, "--offline", cwd=workspace)
    assert loaded_by("explain", file, "--offline", cwd=workspace) & (HEAVY | {"logging"}) - {"sqlite3"} == set()


def test_an_offline_briefing_packs_nothing_and_opens_no_index(workspace):
    loaded = loaded_by("explain", os.path.join("shop", "basket.py"), "--offline", cwd=workspace)
    assert [name for name in loaded if name.startswith(FOR_MODELS)] == []
