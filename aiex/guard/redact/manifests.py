"""Values of a Kubernetes Secret, whatever their names are: in YAML and in JSON, also inside of a string."""

import re
from typing import NamedTuple

from aiex.guard.redact.names import Strength
from aiex.guard.redact.source import Source, Span
from aiex.guard.redact.values import REMOVED, is_ordinary, is_secret
from aiex.patterns import late

MARK = "apiVersion"
"""It is in every manifest."""
LONGEST = 65_536
"""Characters of a manifest that are looked at."""
_MOST_COLUMNS = 8
_MARK_IN_YAML = late(r"(?P<indent>[ \t]*(?:- +)?)[\"']?apiVersion[\"']?:[ \t]*[^\s{][^\n]{0,80}$", re.MULTILINE)
_MARK_IN_JSON = late(r"(?P<quote>\\{0,7}\")apiVersion(?P=quote)\s*:")
_KIND_BEFORE = late(r"\s*(?:- +)?kind:[ \t]*[\"']?Secret[\"']?[ \t]*\r?\n")
_KIND_BEFORE_IN_JSON = late(r"\\{0,7}\"kind\\{0,7}\"\s*:\s*\\{0,7}\"Secret\\{0,7}\"\s*,(?:\s|\\[nrt])*$")
_KEY = late(
    r"(?P<indent>[ \t]*(?:- +)?)(?P<quote>[\"']?)(?P<name>[\w./-]{1,253})(?P=quote):"
    r"(?:[ \t]+(?P<value>[^\n]*?))?[ \t]*\r?$"
)
_QUOTED = late(r"(?P<quote>[\"'])(?P<value>[^\"'\n]*)(?P=quote)")
_COMMENT = late(r"[ \t]+#.*")
_BLOCK = late(r"[|>][+-]?\d?[+-]?")
_PARTS = frozenset(["data", "stringData"])
_CERTIFICATE = ("LS0tLS1CRUdJTiBDRVJUSUZJQ", "-----BEGIN CERT")
_OPEN = frozenset(
    str.split(
        "user username login email host hostname port database dbname db name schema namespace region zone bucket"
    )
)
"""As the last word of a name they say that the value is no secret."""


class Manifest(NamedTuple):
    """One manifest, as far as it was needed to know what it is."""

    begin: int
    end: int
    is_open: bool
    """More text could make it longer."""
    secrets: list[Span]


def find_manifests(text: str) -> list[Manifest]:
    """Every manifest of a Secret, and those of which it is not yet known. Empty where there is no `MARK`."""
    if "V" not in text or MARK not in text:
        return []
    found: list[Manifest] = []
    done: dict[int, int] = {}
    for mark in _MARK_IN_YAML.finditer(text):
        column = len(mark["indent"])
        if mark.start() >= done.get(column, 0) and (column in done or len(done) < _MOST_COLUMNS):
            found.append(_read_yaml(text, mark))
            done[column] = found[-1].end
    last = 0
    for mark in _MARK_IN_JSON.finditer(text):
        if mark.start() >= last:
            found.append(_read_json(text, mark))
            last = found[-1].end
    return found


def find_in_manifests(source: Source) -> list[Span]:
    """Where the values of Secrets are."""
    return [span for manifest in find_manifests(source.text) for span in manifest.secrets]


def _read_yaml(text: str, mark: re.Match[str]) -> Manifest:
    """The lines from the mark, or from `kind: Secret` directly before it, to the end of the mapping they are in.

    The last line of the text may be cut: it ends nothing.
    """
    begin = mark.start()
    line_before = text.rfind("\n", 0, max(0, begin - 1)) + 1
    mapping = _Mapping(len(mark["indent"]))
    if begin and _KIND_BEFORE.fullmatch(text, line_before, begin) is not None:
        begin, mapping.is_secret = line_before, True
    place = mark.end() + 1
    while place < len(text) and place - begin < LONGEST:
        start, end = place, text.find("\n", place)
        is_whole, end = end >= 0, end if end >= 0 else len(text)
        place = end + 1
        if not mapping.read(text[start:end], start) and is_whole:
            return Manifest(begin, start - 1, False, mapping.found())
        if mapping.is_other and is_whole:
            return Manifest(begin, end, False, [])
    return Manifest(begin, min(place, len(text)), place - begin < LONGEST, mapping.found())


