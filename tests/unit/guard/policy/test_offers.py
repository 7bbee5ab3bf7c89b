"""What a person may answer: each offered rule is exactly what silences the question, and nothing looser comes first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiex.guard.actions import Action
from aiex.guard.policy.offers import Offer, approved, offers
from aiex.guard.policy.places import path_words
from aiex.guard.policy.rules import parse_rule
from tests.fakes.policies import ROOT, effect, policy
from tests.fakes.tables import each


def offered(found, kind, subject, scope="session"):
    return [offer.rules for offer in offers(Action(kind, subject), policy=found) if offer.scope == scope]


@each(
    ("kind", "subject", "expected"),
    [
        ("command", "npm test", [('allow command "npm test"',), ('allow command "npm test *"',)]),
        ("command", "npm test -- -x", [('allow command "npm test -- -x"',), ('allow command "npm test *"',)]),
        ("command", "git push origin", [('allow command "git push origin"',), ('allow command "git push *"',)]),
        ("command", "git status; git push; npm i", [
            ('allow command "git push"', 'allow command "npm i"'),
            ('allow command "git push *"', 'allow command "npm i *"'),
        ]),
        ("command", "npm run 'a b' c", [("allow command 'npm run \"a b\" c'",), ('allow command "npm run *"',)]),
        ("command", "npm run '*'", [('allow command "npm run *"',)]),
        ("command", "make", [('allow command "make"',)]),
        ("command", "python x.py", [('allow command "python x.py"',)]),
        ("command", "sudo ls", [('allow command "sudo ls"',)]),
        ("command", "curl https://example.org", [('allow command "curl https://example.org"',)]),
        ("command", "npm test > x", []),
        ("command", "npm $x", []),
        ("command", "", []),
        ("write", "src/a.py", [('allow write "src/a.py"',), ('allow write "src/**"',)]),
        ("write", "a.py", [('allow write "a.py"',)]),
        ("write", "pages/[id].tsx", [(r'allow write "pages/\[id\].tsx"',), ('allow write "pages/**"',)]),
        ("read", "conf/.env", [('allow read "conf/.env"',)]),
        ("read", "/etc/hosts", [('allow read "/etc/hosts"',), ('allow read "/etc/**"',)]),
        ("network", "example.org:8443", [('allow network "example.org:8443"',)]),
        ("tool", "mcp__git__log", [('allow tool "mcp__git__log"',)]),
        ("read", "src/a.py", []),
        ("write", ".git/config", []),
    ],
)  # fmt: skip
def test_what_is_offered(kind, subject, expected):
    assert offered(policy(), kind, subject) == expected


def test_once_comes_first_and_each_rule_for_the_session_before_the_same_for_good():
    found = offers(Action("tool", "fetch"), policy=policy())
    assert [offer.scope for offer in found] == ["once", "session", "user"]


def test_nothing_is_offered_that_would_not_help():
    assert [one.scope for one in offers(Action("tool", "x"), policy=policy(managed=("ask tool x",)))] == ["once"]
    assert {one.scope for one in offers(Action("tool", "x"), policy=policy(project=("ask tool x",)))} == {
        "once",
        "session",
    }
    assert offers(Action("tool", "x"), policy=policy("deny tool x")) == ()
    assert offers(Action("tool", "x"), policy=policy(), mode="deny") == ()
    assert [one.scope for one in offers(Action("command", "npm test"), policy=policy(), confined=False)] == ["once"]


def test_names_that_no_rule_can_spell_are_answered_once():
    assert [one.scope for one in offers(Action("write", "a\x1bb"), policy=policy())] == ["once"]
    assert [one.scope for one in offers(Action("write", "a\udcffb"), policy=policy())] == ["once"]


subjects = st.one_of(
    st.tuples(st.just("write"), st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5),
                                         min_size=1, max_size=3).map("/".join)),
    st.tuples(st.just("tool"), st.text(min_size=1, max_size=8)),
    st.tuples(st.just("command"), st.lists(st.text(st.sampled_from("ab '\"*\\$;-=~"), max_size=4),
                                           min_size=1, max_size=3).map(lambda words: "npm " + " ".join(words))),
)  # fmt: skip


@given(subjects)
def test_every_rule_that_is_offered_answers_the_question_and_can_be_written_down(subject):
    kind, text = subject
    for offer in offers(Action(kind, text), policy=policy()):
        rules = [parse_rule(rule, scope=offer.scope) for rule in offer.rules]
        assert [rule.text for rule in rules] == list(offer.rules)
        if offer.rules:
            assert effect(policy().extended(rules), kind, text) == "allow"
            if kind == "write" and path_words(text):
                assert effect(policy().extended(rules[:1]), kind, "elsewhere/entirely") == "ask"


def test_what_was_agreed_to_is_a_decision_for_the_record():
    action = Action("command", "npm test", {"cwd": ROOT})
    decision = approved(action, Offer("session", ('allow command "npm test"',)))
    assert (decision.effect, decision.rule, decision.scope) == ("allow", 'allow command "npm test"', "session")
    assert approved(action, Offer("once", ())).scope == "once"
