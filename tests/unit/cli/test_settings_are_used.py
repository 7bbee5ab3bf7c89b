"""Every setting that `aiex list config` shows changes something."""

from pathlib import Path

from aiex.settingkeys import KEYS
from tests.conftest import SOURCE_ROOT
from tests.fakes.tables import each

NOT_YET: set[str] = set()
"""Settings whose code is still to come."""
READERS = "\n".join(
    path.read_text(encoding="utf-8")
    for path in (Path(SOURCE_ROOT) / "aiex").rglob("*.py")
    if path.name not in ("settingkeys.py", "settingdocs.py")
)


@each("key", [key.name for key in KEYS if "*" not in key.name and key.name not in NOT_YET])
def test_some_code_asks_for_it(key: str) -> None:
    assert f'get("{key}")' in READERS or f'origin("{key}")' in READERS
