# ruff: noqa: E501, RUF001  (tables of cases)
"""Addresses that a model chose lead to public machines, or nowhere."""

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import Denied, UsageError
from aiex.guard.urls import LONGEST_URL, Url, check_url, resolve_checked
from tests.fakes.tables import each


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.org", Url("https://example.org/", "https", "example.org", 443)),
        ("HTTP://Example.ORG.:8080/a?b=c#d", Url("http://example.org:8080/a?b=c", "http", "example.org", 8080)),
        ("https://bücher.example/ä".replace("/ä", "/a"), Url("https://xn--bcher-kva.example/a", "https", "xn--bcher-kva.example", 443)),
        ("http://93.184.216.34/", Url("http://93.184.216.34/", "http", "93.184.216.34", 80)),
        ("http://1572395042/", Url("http://93.184.216.34/", "http", "93.184.216.34", 80)),
        ("https://[2606:4700::1111]:444/x", Url("https://[2606:4700::1111]:444/x", "https", "2606:4700::1111", 444)),
    ],
)  # fmt: skip
def test_a_plain_address_is_given_in_one_form(text: str, url: Url) -> None:
    assert check_url(text) == url


PRIVATE = [
    *("127.0.0.1", "localhost", "a.localhost", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001"),
    *("0", "0.0.0.0", "10.0.0.1", "10.1", "172.16.3.4", "192.168.1.1", "192.168.257", "169.254.169.254", "0xa9fea9fe", "2852039166"),
    *("100.64.1.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "203.0.113.7", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[0:0:0:0:0:0:0:1]", "[fe80::1]", "[fc00::1]"),
    *("[fd00:ec2::254]", "[ff02::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "[fec0::1]", "[2001::1]", "[2001:db8::1]"),
    *("metadata", "metadata.google.internal", "router.lan", "printer.local", "db.internal", "nas.home.arpa", "home.arpa", "LOCALHOST.", "x.onion"),
    *("①②⑦.⓪.⓪.①", "127。0。0。1", "ｌｏｃａｌｈｏｓｔ"),
]  # fmt: skip


@each("host", PRIVATE)
def test_this_machine_and_this_network_are_refused_however_they_are_spelled(host: str) -> None:
    with pytest.raises(Denied):
        check_url(f"http://{host}:80/latest/meta-data")


@each(
    "url",
    [
        *("file:///etc/passwd", "ftp://h.example/", "gopher://h.example/", "javascript:alert(1)", "data:text/html,x", "//h.example/", "h.example"),
        *("http://", "http:///x", "https://?x", "http://user@h.example/", "http://u:p@h.example/", "http://h.example@127.0.0.1/"),
        *("http://h.example:0/", "http://h.example:99999/", "http://h.example:x/", "http://h.example:-1/", "http://h.example:8 0/"),
        *("http://h.example/\r\nHost: x", "http://h.example/\x00", "http://h.example/\u202egnp", "http://h.exa\u200bmple/", "http://h.example/\t"),
        *("http://h.example\\@127.0.0.1/", "http://h.example\\.evil.example/", " http://h.example/", "http://h.example/ x", "http://h%2eexample/"),
        *("http://[::1%25lo]/", "http://[fe80::1%eth0]/", "http://[::1/", "http://[v1.x]/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://1.2.3.0x/".replace("0x", "08")),
        *("http://0x/".replace("0x", "0xffffffffff"), "http://a..b/", "http://-a.example/", "http://" + "a" * 64 + ".example/", "http://" + "a." * 130 + "example/"),
        *("http://h.example/\ud800", "https://h.example/" + "a" * LONGEST_URL, "http://exam\u2044ple.org/", "http://h.example\u2100.org/", ""),
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_url(url)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/x", "http://localhost/", "http://[::1]/"])
def test_private_addresses_can_be_allowed(url: str) -> None:
    assert check_url(url, allow_private=True).text.startswith(url)


@given(
    st.one_of(st.text(), st.text(max_size=40).map("http://{}".format), st.integers(0, 2**33).map("http://{}/".format))
)
def test_any_text_is_checked_or_refused_and_checking_again_changes_nothing(text: str) -> None:
    try:
        url = check_url(text)
    except (UsageError, Denied):
        return
    assert check_url(url.text) == url


def answers(monkeypatch: pytest.MonkeyPatch, *numbers: str) -> list[str]:
    """Lets the look-up of names give these numbers, and notes the names."""
    asked: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET6 if ":" in number else socket.AF_INET, 1, 6, "", (number, port)) for number in numbers]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_a_name_becomes_the_number_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, "93.184.216.34", "2606:4700::1111")
    assert resolve_checked("h.example", 443) == "93.184.216.34"
    assert asked == ["h.example"]


@pytest.mark.parametrize(
    "number", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1%eth0", "100.64.0.1"]
)
def test_a_name_that_leads_home_is_refused_even_if_only_sometimes(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "93.184.216.34", number)
    with pytest.raises(Denied, match="leads to"):
        resolve_checked("rebind.example", 80)


def test_a_real_look_up_of_this_machine_is_refused_or_allowed() -> None:
    with pytest.raises(Denied):
        resolve_checked("localhost", 80)
    assert resolve_checked("127.0.0.1", 80, allow_private=True) == "127.0.0.1"


def test_a_name_without_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch)
    with pytest.raises(UsageError, match="no address"):
        resolve_checked("h.example", 80)
