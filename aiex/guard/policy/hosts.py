"""Patterns of hosts: labels from the right, so that what is beneath a name begins as the name does."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from aiex.errors import UsageError
from aiex.guard.policy.patterns import ANY, MANY, Pattern
from aiex.patterns import late

if TYPE_CHECKING:
    from aiex.guard.policy.rules import Rule

_PLAIN: Final = late(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""Names that are canonical as they stand, and no addresses: to find that out otherwise takes most of a decision."""
_ADDRESS: Final = "#"
"""Begins what is an address and no name."""
WEB_PORTS: Final = frozenset([80, 443])


def parse_host_pattern(text: str) -> tuple[Pattern, int | None]:
    """Read `example.org`, `*.example.org`, `example.org:8080`, an address, or `*` for every host.

    Raises:
        UsageError: for anything else.
    """
    if text == "*":
        return (MANY,), None
    from aiex.guard.sandbox.hosts import parse_pattern

    try:
        found = parse_pattern(text)
    except UsageError as error:
        hint = "write example.org, *.example.org, example.org:8080 or *; no scheme and no path"
        raise UsageError(f"{text!r} is no host", hint=hint) from error
    words = host_words(found.host)
    return ((*words, ANY, MANY) if found.below else words), found.port


@lru_cache(maxsize=1024)
def parse_host(subject: str) -> tuple[tuple[str, ...], int] | None:
    """The words of `host[:port]` and its port, 443 by default; None for what is no host."""
    from aiex.guard.sandbox.hosts import canonical_host, split_port

    host, port = split_port(subject)
    name = host if _PLAIN.fullmatch(host) and len(host) < 254 else canonical_host(host)
    if not name or port == 0:
        return None
    return host_words(name), port or 443


def host_words(host: str) -> tuple[str, ...]:
    """A canonical host as a sequence."""
    if ":" in host:
        from ipaddress import IPv6Address

        inner = IPv6Address(host).ipv4_mapped
        return (_ADDRESS, str(inner or host))
    if host.rpartition(".")[2].isdigit():  # no name ends in a number
        return (_ADDRESS, host)
    return tuple(reversed(host.split(".")))


def spell_host(rule: Rule) -> str:
    """The host of a rule as an allow-list has it: `example.org`, `*.example.org`, `[::1]:80`."""
    port = f":{rule.port}" if rule.port else ""
    first, *rest = rule.written
    if first == _ADDRESS:
        host = str(rest[0])
        return f"[{host}]{port}" if port and ":" in host else f"{host}{port}"
    labels = [element for element in rule.written if isinstance(element, str)]
    below = "*." if len(labels) < len(rule.written) else ""
    return f"{below}{'.'.join(reversed(labels))}{port}"


def ports_of(rule: Rule, *, written: bool = False) -> frozenset[int] | None:
    """The ports that a rule is about; None for all. Leave without a port is leave for the web alone.

    With `written` that counts for every rule: what it says, not how far it reaches.
    """
    if rule.port:
        return frozenset([rule.port])
    return WEB_PORTS if (written or rule.effect == "allow") and rule.written != (MANY,) else None


def is_on_port(rule: Rule, port: int) -> bool:
    """Whether a rule is about a port."""
    ports = ports_of(rule)
    return ports is None or port in ports
