"""Private things: what is masked, what stays, whatever is around it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn

from hugtweets.cleaning.private import PLACEHOLDERS, count_masked, mask, mask_all
from hugtweets.cleaning.table import clean_table, count
from hugtweets.config import CleanConfig
from hugtweets.report.cleaning_summary import summarise_cleaning
from hugtweets.steps.mix import add_counts
from hugtweets.timelines.posts import to_table
from tests.fixtures.cleaning import clean, post

MANY = settings(max_examples=60)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
WORDS = st.sampled_from(
    ["tea", "in 2019", "it's", "café", "3-2", "東京", "👍", "#a1", "$5", "(so)", "1,000", "v1.2.3", "!"]
)
AROUND = st.lists(WORDS, max_size=4).map(" ".join)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to o.gull+tea@harbour.example.org, please", "write to [email], please"),
        ("write to o.gull [at] harbour.example (dot) org!", "write to [email]!"),
        ("gull(AT)harbour dot org", "[email]"),
        ("ring 555 010 0199 until noon", "ring [phone number] until noon"),
        ("ring (555) 010-0199", "ring [phone number]"),
        ("I am at +44 20 7946 0958.", "I am at [phone number]."),
        ("the kiosk: 06 12 34 56 78", "the kiosk: [phone number]"),
        ("tel. 93 123 45 67", "tel. [phone number]"),
        ("call 555-0199 now", "call [phone number] now"),
        ("in 2019 4111-1111-1111-1111 was mine", "in 2019 [account number] was mine"),
        ("pay to GB82 WEST 1234 5698 7654 32 BY MAY", "pay to [account number] BY MAY"),
        ("come to 12b Old Harbour Street, Flat 3", "come to [address]"),
        ("Hafenstraße 12, oben", "[address], oben"),
        ("au 12 bis, rue de la Mouette", "au [address]"),
        ("Carrer de la Gavina, 5", "[address]"),
        ("my key is hf_abcdefghijklmnopqrstuvwxyzABCDEF12", "my key is [secret]"),
    ],
)
def test_private_things_become_placeholders(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask_all(pa.array([text])).to_pylist() == [masked]


@pytest.mark.parametrize(
    "text",
    [
        "we won 3-2 in 2019, and 11-22-63 is a book",
        "version 10.15.7 came at 10:30-11:45 on 2019-12-01",
        "call 911",
        "meet me (at) noon. Then we dot the i",
        "post 1201506031228084200",
        "1939-1945, 08/09/2021 10:00",
        "it cost $1,234,567.89 or 12 345 678 euros",
        "ISBN 978-0-306-40615-7, ISBN 0306406152",
        "@name said so, and @bob@social.example.org",
        "1 234 567 890 people in 2020 Road trips",
        "192.168.1.100 and 3.14159265358979",
        "call me in 2019, 2020 or 2021",
        "5 Star Reviews, 3 Doors Down, Room 101 at 5 pm",
    ],
)
def test_other_numbers_and_names_stay(text: str) -> None:
    assert mask(text) == text


def _card(number: str) -> str:
    return number + luhn.calc_check_digit(number)


EMAILS = st.builds(
    "{}@{}.{}".format,
    st.text(LETTERS + DIGITS, min_size=1, max_size=12),
    st.text(LETTERS, min_size=1, max_size=12),
    st.sampled_from(["com", "org", "co.uk", "museum"]),
)
PHONES = st.builds(
    lambda area, rest, shape: shape.format(area, rest[:3], rest[3:]),
    st.text("23456789", min_size=3, max_size=3),
    st.text(DIGITS, min_size=7, max_size=7),
    st.sampled_from(["({}) {}-{}", "{}-{}-{}", "{}.{}.{}", "{} {} {}", "+1 {} {} {}", "1-{}-{}-{}"]),
)
CARDS = st.text(DIGITS, min_size=14, max_size=14).map(lambda rest: _card("4" + rest))
TOKENS = st.builds(
    "{}{}".format,
    st.sampled_from(["ghp_", "hf_", "sk-proj-"]),
    st.text(LETTERS + DIGITS, min_size=36, max_size=36).filter(lambda text: any(map(str.isdigit, text))),
)


@MANY
@given(AROUND, st.one_of(EMAILS, PHONES, CARDS, TOKENS), AROUND)
def test_whatever_is_around_it_a_private_thing_goes_and_the_rest_stays(before: str, private: str, after: str) -> None:
    masked = mask(f"{before} {private} {after}")
    assert private not in masked
    assert any(placeholder in masked for placeholder in PLACEHOLDERS.values())
    assert mask_all(pa.array([f"{before} {private} {after}"])).to_pylist() == [masked]
    assert mask(masked) == masked


def rows(**options: Any) -> list[dict[str, Any]]:
    texts = ["Write to gull@harbour.example.org about the boat", "The kettle sang before the harbour woke"]
    return clean([post(text, number) for number, text in enumerate(texts, 1)], **options)


def test_posts_are_masked_dropped_or_kept_as_the_option_says() -> None:
    assert rows()[0]["text"] == "Write to [email] about the boat"
    assert [row["reason"] for row in rows(private="drop")] == ["private", None]
    assert "gull@harbour.example.org" in rows(private="keep")[0]["text"]


def test_what_was_masked_is_counted_by_kind() -> None:
    assert count_masked(pa.array(["[email] or [email]", "[address]", "tea"])) == {"email": 2, "address": 1}


def test_the_report_shows_counts_and_no_values() -> None:
    sent = [post("Write to gull@harbour.example.org about the &amp; boat", 1)]
    clean_rows = clean_table(to_table(sent), "alice", CleanConfig())
    counts = count(clean_rows) | {"masked": {"email": 1}}
    summary = summarise_cleaning(to_table(sent), clean_rows, counts)
    assert summary.masked == {"email": 1}
    assert [example.before for example in summary.cleaned] == ["Write to [email] about the &amp; boat"]


def test_a_mix_adds_what_was_masked_unless_one_account_was_not() -> None:
    one: dict[str, Any] = {"kept": 2, "dropped": {}, "masked": {"email": 1}}
    assert add_counts([one, one])["masked"] == {"email": 2}
    assert "masked" not in add_counts([one, {"kept": 1, "dropped": {}}])
