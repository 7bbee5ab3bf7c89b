"""Tells files that a task rarely means by their path: tests, documentation, examples, tools, bundled foreign code."""

_FOLDER_NAMES = """
test tests testing __tests__ spec specs e2e fixtures testdata test-data test-dts dtslint testsuite androidtest
doc docs documentation example examples sample samples demo demos bench benches benchmark benchmarks benchmarking
perf script scripts tool tools .github .circleci changelog changelogs changes site website vendor vendored
thirdparty third-party third_party node_modules dist build target extra extras contrib debian
integration integrationtest integration-test integration_test integrationtests integration-tests integration_tests
"""
_FOLDERS = frozenset(_FOLDER_NAMES.split())
_TEXTS = ("md", "rst", "txt", "adoc", "html", "htm", "css", "scss", "json", "yaml", "yml", "toml", "lock", "cfg", "ini")
_ENDINGS = frozenset((*_TEXTS, "xml", "svg", "csv", "po", "snap"))
_PYTHON_NAMES = frozenset(("conftest", "setup", "noxfile", "tasks"))
_LAST_WORDS = tuple(
    mark + word for mark in "._-" for word in ("test", "tests", "spec", "bench", "benchmark", "stories")
)  # fmt: skip
_CLASSES = frozenset(("java", "kt", "scala", "groovy", "cs", "swift", "php"))
"""Endings of files that are named after the class in them."""
_LAST_NAMES = ("Test", "Tests", "TestCase", "Spec", "IT", "Benchmark")


def is_low(path: str) -> bool:
    """Whether a file is ranked last: a change for a task is rarely made there, or only goes along."""
    *folders, base = path.lower().split("/")
    if not _FOLDERS.isdisjoint(folders):
        return True
    stem, dot, ending = base.rpartition(".")
    if (dot and ending in _ENDINGS) or stem.endswith(_LAST_WORDS) or base.endswith(".min.js"):
        return True
    if ending in ("py", "pyi"):
        return stem.startswith("test_") or stem in _PYTHON_NAMES
    if ending in _CLASSES:
        name = path[: -len(ending) - 1]
        return name.endswith(_LAST_NAMES) and name.rpartition("/")[2] not in _LAST_NAMES
    return False
