"""All rules in force, compiled once, so that one action is compared with few of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aiex.guard.policy.patterns import map_texts
from aiex.guard.policy.places import INSIDE, OUTSIDE, fold, fold_piece, path_words
from aiex.guard.policy.rules import Rule, is_inside, is_narrower
from aiex.guard.policy.trie import Trie
from aiex.guard.sandbox.paths import DEFAULT_RULES, NameRules, components

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.guard.actions import Effect, Role
    from aiex.guard.commands.verdict import Classified
    from aiex.guard.policy.commandrules import CommandRules

_MOST_REMEMBERED = 20_000
_ORDER = ("session", "user", "project", "managed")


class Match(NamedTuple):
    """A rule that is about an action."""

    rule: Rule
    loose: bool = False
    """It may be about it: then a rule that forbids asks, and only leave for exactly this overrules it."""

    @property
    def effect(self) -> Effect:
        """What the rule says here."""
        return "ask" if self.loose else self.rule.effect


class Policy:
    """The rules for one workspace; never changed, `extended` gives another one."""

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        *,
        root: str = "",
        names: NameRules = DEFAULT_RULES,
        allow_read: Sequence[str] = (),
        allow_write: Sequence[str] = (),
        warnings: Sequence[str] = (),
    ) -> None:
        """Compile rules; the order does not matter.

        Args:
            rules: Of all scopes. What a project would allow is left out with a warning.
            root: The workspace, so that absolute patterns count inside it too.
            names: Secret and protected names.
            allow_read: Absolute places outside that the settings let the guard read; exactly a secret file, inside or
                not, is leave to read it.
            allow_write: Absolute places outside that the settings let the guard read and write.
            warnings: What was found on the way here.

        Cost: about 6 µs a rule; to read one takes 20 µs.
        """
        given = tuple(dict.fromkeys(rules))
        self.rules = tuple(sorted((rule for rule in given if not _loosens(rule)), key=_order))
        self.warnings = (*warnings, *(_warn(rule) for rule in given if _loosens(rule)))
        self.root = root
        self.names = names
        self.writable = tuple(map(_absolute_words, allow_write))
        self.readable = (*map(_absolute_words, allow_read), *self.writable)
        self.restricts_reads = any(rule.effect != "allow" and "read" in rule.kinds for rule in self.rules)
        self._root_words = tuple(components(root)) if root else None
        self._plain: set[str] = set()
        self._narrower: dict[tuple[int, int], bool] = {}
        self._inside: dict[tuple[int, int], bool] = {}
        self._allowed_paths: Trie[Rule] = Trie()
        self._other_paths: Trie[Rule] = Trie()
        self._has_absolute = self._has_paths = self._has_hosts = False
        self._hosts: Trie[Rule] = Trie()
        self._tools: Trie[Rule] = Trie()
        self._commands: CommandRules | None = None
        for rule in self.rules:
            self._add(rule)

    def extended(self, rules: Iterable[Rule]) -> Policy:
        """The same policy with more rules, such as those of a session."""
        return self._with((*self.rules, *rules))

    def without(self, rules: Iterable[Rule]) -> Policy:
        """The same policy without some of its rules."""
        gone = set(rules)
        return self._with(rule for rule in self.rules if rule not in gone)

    def _with(self, rules: Iterable[Rule]) -> Policy:
        return Policy(
            rules,
            root=self.root,
            names=self.names,
            allow_read=[_path_of(words) for words in self.readable],
            allow_write=[_path_of(words) for words in self.writable],
            warnings=self.warnings,
        )

    @property
    def commands(self) -> CommandRules:
        """The rules about commands; loaded when there is a command to decide on."""
        if self._commands is None:
            from aiex.guard.policy.commandrules import CommandRules

            self._commands = CommandRules(rule for rule in self.rules if "command" in rule.kinds)
        return self._commands

    def locate(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """The same path, relative to the workspace if it lies there."""
        top = self._root_words
        if words[0] == OUTSIDE and top and words[1 : len(top) + 1] == top:
            return (INSIDE, *words[len(top) + 1 :])
        return words

    def has_leave(self, words: tuple[str, ...]) -> bool:
        """Whether the settings name this very file, so that it may be read though it is a secret."""
        return self._absolute(words) in self.readable

    def _absolute(self, words: tuple[str, ...]) -> tuple[str, ...]:
        if words[0] != INSIDE or self._root_words is None:
            return words
        return (OUTSIDE, *self._root_words, *words[1:])

    def is_plain(self, words: tuple[str, ...]) -> bool:
        """Whether no component of a path is protected or can be a part of a secret; what was seen is remembered."""
        below = words[1:]
        return self._plain.issuperset(below) or all(
            word in self._plain or self._is_plain_component(word) for word in below
        )

    def _is_plain_component(self, word: str) -> bool:
        if self.names.protected_name(word) or not self.names.is_harmless(word):
            return False
        if len(self._plain) < _MOST_REMEMBERED:
            self._plain.add(word)
        return True

    def forms(self, words: tuple[str, ...]) -> list[tuple[str, ...]]:
        """A path as rules may name it: relative to the workspace, and absolute where a rule is."""
        absolute = self._absolute(words) if self._has_absolute else words
        return [words] if absolute is words else [words, absolute]

    # --- which rules are about something ----------------------------------------------------------------------------

    def about_path(self, kind: str, words: tuple[str, ...], role: str) -> list[Match]:
        """The rules about a path; see `places.path_words`."""
        if not self._has_paths:
            return []
        found = []
        for form in self.forms(words):
            found += self._allowed_paths.find(form) + self._other_paths.find(_folded(form))
        return [Match(rule) for rule in _once(found) if kind in rule.kinds and rule.is_for(role)]

    def restricted_below(self, kind: str, words: tuple[str, ...], role: str) -> Rule | None:
        """A rule that asks about, or denies, this path or something beneath it; None when there is none."""
        found = [rule for form in self.forms(words) for rule in self._other_paths.find_below(_folded(form))]
        return max(
            (rule for rule in found if kind in rule.kinds and rule.is_for(role)),
            key=lambda rule: (rule.strictness, rule.text),
            default=None,
        )

    def about_host(self, words: tuple[str, ...], port: int, role: str) -> list[Match]:
        """The rules about a host; see `hosts.parse_host`."""
        if not self._has_hosts:
            return []
        from aiex.guard.policy.hosts import is_on_port

        return [Match(rule) for rule in self._hosts.find(words) if rule.is_for(role) and is_on_port(rule, port)]

    def about_tool(self, name: str, role: str) -> list[Match]:
        """The rules about a tool. What forbids one forbids it in any spelling."""
        found = self._tools.find((name,)) + self._tools.find((name.casefold(), ""))
        return [Match(rule) for rule in _once(found) if rule.is_for(role)]

    def classify(
        self, command: str, *, cwd: str = "", look: Callable[[str], str] | None = None, role: Role = "admin"
    ) -> Classified:
        """The classification of a command under these rules: what they forbid to read counts as a secret.

        Args:
            command: Text for bash.
            cwd: Where it would run, relative to the workspace or absolute; in the workspace itself by default.
            look: Looks at a path in the workspace; `guard.commands.looking` makes one that follows links.
            role: On whose behalf it would run.

        Cost: that of the classification, a third of a millisecond.
        """
        from aiex.guard.commands.classify import classify
        from aiex.guard.policy.reading import why_not_read

        def look_twice(path: str) -> str:
            return why_not_read(self, path, role) or (look(path) if look else "")

        command = self._moved(command, cwd)
        if not self.restricts_reads:
            return classify(command, rules=self.names, root=self.root, look=look)
        return classify(command, rules=self.names, root=self.root, look=look_twice)

    def _moved(self, command: str, cwd: str) -> str:
        """A command that says itself where it runs."""
        words = self.locate(path_words(cwd) or (OUTSIDE,)) if cwd else (INSIDE,)
        if words == (INSIDE,) or not command.strip():
            return command
        import shlex

        inside = words[0] == INSIDE
        return f"cd {shlex.quote('/'.join(words[1:]) if inside else cwd)} && {{\n{command}\n}}"

    # --- which of them decides --------------------------------------------------------------------------------------

    def strongest(self, matches: Sequence[Match]) -> Match | None:
        """The match that decides: the strictest that no narrower and milder one overrules; None without any.

        Whatever the order of the rules, the answer is the same.
        """
        if len(matches) < 2:
            return matches[0] if matches else None
        for effect in ("deny", "ask"):
            milder = [match for match in matches if match.effect not in (effect, "deny")]
            standing = [
                match
                for match in matches
                if match.effect == effect and not any(self.overrules(other, match) for other in milder)
            ]
            if standing:
                return self._narrowest(standing)
        return self._narrowest([match for match in matches if match.effect == "allow"])

    def overrules(self, milder: Match, stricter: Match) -> bool:
        """Whether a milder rule goes before a stricter one: because it is narrower, or the answer to its question."""
        if milder.effect == "allow":
            if stricter.loose and all(isinstance(element, str) for element in milder.rule.written):
                return True
            if milder.rule.scope == "session" and stricter.rule.effect == "ask":
                return self._is_inside(milder.rule, stricter.rule)
        return self._is_narrower(milder.rule, stricter.rule)

    def _narrowest(self, matches: list[Match]) -> Match:
        """The one that is named: one that no other is narrower than, the same one in whatever order they come."""
        matches = [one for one in matches if not one.loose] or matches
        best = [one for one in matches if not any(self._is_narrower(other.rule, one.rule) for other in matches)]
        return min(best or matches, key=lambda match: _order(match.rule))

    def _is_narrower(self, inner: Rule, outer: Rule) -> bool:
        key = (id(inner), id(outer))
        known = self._narrower.get(key)
        if known is None:
            known = self._narrower[key] = is_narrower(inner, outer)
        return known

    def _is_inside(self, inner: Rule, outer: Rule) -> bool:
        key = (id(inner), id(outer))
        known = self._inside.get(key)
        if known is None:
            known = self._inside[key] = is_inside(inner, outer)
        return known

    # --- compiling --------------------------------------------------------------------------------------------------

    def _add(self, rule: Rule) -> None:
        if rule.kinds & {"read", "write", "delete"}:
            self._has_paths = True
            self._has_absolute = self._has_absolute or rule.cover[0] == OUTSIDE
            if rule.effect == "allow":
                self._allowed_paths.add(rule.cover, rule)
            else:
                self._other_paths.add((*rule.cover[:1], *map_texts(rule.cover[1:], fold, fold_piece)), rule)
        if "network" in rule.kinds:
            self._has_hosts = True
            self._hosts.add(rule.cover, rule)
        if "tool" in rule.kinds:
            self._tools.add(rule.cover, rule)
            if rule.effect != "allow":
                self._tools.add((*map_texts(rule.cover, str.casefold, str.casefold), ""), rule)


def _folded(words: Sequence[str]) -> tuple[str, ...]:
    return (words[0], *map(fold, words[1:]))


def _once(rules: Iterable[Rule]) -> Iterable[Rule]:
    return {id(rule): rule for rule in rules}.values()


def _order(rule: Rule) -> tuple[int, int, str, str, int]:
    scope = _ORDER.index(rule.scope) if rule.scope in _ORDER else len(_ORDER)
    return (-scope, -rule.strictness, rule.text, rule.file, rule.line)


def _absolute_words(path: str) -> tuple[str, ...]:
    return (OUTSIDE, *components(path))


def _path_of(words: Sequence[str]) -> str:
    return "/" + "/".join(words[1:])


def _loosens(rule: Rule) -> bool:
    return rule.scope == "project" and rule.effect == "allow"


def _warn(rule: Rule) -> str:
    return f"{rule.place}: {rule.text} is left out: a project can only tighten what you allow"
