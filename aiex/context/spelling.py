"""Names and paths as several languages spell them."""

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Za-z_]\w*")


@lru_cache(maxsize=4_096)
def underscore(constant: str) -> str:
    """The path of a constant whose parts are joined by `/`: `Shop/HTTPClient` is `shop/http_client`.

    As `Macro.underscore/1` of Elixir and `String#underscore` of Rails do it.
    """
    path = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", constant)
    return re.sub(r"([a-z\d])([A-Z])", r"\1_\2", path).lower()


def shared_folders(one: str, other: str) -> int:
    """How many leading components two paths share."""
    count = 0
    for left, right in zip(one.split("/"), other.split("/"), strict=False):
        if left != right:
            break
        count += 1
    return count


def without_dots(path: str) -> str:
    """A path from the root with `.`, `..` and doubled slashes folded; what climbs above the root stays at it."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in (".", ""):
            parts.append(part)
    return "/".join(parts)


def longest_word(path: str) -> set[str]:
    """The longest word of a file's name without its ending, as one key; none when the name has no word."""
    base = path.rpartition("/")[2]
    words = _WORD.findall(base.rpartition(".")[0]) or _WORD.findall(base)
    return {max(words, key=len)} if words else set()
