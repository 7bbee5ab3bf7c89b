"""Whether a pattern of the shell can match a name that is not to be read."""

from functools import lru_cache

from aiex.guard.sandbox.paths import NameRules
from aiex.patterns import late

_WILD = late(r"[*?\[]")


def is_pattern(component: str) -> bool:
    """Whether a part of a path has wildcards."""
    return bool(_WILD.search(component))


def may_be_secret(components: list[str], rules: NameRules) -> str:
    """The part of a path pattern that could match a secret name, or climb by `..`; empty when none can."""
    for component in components:
        if is_pattern(component) and (may_match(component, "..") or _hits_secret(component, rules)):
            return component
    for path in rules.secret_paths:
        wanted = path.split("/")
        for at in range(len(components) - len(wanted) + 1):
            found = components[at : at + len(wanted)]
            if any(map(is_pattern, found)) and all(map(may_match, found, wanted)):
                return "/".join(found)
    return ""


def may_be_secret_below(pattern: str, rules: NameRules) -> str:
    """The same for one name that is looked for in any directory."""
    parts = (part for path in rules.secret_paths for part in path.split("/"))
    below = any(may_match(pattern, part) for part in parts if part != "*")
    return pattern if below else may_be_secret([pattern], rules)


def may_match(pattern: str, glob: str) -> bool:
    """Whether some name matches both; wildcards do not match a leading dot, case does not count."""
    if pattern[:1] in ("*", "?", "[") and glob[:1] == ".":
        return False
    return _meet(_widen(pattern.casefold()), glob)


def _hits_secret(component: str, rules: NameRules) -> bool:
    return any(may_match(component, glob) for glob in (*rules.secret_names, *rules.secret_globs))


def _widen(pattern: str) -> str:
    """A bracket expression may match anything: what follows it is not looked at. Trailing dots and spaces fall away."""
    opened = pattern.find("[")
    pattern = pattern[:opened] + "*" if opened >= 0 else pattern
    return pattern.rstrip(". ")


@lru_cache(maxsize=512)
def _meet(one: str, other: str) -> bool:
    """Whether two globs of `*` and `?` have a name in common. Cost: the product of their lengths."""
    row = [True]
    for letter in other:
        row.append(row[-1] and letter == "*")
    for mine in one:
        above, row = row, [row[0] and mine == "*"]
        for at, theirs in enumerate(other, 1):
            if mine == "*" or theirs == "*":
                row.append((above[at] if mine == "*" else row[at - 1]) or (row[at - 1] if mine == "*" else above[at])
                           or (mine == theirs == "*" and above[at - 1]))  # fmt: skip
            else:
                row.append(above[at - 1] and (mine == theirs or "?" in (mine, theirs)))
    return row[-1]
