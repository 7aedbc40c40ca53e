"""Columns of tools that have no dialect of their own: whose a post is, what kind it is, when it was, and its number."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.reading import read_posts_file
from hugtweets.timelines.posts import Post

ID = "1500000000000000123"
ROW = {"id": ID, "created_at": "2024-05-31T18:30:00Z", "text": "Bees like foxglove."}


def table(folder: Path, row: dict[str, str]) -> Path:
    path = folder / "posts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([row.keys(), row.values()])
    return path


def read(folder: Path, row: dict[str, str]) -> Post:
    (post,) = read_posts_file(table(folder, row)).posts
    return post


def from_json(folder: Path, value: Any) -> list[Post]:
    path = folder / "posts.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return read_posts_file(path).posts


@pytest.mark.parametrize(
    "column",
    [
        "account",
        "Twitter Account",
        "tweet_author",
        "post_author",
        "user_posted",
        "author_handle",
        "Handle",
        "Sender Screen Name",
        "from_user_name",
        "Posted By",
        "By",
    ],
)
def test_whose_a_post_is_stands_under_many_names(tmp_path: Path, column: str) -> None:
    assert read(tmp_path, ROW | {column: "eve"}).author == "eve"


def test_a_handle_counts_more_than_what_may_be_a_display_name(tmp_path: Path) -> None:
    assert read(tmp_path, ROW | {"user_name": "Ada Lovelace", "user_screen_name": "ada"}).author == "ada"


@pytest.mark.parametrize(
    ("column", "word", "kind"),
    [
        ("type", "retweet", "is_retweet"),
        ("Tweet Type", "Retweet", "is_retweet"),
        ("sourcetweet_type", "retweeted", "is_retweet"),
        ("post_type", "repost", "is_retweet"),
        ("Post Type", "'@Reply", "is_reply"),
        ("sourcetweet_type", "quoted", "is_quote"),
        ("Message Type", "Twitter Retweet", "is_retweet"),
        ("Thread Entry Type", "share", "is_retweet"),
    ],
)
def test_one_word_may_say_what_kind_a_post_is(tmp_path: Path, column: str, word: str, kind: str) -> None:
    post = read(tmp_path, ROW | {column: word})
    assert [name for name in ("is_retweet", "is_reply", "is_quote") if getattr(post, name)] == [kind]


@pytest.mark.parametrize("nothing", ["NA", "N/A", "n/a", "-"])
def test_what_r_and_spreadsheets_write_for_nothing_is_nothing(tmp_path: Path, nothing: str) -> None:
    columns = ("retweeted_status_id", "in_reply_to_screen_name", "quoted_status_id", "is_quote")
    post = read(tmp_path, ROW | dict.fromkeys(columns, nothing))
    assert not (post.is_retweet or post.is_reply or post.is_quote)


@pytest.mark.parametrize(
    ("text", "time", "link"),
    [
        ("Post text", "Date", "Post Link"),
        ("Tweet Text", "Date (GMT)", "Tweet Permalink"),
        ("Post_Content", "UTC_Time", "Tweet_URL"),
        ("description", "date_posted", "url"),
        ("message", "created_time", "Service Link"),
        ("Opening Text", "Posted", "URL"),
    ],
)
def test_tools_that_plan_and_measure_posts_are_read(tmp_path: Path, text: str, time: str, link: str) -> None:
    row = {time: "Thu, May 30, 2024", text: "Bees like foxglove.", link: f"https://x.com/ada/status/{ID}"}
    post = read(tmp_path, row)
    assert (post.id, post.author, post.text) == (ID, "ada", "Bees like foxglove.")
    assert post.created_at == datetime(2024, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize("place", ["i", "i/web"])
def test_an_address_without_a_handle_names_no_author(tmp_path: Path, place: str) -> None:
    post = read(tmp_path, ROW | {"url": f"https://x.com/{place}/status/{ID}"})
    assert (post.id, post.author) == (ID, None)


@pytest.mark.parametrize("guarded", [f"tweet_id:{ID}", f'"{ID}"', f"ID{ID}", f"'{ID}'"])
def test_what_tools_put_around_an_id_is_left_out(tmp_path: Path, guarded: str) -> None:
    assert read(tmp_path, ROW | {"id": guarded}).id == ID


@pytest.mark.parametrize(
    "written",
    ["May 31, 2024 · 6:30 PM UTC", "45443.770833333", "45443,770833333", "2024年5月31日 18:30",
     "2024年5月31日（金）18:30", "Fri May 31 11:30:00 PDT 2024"],
)  # fmt: skip
def test_times_of_nitter_of_excel_of_japan_and_of_the_first_search_are_understood(tmp_path: Path, written: str) -> None:
    time = read(tmp_path, ROW | {"created_at": written}).created_at
    assert abs((time - datetime(2024, 5, 31, 18, 30, tzinfo=UTC)).total_seconds()) < 1


def test_who_is_mentioned_is_found_inside_the_entities(tmp_path: Path) -> None:
    entities = {"user_mentions": [{"screen_name": "bob", "name": "Bob"}]}
    (post,) = from_json(tmp_path, [ROW | {"author": {"userName": "ada"}, "entities": entities}])
    assert [(mention.username, mention.name) for mention in post.mentions or ()] == [("bob", "Bob")]


def test_how_many_are_mentioned_is_no_handle(tmp_path: Path) -> None:
    assert read(tmp_path, ROW | {"Mentions": "1"}).mentions is None


@pytest.mark.parametrize("name", ["tweets", "posts", "results", "items", "timeline"])
def test_posts_in_a_list_beside_other_things_are_found(tmp_path: Path, name: str) -> None:
    assert [post.id for post in from_json(tmp_path, {"count": 1, "user": "ada", name: [ROW]})] == [ID]


def test_posts_under_their_ids_are_found(tmp_path: Path) -> None:
    told = {name: ROW[name] for name in ("created_at", "text")}
    assert [post.id for post in from_json(tmp_path, {ID: told, f"{ID[:-1]}4": told})] == [ID, f"{ID[:-1]}4"]


def test_a_file_without_a_header_is_told_so(tmp_path: Path) -> None:
    path = table(tmp_path, {ID: f"{ID[:-1]}4", "2024-05-31": "2024-05-30", "Bees like foxglove.": "So do I."})
    with pytest.raises(UnreadableSource, match="its first line must name the columns"):
        read_posts_file(path)


MINED = {"Created-At": "2024-05-31 18:30:00", "From-User": "Ada & Sons", "From-User-Id": "7", "To-User-Id": "-1"}


def test_rapidminer_gives_display_names_and_no_handles(tmp_path: Path) -> None:
    path = table(tmp_path, MINED | {"Text": "Bees like foxglove.", "Id": ID})
    (post,) = read_posts_file(path).posts
    assert (post.name, post.author, post.is_reply) == ("Ada & Sons", None, False)

    table(tmp_path, MINED | {"To-User-Id": "9", "Text": "So do I.", "Id": ID})
    assert read_posts_file(path).posts[0].is_reply is True


def test_twitterscraper_names_people_and_says_what_is_answered(tmp_path: Path) -> None:
    assert read(tmp_path, ROW | {"user": "ada", "fullname": "Ada Lovelace"}).name == "Ada Lovelace"
    assert read(tmp_path, ROW | {"is_reply_to": "True"}).is_reply is True
    assert read(tmp_path, ROW | {"parent_tweet_id": "1500000000000000077"}).is_reply is True


def test_the_time_of_a_post_counts_more_than_that_at_which_a_tool_read_it(tmp_path: Path) -> None:
    row = {"timestamp": "2025-01-09T10:00:00Z", "tweetDate": "Fri May 31 18:30:00 +0000 2024"}
    assert read(tmp_path, row | {"id": ID, "text": "Soup."}).created_at == datetime(2024, 5, 31, 18, 30, tzinfo=UTC)


def test_day_and_time_of_day_may_stand_in_columns_of_any_usual_names(tmp_path: Path) -> None:
    row = {"id": ID, "Tweet Date": "2024-05-31", "Tweet Time": "18:30", "text": "Soup."}
    assert read(tmp_path, row).created_at == datetime(2024, 5, 31, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"isQuoted": True}, "is_quote"),
        ({"is_quote_tweet": True}, "is_quote"),
        ({"quoted_post": {"post_id": "3", "description": "Theirs."}}, "is_quote"),
        ({"quoted_post": {"post_id": None, "description": None}}, None),
        ({"replying-to": ["bob"], "quoted-post": {}}, "is_reply"),
        ({"RT Source": "3", "Replying To": "N/A", "Quote Source": ""}, "is_retweet"),
    ],
)
def test_scrapers_say_what_kind_a_post_is_in_many_ways(
    tmp_path: Path, columns: dict[str, Any], kind: str | None
) -> None:
    (post,) = from_json(tmp_path, [ROW | columns])
    assert [name for name in ("is_retweet", "is_reply", "is_quote") if getattr(post, name)] == [kind] * (
        kind is not None
    )
    if "quoted_post" in columns:
        assert read(tmp_path, ROW | {"quoted_post": json.dumps(columns["quoted_post"])}).is_quote is (
            kind == "is_quote"
        )


def test_whoever_wrote_a_post_may_stand_under_tweet_by(tmp_path: Path) -> None:
    (post,) = from_json(tmp_path, [ROW | {"tweetBy": {"userName": "bob", "fullName": "Bob B."}}])
    assert (post.author, post.name) == ("bob", "Bob B.")


@pytest.mark.parametrize("user", [{}, {"user": {"screen_name": "ada", "name": "Ada L."}}])
def test_a_handle_is_not_taken_for_the_name_that_is_not_there(tmp_path: Path, user: dict[str, Any]) -> None:
    row = {"id_str": ID, "created_at": ROW["created_at"], "full_text": "Soup.", "username": "ada"}
    (post,) = from_json(tmp_path, [row | user])
    assert (post.author, post.name) == ("ada", "Ada L." if user else None)


def test_threads_stand_beside_the_other_posts(tmp_path: Path) -> None:
    told = {name: ROW[name] for name in ("created_at", "text")}
    threads = [[told | {"id": f"{ID}{place}{number}"[1:]} for number in (1, 2)] for place in (1, 2)]
    assert len(from_json(tmp_path, {"tweets": [ROW], "threads": threads})) == 5


def test_what_databases_write_for_nothing_and_rows_without_a_cell_are_nothing(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    row = rf"{ID},2024-05-31,Soup.,\N,\N"
    path.write_text(f"id,created_at,text,in_reply_to_status_id,author\n{row}\n" + ",,,,\n" * 20, encoding="utf-8")
    file = read_posts_file(path)
    assert [(post.is_reply, post.author) for post in file.posts] == [(False, None)] and not file.passed_over.number


def test_tweepy_and_scripts_may_put_posts_one_level_deeper(tmp_path: Path) -> None:
    inner = {"id_str": ID, "created_at": ROW["created_at"], "full_text": "Soup.", "user": {"screen_name": "ada"}}
    assert [post.author for post in from_json(tmp_path, [{"_json": inner}])] == ["ada"]

    told = {"tweetId": ID, "text": "Soup.", "date": ROW["created_at"], "author": {"handle": "ada", "name": "Ada"}}
    assert [post.author for post in from_json(tmp_path, {"count": 1, "data": [told]})] == ["ada"]
