"""How the arguments of a program are read: a table says which options it may have; what is not in it is asked about."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from aiex.guard.commands.globs import is_pattern, may_be_secret, may_be_secret_below
from aiex.guard.commands.places import EVERYTHING, Place, join, why_not_read
from aiex.guard.commands.values import HARMLESS, Arg
from aiex.guard.commands.verdict import MISSING, Operand
from aiex.patterns import late

_NUMBER = late(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,12})?[A-Za-z]{0,3}")
_COUNT = late(r"-[0-9]+")
_CHARSET = late(r"[A-Za-z0-9_.:+()-]+(?:/{0,2}|(?://(?:TRANSLIT|IGNORE))+)")
"""A name with a slash elsewhere is the path of a table for `iconv`."""
_BRACES = late(r"([^{}]*)\{([^{}]+)\}([^{}]*)")
_SOURCE = late(
    r"\.(?:py|pyi|js|jsx|mjs|cjs|ts|tsx|go|rs|rb|java|kt|kts|c|h|cc|cpp|hpp|cs|swift|m|scala|php|pl|lua|r|jl|ex|exs|erl|hs|ml"
    r"|clj|sh|bash|zsh|fish|sql|html|css|scss|less|vue|svelte|md|rst|txt|adoc|toml|yaml|yml|json|xml|ini|cfg|proto|graphql"
    r"|cmake|mk|gradle|tf|nix|lock|csv|tsv|svg|ipynb)$"
)
"""Endings of sources and texts, so that `*.py` is not held for a pattern that looks for `.env.py`."""


class Call(NamedTuple):
    """A program about to be started."""

    name: str
    args: tuple[Arg, ...]
    folders: frozenset[str]
    place: Place


Reader = Callable[[Call], list[Operand]]


class Tool(NamedTuple):
    """What a program may be given so that it only reads inside the workspace."""

    options: str = ""
    """Words: `-abc` flags, `-n:number` and `--name:text` with a value, `--name?:text` with a value only after `=`, `-5`
    for any number as an option. The word after the colon is the role of the value."""
    operands: tuple[str, ...] = ()
    """Roles of the first operands."""
    more: str = ""
    """Role of all further operands; empty when there may be none."""
    instead: str = ""
    """Options that take the place of the first operand, as `-e` of grep does: `-e -f --regexp`."""
    harmless: bool = False
    """No option of the program at all can do harm, so that a name that looks like an option is no danger."""
    clusters: bool = True
    """`-ab` means `-a -b`."""
    single: bool = False
    """It prints one word, or several without wildcards, that nobody else chooses."""
    reader: Reader | None = None
    """Reads all arguments instead of the table."""
    after: Callable[[Call, list[Operand]], list[Operand]] | None = None
    """Looks at what the table gave, and may answer more."""


class Table(NamedTuple):
    """The options of a tool, looked up by name."""

    roles: Mapping[str, str]
    """`-n` or `--name` → role of the value, empty without one."""
    attached: frozenset[str]
    """Options whose value must be attached, and may be left away."""
    numbers: bool


@lru_cache(maxsize=512)
def read_table(options: str) -> Table:
    """The table that the words of `Tool.options` describe."""
    roles, attached, numbers = dict[str, str](), set[str](), False
    for word in options.split():
        name, _, role = word.partition(":")
        if name.endswith("?"):
            name = name[:-1]
            attached.add(name)
        if word == "-5":
            numbers = True
        elif role or name.startswith("--"):
            roles[name] = role
        else:
            roles.update((f"-{letter}", "") for letter in name[1:])
    return Table(roles, frozenset(attached), numbers)


def read_arguments(tool: Tool, call: Call) -> list[Operand]:
    """Every argument with its role, and why it is asked about when it is."""
    operands = tool.reader(call) if tool.reader else _Arguments(tool, call).read()
    return operands + tool.after(call, operands) if tool.after else operands


def check(arg: Arg, role: str, call: Call, *, attached: bool = False) -> Operand:
    """One argument in a role; `attached` when it stands behind `--name=`, where a pattern keeps that beginning."""
    why = ROLES[role](arg, call) if role in ROLES else f"no such role: {role}"
    if role in ("text", "glob", "include", "format") and arg.glob and not attached:
        why = why or "the pattern may become other words"
    return Operand(arg.text, role, "ask" if why else "safe", why)


def unclear(arg: Arg, why: str) -> Operand:
    """An argument that is not understood."""
    return Operand(arg.text, "unclear", "ask", why)


def missing(why: str) -> Operand:
    """The operand that is not there, and what the program does without it."""
    return Operand("", MISSING, "ask", why)


def may_be_option(arg: Arg) -> bool:
    """Whether an argument could begin with a dash when the program gets it."""
    return arg.text.startswith(("*", "?", "[", "-") if arg.glob else "-")


class _Arguments:
    """Reads one argument list from left to right."""

    def __init__(self, tool: Tool, call: Call) -> None:
        self.tool, self.call = tool, call
        self.table = read_table(tool.options)
        self.found: list[Operand] = []
        self.rest = list(call.args)
        self.instead = frozenset(tool.instead.split())
        self.roles = list(tool.operands)

    def read(self) -> list[Operand]:
        waiting: list[Arg] = []
        ended = False
        while self.rest:
            arg = self.rest.pop(0)
            if ended or not may_be_option(arg) or arg.text == "-":
                waiting.append(arg)
            elif arg.glob and not arg.text.startswith("--"):
                self._pattern(arg, waiting)
            elif arg.text == "--":
                ended = True
                self.found.append(Operand("--", "option"))
            elif arg.text.startswith("--"):
                self._long(arg)
            else:
                self._short(arg)
        for arg in waiting:
            self._operand(arg)
        return self.found

    def _pattern(self, arg: Arg, waiting: list[Arg]) -> None:
        if self.tool.harmless and arg.text[:1] != "-":
            waiting.append(arg)
        else:
            self.found.append(
                unclear(arg, "the pattern may match a name that is taken for an option; write ./ in front")
            )

    def _operand(self, arg: Arg) -> None:
        if arg.many and (self.roles or not self.tool.more):
            self.found.append(unclear(arg, "the pattern may become several words"))
            return
        role = self.roles.pop(0) if self.roles else self.tool.more
        if not role:
            self.found.append(unclear(arg, f"{self.call.name} is not known with this operand"))
        else:
            self.found.append(check(arg, role, self.call))

    def _long(self, arg: Arg) -> None:
        name, equals, value = arg.text.partition("=")
        role = self.table.roles.get(name)
        if role is None or (equals and not role) or is_pattern(name):
            self.found.append(self._unknown(arg))
            return
        if equals:
            self.found.append(self._value(arg._replace(text=value), role, arg, attached=True))
        elif not role or name in self.table.attached:
            self.found.append(self._flag(arg))
        else:
            self._next_value(arg, role)
        self._used(name)

    def _short(self, arg: Arg) -> None:
        text = arg.text
        if self.table.numbers and _COUNT.fullmatch(text):
            self.found.append(self._flag(arg))
            return
        for at in range(1, len(text)):
            name = f"-{text[at]}"
            role = self.table.roles.get(name)
            if role is None or (at > 1 and not self.tool.clusters):
                self.found.append(self._unknown(arg))
                return
            self._used(name)
            if role:
                if text[at + 1 :]:
                    self.found.append(self._value(arg._replace(text=text[at + 1 :]), role, arg, attached=True))
                elif name in self.table.attached:
                    self.found.append(self._flag(arg))
                else:
                    self._next_value(arg, role)
                return
        self.found.append(self._flag(arg))

    def _used(self, name: str) -> None:
        if name in self.instead and self.roles:
            self.instead = frozenset()
            self.roles.pop(0)

    def _next_value(self, option: Arg, role: str) -> None:
        self.found.append(self._flag(option))
        if not self.rest:
            self.found.append(unclear(option, "its value is missing"))
            return
        value = self.rest.pop(0)
        if value.many:
            self.found.append(unclear(value, "the pattern may become several words"))
        elif self._may_stand_alone(value, option, role):
            self.found.append(unclear(value, f"it may be an option of its own, not the value of {option.text}"))
        else:
            checked = check(value, role, self.call)
            self.found.append(Operand(checked.text, f"value, {role}", checked.level, checked.why))

    def _may_stand_alone(self, value: Arg, option: Arg, role: str) -> bool:
        """Whether a version of the program that wants `--name=value` would take the value for an option."""
        if role == "number" or value.text == "-" or option.text in self.tool.instead.split():
            return False
        return may_be_option(value)

    def _value(self, value: Arg, role: str, whole: Arg, *, attached: bool) -> Operand:
        checked = check(value, role, self.call, attached=attached)
        return Operand(whole.text, f"option, {role}", checked.level, checked.why)

    def _flag(self, arg: Arg) -> Operand:
        if arg.unknown:
            return unclear(arg, arg.unknown)
        return Operand(arg.text, "option")

    def _unknown(self, arg: Arg) -> Operand:
        return unclear(arg, f"{self.call.name} is not known with this option")


def _why_not_text(arg: Arg, _call: Call) -> str:
    return arg.unknown


def _why_not_number(arg: Arg, _call: Call) -> str:
    return "" if arg.numeric else arg.unknown or ("" if _NUMBER.fullmatch(arg.text) else "this is not a number")


def _why_not_charset(arg: Arg, _call: Call) -> str:
    return arg.unknown or ("" if _CHARSET.fullmatch(arg.text) else "it may be the path of a table of characters")


def _why_not_read(arg: Arg, call: Call) -> str:
    return "" if arg.text == "-" else why_not_read(arg, call.folders, call.place)


def _why_not_look(arg: Arg, call: Call) -> str:
    return why_not_read(arg, call.folders, call.place, content=False)


def _why_not_print(arg: Arg, call: Call) -> str:
    if arg.glob and not arg.unknown:
        return why_not_read(arg, call.folders, call.place, content=False)
    return "" if arg.plain or arg.pipe else arg.unknown


def _why_not_glob(arg: Arg, call: Call) -> str:
    """A pattern of names that a tool itself looks for: it must not reach secrets, not hidden ones either."""
    if arg.unknown or arg.text.startswith("!"):
        return arg.unknown
    braces = _BRACES.fullmatch(arg.text)
    texts = [f"{braces[1]}{middle}{braces[3]}" for middle in braces[2].split(",")] if braces else [arg.text]
    plain = all(_is_plain_glob(text, call.place, hidden=False) for text in texts)
    return "" if plain else "the pattern may match a secret"


def _why_not_anywhere(arg: Arg, call: Call) -> str:
    """A pattern for names in all directories, hidden ones as well."""
    return arg.unknown or ("" if _is_plain_glob(arg.text, call.place) else "the pattern may match a secret")


def _is_plain_glob(text: str, place: Place, *, hidden: bool = True) -> bool:
    """Whether a pattern cannot lead to a secret; `hidden` when it is looked for in hidden directories as well."""
    parts = [part for part in text.split("/") if part]
    if not parts or "{" in text or place.rules.secret_name(text):
        return False
    folders = all(not is_pattern(part) or part in ("*", "**") for part in parts[:-1])
    if not is_pattern(parts[-1]):
        return folders
    if not folders or not _SOURCE.search(parts[-1]):
        return False
    is_below = hidden or len(parts) > 1
    return not (may_be_secret_below(parts[-1], place.rules) if is_below else may_be_secret(parts, place.rules))


def _why_not_variable(arg: Arg, _call: Call) -> str:
    return arg.unknown or ("" if arg.text in HARMLESS else f"${arg.text} may be a secret")


def why_not_revision(arg: Arg, call: Call) -> str:
    """A revision, a range, `REVISION:PATH` or a path, none of which may lead to a secret or out of the workspace."""
    if arg.unknown or arg.home:
        return arg.unknown or "outside the workspace, in a home directory"
    if arg.text.startswith((":/", ":(")):
        return "this form is not understood"
    words = arg.text.split(":")
    for part in filter(None, (":".join(words[at:]).lstrip("!^") for at in range(len(words)))):
        if why := why_not_read(arg._replace(text=part), call.folders, call.place):
            return why
    if is_pattern(words[-1]) and not arg.glob and not words[-1].startswith(("!", "^")):
        return "" if _is_plain_glob(words[-1], call.place) else "the pattern may match a secret"
    return ""


def _why_not_include(arg: Arg, call: Call) -> str:
    """A pattern for names that a search is kept to: it must not be one for secrets."""
    may = call.place.rules.secret_name(arg.text) or may_be_secret_below(arg.text, call.place.rules)
    return arg.unknown or ("the pattern may match a secret" if may else "")


def _why_not_format(arg: Arg, _call: Call) -> str:
    """A format of git: some of its parts run a program that checks signatures."""
    return arg.unknown or (
        "it may check signatures with a program" if re.search("%[-+ ]?G|signature", arg.text) else ""
    )


def below(call: Call, texts: list[str]) -> list[Operand]:
    """Why the directories among some operands may not be read with all that lies below them."""
    if not call.place.look:
        return []
    args = [Arg(text) for text in texts] or [Arg(".")]
    places = dict.fromkeys(join(folder, arg) or "." for folder in call.folders for arg in args)
    whys = [call.place.look(f"{place}/{EVERYTHING}") for place in places]
    return [Operand(place, "read", "ask", why) for place, why in zip(places, whys, strict=True) if why]


def covers_root(call: Call, texts: list[str]) -> bool:
    """Whether one of some operands, or the place of the shell if there is none, is the whole workspace."""
    args = [Arg(text) for text in texts] or [Arg(".")]
    return any(join(folder, arg) in ("", call.place.root) for folder in call.folders for arg in args)


ROLES: dict[str, Callable[[Arg, Call], str]] = {
    "text": _why_not_text,
    "number": _why_not_number,
    "charset": _why_not_charset,
    "read": _why_not_read,
    "look": _why_not_look,
    "print": _why_not_print,
    "glob": _why_not_glob,
    "anywhere": _why_not_anywhere,
    "variable": _why_not_variable,
    "revision": why_not_revision,
    "include": _why_not_include,
    "format": _why_not_format,
}
"""Role → why an argument may not stand in it, or an empty string."""
