"""The checker of the path suite in a small process, which forks ten times faster than one that holds all tests.

Each line of standard input names an engine and holds a case; each line of standard output is its outcome and why.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

SUITE = Path(__file__).parent.parent / "data" / "paths"
PATIENCE_S = 120
"""How much longer than it should a call may take on a busy machine; one that hangs takes for ever."""
RACE_S = (0.4, 1.5, 20)
"""How long a race is run; longer where nothing succeeded, because that may be the scheduler's doing."""


def load_checker() -> ModuleType:
    """The checker, patient."""
    spec = importlib.util.spec_from_file_location("path_suite_checker", SUITE / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    call: Callable[..., Any] = module.call
    module.call = lambda work, limit=3.0: call(work, limit + PATIENCE_S)  # type: ignore[attr-defined]
    return module


def check(checker: ModuleType, case: dict[str, Any], engine: Any) -> tuple[str, str]:
    """The outcome of one case, and why."""
    if "race" not in case:
        outcome, why = checker.run(case, engine)
        return outcome, why
    for seconds in RACE_S:
        outcome, why = checker.run({**case, "race": {**case["race"], "seconds": seconds}}, engine)
        if why != "the operation never succeeded":
            break
    return outcome, why


def serve() -> None:
    """Answer until the input ends."""
    from tests.fakes import path_impl

    checker = load_checker()
    for line in sys.stdin:
        engine, case = json.loads(line)
        print(json.dumps(check(checker, case, getattr(path_impl, engine))), flush=True)


if __name__ == "__main__":
    serve()
