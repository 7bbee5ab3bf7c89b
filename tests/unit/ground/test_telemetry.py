"""The log: JSON lines in a private, rotating file, with the ids of the work at hand, and never a failure."""

from __future__ import annotations

import asyncio
import json
import math
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aiex import telemetry


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "logs" / "aiex.log"
    telemetry.configure("info", str(path))
    yield path
    telemetry.configure("warning")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_record_is_one_json_line_in_a_private_file(log: Path) -> None:
    telemetry.logger("aiex.llm").info("asked\nthe model", model="m", wait_s=0.5, parts=("a", 1))
    (line,) = lines(log)
    assert line.pop("ts").endswith("Z")
    assert line == {
        **{"level": "info", "logger": "aiex.llm", "message": "asked\nthe model", "pid": os.getpid()},
        **{"model": "m", "wait_s": 0.5, "parts": ["a", 1]},
    }
    if sys.platform != "win32":
        assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_what_is_below_the_level_is_not_written_and_opens_no_file(log: Path) -> None:
    telemetry.logger("a").debug("quiet")
    assert not log.exists()
    telemetry.logger("a").warning("loud")
    assert [line["level"] for line in lines(log)] == ["warning"]


def test_bound_ids_are_in_every_record_of_their_block_and_nowhere_else(log: Path) -> None:
    logger = telemetry.logger("a")
    with telemetry.bind(correlation_id="c1"):
        with telemetry.bind(session_id="s1"):
            logger.info("inner")
        logger.info("outer")
    logger.info("after")
    ids = [(line.get("correlation_id"), line.get("session_id")) for line in lines(log)]
    assert ids == [("c1", "s1"), ("c1", None), (None, None)]


async def test_ids_stay_with_their_task(log: Path) -> None:
    both_inside = asyncio.Barrier(2)

    async def work(name: str) -> None:
        with telemetry.bind(correlation_id=name):
            await both_inside.wait()
            telemetry.logger("a").info(name)

    await asyncio.gather(work("one"), work("two"))
    assert sorted((line["message"], line["correlation_id"]) for line in lines(log)) == [("one", "one"), ("two", "two")]


def test_an_error_is_written_with_type_text_and_place(log: Path) -> None:
    try:
        raise KeyError("gone")
    except KeyError as error:
        telemetry.logger("a").error("failed", error=error)
    (line,) = lines(log)
    assert (line["error"], line["error_message"]) == ("KeyError", "'gone'")
    assert line["error_place"].startswith(__file__)


def test_secrets_are_taken_out_of_every_text(log: Path) -> None:
    telemetry.configure("info", str(log), redact=lambda text: text.replace("sk-1", "[key]"))
    with telemetry.bind(correlation_id="sk-1"):
        telemetry.logger("a").info("key sk-1", deep={"list": ["sk-1", 1]})
    assert "sk-1" not in log.read_text()
    assert lines(log)[0]["deep"] == {"list": ["[key]", 1]}


class Rude:
    """Fails whatever is asked of it."""

    def __repr__(self) -> str:
        raise RuntimeError


def test_values_that_json_does_not_have_are_written_in_another_way(log: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    telemetry.logger("a").info(
        "odd \udcff", rude=Rude(), raw=b"x", path=Path("a/b"), nan=math.nan, loop=loop, level="mine", keys={1: 2}
    )
    (line,) = lines(log)
    assert (line["message"], line["rude"], line["raw"], line["nan"]) == ("odd \udcff", "<Rude>", "<bytes>", "nan")
    assert (line["path"], line["level"], line["keys"]) == (str(Path("a/b")), "info", {"1": 2})
    assert line["loop"] == [[[[[["<list>"]]]]]]


def test_a_full_file_is_rotated_and_old_ones_go(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "LIMIT_BYTES", 1000)
    for number in range(40):
        telemetry.logger("a").info("x" * 200, number=number)
    names = sorted(os.listdir(log.parent))
    assert names == ["aiex.log", "aiex.log.1", "aiex.log.2", "aiex.log.3"]
    assert lines(log)[-1]["number"] == 39
    assert {stat.S_IMODE((log.parent / name).stat().st_mode) for name in names} == {0o600} or sys.platform == "win32"


def test_a_place_that_cannot_be_written_loses_records_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    telemetry.configure("info", str(tmp_path / "file" / "aiex.log"))
    telemetry.logger("a").info("lost")
    telemetry.configure("info", str(tmp_path))
    telemetry.logger("a").info("lost")
    telemetry.configure("warning")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_loses_records_and_says_nothing(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "aiex.log").symlink_to("/dev/full")
    telemetry.configure("info", str(tmp_path / "aiex.log"))
    telemetry.logger("a").info("lost")
    telemetry.configure("warning")
    assert capfd.readouterr() == ("", "")


def test_without_a_path_the_file_is_in_the_state_directory(home: Path) -> None:
    telemetry.configure("info")
    telemetry.logger("a").info("here")
    telemetry.configure("warning")
    assert [line["message"] for line in lines(home / "state" / "aiex.log")] == ["here"]


def test_nothing_is_loaded_before_the_first_record_is_written() -> None:
    code = "import sys; from aiex import telemetry as t; t.logger('a').info('no'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"logging", "json", "aiex.events"}.isdisjoint(loaded)
