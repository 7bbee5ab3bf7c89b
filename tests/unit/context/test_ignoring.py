"""What checkpoints leave out of a repository."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.context.ignoring import IgnoreRules, KeptRules, compile_patterns

FILES = {
    ".gitignore": ["dist/", "*.log", "/data"],
    "web/.gitignore": ["!keep.log", "cache"],
    ".git/info/exclude": ["mine.txt"],
    ".aiexignore": ["secret-to-the-index/"],
}


def rules(*include: str) -> KeptRules:
    return KeptRules(lambda path: list(FILES.get(path, [])), include)


def test_what_git_ignores_is_left_out_and_what_only_the_index_ignores_stays() -> None:
    names = ["dist/", "app.py", "a.log", "data", "mine.txt", "node_modules/", "secret-to-the-index/", "web/"]
    assert rules().is_left_out("", names) == {"dist/", "a.log", "data", "mine.txt", "node_modules/"}
    assert rules().is_left_out("web", ["keep.log", "other.log", "cache", "data"]) == {"other.log", "cache"}


@pytest.mark.parametrize(
    ("include", "folder", "names", "left_out"),
    [
        (["dist/"], "", ["dist/", "a.log"], {"a.log"}),
        (["dist/"], "dist/js", ["app.js", "x.log"], set()),
        (["dist/js/*.js"], "", ["dist/"], set()),
        (["dist/js/*.js"], "dist", ["js/", "css/"], {"css/"}),
        (["dist/js/*.js"], "dist/js", ["app.js", "app.map"], {"app.map"}),
        (["*.log"], "dist", ["a.log", "b.txt"], {"b.txt"}),
        (["*.log"], "", ["a.log", "dist/"], {"dist/"}),
    ],
)
def test_what_a_person_wants_in_is_kept_with_the_folders_on_the_way(
    include: list[str], folder: str, names: list[str], left_out: set[str]
) -> None:
    assert rules(*include).is_left_out(folder, names) == left_out


def test_the_digest_tells_rules_apart() -> None:
    same = rules("dist/").digest
    assert same == rules("dist/").digest
    assert same != rules().digest
    other = KeptRules(lambda path: ["other"] if path == ".git/info/exclude" else [], ["dist/"])
    assert same != other.digest


WORDS = st.sampled_from(
    ["a", "b", "ab", ".a", "a.log", "x-y", "*", "a*", "*.log", "*b*", "a*b", "?", "**", "[ab]", "a b"]
)
PATTERN_LINES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "", "/", "!", "#", " "]),
    st.lists(WORDS, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "/"]),
    st.sampled_from(["", "", " "]),
)
PATHS = st.builds(
    "{}{}".format,
    st.lists(st.sampled_from(["a", "b", "ab", ".a", "a.log", "x-y", "a b"]), min_size=1, max_size=4).map("/".join),
    st.sampled_from(["", "/"]),
)


@given(st.lists(PATTERN_LINES, min_size=1, max_size=3), st.lists(PATHS, min_size=1, max_size=8))
def test_plain_patterns_mean_what_they_mean_to_the_library(lines: list[str], paths: list[str]) -> None:
    spec = compile_patterns(lines)
    rules = IgnoreRules(lambda path: lines if path == ".gitignore" else [])
    for path in paths:
        assert rules.is_ignored(path) == bool(spec.check_file(path).include), (lines, path)
