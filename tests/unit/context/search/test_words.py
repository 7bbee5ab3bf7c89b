import pytest

from aiex.context.search.words import LONGEST_WORD, count_terms, spell, stem


@pytest.mark.parametrize(
    ("word", "terms"),
    [
        (b"getTCPClient", ("gettcpclient", "tcp", "client")),
        (b"retry_count", ("retry_count", "retry", "count")),
        (b"Basket", ("basket",)),
        (b"the", ()),
        (b"x", ()),
        (b"404", ("404",)),
        (b"42", ()),
        (b"_tcp__client_", ("tcp__client", "tcp", "client")),
        (b"is_x_of_rows", ("is_x_of_row", "row")),
        (b"utf8_rows", ("utf8_row", "utf", "row")),
        ("größe_der_rows".encode(), ("größe_der_row", "größ", "der", "row")),
        (b"a" * (LONGEST_WORD + 1), ()),
    ],
)
def test_words_are_kept_whole_and_split(word: bytes, terms: tuple[str, ...]) -> None:
    assert spell(word) == terms


@pytest.mark.parametrize("word", ["retries", "retry"])
def test_forms_of_a_word_have_one_stem(word: str) -> None:
    assert stem(word) == "retry"


def test_terms_are_counted_over_a_source() -> None:
    found = count_terms(b"baskets(basket, the_basket) # \xff\xfe")
    assert found["basket"] == 3
    assert found["the_basket"] == 1


@pytest.mark.parametrize("source", [b"", b"\x00\xff", b"()[]{}", "größe 数".encode()])
def test_any_bytes_have_terms(source: bytes) -> None:
    assert all(count > 0 for count in count_terms(source).values())
