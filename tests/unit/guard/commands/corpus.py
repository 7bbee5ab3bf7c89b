"""Commands by the level that they must get; a line of `cases/*.txt` each, with `⏎` for a line end."""

from pathlib import Path

CASES = Path(__file__).parent / "cases"


def commands(level: str) -> list[str]:
    """All commands of one level."""
    lines = (CASES / f"{level}.txt").read_text("utf-8").split("\n")
    return [line.replace("⏎", "\n") for line in lines if line]
