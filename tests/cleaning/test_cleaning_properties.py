"""What holds of cleaning whatever people write."""

from __future__ import annotations

import time
import unicodedata
from typing import Any

import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.cleaning.table import CLEAN_SCHEMA, REASONS, clean_table
from hugtweets.cleaning.texts import readable
from hugtweets.cleaning.words import count_words, has_words
from hugtweets.config import CleanConfig
from hugtweets.timelines.posts import Mention, to_table
from tests.fixtures.cleaning import HANDLE, LINK, clean, post

CONFIG = CleanConfig()
FEW = settings(max_examples=20)
MANY = settings(max_examples=40)

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
FAMILY = "👨\u200d👩\u200d👧\u200d👦"
PICTURES = ["👍", "👍🏿", "👩🏽\u200d💻", "🏳️\u200d🌈", "🇸🇬", "🇺🇸", "1️⃣", "#️⃣", "❤\ufe0f", "☎\ufe0e", FAMILY, ENGLAND]
EMOJI = st.sampled_from(PICTURES)
SCRIPTS = ["東京", "お腹", "วันนี้", "ക്\u200d", "می\u200cخواهم", "café", "cafe\u0301"]
PUNCTUATION = ["...", "…", ":", "-", "(", ")", ",", '"', "“", "”", "C++", "3D", "don't"]
WORDS = st.sampled_from([*SCRIPTS, *PUNCTUATION, "goose", "the", "to", "I", "via"])
LINKS = st.sampled_from(
    [LINK, "http://example.com/a_(b)?c=d", "pic.twitter.com/AbC", "t.co/AbC1", "www.x.org", "HTTPS://X.Y"]
)
TAGS = st.sampled_from(
    ["#ILoveGANs", "#a", "#東京", "＃x", "#1", "#café", "#Rio2016", "@ana", ".@bob", "@ana:", "via @ana"]
)
ODD = st.sampled_from(
    ["\n", "\r\n", "\u2028", "\u2800", "\u200b", "\u202e", "\ufffd", "\ufdd0", "\ufdd1", "\xa0", "&amp;", "&lt;"]
)
OTHERS = st.sampled_from(["RT @ana: ", "MT @bob ", '"@ana: ', "#", "@", "\u200d", "\ufe0f"])
PIECES = st.one_of(WORDS, WORDS, EMOJI, LINKS, TAGS, ODD, OTHERS, st.just(" "), st.just(" "))
TEXTS = st.one_of(st.lists(PIECES, max_size=14).map("".join), st.lists(PIECES, max_size=14).map(" ".join))
ANY_TEXT = st.one_of(TEXTS, st.text(max_size=60))
BATCHES = st.lists(ANY_TEXT, min_size=5, max_size=40)

CLUSTER = regex.compile(r"\X")
PICTURE = regex.compile(r"[\p{Extended_Pictographic}\p{Regional_Indicator}\u20e3]")
LINK_LEFT = regex.compile(r"https?://\S|(?<![A-Za-z0-9_])t\.co/\w|pic\.twitter\.com/\w", regex.IGNORECASE)
PEOPLE = (Mention("ana", "Ana 🌻 | hiring!"), Mention("bob", "🌻"))


def cleaned(texts: list[str], **options: Any) -> list[dict[str, Any]]:
    """Rows for the texts, in their order, none dropped for its length or as a duplicate."""
    posts = [post(text, number, mentions=PEOPLE) for number, text in enumerate(texts, 1)]
    return clean(posts, **{"min_words": 0, "drop_duplicates": False, **options})


@MANY
@given(BATCHES)
def test_kept_texts_are_plain_lines_without_links(texts: list[str]) -> None:
    for row in cleaned(texts):
        if row["kept"]:
            text = row["text"]
            assert not LINK_LEFT.search(text)
            assert not regex.search(r"[\p{Zl}\p{Zp}\p{Cc}\u2800\u200b\u202e\ufffd\ufdd0-\ufdef]|  ", text)
            assert text == text.strip() != ""
            assert unicodedata.is_normalized("NFC", text)


@MANY
@given(BATCHES, st.sampled_from([{}, {"hashtags": "remove"}, {"mentions": "remove"}, {"line_breaks": "keep"}]))
def test_no_emoji_is_cut_apart(texts: list[str], options: dict[str, str]) -> None:
    shown = readable(pa.array(texts), CONFIG).to_pylist()
    for row, before in zip(cleaned(texts, **options), shown, strict=True):
        if row["kept"]:
            whole = set(CLUSTER.findall(before))
            assert {cluster for cluster in CLUSTER.findall(row["text"]) if PICTURE.search(cluster)} <= whole


@MANY
@given(st.lists(st.lists(st.one_of(WORDS, EMOJI, LINKS, st.just("\n")), max_size=12).map(" ".join), min_size=5))
def test_cleaning_clean_text_changes_nothing(texts: list[str]) -> None:
    once = [row["text"] for row in cleaned(texts) if row["kept"]]
    assert [row["text"] for row in cleaned(once)] == once


@FEW
@given(st.lists(ANY_TEXT.filter(lambda text: "&" not in text), min_size=1, max_size=25))
def test_readable_text_is_readable(texts: list[str]) -> None:
    once = readable(pa.array(texts), CONFIG)
    assert readable(once, CONFIG).equals(once)


@FEW
@given(BATCHES, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(texts: list[str], random: Any) -> None:
    posts = [post(text, number * 7 % 41, mentions=PEOPLE) for number, text in enumerate(texts)]
    table = clean_table(to_table(posts), HANDLE, CONFIG)
    random.shuffle(posts)
    assert clean_table(to_table(posts), HANDLE, CONFIG).equals(table)


@FEW
@given(BATCHES)
def test_every_post_is_there_kept_with_a_split_or_dropped_with_a_reason(texts: list[str]) -> None:
    table = clean_table(to_table([post(text, number) for number, text in enumerate(texts)]), HANDLE, CONFIG)
    assert table.schema == CLEAN_SCHEMA
    assert [row["id"] for row in table.to_pylist()] == [str(number) for number in range(len(texts))]
    for row in table.to_pylist():
        assert row["kept"] == (row["reason"] is None) == (row["split"] is not None)
        assert row["reason"] is None or row["reason"] in REASONS


@FEW
@given(BATCHES, st.integers(0, 1005))
def test_having_words_is_counting_them(texts: list[str], number: int) -> None:
    array = pa.array(texts)
    for least in (number, number % 6):
        assert has_words(array, least).to_pylist() == [words >= least for words in count_words(array).to_pylist()]


@pytest.mark.parametrize(
    "piece",
    [
        "#a",
        "#a ",
        "#aA1_",
        "@a ",
        "via @a ",
        "RT @a ",
        '"@a: ',
        "(",
        "https://",
        "t.co/",
        "&amp;",
        "👍🏿",
        "\u200d",
        "a.b/",
        "#🎉",
    ],
)
def test_hostile_repetition_takes_no_long(piece: str) -> None:
    text = (piece * 10_000)[:10_000] + "!"
    started = time.process_time()
    clean([post(text)])
    assert time.process_time() - started < 1.0
