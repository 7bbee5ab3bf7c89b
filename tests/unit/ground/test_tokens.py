"""Counting: exact where the vocabulary is public, upwards where it is not, and calm on hostile text."""

import base64
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import tiktoken.model
from hypothesis import given
from hypothesis import strategies as st

import aiex
from aiex import tokens
from aiex.tokens import Count, clip, count, encoding_for, estimate, fits

PINNED_SHA256 = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
"""Of the published text files. Source: tiktoken 0.14, `tiktoken_ext/openai_public.py`."""

ENCODINGS = sorted(PINNED_SHA256)
WORDS = st.sampled_from(
    [
        "a",
        "The",
        "HTTP",
        "'s",
        "é",
        "字",
        "😀",
        "12",
        "1234",
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "\n\n",
        "/",
        "//",
        ");",
        "\x1c",
        "\x85",
    ]
)
TANGLES = st.one_of(st.text(), st.lists(WORDS, max_size=60).map("".join))
SOURCES = sorted(Path(aiex.__file__).parent.rglob("*.py"))


def published_text(encoding: str) -> bytes:
    rows = enumerate(tokens.read_tokens(encoding))
    return b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in rows)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_packaged_vocabulary_is_the_published_one(encoding):
    assert hashlib.sha256(published_text(encoding)).hexdigest() == PINNED_SHA256[encoding]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_word_pattern_is_the_one_of_tiktoken(encoding, monkeypatch):
    import tiktoken_ext.openai_public as public

    monkeypatch.setattr(public, "load_tiktoken_bpe", lambda *_, **__: {})
    assert tokens.load_encoding(encoding)._pat_str == getattr(public, encoding)()["pat_str"]


@pytest.mark.parametrize(
    ("text", "model", "expected"),
    [
        ("", "openai/gpt-4o", 0),
        ("hello world", "openai/gpt-4o", 2),
        ("tiktoken is great!", "gpt-4", 6),
        ("antidisestablishmentarianism", "cl100k_base", 6),
        ("2 + 2 = 4", "cl100k_base", 7),
        ("お誕生日おめでとう", "cl100k_base", 9),
    ],
)
def test_known_texts_have_their_published_counts(text, model, expected):
    assert count(text, model) == Count(expected, exact=True)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=TANGLES)
def test_pieces_add_up_to_what_the_whole_text_counts(encoding, text):
    encoder = tokens.load_encoding(encoding)
    pieces = [piece for piece, _ in tokens._pieces(text, size=5)]
    assert "".join(pieces) == text
    assert sum(len(encoder.encode_ordinary(piece)) for piece in pieces) == len(encoder.encode_ordinary(text))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_long_source_counts_as_the_unsplit_text(encoding):
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES)[:400_000]
    assert len(text) > 3 * tokens.PIECE_CHARS
    assert count(text, encoding) == Count(len(tokens.load_encoding(encoding).encode_ordinary(text)), exact=True)


@given(first=TANGLES, second=TANGLES)
def test_joining_two_texts_costs_at_most_a_few_tokens_more_than_both(first, second):
    joined = count(first + second, "gpt-4o").tokens
    assert joined <= count(first, "gpt-4o").tokens + count(second, "gpt-4o").tokens + 4


def test_a_million_spaces_are_counted_as_an_estimate():
    result = count(" " * 1_000_000, "gpt-4o")
    assert not result.exact
    assert 1_000_000 / 128 <= result.tokens <= 1_000_000 / 120


def test_a_megabyte_without_a_gap_is_counted():
    assert count("x" * 1_000_000 + "\n" * 1_000_000, "gpt-4").tokens > 100_000


def test_special_token_text_is_plain_text():
    assert count("<|endoftext|>", "gpt-4o") == Count(7, exact=True)


def test_lone_surrogates_count_as_the_replacement_character():
    assert count("a\udc80b\ud800", "gpt-4o") == count("a\ufffdb\ufffd", "gpt-4o")


def test_a_pair_of_surrogates_counts_as_the_character_it_means():
    assert count("\ud83d\ude00", "gpt-4o") == count("😀", "gpt-4o")


