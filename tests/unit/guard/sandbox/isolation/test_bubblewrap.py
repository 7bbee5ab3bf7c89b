"""What bubblewrap is asked for, what its mounts must be then, and hosts that a policy names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from aiex.guard.sandbox.cover import Cover
from aiex.guard.sandbox.isolation.bubblewrap import arguments
from aiex.guard.sandbox.mounts import Expected, is_final, parse, problem_with
from tests.fakes.site import open_site
from tests.unit.guard.sandbox.isolation.conftest import Place

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux")

HOST = (
    b"20 1 8:1 / / rw - ext4 /dev/a rw\n30 20 8:2 / /home rw - ext4 /dev/b rw\n"
    b"31 30 8:3 / /home/w/sub rw - ext4 /d rw\n"
)
INSIDE = (
    b"40 39 8:1 / / ro - ext4 /dev/a rw\n41 40 8:2 / /home ro - ext4 /dev/b rw\n42 41 8:2 /w /home/w rw - ext4 /d rw\n"
    b"43 42 8:3 / /home/w/sub rw - ext4 /d rw\n44 40 0:9 / /proc ro - proc proc rw\n45 40 0:8 / /run rw - tmpfs t rw\n"
    b"46 42 8:2 /w/.git /home/w/.git ro - ext4 /dev/b rw\n"
)
EXPECTED = Expected({"/home/w": "/home/w"}, {"/": False, "/run": True, "/home/w": True, "/home/w/.git": False})


def problem(inside: bytes) -> str:
    return problem_with(parse(inside), EXPECTED, parse(HOST))


def test_the_mounts_that_were_asked_for_are_fine() -> None:
    assert is_final(INSIDE)
    assert problem(INSIDE) == ""


@pytest.mark.parametrize(
    ("was", "is_", "said"),
    [
        (b"8:2 / /home ro", b"8:2 / /home rw", "/home can be written"),
        (b"8:2 /w/.git /home/w/.git ro", b"8:2 /w/.git /home/w/.git rw", "/home/w/.git can be written"),
        (b"/w/.git /home/w/.git ro", b"/w/.git /home/w/old ro", "/home/w/.git is not covered"),
        (b"8:2 /w /home/w rw", b"8:2 /etc /home/w rw", "/home/w is another directory"),
        (b"8:2 /w /home/w rw", b"8:7 /w /home/w rw", "/home/w is another directory"),
        (b"0:8 / /run rw", b"0:8 / /srv rw", "/run is not covered"),
        (b"0:9 / /proc ro - proc", b"0:9 / /proc rw - proc", "/proc can be written"),
    ],
)
def test_other_mounts_are_told(was: bytes, is_: bytes, said: str) -> None:
    assert was in INSIDE
    assert problem(INSIDE.replace(was, is_)) == said


def test_a_file_system_that_is_not_complete_is_not_final() -> None:
    assert not is_final(b"")
    assert not is_final(HOST)
    assert not is_final(INSIDE + b"50 40 8:1 / /oldroot rw - ext4 /dev/a rw\n")


def test_names_with_spaces_are_read() -> None:
    assert parse(rb"1 2 8:1 /a\040b /c\134d rw - ext4 x rw")[0][1:3] == ("/a b", "/c\\d")


def test_only_line_feeds_end_a_line_of_the_table() -> None:
    assert [one.point for one in parse(b"1 2 8:1 / /a\rb rw - ext4 x rw\n3 4 8:1 / /c\x0cd rw - ext4 x rw\n")] == [
        "/a\rb",
        "/c\x0cd",
    ]


def test_covers_become_mounts(tmp_path) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "folder"
    secret.write_text("x")
    folder.mkdir()
    covers = (
        Cover(str(tmp_path), "write", is_folder=True),
        Cover(str(folder), "hide", is_folder=True),
        Cover(str(secret), "hide", is_folder=False),
        Cover(str(tmp_path / "held"), "hold", is_folder=True),
    )
    text = " ".join(arguments(covers, "/private")[0])
    assert f"held {tmp_path} " in text
    assert f"--tmpfs {folder}" in text
    assert f"--ro-bind {os.devnull} {secret}" in text
    assert f"held {tmp_path}/held" in text
    assert text.index(f"held {tmp_path} ") < text.index(f"--tmpfs {folder}")


@pytest.mark.parametrize("kind", ["hide", "absent"])
def test_what_is_gone_for_a_moment_is_not_left_open(tmp_path, kind) -> None:
    secret = tmp_path / ".env"
    covers = (Cover(str(tmp_path), "write", is_folder=True), Cover(str(secret), kind, is_folder=False))
    with pytest.raises(Exception, match="is gone"):
        arguments(covers, "/private")
    secret.write_text("x")
    given, expected = arguments(covers, "/private")
    assert str(secret) in given
    assert expected.fixed[str(secret)] is False


@pytest.fixture
def site() -> Iterator[int]:
    with open_site() as port:
        yield port


FETCHING = """
import os, urllib.request
for name in ("no_proxy", "NO_PROXY"):
    del os.environ[name]
for url in {urls!r}:
    try:
        print(urllib.request.build_opener(urllib.request.ProxyHandler({proxies})).open(url, timeout=60).read().decode())
    except OSError as error:
        print(getattr(error, "code", "refused"))
"""
THROUGH = "{'http': 'http://127.0.0.1:3128'}"


def test_named_hosts_are_reached_and_no_others(place: Place, site: int) -> None:
    if place.house.drive.backend != "bubblewrap":
        pytest.skip("only bubblewrap opens a way to named hosts")
    urls = [f"http://localhost:{site}/", f"http://127.0.0.1:{site}/", "http://example.org/"]
    answer = place.python(FETCHING.format(urls=urls, proxies=THROUGH), domains=[f"localhost:{site}"])
    assert answer.output.split() == ["hello", "403", "403"]
    assert answer.asked == [["localhost", site, True], ["127.0.0.1", site, False], ["example.org", 80, False]]


def test_only_the_proxy_is_reached(place: Place, site: int) -> None:
    if place.house.drive.backend != "bubblewrap":
        pytest.skip("only bubblewrap opens a way to named hosts")
    urls = [f"http://127.0.0.1:{site}/"]
    answer = place.python(FETCHING.format(urls=urls, proxies="{}"), domains=[f"localhost:{site}"])
    assert answer.output.split() == ["refused"]


def test_programs_find_the_proxy(place: Place, site: int) -> None:
    if place.house.drive.backend != "bubblewrap":
        pytest.skip("only bubblewrap opens a way to named hosts")
    answer = place.run("echo $http_proxy $HTTPS_PROXY", domains=["example.org"])
    assert answer.output.split() == ["http://127.0.0.1:3128"] * 2
    assert place.run("echo $http_proxy").output == "\n"
