"""Rows of words under each other, for a person and for `awk` alike."""

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], *, head: Sequence[str] = ()) -> str:
    """Rows with every column as wide as its longest cell, two spaces apart; no spaces at line ends.

    Args:
        rows: Cells without line breaks, equally many in each row.
        head: Names of the columns; left out when there are no rows.
    """
    if not rows:
        return ""
    whole = [list(head), *map(list, rows)] if head else [list(row) for row in rows]
    widths = [max(len(row[column]) for row in whole) for column in range(len(whole[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in whole
    )
