"""The written form of rules: what is read, what is refused, and with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import ConfigError
from aiex.guard.neutral import neutralise
from aiex.guard.policy.rules import EFFECTS, KINDS, LONGEST, RuleError, is_inside, is_narrower, parse_rule
from tests.fakes.tables import each


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ('deny write "migrations/**"', 'deny write "migrations/**"'),
        ("deny  write   'a b/**'", 'deny write "a b/**"'),
        ("deny tool fetch", 'deny tool "fetch"'),
        ("ask network", "ask network"),
        ("deny any for viewer", "deny any for viewer"),
        ('ask command "git push *" for editor, viewer', 'ask command "git push *" for viewer, editor'),
        ("allow command 'git commit -m \"a b\"'", "allow command 'git commit -m \"a b\"'"),
        (r"deny read pages/\[id\].tsx", r'deny read "pages/\[id\].tsx"'),
        ("allow network [::1]:80", 'allow network "[::1]:80"'),
    ],
)
def test_a_rule_has_one_plain_spelling_that_reads_as_the_same_rule(text, spelled):
    rule = parse_rule(text)
    assert rule.text == spelled
    assert parse_rule(spelled) == rule


@each(
    ("text", "said"),
    [
        ("", "not EFFECT KIND PATTERN"),
        ("deny", "not EFFECT KIND PATTERN"),
        ("permit write x", "no effect 'permit'"),
        ("deny file x", "no kind 'file'"),
        ("deny write a b", "not EFFECT KIND PATTERN"),
        ("deny write 'a", "not EFFECT KIND PATTERN"),
        ("deny write x for", "not EFFECT KIND PATTERN"),
        ("deny write x for boss", "no role 'boss'"),
        ("deny any x", "takes no pattern"),
        ("deny write ../x", "leads out"),
        ("deny write ~/x", "not expanded"),
        ("deny write 'src/?.py'", "no wildcard"),
        ("deny write '[ab].py'", "no wildcard"),
        ("deny write 'src/a**'", "component of its own"),
        ("deny write ''", "empty"),
        ("deny command ''", "empty"),
        ("allow command 'git status; rm -rf x'", "belongs to the shell"),
        ("allow command 'git status && x'", "belongs to the shell"),
        ("allow command 'echo $(x)'", "belongs to the shell"),
        ("allow command 'echo `x`'", "belongs to the shell"),
        ("allow command 'X=1 git status'", "not with an assignment"),
        ("allow command '~/bin/x'", "not expanded"),
        ("allow command 'git \"log'", "not closed"),
        ("allow network https://example.org", "no host"),
        ("allow network example.org/path", "no host"),
        ("allow network '*.org'", "no host"),
        ("allow network 0x7f.1", "no host"),
        ("deny tool 'a b'", "one word"),
        ('deny write "a\x1b[2J"', "control or invisible"),
        ("deny write a\u202eb", "control or invisible"),
        ("deny write 'a\nb'", "control or invisible"),
        ("deny write a\udcffb", "control or invisible"),
        ("deny write " + "a" * LONGEST, "characters, more than"),
    ],
)
def test_what_is_no_rule_is_refused_with_the_reason_and_what_to_write(text, said):
    with pytest.raises(RuleError) as caught:
        parse_rule(text, file="/etc/x.toml", line=7)
    assert said in caught.value.message
    assert "/etc/x.toml:7" in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == ConfigError.exit_code
    assert neutralise(caught.value.message) == caught.value.message


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_an_error_with_words(text):
    for whole in (text, f"deny write '{text}'", f"allow command '{text}'", f"ask network {text}"):
        said = ""
        try:
            rule = parse_rule(whole)
        except RuleError as error:
            said = error.message
        else:
            assert parse_rule(rule.text).cover == rule.cover
        assert neutralise(said) == said


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("allow write src/gen", "deny write src"),
        ("allow write 'src/gen/*.py'", "deny write 'src/**'"),
        ("allow write '**/*.test.py'", "deny write '**/*.py'"),
        ("allow write src", "deny write"),
        ("allow delete tmp", "deny write tmp"),
        ("allow command 'git push origin main'", "deny command 'git push'"),
        ("allow command 'git push *'", "deny command 'git *'"),
        ("allow network api.example.org", "deny network '*.example.org'"),
        ("allow network example.org:8080", "ask network example.org"),
        ("allow tool mcp__git__log", "ask tool 'mcp__git__*'"),
        ("allow tool fetch for admin", "deny tool fetch"),
        ("allow read", "deny any"),
    ],
)
def test_a_rule_about_less_is_narrower(narrow, wide):
    assert is_narrower(parse_rule(narrow), parse_rule(wide))
    assert not is_narrower(parse_rule(wide), parse_rule(narrow))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("allow write src", "deny write '**/*.key'"),
        ("allow write src", "deny write src"),
        ("allow write src", "deny write 'src/**'"),
        ("allow command 'git push'", "deny command 'git push'"),
        ("allow command 'git push *'", "deny command 'git push'"),
        ("allow command 'git * main'", "deny command 'git push *'"),
        ("allow network example.org", "deny network '*.example.org'"),
        ("allow network example.org", "deny network example.org"),
        ("allow read src", "deny write src"),
        ("allow tool a for editor", "deny tool a for viewer"),
        ("allow write /srv", "deny write 'src'"),
    ],
)
def test_leave_that_is_not_about_less_is_not_narrower(one, other):
    assert not is_narrower(parse_rule(one), parse_rule(other))


words = st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "*b", "a*b", "*a*"]), min_size=1, max_size=4)


@given(words, words, st.lists(st.sampled_from(["a", "b", "ab", "aab", "ba", "c"]), max_size=4))
def test_what_a_pattern_inside_another_stands_for_the_other_stands_for_too(one, other, path):
    from aiex.guard.policy.patterns import aligns

    inner, outer = parse_rule(f"deny write {'/'.join(one)}"), parse_rule(f"deny write {'/'.join(other)}")
    subject = (".", *path)
    if is_inside(inner, outer) and aligns(inner.cover, subject, lambda *_: True):
        assert aligns(outer.cover, subject, lambda *_: True)


@given(words, words, st.lists(st.sampled_from(["a", "b", "ab", "aab", "ba", "c"]), max_size=4))
def test_patterns_that_share_something_are_known_to_meet(one, other, path):
    from aiex.guard.policy.patterns import aligns, may_meet

    first, second = parse_rule(f"deny write {'/'.join(one)}").cover, parse_rule(f"deny write {'/'.join(other)}").cover
    subject = (".", *path)
    if all(aligns(pattern, subject, lambda *_: True) for pattern in (first, second)):
        assert may_meet(first, second)
        assert may_meet(second, first)


@pytest.mark.parametrize(("one", "other"), [("src", "docs"), ("a/*.py", "a/b/c"), ("src/*", "*.lock"), ("a/**/x", "b")])
def test_patterns_that_share_nothing_do_not_meet(one, other):
    from aiex.guard.policy.patterns import may_meet

    first, second = (parse_rule(f"deny write {text}").cover[:-1] for text in (one, other))
    assert not may_meet(first, second)


@given(st.lists(words, max_size=5), st.lists(st.sampled_from(["a", "b", "ab", "aab", "ba", "c"]), max_size=5))
def test_the_index_finds_exactly_the_patterns_that_match(patterns, path):
    from aiex.guard.policy.patterns import aligns
    from aiex.guard.policy.trie import Trie

    rules = [parse_rule(f"deny write {'/'.join(pattern)}") for pattern in patterns]
    trie: Trie[int] = Trie()
    for number, rule in enumerate(rules):
        trie.add(rule.cover, number)
    subject = (".", *path)
    matching = [number for number, rule in enumerate(rules) if aligns(rule.cover, subject, lambda *_: True)]
    assert sorted(trie.find(subject)) == matching
    assert set(matching) <= set(trie.find_below(subject))


def test_every_kind_can_stand_without_a_pattern():
    for effect in EFFECTS:
        for kind in KINDS:
            assert parse_rule(f"{effect} {kind}").text == f"{effect} {kind}"


def test_many_wildcards_cost_no_time_that_grows_without_bounds():
    long = "a*" * 400
    assert not is_inside(parse_rule(f"deny tool {long}b"), parse_rule(f"deny tool {long}c"))
    deep = "/".join(["**", "a"] * 60)
    assert is_inside(parse_rule(f"deny write {deep}"), parse_rule("deny write '**/a'"))
