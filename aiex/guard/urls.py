"""Addresses that a model chose: only http and https, to public machines, in a form that two readers read alike.

Readers of addresses disagree about odd ones, and a name may lead elsewhere when it is looked up again. So an address is
refused unless it is plain, and what is connected to is the checked number, not the name.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiex.errors import Denied, UsageError
from aiex.patterns import late
from aiex.record import record

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

LONGEST_URL = 8192
LONGEST_NAME = 253
"""RFC 1035, section 2.3.4, without the final dot."""
_PORTS = {"http": 80, "https": 443}
_LABEL = late(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LOCAL_NAMES = (
    "localhost",
    "local",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "home.arpa",
    "localdomain",
    "onion",
)
"""Names that mean this machine or this network, with all beneath them (RFC 6761, RFC 6762, RFC 8375)."""
_NUMBER = late(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
_BEYOND = ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10", "::/96", "100:0:0:1::/64")
"""IPv6 networks that lead to IPv4 addresses or stay local: NAT64, 6to4, Teredo, site-local."""
_REFUSED_V4 = ("100.64.0.0/10", "192.0.0.0/24", "168.63.129.16/32", "192.88.99.0/24", "198.18.0.0/15")
"""Carrier-grade NAT, protocol assignments, Azure's platform address, 6to4 relays, benchmarks."""


@record
class Url:
    """An address that was checked."""

    text: str
    """As it is asked for; the host in lower ASCII."""
    scheme: str
    host: str
    """A name in ASCII, or a number without brackets."""
    port: int


def check_url(url: str, *, allow_private: bool = False) -> Url:
    """The address, if a model may choose it. Names are not looked up; `resolve_checked` does that.

    Args:
        url: As the model wrote it.
        allow_private: Addresses of this machine and this network are fine too.

    Raises:
        UsageError: if it is no plain http or https address.
        Denied: if it leads to this machine or this network.
    """
    _check_characters(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{_short(url)} is no address: {error}") from error
    if parts.scheme not in _PORTS:
        raise UsageError(f"{_short(url)} is not fetched: only http and https are")
    if "@" in parts.netloc:
        raise UsageError("an address with a user name or a password in it is not fetched")
    if port == 0:
        raise UsageError(f"{_short(url)} names port 0")
    host = _check_host(parts.netloc, parts.hostname or "", allow_private=allow_private)
    return Url(
        _rebuilt(parts.scheme, host, port, parts.path, parts.query), parts.scheme, host, port or _PORTS[parts.scheme]
    )


def resolve_checked(host: str, port: int, *, allow_private: bool = False) -> str:
    """The address to connect to for a checked host; the name must not be looked up again.

    All addresses of a name must be allowed: one that leads to both sides is a trap.

    Raises:
        Denied: if one of them is of this machine or this network.
        UsageError: if there is none.
    """
    from ipaddress import ip_address

    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{_short(host)} cannot be found: {error}") from error
    numbers = [str(answer[4][0]) for answer in answers]
    for number in numbers:
        if not allow_private and (reason := _why_private(ip_address(number))):
            raise Denied(f"{_short(host)} leads to {number}, {reason}", hint=_HINT)
    if not numbers:
        raise UsageError(f"{_short(host)} has no address")
    return numbers[0]


_HINT = "addresses of this machine and this network are not for a model to choose"


def _check_characters(url: str) -> None:
    if len(url) > LONGEST_URL:
        raise UsageError(f"the address has {len(url)} characters, more than {LONGEST_URL}")
    bad = next((one for one in url if not one.isprintable() or one.isspace() or one in '\\"<>`{}|^'), None)
    if bad is not None:
        raise UsageError(f"{_short(url)} holds U+{ord(bad):04X}, which no address does")


def _check_host(netloc: str, host: str, *, allow_private: bool) -> str:
    """The host in ASCII; the parsers' own view of it is compared, so that both mean the same."""
    if not host:
        raise UsageError("the address names no host")
    if "%" in netloc:
        raise UsageError(f"{_short(host)} is not fetched: a host with % in it is read in two ways")
    if netloc.startswith("["):
        return _check_number(_parse_v6(host), allow_private=allow_private)
    name = _to_ascii(host)
    if (number := _parse_v4(name)) is not None:
        return _check_number(number, allow_private=allow_private)
    is_local = "." not in name or any(f".{name}".endswith(f".{local}") for local in _LOCAL_NAMES)
    if is_local and not allow_private:
        raise Denied(f"{_short(name)} is a name of this machine or this network", hint=_HINT)
    return name


def _to_ascii(host: str) -> str:
    """The name as it is looked up (IDNA); letters that only look like a dot, a slash or a digit are gone by then."""
    from unicodedata import category

    if any(category(one)[0] not in "LMN" and one not in "-_.\u3002\uff0e\uff61" for one in host):
        raise UsageError(f"{_short(host)} is no name of a host: it holds a sign")
    try:
        name = host.encode("idna").decode("ascii").lower() if not host.isascii() else host.lower()
    except UnicodeError as error:
        raise UsageError(f"{_short(host)} is no name of a host: {error}") from error
    name = name.removesuffix(".")
    if len(name) > LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise UsageError(f"{_short(host)} is no name of a host")
    return name


def _parse_v6(host: str) -> IPv6Address:
    from ipaddress import IPv6Address

    try:
        return IPv6Address(host)
    except ValueError as error:
        raise UsageError(f"[{_short(host)}] is no IPv6 address") from error


def _parse_v4(name: str) -> IPv4Address | None:
    """The number that a resolver makes of `2130706433`, `0x7f.1`, `0177.0.0.1` and `127.1`; None for a name.

    Source: inet_aton(3), and the WHATWG URL Standard, section 3.5 (a host whose last part is a number is a number).
    """
    from ipaddress import IPv4Address

    parts = name.split(".")
    if _NUMBER.fullmatch(parts[-1]) is None:
        return None
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise UsageError(f"{_short(name)} is neither a name nor a number")
    values = [_to_int(name, part) for part in parts]
    highest = 256 ** (5 - len(values))
    if any(value > 255 for value in values[:-1]) or values[-1] >= highest:
        raise UsageError(f"{_short(name)} is neither a name nor a number")
    return IPv4Address(sum(value << (8 * (3 - at)) for at, value in enumerate(values[:-1])) + values[-1])


def _to_int(name: str, part: str) -> int:
    try:
        if part[:2] in {"0x", "0X"}:
            return int(part[2:] or "0", 16)
        return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part)
    except ValueError as error:
        raise UsageError(f"{_short(name)} is neither a name nor a number") from error


