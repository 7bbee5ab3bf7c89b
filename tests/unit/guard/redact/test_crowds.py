"""Large texts in which every word says secret: the work is counted in characters, not in seconds."""

import pytest

from aiex.guard.redact.fields import find_fields
from aiex.guard.redact.source import Source, to_source

SIZE = 250_000
UNITS = ["key:", '"key":', "<key>", "${key:-", "password=x", "x" * 60 + "password="]
MOST_LOOKED_AT = 120
"""Characters that are looked at for each character of a text: the context of a name every four."""


class Counting(str):
    """A text that counts the characters which are taken out of it."""

    taken = 0

    def __getitem__(self, place: object) -> str:
        part = super().__getitem__(place)  # type: ignore[index]
        type(self).taken += len(part)
        return part


@pytest.mark.parametrize("unit", UNITS)
def test_names_behind_names_take_steps_in_proportion_to_the_text(unit: str) -> None:
    text = Counting((unit * (SIZE // len(unit) + 1))[:SIZE])
    plain = to_source(str(text))
    Counting.taken = 0
    find_fields(Source(text, plain.folded, plain.classes))
    assert Counting.taken <= MOST_LOOKED_AT * SIZE


@pytest.mark.parametrize("crowd", ["key:", "key=", '"key": ', "password ", "<key>"])
@pytest.mark.parametrize("count", [3, 40, 3_000])
def test_a_secret_behind_a_crowd_of_names_is_found_to_its_end(crowd: str, count: int) -> None:
    from aiex.guard.redact import redact

    secret = "Zk3" + "9fQ7xLw2" * 90
    shown = redact(f"{crowd * count}\npassword = '{secret}'\nrest", {})
    assert "9fQ7xLw2" not in shown
    assert shown.endswith("'\nrest")
