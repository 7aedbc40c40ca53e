"""Display names without what is no name."""

from __future__ import annotations

import pyarrow as pa
import pytest

from hugtweets.cleaning.names import clean_names
from hugtweets.timelines.posts import Mention
from tests.fixtures.cleaning import HANDLE, clean, post, text_of


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("Jeremy #mask4all Howard", "Jeremy Howard"),
        ("Ana 🌻 | hiring!", "Ana"),
        ("Dr. Bob (@ home)", "Dr. Bob"),
        ("🇺🇦 Ana Tide 👩🏽\u200d💻", "Ana Tide"),
        ("Ana Tide, PhD", "Ana Tide"),
        ("Ana she/her", "Ana"),
        ("Ana - black goose", "Ana"),
        ("Ana @PondConf", "Ana"),
        ("田中＠転職中", "田中"),
        ("田中【公式】", "田中"),
        ("𝓐𝓷𝓪", "Ana"),
        ("Ana https://t.co/abc", "Ana"),
        ("Ana &amp; Bob", "Ana & Bob"),
        ("Jean-Luc O'Brien Jr.", "Jean-Luc O'Brien Jr."),
        ("Marcel·lí", "Marcel·lí"),
        ("Yahoo!", "Yahoo!"),
        ("line\nbreak\u202e", "line break"),
        ("🌻🌻", ""),
        ("#1️⃣ | @@", ""),
        ("x" * 5_000, ""),
    ],
)
def test_a_name_loses_emoji_hashtags_and_slogans(shown: str, name: str) -> None:
    assert clean_names(pa.array([shown])).to_pylist() == [name]


def test_a_name_of_which_nothing_is_left_gives_way_to_the_handle() -> None:
    assert text_of("Thanks to @sunny for it", {"sunny": "🌻🌻"}) == "Thanks to sunny for it"


def test_the_posts_own_name_counts_before_the_timelines_last() -> None:
    first = post("hello there dear @bob", 1, mentions=(Mention("bob", "Bobby"),))
    second = post("and then there was @bob", 2, mentions=(Mention("BOB", "Robert"),))
    third = post("nobody knows about @Bob yet", 3)
    texts = [row["text"] for row in clean([third, second, first])]
    assert texts == ["hello there dear Bobby", "and then there was Robert", "nobody knows about Robert yet"]


def test_the_account_itself_and_known_authors_have_names() -> None:
    mine = post("I am at home now", 1, name="Ana Tide")
    theirs = post("not mine at all", 2, author="bob", name="Bob 🎈")
    both = post(f"it is @{HANDLE} and @bob here", 3)
    assert clean([mine, theirs, both])[2]["text"] == "it is Ana Tide and Bob here"
