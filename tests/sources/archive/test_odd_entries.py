"""One odd entry of an export is passed over, counted and named; the others are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hugtweets.errors import UnreadableSource
from hugtweets.sources.archive.reading import Export, read_export
from hugtweets.sources.archive.source import ArchiveSource
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Mention
from tests.fixtures.exports import HANDLE, export, script, tweet, tweets, zipped

HELLO = tweet("11", "Fog again.")
MANY_DIGITS = '"id_str": "12"'


def read(tmp_path: Path, *entries: Any, **files: str) -> Export:
    content = export(HELLO) | {"data/tweets.js": script("tweets", [{"tweet": entry} for entry in (HELLO, *entries)])}
    more = {f"data/{name}.js": text for name, text in files.items()}
    return read_export(zipped(tmp_path / "export.zip", content | more), HANDLE)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (tweet("12", "") | {"full_text": None}, "full_text"),
        ({"id_str": "12", "created_at": HELLO["created_at"]}, "full_text is missing"),
        (tweet("1.25E+18", "Rounded."), "id_str"),
        (HELLO | {"created_at": "yesterday"}, "created_at"),
        (HELLO | {"created_at": "Mon Jan 01 00:19:24 +1400 0001"}, "created_at"),
        (None, "the post"),
        (["a", "list"], "the post"),
    ],
)
def test_an_odd_post_is_passed_over_and_named(tmp_path: Path, odd: Any, reason: str) -> None:
    export = read(tmp_path, odd, tweet("13", "Low water."))

    assert [post.id for post in export.posts] == ["11", "13"]
    [remark] = export.remarks
    assert "1 of 3 posts was passed over" in remark and reason in remark and "entry 2 of tweets.js" in remark
    assert "again" not in remark


def test_a_number_of_thousands_of_digits_is_one_odd_entry(tmp_path: Path) -> None:
    content = tweets(HELLO, tweet("12", "Fog.")).replace(MANY_DIGITS, f'"id_str": {"9" * 5000}')
    path = zipped(tmp_path / "export.zip", export(HELLO) | {"data/tweets.js": content})

    assert [post.id for post in read_export(path, HANDLE).posts] == ["11"]


def test_a_line_break_inside_a_text_is_read(tmp_path: Path) -> None:
    content = tweets(HELLO).replace("Fog again.", "Fog\nagain.")
    path = zipped(tmp_path / "export.zip", export(HELLO) | {"data/tweets.js": content})

    assert [post.text for post in read_export(path, HANDLE).posts] == ["Fog\nagain."]


def test_a_mention_without_a_name_does_not_cost_its_post(tmp_path: Path) -> None:
    people = [{"screen_name": None, "name": "Bo"}, {"screen_name": "ada", "name": 7}, "bo"]
    export = read(tmp_path, tweet("12", "@bo and @ada", entities={"user_mentions": people, "urls": [None]}))

    assert export.posts[1].mentions == (Mention("ada"),)
    assert "2 mentions without a name" in export.remarks[0]


@pytest.mark.parametrize(
    "part", [{"entities": None}, {"entities": []}, {"lang": 7}, {"edit_info": {"initial": {"editTweetIds": [None]}}}]
)
def test_what_a_post_can_do_without_may_be_odd(tmp_path: Path, part: dict[str, Any]) -> None:
    assert len(read(tmp_path, tweet("12", "Fog.") | part).posts) == 2


def test_more_than_ten_odd_posts_that_are_many_are_an_error(tmp_path: Path) -> None:
    odd = [tweet(str(number), "") | {"full_text": None} for number in range(20, 31)]
    few = [tweet(str(number), f"Tide {number}.") for number in range(100, 400)]

    assert len(read(tmp_path, *odd, *few).posts) == 301
    with pytest.raises(UnreadableSource, match=r"11 of 112 posts were passed over.*: give the zip as X sent it"):
        read(tmp_path, *odd, *few[:100])


def test_a_row_of_the_table_with_a_cell_too_many_is_passed_over(tmp_path: Path) -> None:
    row = "{},,,2016-12-30 21:04:11 +0000,web,Fog,,,,"
    header = (
        "tweet_id,in_reply_to_status_id,in_reply_to_user_id,timestamp,source,text,retweeted_status_id,"
        "retweeted_status_user_id,retweeted_status_timestamp,expanded_urls"
    )
    table = "\n".join([header, row.format(1), row.format(2) + ",", row.format(3)])
    export = read_export(zipped(tmp_path / "export.zip", {"tweets.csv": table}), HANDLE)

    assert [post.id for post in export.posts] == ["1", "3"]
    assert "entry 2 of tweets.csv" in export.remarks[0]


def test_what_was_passed_over_is_said_by_the_run(tmp_path: Path, home: Home) -> None:
    path = zipped(tmp_path / "export.zip", export(HELLO, tweet("12", "") | {"full_text": None}))

    assert "1 of 2 posts was passed over" in str(ArchiveSource(path, HANDLE).update(home.timeline(HANDLE)))


def test_a_null_beside_the_same_field_under_its_other_name_is_not_there(tmp_path: Path) -> None:
    odd = tweet("12", "") | {"id_str": None, "full_text": None, "text": "Fog."}

    assert [(post.id, post.text) for post in read(tmp_path, odd).posts] == [("11", "Fog again."), ("12", "Fog.")]