def _check_number(number: IPv4Address | IPv6Address, *, allow_private: bool) -> str:
    if not allow_private and (reason := _why_private(number)):
        raise Denied(f"{number} is {reason}", hint=_HINT)
    return str(number)


def _why_private(number: IPv4Address | IPv6Address) -> str:
    """Why an address is not for everyone; empty when it is."""
    from ipaddress import IPv4Address, ip_network

    if isinstance(number, IPv4Address):
        return _why(number) or ("a reserved address" if any(number in ip_network(net) for net in _REFUSED_V4) else "")
    if number.ipv4_mapped is not None:
        return _why_private(number.ipv4_mapped)
    if number.scope_id is not None:
        return "an address of one link"
    return _why(number) or ("an address that leads elsewhere" if any(number in ip_network(n) for n in _BEYOND) else "")


def _why(number: IPv4Address | IPv6Address) -> str:
    kinds = (
        ("this machine", number.is_loopback or number.is_unspecified),
        ("an address of one link, where clouds keep their metadata", number.is_link_local),
        ("an address of many machines", number.is_multicast),
        ("an address of a private network", number.is_private),
        ("a reserved address", number.is_reserved or not number.is_global),
    )
    return next((name for name, applies in kinds if applies), "")


def _rebuilt(scheme: str, host: str, port: int | None, path: str, query: str) -> str:
    """What is asked for, made of the checked parts alone; a fragment is never sent."""
    bracketed = f"[{host}]" if ":" in host else host
    where = bracketed if port in {None, _PORTS[scheme]} else f"{bracketed}:{port}"
    return f"{scheme}://{where}{path or '/'}{'?' + query if query else ''}"


def _short(text: str) -> str:
    from aiex.guard.neutral import printable_path

    return printable_path(text if len(text) <= 80 else text[:77] + "...")
