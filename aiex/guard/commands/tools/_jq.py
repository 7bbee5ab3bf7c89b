"""`jq`: its filter is read too, for it can print the environment and load files."""

import re
from collections.abc import Set as AbstractSet

from aiex.guard.commands.options import Call, Tool, read_arguments
from aiex.guard.commands.values import Arg
from aiex.guard.commands.verdict import Operand

_TABLE = Tool(
    "-rcsnSMCaje --raw-output --compact-output --slurp --null-input --sort-keys --monochrome-output --color-output"
    " --ascii-output --join-output --exit-status --tab --indent:number --raw-input -R --stream --seq --version --help",
    ("text",),
    more="read",
)
_TOKEN = re.compile(
    r"\s+|\.\.|\.[A-Za-z_]\w*|\.(?=[\s\"|\[),;:?}*/+=<>!-]|$)|\d+(?:\.\d+)?|\"(?:[^\"\\]|\\[^(])*\""
    r"|//|and\b|or\b|not\b|==|!=|<=|>=|\?//|[-+*/%|,;:(){}\[\]?<>]"
)
_STRING = re.compile(r"[\")](?:[^\"\\]|\\[^(])*(?:\"|\\\()")
"""From a quote, or from the end of an interpolation, to the next one."""
_WORD = re.compile(r"\$?[A-Za-z_]\w*|@[a-z0-9]+")
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
    names, args = set[str](), list(call.args)
    while (at := next((at for at, arg in enumerate(args[:-2]) if _names_value(arg)), None)) is not None:
        name, value = args[at + 1 : at + 3]
        if name.unknown or value.unknown or value.glob or not re.fullmatch(r"[a-z]\w*", name.text):
            break
        names.add(f"${name.text}")
        del args[at : at + 3]
    found = read_arguments(_TABLE, call._replace(args=tuple(args)))
    filters = [operand for operand in found if operand.role == "text"]
    if filters and filters[0].level == "safe" and (why := why_not_filter(filters[0].text, names)):
        found.append(Operand(filters[0].text, "filter", "ask", why))
    return found


def _names_value(arg: Arg) -> bool:
    return arg.is_known and arg.text in ("--arg", "--argjson")


def why_not_filter(text: str, names: AbstractSet[str] = frozenset()) -> str:
    """Why a filter is not understood as harmless, or an empty string; `names` are variables that were given."""
    at, own = 0, {*names}
    strings: list[int] = []
    depth = 0
    while at < len(text):
        string = (
            _STRING.match(text, at)
            if text[at] == '"' or (strings and strings[-1] == depth and text[at] == ")")
            else None
        )
        if string:
            depth -= text[at] == ")"
            if text[at] == ")":
                strings.pop()
            if string[0].endswith("("):
                depth += 1
                strings.append(depth)
            at = string.end()
            continue
        depth += (text[at] == "(") - (text[at] == ")")
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
    return "the filter is not understood" if strings else ""


def _is_key(text: str, word: "re.Match[str]") -> bool:
    """Whether a word is the name of a member in `{name: …}`."""
    return (
        word[0][0] != "$"
        and bool(re.match(r"\s*:", text[word.end() :]))
        and bool(re.search(r"[{,]\s*$", text[: word.start()]))
    )
