"""`jq`: its filter is read too, for it can print the environment and load files."""

import re
from collections.abc import Set as AbstractSet

from aiex.guard.commands.options import Call, Tool, read_arguments, read_table
from aiex.guard.commands.values import Arg
from aiex.guard.commands.verdict import Operand
from aiex.patterns import late

_TABLE = Tool(
    "-rcsnSMCaje --raw-output --compact-output --slurp --null-input --sort-keys --monochrome-output --color-output"
    " --ascii-output --join-output --exit-status --tab --indent:number --raw-input -R --stream --seq --version --help",
    ("text",),
    more="read",
)
_TOKEN = late(
    r"\s+|\.\.|\.[A-Za-z_]\w*|\.(?=[\s\"|\[),;:?}*/+=<>!-]|$)|\d+(?:\.\d+)?"
    r"|//|and\b|or\b|not\b|==|!=|<=|>=|\?//|[-+*/%|,;:(){}\[\]?<>]"
)
_STRING = late(r"[\")](?:[^\"\\]|\\[^(])*(?:\"|\\\()")
"""From a quote, or from the end of an interpolation, to the next one."""
_WORD = late(r"\$?[A-Za-z_]\w*|@[a-z0-9]+")
FUNCTIONS = frozenset(
    (
        *("length", "utf8bytelength", "keys", "keys_unsorted", "values", "has", "map", "map_values", "select", "empty"),
        *("add", "any", "all", "flatten", "range", "floor", "sqrt", "tostring", "tonumber", "type", "sort", "sort_by"),
        *(
            "group_by",
            "min",
            "max",
            "min_by",
            "max_by",
            "unique",
            "unique_by",
            "reverse",
            "contains",
            "inside",
            "startswith",
        ),
        *(
            "endswith",
            "ltrimstr",
            "rtrimstr",
            "explode",
            "implode",
            "split",
            "join",
            "ascii_downcase",
            "ascii_upcase",
            "first",
        ),
        *(
            "last",
            "nth",
            "limit",
            "index",
            "rindex",
            "indices",
            "to_entries",
            "from_entries",
            "with_entries",
            "paths",
            "path",
        ),
        *(
            "leaf_paths",
            "getpath",
            "del",
            "recurse",
            "test",
            "match",
            "capture",
            "scan",
            "sub",
            "gsub",
            "tojson",
            "fromjson",
        ),
        *(
            "arrays",
            "objects",
            "strings",
            "numbers",
            "booleans",
            "nulls",
            "scalars",
            "iterables",
            "true",
            "false",
            "null",
        ),
        *(
            "if",
            "then",
            "elif",
            "else",
            "end",
            "as",
            "reduce",
            "foreach",
            "try",
            "catch",
            "and",
            "or",
            "not",
            "transpose",
        ),
        *("@csv", "@tsv", "@json", "@text", "@html", "@uri", "@sh", "@base64", "@base64d"),
    )
)
"""Words of the language that only compute."""


def read_jq(call: Call) -> list[Operand]:
    """Options and files by the table; a filter only if all its words are known to compute."""
    given, args = _split_named(list(call.args))
    names = {f"${arg.text}" for arg in given[1::3]}
    found = read_arguments(_TABLE, call._replace(args=tuple(args)))
    filters = [operand for operand in found if operand.role == "text"]
    if filters and filters[0].level == "safe" and (why := why_not_filter(filters[0].text, names)):
        found.append(Operand(filters[0].text, "filter", "ask", why))
    return found + [Operand(arg.text, "value, text") for arg in given]


def _split_named(args: list[Arg]) -> tuple[list[Arg], list[Arg]]:
    """The words of each `--arg NAME VALUE`, and the other arguments.

    Behind `--`, and as the value of another option, the same word is something else.
    """
    valued = read_table(_TABLE.options).roles
    given, others = list[Arg](), list[Arg]()
    while args:
        if args[0].text == "--":
            return given, others + args
        if _names_value(args):
            given += args[:3]
            args = args[3:]
        else:
            taken = 2 if valued.get(args[0].text) else 1
            others += args[:taken]
            args = args[taken:]
    return given, others


def _names_value(args: list[Arg]) -> bool:
    if len(args) < 3 or not args[0].is_known or args[0].text not in ("--arg", "--argjson"):
        return False
    _, name, value = args[:3]
    return not (name.unknown or value.unknown or value.glob) and bool(re.fullmatch(r"[a-z]\w*", name.text))


def why_not_filter(text: str, names: AbstractSet[str] = frozenset()) -> str:
    """Why a filter is not understood as harmless, or an empty string; `names` are variables that were given."""
    at, own = 0, {*names}
    interpolates: list[bool] = []  # of each open parenthesis
    while at < len(text):
        string = _STRING.match(text, at) if text[at] == '"' or (text[at] == ")" and any(interpolates[-1:])) else None
        if string:
            if text[at] == ")":
                interpolates.pop()
            if string[0].endswith("("):
                interpolates.append(True)
            at = string.end()
            continue
        if text[at] == "(":
            interpolates.append(False)
        elif text[at] == ")" and not all(interpolates[-1:]):
            interpolates.pop()
        word = _WORD.match(text, at)
        if word:
            if re.fullmatch(r"\$[a-z]\w*", word[0]) and re.search(r"\bas\s*$", text[:at]):
                own.add(word[0])
            elif word[0] not in FUNCTIONS and word[0] not in own and not _is_key(text, word):
                return f"jq's {word[0]} is not known to be harmless"
            at = word.end()
            continue
        token = _TOKEN.match(text, at)
        if not token:
            return f"jq's {text[at]} is not known to be harmless"
        at = token.end()
    return "the filter is not understood" if any(interpolates) else ""


def _is_key(text: str, word: "re.Match[str]") -> bool:
    """Whether a word is the name of a member in `{name: …}`."""
    return (
        word[0][0] != "$"
        and bool(re.match(r"\s*:", text[word.end() :]))
        and bool(re.search(r"[{,]\s*$", text[: word.start()]))
    )
