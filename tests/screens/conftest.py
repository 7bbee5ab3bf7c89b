"""Screens are driven through Textual's pilot against vendors on loopback, and compared as pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.conftest import make_homes
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.screen import Shown, flags_of, open_screen_in

OpenScreen = Callable[..., AbstractAsyncContextManager[Shown]]


@pytest.fixture(scope="session")
def homes_on_disk() -> Iterator[Iterator[Path]]:
    with TemporaryDirectory(prefix="aiex-homes-", ignore_cleanup_errors=True) as name:
        yield make_homes(Path(name))


@pytest.fixture(scope="module")
def homes(homes_on_disk: Iterator[Path]) -> Iterator[Path]:
    """Of a home in memory a sandbox sees nothing."""
    return homes_on_disk


@pytest.fixture
def tmp_path(on_disk: Path) -> Path:
    """A folder of the test's own, where commands can be confined."""
    return on_disk


@pytest.fixture
def open_screen(vendor: FakeOpenAI, shop: Path) -> OpenScreen:
    """`async with open_screen("-c", size=(40, 10)) as screen`: the program in the shop, talking to the vendor."""
    return lambda *words, **how: open_screen_in(how.pop("folder", shop), *words, *flags_of(vendor), **how)


@pytest.fixture
def matches(request: pytest.FixtureRequest) -> Callable[[Shown], bool]:
    """`assert matches(screen)`: the screen looks as in the picture that was accepted (`--snapshot-update` accepts)."""
    from pytest_textual_snapshot import SVGImageExtension

    snapshot: Any = request.getfixturevalue("snapshot").use_extension(SVGImageExtension)
    return lambda screen: bool(snapshot == screen.app.export_screenshot())