def test_the_model_table_is_that_of_tiktoken():
    ours = {"o200k_base": "o200k_base", "o200k_harmony": "o200k_base", "cl100k_base": "cl100k_base"}
    table = {**tiktoken.model.MODEL_TO_ENCODING, **tiktoken.model.MODEL_PREFIX_TO_ENCODING}
    theirs = {name: ours[encoding] for name, encoding in table.items() if encoding in ours}
    assert {name: encoding_for(name).encoding for name in theirs} == theirs
    assert all(encoding_for(name).exact for name in theirs)


@pytest.mark.parametrize(
    "model", ["openai/gpt-5.2-codex", "azure/o3-pro", "openrouter/openai/gpt-4.1", "ollama/gpt-oss:20b"]
)
def test_a_provider_before_the_model_does_not_matter(model):
    assert encoding_for(model) == ("o200k_base", 1.0, True)


@pytest.mark.parametrize(
    ("model", "factor"),
    [
        ("anthropic/claude-sonnet-5", 1.35),
        ("bedrock/anthropic.claude-opus-4", 1.35),
        ("gemini/gemini-3-pro", 1.1),
        ("openai/gpt-7", 1.1),
        ("deepseek/deepseek-chat", 1.2),
        ("acme/o3d", 1.2),
        ("", 1.0),
    ],
)
def test_other_vendors_get_an_estimate_with_their_factor(model, factor):
    assert encoding_for(model) == ("o200k_base", factor, False)


def test_an_estimated_count_is_rounded_up():
    assert count("hello world", "claude-x") == Count(3, exact=False)


def test_the_quick_estimate_of_source_is_not_below_the_count():
    texts = [path.read_text(encoding="utf-8") for path in SOURCES]
    assert sum(estimate(text).tokens for text in texts) >= sum(count(text, "gpt-4o").tokens for text in texts)


@pytest.mark.parametrize(
    "text", ["Пять щук плыли.", "彼は昨日東京に行きました。", "🎉🎊🥳", "ἐν ἀρχῇ ἦν ὁ λόγος", "\udc80"]
)
def test_the_quick_estimate_covers_other_scripts(text):
    assert estimate(text).tokens >= count(text, "gpt-4o").tokens


def test_offline_counts_load_no_vocabulary():
    code = "import sys; from aiex.tokens import clip, count; count('a b', 'offline'), clip('a\\nb', 1, 'offline')"
    check = f"{code}; print([name for name in ('tiktoken', 'regex', 'zlib') if name in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=SOURCES[0].parents[1]
    )
    assert answer.stdout.strip() in {"[]", "['zlib']"}


def test_without_tiktoken_counts_are_estimates(monkeypatch):
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    tokens.load_encoding.cache_clear()
    try:
        assert count("hello world", "gpt-4o") == estimate("hello world")
    finally:
        tokens.load_encoding.cache_clear()


LINES = st.lists(TANGLES.map(lambda text: text + "\n"), max_size=12).map("".join)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4", "claude-x", "offline"])
@given(text=LINES, budget=st.integers(0, 60))
def test_a_clipped_text_fits_and_the_next_line_would_not(model, text, budget):
    kept = clip(text, budget, model)
    assert text.startswith(kept)
    assert count(kept, model).tokens <= budget
    if kept != text:
        longer = text[: text.index("\n", len(kept)) + 1]
        assert kept == "" or kept.endswith("\n")
        assert count(longer, model).tokens > budget


def test_a_text_that_fits_is_not_clipped():
    assert clip("no line end", 3, "gpt-4o") == "no line end"


def test_nothing_remains_when_the_first_line_is_too_long():
    assert clip("one two three four\nfive", 2, "gpt-4o") == ""


def test_clipping_a_long_text_does_not_count_all_of_it():
    line = "word " * 20 + "\n"
    assert clip(line * 200_000, 100, "gpt-4o") == line * (100 // count(line, "gpt-4o").tokens)


@given(text=TANGLES, budget=st.integers(0, 40))
def test_fits_agrees_with_the_count(text, budget):
    assert fits(text, budget, "gpt-4o") == (count(text, "gpt-4o").tokens <= budget)
