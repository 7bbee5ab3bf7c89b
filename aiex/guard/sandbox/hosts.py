"""Which hosts an allow-list names, and which addresses are never reached by a name."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from aiex.errors import UsageError
from aiex.patterns import late

_LABEL = late(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_WEB_PORTS = (80, 443)
_NEVER = tuple(map(ip_network, ("100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "64:ff9b:1::/48", "fec0::/10")))
"""Shared, special and test networks that `is_global` has counted differently over the years (RFC 6890)."""


class Pattern(NamedTuple):
    """One entry of an allow-list."""

    host: str
    """A name, an address, or what follows `*.`."""
    below: bool
    """It stands for every name beneath `host`, not for `host` itself."""
    port: int | None
    """None for the ports of the web."""


def parse_pattern(text: str) -> Pattern:
    """Read `example.org`, `*.example.org`, `example.org:8443`, `10.0.0.5` or `[::1]:80`.

    Raises:
        UsageError: if it is none of these.
    """
    host, port = split_port(text)
    below = host.startswith("*.")
    name = canonical_host(host.removeprefix("*."))
    if not name or (below and (is_address(name) or "." not in name)) or port == 0:
        raise UsageError(f"cannot allow the host {text!r}", hint="write example.org, *.example.org or example.org:8080")
    return Pattern(name, below, port)


def split_port(text: str) -> tuple[str, int | None]:
    """Host and port of `host`, `host:port`, `[v6]:port`; port 0 stands for one that cannot be."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
    elif text.count(":") > 1:
        host, rest = text, ""
    else:
        host, colon, number = text.partition(":")
        rest = colon + number
    if not rest:
        return host, None
    number = rest[1:]
    is_port = rest[0] == ":" and number.isascii() and number.isdigit() and len(number) <= 5 and int(number) < 65536
    return host, int(number) if is_port else 0


def canonical_host(host: str) -> str:
    """A host name or address in the one form that is compared; empty when it is neither.

    Names are lower case without a last dot, other scripts in punycode. Numbers that only some resolvers take for an
    address, such as `0x7f.1`, are refused.
    """
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    name = host.removesuffix(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    labels = name.split(".")
    looks_numeric = labels[-1].isdigit() or labels[-1].startswith("0x")
    if len(name) > 253 or looks_numeric or not all(_LABEL.fullmatch(label) for label in labels):
        return ""
    return name


def is_allowed(patterns: tuple[Pattern, ...], host: str, port: int) -> bool:
    """Whether an allow-list names this canonical host and port."""
    for pattern in patterns:
        named = host.endswith(f".{pattern.host}") if pattern.below else host == pattern.host
        if named and (port == pattern.port if pattern.port else port in _WEB_PORTS):
            return True
    return False


def is_address(host: str) -> bool:
    """Whether a canonical host is an address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether an address lies on the open internet, also what is wrapped in it (mapped, 6to4, NAT64, Teredo)."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and (inner := _wrapped(found)):
        return all(is_public(str(one)) for one in inner)
    is_special = found.is_multicast or found.is_reserved or found.is_loopback or found.is_link_local
    is_listed = any(found.version == network.version and found in network for network in _NEVER)
    return found.is_global and not is_special and not is_listed


def _wrapped(found: IPv6Address) -> list[IPv4Address]:
    inner = [one for one in (found.ipv4_mapped, found.sixtofour, *(found.teredo or ())) if one is not None]
    if found in ip_network("64:ff9b::/96"):
        inner.append(IPv4Address(int(found) & 0xFFFFFFFF))
    return inner
