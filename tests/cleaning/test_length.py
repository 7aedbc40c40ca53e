"""Length as X counts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugtweets.cleaning.length import shorten, x_length

PIECES = ["word", " ", ". ", "。", "日本語", "👩‍👩‍👧", "👍🏽", "🇪🇸", "1️⃣", "é", "e\u0301", "https://t.co/abc ", "?! "]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=40).map("".join)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("plain text", 10),
        ("naïve", 5),
        ("e\u0301", 1),
        ("“curly” – quotes’", 17),
        ("…", 2),
        ("日本語", 6),
        ("한국", 4),
        ("👍", 2),
        ("👍🏽", 2),
        ("👩‍👩‍👧‍👦", 2),
        ("🇪🇸🇫🇷", 4),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 2),
        ("1️⃣2️⃣", 4),
        ("❤️", 2),
        ("©", 1),
        ("see https://example.com/a/very/long/path?with=a&query", 27),
        ("https://t.co/a", 23),
        ("見てhttps://t.co/aです", 31),
        ("read example.com today", 34),
        ("write to me@example.com", 23),
        ("version 1.2.3", 13),
        ("end.Next", 8),
    ],
)
def test_texts_are_counted_as_x_counts_them(text: str, length: int) -> None:
    assert x_length(text) == length


@given(TEXTS, st.integers(20, 280))
def test_a_shortened_text_fits_and_is_a_beginning(text: str, most: int) -> None:
    short = shorten(text, most)
    assert x_length(short) <= most
    assert text.startswith(short)


@given(TEXTS)
def test_a_text_that_fits_is_left_alone(text: str) -> None:
    assert shorten(text, x_length(text)) == text


@pytest.mark.parametrize(
    ("text", "most", "short"),
    [
        ("One two three. Four five six.", 20, "One two three."),
        ("One. Two three four five six.", 20, "One. Two three four"),
        ("I said “stop.” And then more", 18, "I said “stop.”"),
        ("これは文です。これも文です。", 20, "これは文です。"),
        ("exactly at the limit. And on", 21, "exactly at the limit."),
        ("donaudampfschifffahrtsgesellschaft", 20, "donaudampfschifffahr"),
        ("👩‍👩‍👧" * 20, 21, "👩‍👩‍👧" * 10),
    ],
)
def test_cuts_are_made_where_a_reader_would_pause(text: str, most: int, short: str) -> None:
    assert shorten(text, most) == short
