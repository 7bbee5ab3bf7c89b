"""A rule in its one written form, such as `deny write "migrations/**"`, and what it stands for."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final, Literal, TypeVar, get_args

from aiex.errors import ConfigError, UsageError
from aiex.guard.actions import Effect, Role, Scope
from aiex.guard.policy.patterns import ANY, MANY, Pattern, is_within
from aiex.patterns import late
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
RuleKind = Literal["read", "write", "delete", "command", "network", "tool", "any"]
KINDS: Final[tuple[RuleKind, ...]] = get_args(RuleKind)
EFFECTS: Final[tuple[Effect, ...]] = ("allow", "ask", "deny")
"""From the mildest to the strictest."""
ROLES: Final[tuple[Role, ...]] = get_args(Role)
LONGEST: Final = 2000
"""Characters of a rule; a longer one is a mistake."""
_WORKSPACE: Final[Pattern] = (".", MANY)
_FORM: Final = 'write EFFECT KIND "PATTERN", such as deny write "migrations/**"'
_RULE: Final = late(
    r"(?P<effect>[^\s\"']+)[ ]+(?P<kind>[^\s\"']+)"
    r"(?:[ ]+(?:(?P<quote>[\"'])(?P<quoted>.*)(?P=quote)|(?!for[ ])(?P<bare>[^\s\"']+)))?"
    r"(?:[ ]+for[ ]+(?P<roles>[^\"']+))?"
)


class RuleError(ConfigError):
    """A rule cannot be read."""


@record
class Rule:
    """One rule; made by `parse_rule`."""

    effect: Effect
    kind: RuleKind
    text: str
    """As it is written, in its plainest spelling."""
    written: Pattern
    """What the pattern says; in full, also where nothing is written."""
    cover: Pattern
    """What it counts for: `deny` and `ask` on a command count for more words behind it too."""
    roles: frozenset[str] = frozenset()
    """Whom it is about; everybody when empty."""
    port: int | None = None
    scope: Scope = "user"
    file: str = ""
    line: int = 0
    kinds: frozenset[str] = field(default_factory=frozenset)
    """Of the actions that it is about: `write` that is not allowed means that nothing is deleted either."""

    @property
    def place(self) -> str:
        """Where it stands: `/home/me/.config/aiex/config.toml:3`, or the name of its scope."""
        if not self.file:
            return self.scope
        return f"{self.file}:{self.line}" if self.line else self.file

    def is_for(self, role: str) -> bool:
        """Whether it counts for a role."""
        return not self.roles or role in self.roles

    @property
    def strictness(self) -> int:
        """0 for allow, 1 for ask, 2 for deny."""
        return EFFECTS.index(self.effect)


def is_inside(inner: Rule, outer: Rule) -> bool:
    """Whether everything that `inner` is about, `outer` is about too."""
    return (
        inner.kinds <= outer.kinds
        and _is_role_inside(inner, outer)
        and _is_port_inside(inner, outer)
        and is_within(inner.cover, outer.cover)
    )


def is_narrower(inner: Rule, outer: Rule) -> bool:
    """Whether `inner` is about less than `outer`, and about nothing else: only then it may overrule it.

    What rules say is compared, not how far they reach: `deny command "git push"` counts for `git push origin` too, and
    is no wider than `allow command "git push"`.
    """
    return is_inside(inner, outer) and not (
        _kinds("allow", outer.kind) <= inner.kinds
        and _is_role_inside(outer, inner)
        and _is_port_inside(outer, inner, written=True)
        and is_within(outer.written, inner.cover)
    )


def _is_role_inside(inner: Rule, outer: Rule) -> bool:
    return not outer.roles or bool(inner.roles and inner.roles <= outer.roles)


def _is_port_inside(inner: Rule, outer: Rule, *, written: bool = False) -> bool:
    from aiex.guard.policy.hosts import ports_of

    if outer.kind != "network" or inner.kind != "network":
        return True
    mine, theirs = ports_of(inner, written=written), ports_of(outer)
    return theirs is None or (mine is not None and mine <= theirs)


def parse_rule(text: str, *, scope: Scope = "user", file: str = "", line: int = 0) -> Rule:
    """Read a rule.

    Args:
        text: `EFFECT KIND ["PATTERN"] [for ROLE, ROLE]`. EFFECT is allow, ask or deny; KIND is read, write, delete,
            command, network, tool or any. Without a pattern it is about everything of its kind.
        scope: Where it comes from.
        file: The file it is written in.
        line: Its line there.

    Raises:
        RuleError: saying where, what is wrong and what to write.
    """
    try:
        return _parse(text, scope, file, line)
    except UsageError as error:
        where = f" in {file}:{line}" if file and line else f" in {file}" if file else ""
        shown = _shown(text)
        raise RuleError(f"cannot read the rule {shown}{where}: {error.message}", hint=error.hint or _FORM) from error


def _parse(text: str, scope: Scope, file: str, line: int) -> Rule:
    _require_clean(text)
    found = _RULE.fullmatch(text.strip(" "))
    if found is None:
        raise UsageError("it is not EFFECT KIND PATTERN")
    effect: Effect = _choose("effect", found["effect"], EFFECTS)
    kind: RuleKind = _choose("kind", found["kind"], KINDS)
    pattern = found["quoted"] if found["quoted"] is not None else found["bare"]
    roles = _read_roles(found["roles"])
    if pattern is None:
        written, port = _everything(kind), None
    else:
        written, port = _read_pattern(kind, pattern)
    cover = written if effect == "allow" else _reach(kind, written)
    kinds, said = _kinds(effect, kind), _spell(effect, kind, pattern, roles)
    return Rule(effect, kind, said, written, cover, roles, port, scope, file, line, kinds)


def _choose(what: str, word: str, choices: tuple[T, ...]) -> T:
    for choice in choices:
        if choice == word:
            return choice
    raise UsageError(f"there is no {what} {word!r}", hint=f"one of: {', '.join(map(str, choices))}")


def _kinds(effect: str, kind: str) -> frozenset[str]:
    if kind == "any":
        return frozenset(KINDS) - {"any"}
    return frozenset(["write", "delete"] if kind == "write" and effect != "allow" else [kind])


def _everything(kind: str) -> Pattern:
    if kind in ("read", "write", "delete"):
        return _WORKSPACE
    return (ANY,) if kind == "tool" else (MANY,)


def _reach(kind: str, written: Pattern) -> Pattern:
    """How far a rule that asks or denies reaches: to more words behind a command, and to paths outside too."""
    if kind == "command" and written[-1] is not MANY:
        return (*written, MANY)
    return (MANY,) if written == _WORKSPACE else written


def _read_pattern(kind: str, pattern: str) -> tuple[Pattern, int | None]:
    from aiex.guard.policy.hosts import parse_host_pattern
    from aiex.guard.policy.places import parse_path_pattern
    from aiex.guard.policy.words import parse_command_pattern, parse_name_pattern

    if kind == "any":
        raise UsageError(f"{kind} takes no pattern", hint='such as deny any for viewer, or deny write "src"')
    if kind == "network":
        return parse_host_pattern(pattern)
    read: dict[str, Callable[[str], Pattern]] = {"command": parse_command_pattern, "tool": parse_name_pattern}
    return read.get(kind, parse_path_pattern)(pattern), None


def _read_roles(text: str | None) -> frozenset[str]:
    if text is None:
        return frozenset()
    return frozenset(_choose("role", name.strip(), ROLES) for name in text.split(","))


def _spell(effect: str, kind: str, pattern: str | None, roles: frozenset[str]) -> str:
    parts = [effect, kind]
    if pattern is not None:
        quote = "'" if '"' in pattern and "'" not in pattern else '"'
        parts.append(f"{quote}{pattern}{quote}")
    if roles:
        parts.append(f"for {', '.join(role for role in ROLES if role in roles)}")
    return " ".join(parts)


def _require_clean(text: str) -> None:
    from aiex.guard.neutral import printable_path

    if len(text) > LONGEST:
        raise UsageError(f"it has {len(text):,} characters, more than {LONGEST:,}")
    if printable_path(text) != text:
        raise UsageError("it has control or invisible characters", hint="rules are what a person can read")


def _shown(text: str) -> str:
    from aiex.guard.neutral import printable_path

    return printable_path(text if len(text) <= 100 else f"{text[:99]}…")
