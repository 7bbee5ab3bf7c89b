"""Names that people type."""

import pytest

from aiex.errors import UsageError
from aiex.jobs.generating.naming import camel, pascal, refuse_keyword, shape_of, snake, split_name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("invoice parser", ("invoice", "parser")),
        ("invoice-parser", ("invoice", "parser")),
        ("InvoiceParser", ("invoice", "parser")),
        ("HTTPClient", ("http", "client")),
        ("http_client2", ("http", "client2")),
        ("  tidy  ", ("tidy",)),
        ("\uff57ide", ("wide",)),
    ],
)
def test_a_name_is_split_into_words(name: str, words: tuple[str, ...]) -> None:
    assert split_name(name) == words


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("größe", "did you mean grosse?"),
        ("naïve café", "did you mean naive_cafe?"),
        ("2fast", "did you mean n2fast?"),
        ("3 d model", "did you mean d_model_3?"),
        ("日本", "use letters a to z, digits and dashes"),
        ("a/b;rm", "did you mean a_b_rm?"),
        ("", "use letters a to z, digits and dashes"),
        ("--", "use letters a to z, digits and dashes"),
        ("x" * 101, "take a shorter one"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_with_what_can(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        split_name(name)
    assert caught.value.hint == hint


def test_words_are_joined_as_languages_want_them() -> None:
    words = ("http", "client")
    assert (snake(words), camel(words), pascal(words)) == ("http_client", "httpClient", "HttpClient")


def test_a_keyword_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        refuse_keyword("class", {"class"}, "Python", suggestion="class_module")
    assert (caught.value.message, caught.value.hint) == ("'class' is a keyword of Python", "did you mean class_module?")


@pytest.mark.parametrize(
    ("stem", "shape"),
    [("a_b", "snake_case"), ("a-b", "kebab-case"), ("aB", "camelCase"), ("Ab", "PascalCase"), ("ab", "")],
)
def test_the_shape_of_a_file_name_is_told(stem: str, shape: str) -> None:
    assert shape_of(stem) == shape
