import pytest

from aiex.context.ranking.request import Name, Place, read_request
from aiex.context.search.words import stem


def test_words_of_the_title_weigh_more_than_those_of_the_body() -> None:
    request = read_request("Retry the upload\n\nThe basket is lost when the network fails.")
    assert request.terms["retry"] > request.terms["basket"]


@pytest.mark.parametrize(
    "form",
    [
        "<!-- Thanks for the report, please describe the turnip -->",
        "- [x] I looked for an earlier turnip",
        "turnip            3.2.1   /usr/lib",
        "turnip==3.2.1",
        "Co-authored-by: Turnip <turnip@example.com>",
    ],
)
def test_what_a_form_asks_for_is_not_what_a_request_is_about(form: str) -> None:
    request = read_request(f"Retry the upload\n\n{form}\n\nIt fails.")
    assert not any("turnip" in term for term in request.terms)


def test_names_written_as_code_are_certain() -> None:
    names = {name.text: name.certain for name in read_request("`run` of Basket.add_item breaks the shop").names}
    assert names == {"run": True, "Basket": True, "add_item": True, "breaks": False, "shop": False}


def test_two_words_may_be_one_name() -> None:
    terms = read_request("empty prompt suffix").terms
    assert "prompt_suffix" in terms
    assert "promptsuffix" in terms


@pytest.mark.parametrize(
    ("trace", "place"),
    [
        ('  File "/app/shop/basket.py", line 12, in add', Place("/app/shop/basket.py", 12)),
        ("shop/basket.py:12: ValueError", Place("shop/basket.py", 12)),
        ("    at add (/app/shop/basket.js:12:5)", Place("/app/shop/basket.js", 12)),
        ("\tat com.shop.Basket.add(Basket.java:12)", Place("Basket.java", 12)),
        ("\t/app/shop/basket.go:12 +0x1d", Place("/app/shop/basket.go", 12)),
        ("   at src/basket.rs:12:9", Place("src/basket.rs", 12)),
        ("    (shop 0.1.0) lib/shop/basket.ex:12: Shop.Basket.add/2", Place("lib/shop/basket.ex", 12)),
        ("\tfrom lib/basket.rb:12:in `add'", Place("lib/basket.rb", 12)),
        ("#1  0x0040 in add () at src/basket.c:12", Place("src/basket.c", 12)),
        ("shop\\basket.py:12", Place("shop/basket.py", 12)),
    ],
)
def test_lines_of_stack_traces_are_places(trace: str, place: Place) -> None:
    assert place in read_request(f"It fails\n\n```\n{trace}\n```").places


def test_qualified_names_are_paths_of_modules_too() -> None:
    assert "shop/basket/Basket" in read_request("see shop.basket.Basket").dotted
    assert "shop/basket" in read_request("see shop::basket").dotted


@pytest.mark.parametrize("text", ["", "\n\n", "<!--", "```", "\udc80\x00", "?!"])
def test_any_text_is_a_request(text: str) -> None:
    request = read_request(text)
    assert request.names == ()
    assert all(weight > 0 for weight in request.terms.values())


def test_names_are_told_once() -> None:
    assert read_request("basket, basket and `basket`").names == (Name("basket", True),)


def test_the_environment_section_of_a_template_is_left_out() -> None:
    terms = read_request("Retry\n\n## Environment\n\nturnip on a potato\n\n## Steps\n\nUpload a carrot").terms
    assert "turnip" not in terms
    assert "carrot" in terms


def test_options_are_names_with_underscores_too() -> None:
    terms = read_request("`--collect-only` needs a shortcut").terms
    assert {stem("collect_only"), stem("collectonly")} <= set(terms)