class _Mapping:
    """A mapping of YAML that is being read."""

    def __init__(self, column: int) -> None:
        self.column = column
        self.is_secret = self.is_other = False
        """What its kind says; neither before it is met."""
        self._secrets: list[Span] = []
        self._is_part = False
        self._block = -1
        """How far right the name of a block stands whose lines are secret."""

    def read(self, line: str, place: int) -> bool:
        """Take in the line at a place; False where the mapping ended before it."""
        bare = line.lstrip(" \t")
        indent = len(line) - len(bare)
        if not bare.strip() or bare.startswith(("#", "{{")):
            return True
        if 0 <= self._block < indent:
            self._secrets.append((place + indent, place + len(line.rstrip())))
            return True
        key, self._block = _KEY.match(line), -1
        if indent < self.column or line.startswith(("---", "...")):
            return False
        if indent > self.column:
            if self._is_part and key is not None and key["value"]:
                self._read_value(key, place, indent)
            return True
        if key is not None:
            self._read_key(key)
        return key is not None or bare.startswith("- ")

    def found(self) -> list[Span]:
        """The secrets by now, where it is known to be a Secret."""
        return self._secrets if self.is_secret else []

    def _read_key(self, key: re.Match[str]) -> None:
        self._is_part = key["name"] in _PARTS
        if key["name"] == "kind":
            self.is_other = (key["value"] or "").strip("\"'") != "Secret"
            self.is_secret = self.is_secret or not self.is_other

    def _read_value(self, key: re.Match[str], place: int, indent: int) -> None:
        if _BLOCK.fullmatch(key["value"]):
            self._block = -1 if _is_open(key["name"]) else indent
            return
        value, start = key["value"], key.start("value")
        if (quoted := _QUOTED.match(value)) is not None:
            value, start = quoted["value"], start + quoted.start("value")
        else:
            value = _COMMENT.sub("", value)
        if _is_value_secret(key["name"], value):
            self._secrets.append((place + start, place + start + len(value)))


def _is_open(name: str) -> bool:
    return re.split(r"[^a-z]+", name.lower())[-1] in _OPEN


def _is_value_secret(name: str, value: str) -> bool:
    if _is_open(name) or value.startswith((REMOVED, *_CERTIFICATE)) or value[:1] in {"{", "[", "&", "*", "!"}:
        return False
    return not is_ordinary(value) and is_secret(value, Strength.STRONG, quoted=False)


class _Object:
    """An object that is being read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = ""
        self.is_secret = False
        self.secrets: list[Span] = []


def _read_json(text: str, mark: re.Match[str]) -> Manifest:
    """All that stands behind the mark to the end of the object that it is in; Secrets may stand inside of a list."""
    begin, limit = mark.start(), min(len(text), mark.start() + LONGEST)
    before = _KIND_BEFORE_IN_JSON.search(text, max(0, begin - 96), begin)
    begin = begin if before is None else before.start()
    quote = re.escape(mark["quote"])
    token = re.compile(rf"(?<!\\){quote}(?P<string>[^\n]*?)(?<!\\){quote}(?P<colon>\s*:)?|(?P<brace>[{{}}])")
    objects = [_Object("")]
    objects[0].is_secret = before is not None
    found: list[Span] = []
    for match in token.finditer(text, begin, limit):
        top = objects[-1]
        if match["brace"] == "{":
            objects.append(_Object(top.key))
        elif match["brace"]:
            found += top.secrets if top.is_secret else []
            objects.pop()
            if not objects:
                return Manifest(begin, match.end(), False, found)
        elif match["colon"]:
            top.key = match["string"]
        elif top.key == "kind":
            top.is_secret = top.is_secret or match["string"] == "Secret"
        elif top.name in _PARTS and len(objects) > 1 and _is_value_secret(top.key, match["string"]):
            objects[-2].secrets.append(match.span("string"))
    found += [span for one in objects if one.is_secret for span in one.secrets]
    return Manifest(begin, limit, limit == len(text), found)
