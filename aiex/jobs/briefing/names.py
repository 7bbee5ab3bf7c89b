"""What paths and identifiers say by convention: tests, documentation, examples, the words they consist of."""

import os
import re
from typing import Literal

Role = Literal["code", "tests", "documentation", "examples", "configuration", "data"]

FUNCTIONS = frozenset({"function", "method", "constructor", "property", "macro", "test", "target"})
"""Kinds of symbols that have a body that runs."""
TYPES = frozenset(
    {"class", "interface", "struct", "enum", "trait", "implementation", "protocol", "module", "namespace"}
)
"""Kinds of symbols that group others."""
CALLS = frozenset({"call", "new", "macro"})
"""Kinds of references that run what they name."""

_TEST_DIRECTORIES = frozenset(
    {"test", "tests", "spec", "specs", "__tests__", "testdata", "e2e", "unittests", "testsuite"}
)
_DOC_DIRECTORIES = frozenset({"doc", "docs", "documentation", "man", "manual", "website"})
_EXAMPLE_DIRECTORIES = frozenset({"example", "examples", "sample", "samples", "demo", "demos", "tutorial", "tutorials"})
_TEST_NAME = re.compile(
    r"(?:^|.*[._-])(?:tests?|spec|conftest)(?:[._-].*|$)|.*[a-z0-9](?:Test|Tests|Spec|IT|TestCase)$"
)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_BUILD_FILE = (
    r"(?:setup|noxfile|conf|fabfile)\.py|(?:Gulp|gulp|Grunt|Jake)file\.js|build\.rs|mix\.exs|Rakefile"
    r"|.*\.config\.[cm]?[jt]s|\.[\w.]+rc(?:\.js)?"
)
DATA_LANGUAGES = frozenset({"json", "yaml", "toml", "csv", "xml", "ini"})
TEXT_LANGUAGES = frozenset({"markdown", "restructuredtext", "text"})
_DOC_ENDINGS = (".md", ".rst", ".txt", ".adoc")


def is_test(path: str) -> bool:
    """True for a path that holds tests or their data, by the conventions of the usual test runners."""
    directory, _, name = path.rpartition("/")
    if directory and not _TEST_DIRECTORIES.isdisjoint(directory.lower().split("/")):
        return True
    if directory.startswith("testing/") or directory == "testing":
        return True
    stem, _, ending = name.rpartition(".")
    if ending in ("java", "kt", "cs", "swift", "php") and name.startswith("Test") and name[4:5].isupper():
        return True
    return _TEST_NAME.match(stem or name) is not None


def role_of(path: str, language: str = "") -> Role:
    """What a file is for, by its place and name."""
    if is_test(path):
        return "tests"
    above = path.lower().split("/")[:-1]
    if not _DOC_DIRECTORIES.isdisjoint(above):
        return "documentation"
    if not _EXAMPLE_DIRECTORIES.isdisjoint(above):
        return "examples"
    if language in TEXT_LANGUAGES or path.lower().endswith(_DOC_ENDINGS):
        return "documentation"
    if re.match(_BUILD_FILE, path.rsplit("/", 1)[-1]):
        return "configuration"
    if language in DATA_LANGUAGES:
        return "configuration" if len(above) < 2 or language != "json" else "data"
    return "code" if language else "data"


def words_of(name: str) -> list[str]:
    """The words of an identifier or a path, in lower case: `parseHTTPHeader_v2` gives parse, http, header, v, 2."""
    return [word.lower() for word in _WORD.findall(name)]


def stem_of(path: str) -> str:
    """The bare name a test would be named after: `src/foo_bar.py` and `tests/test_foo_bar.py` give foobar."""
    name = os.path.basename(path).split(".")[0]
    kept = [word for word in words_of(name) if word not in ("test", "tests", "spec", "specs", "it", "case")]
    return "".join(kept)


def is_hidden_name(name: str) -> bool:
    """True for names that say "internal": a leading underscore, but not a double one on both ends."""
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))
