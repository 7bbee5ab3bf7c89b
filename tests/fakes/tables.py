"""Many small cases as one test: a run of tests spends three milliseconds on each test that does nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from typing import Any

import pytest


def each(
    name: str | Sequence[str], values: Iterable[Any], *, ids: Callable[[Any], object] = repr
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Like `parametrize` in one test: every value is tried, and the failure names and shows each that was wrong.

    For cases that leave nothing behind, because all of them share the fixtures of the one test. Skipped is the test
    when every case is. Several values at once are named as for `parametrize`.
    """
    names, cases = [one.strip() for one in name.split(",")] if isinstance(name, str) else [*name], list(values)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(test)
        left = signature.replace(parameters=[one for one in signature.parameters.values() if one.name not in names])

        def try_all(*values: Any, **more: Any) -> None:
            fixtures = left.bind(*values, **more).arguments
            wrong: list[Exception] = []
            skipped: list[str] = []
            for case in cases:
                given = dict(zip(names, case if len(names) > 1 else (case,), strict=True))
                try:
                    test(**given, **fixtures)
                except pytest.skip.Exception as reason:
                    skipped.append(str(reason))
                except (Exception, pytest.fail.Exception) as error:
                    error.add_note(f"wrong: {ids(case)}")
                    wrong.append(error if isinstance(error, Exception) else AssertionError(str(error)))
            if wrong:
                raise ExceptionGroup(f"{len(wrong)} of {len(cases)} cases are wrong", wrong)
            if cases and len(skipped) == len(cases):
                pytest.skip(skipped[0])

        update_wrapper(try_all, test)
        try_all.__signature__ = left  # type: ignore[attr-defined]
        return try_all

    return decorate
