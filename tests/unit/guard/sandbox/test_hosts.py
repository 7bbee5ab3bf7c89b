"""Names of hosts in one form, allow-lists, and addresses that no name may lead to."""

from __future__ import annotations

import pytest

from aiex.errors import UsageError
from aiex.guard.sandbox.hosts import canonical_host, is_allowed, is_public, parse_pattern, split_port
from tests.fakes.tables import each

LIST = tuple(map(parse_pattern, ("example.org", "*.wide.example", "other.example:8443", "10.0.0.5", "[::1]:80")))


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("example.org", 443),
        ("example.org", 80),
        ("a.wide.example", 443),
        ("a.b.wide.example", 80),
        ("other.example", 8443),
        ("10.0.0.5", 80),
        ("::1", 80),
    ],
)
def test_named_hosts_are_allowed(host: str, port: int) -> None:
    assert is_allowed(LIST, host, port)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("example.org", 22),
        ("example.org.evil.test", 443),
        ("evilexample.org", 443),
        ("sub.example.org", 443),
        ("wide.example", 443),
        ("evilwide.example", 443),
        ("other.example", 443),
        ("10.0.0.50", 80),
        ("::1", 81),
    ],
)
def test_others_are_not(host: str, port: int) -> None:
    assert not is_allowed(LIST, host, port)


@pytest.mark.parametrize(
    ("host", "form"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("\uff10\uff58.example", "0x.example"),
        ("2001:DB8::1", "2001:db8::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", ""),
        ("0x7f000001", ""),
        ("0177.0.0.1", ""),
        ("2130706433", ""),
        ("a b", ""),
        ("a\r\nb", ""),
        ("user@host", ""),
        ("a..b", ""),
        ("-a.example", ""),
        ("", ""),
        ("example.org..", ""),
        ("exa%6dple.org", ""),
    ],
)
def test_a_host_has_one_form_or_none(host: str, form: str) -> None:
    assert canonical_host(host) == form


@each(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "198.18.0.1",
        "ff02::1",
        "fec0::1",
        "192.0.0.8",
    ],
)
def test_private_addresses_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "*", "*.org", "*.127.0.0.1", "a b", "x:0", "x:99999", "x:y", "http://x", "127.1"])
def test_an_entry_that_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot allow the host"):
        parse_pattern(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a:1", ("a", 1)),
        ("a", ("a", None)),
        ("[::1]:80", ("::1", 80)),
        ("[::1]", ("::1", None)),
        ("::1", ("::1", None)),
        ("a:", ("a", 0)),
        ("a:+1", ("a", 0)),
        ("a:٣", ("a", 0)),
        ("[::1]x", ("::1", 0)),
    ],
)
def test_host_and_port_are_told_apart(text: str, parts: tuple[str, int | None]) -> None:
    assert split_port(text) == parts
