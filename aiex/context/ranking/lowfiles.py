"""Tells files that a task rarely means by their path: tests, documentation, examples, tools, bundled foreign code."""

import re

_FOLDERS = (
    "tests? testing __tests__ specs? e2e fixtures testdata test-data test-dts dtslint testsuite androidtest "
    "docs? documentation examples? samples? demos? bench(?:es|marks?|marking)? perf scripts? tools? "
    r"\.github \.circleci changelogs? changes site website vendor(?:ed)? third[-_]?party node_modules dist build "
    "target extras? contrib debian integration integration[-_]tests?"
)
_LOW = re.compile(
    rf"(?:^|/)(?:{'|'.join(_FOLDERS.split())})/"
    r"|(?:^|/)(?:test_[^/]*|conftest|setup|noxfile|tasks)\.pyi?$"
    r"|[._-](?:tests?|spec|bench|benchmark|stories)\.\w+$"
    r"|[a-z0-9](?:Tests?|TestCase|Spec|IT|Benchmark)\.(?:java|kt|scala|groovy|cs|swift|php)$"
    r"|\.(?:md|rst|txt|adoc|html?|css|scss|json|ya?ml|toml|lock|cfg|ini|xml|svg|csv|po|min\.js|snap)$",
    re.IGNORECASE,
)


def is_low(path: str) -> bool:
    """Whether a file is ranked last: a change for a task is rarely made there, or only goes along."""
    return _LOW.search(path) is not None
