"""Text on standard input: hints name what one can type again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aiex.context.engine import Engine
from aiex.errors import UsageError
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.explain import ExplainTask, prepare

Open = Callable[..., tuple[Engine, Workspace]]


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("-:9", "standard input has no line 9: its last line is 2", "aiex explain -:1-2"),
        ("-::Baskt", "no symbol 'Baskt' in standard input", "did you mean -::Basket?"),
    ],
)
@pytest.mark.parametrize("name", ["new.py", "known.py"])
def test_a_place_that_is_not_there_is_answered_with_one_that_is(
    target: str, message: str, hint: str, name: str, open_tree: Open
) -> None:
    engine, workspace = open_tree({"known.py": "x = 1\n"})
    task = ExplainTask(target, name=name, stdin=b"class Basket:\n    pass\n")
    with pytest.raises(UsageError) as caught:
        list(prepare(task, engine, workspace, None))
    assert (caught.value.message, caught.value.hint) == (message, hint)
