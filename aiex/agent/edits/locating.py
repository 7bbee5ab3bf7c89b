"""Finding the one place of a change: exactly, or by one named step; a text that differs in a token is not found."""

from collections.abc import Collection

from aiex.agent.edits import Change
from aiex.agent.edits.choosing import choose
from aiex.agent.edits.places import Chain, Place, find_all, find_lines, skip_lines, stop_of
from aiex.agent.edits.relaxing import STEPS
from aiex.errors import EditError


def locate(text: str, change: Change, path: str, numbers: Collection[int] = ()) -> tuple[Chain, str]:
    """Where the old text of a change stands, and the name of the step that found it, empty when it stands exactly.

    Args:
        text: The file, with `\\n` at the end of every line.
        numbers: Lines, counted from 1, at which the old text may begin; they choose among exact matches.

    Raises:
        EditError: if it stands nowhere, or more than once at the first step that finds it.

    Cost: a few passes over the text; 10 MB take less than a second a step.
    """
    if not change.old:
        return (_where_nothing_is(text, change, path),), ""
    for name, step in STEPS:
        for chains in step(text, change):
            if chains:
                chain = choose(text, chains, change, () if name else numbers, path)
                if name:
                    _require_new(text, chain, change, path)
                return chain, name
    from aiex.agent.edits.nearest import not_found

    raise not_found(text, change, path)


def _where_nothing_is(text: str, change: Change, path: str) -> Place:
    """The place of text that replaces nothing: an empty file, or the end of one when the edit says so."""
    if text and not change.at_end:
        raise EditError(
            f"{path}: the edit adds lines but names none that they stand beside, and the file is not empty",
            hint="give at least one line of the file around the new lines",
        )
    return Place(len(text), 0, "", change.new, stop=-1 if change.is_lines else len(text))


def _require_new(text: str, chain: Chain, change: Change, path: str) -> None:
    """Refuse a relaxed match that is only the result of the same edit, made before."""
    if len(chain) > 1 or not change.new.strip():
        return
    start, stop = chain[0].start, stop_of(text, chain[0])
    reach = len(change.new) + 1
    first = text.rfind("\n", 0, max(0, start - reach)) + 1
    window = text[first : skip_lines(text, min(len(text), stop + reach), 1)]
    found = find_lines(window, change.new[:-1]) if change.is_lines else find_all(window, change.new)
    if any(first + at <= start and first + at + len(change.new) >= stop for at in found):
        from aiex.agent.edits.nearest import already_there

        raise already_there(text, first + found[0], path)
