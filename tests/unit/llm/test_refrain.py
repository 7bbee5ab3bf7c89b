"""What is read without parsing is exactly what parsing gives."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aiex.llm.refrain import MAX_LESSONS, Refrain

TEXT = st.text(max_size=8)


def event(text: str, **more: Any) -> str:
    return json.dumps({"id": "c", "choices": [{"index": 0, "delta": {"content": text}, "finish": None}], **more})


def words(data: str) -> Any:
    return json.loads(data)["choices"][0]["delta"]["content"]


def learnt(data: str) -> Refrain:
    refrain = Refrain()
    refrain.learn(data, "content")
    return refrain


@given(TEXT, TEXT, st.booleans())
def test_an_event_that_is_alike_gives_its_words(first: str, second: str, plain: bool) -> None:
    spelled = json.dumps(second, ensure_ascii=plain)
    data = event("\x00").replace('"\\u0000"', spelled)
    assert learnt(event(first)).read(data) == second


@given(TEXT, st.text(alphabet='"\\,:{} ucontentx1', max_size=30))
def test_what_stands_between_is_one_string_or_the_event_is_parsed(first: str, between: str) -> None:
    data = event("@").replace("@", between)
    found = learnt(event(first)).read(data)
    try:
        value = json.loads(data)
    except ValueError:
        assert found is None
        return
    assert found is None or value == json.loads(event(found))


@given(TEXT)
def test_an_event_with_other_news_is_parsed(text: str) -> None:
    refrain = learnt(event("a", usage=None))
    assert refrain.read(event(text, usage=1)) is None
    assert refrain.read(event(text)) is None
    assert refrain.read(event(text, usage=None)[:-1]) is None


def test_a_key_that_occurs_twice_is_not_learnt() -> None:
    twice = '{"content": "a", "content": "b"}'
    assert learnt(twice).read(twice) is None
    for nested in ('{"content": {"content": "a"}}', '{"content": 1, "x": {"content": "a"}}'):
        found = learnt(nested).read(nested)
        assert found in (None, "a")
    assert learnt(r'{"x\"content":"a"}').read(r'{"x\"content":"b"}') is None


def test_control_characters_are_no_string() -> None:
    assert learnt(event("a")).read(event("@").replace("@", "\n")) is None


def test_a_stream_with_other_news_in_each_event_is_given_up() -> None:
    refrain = Refrain()
    for number in range(MAX_LESSONS + 1):
        refrain.learn(event("a", padding=number), "content")
    assert refrain.read(event("b", padding=MAX_LESSONS)) is None
    assert refrain.read(event("b", padding=MAX_LESSONS - 1)) == "b"
