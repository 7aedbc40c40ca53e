"""What tools put around posts, between their cells and over their columns, and files that are none of posts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.reading import read_posts_file
from hugtweets.sources.files.source import FileSource
from hugtweets.sources.files.text import MAX_LINE
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Post
from tests.fixtures.graphql import graphql_answer

ID = "1201506031228084201"
NEXT = "1201506031228084207"
HEADER = "id,created_at,text"
ROW = {"id": ID, "created_at": "2020-08-01", "text": "a"}


def posts(path: Path, content: str | bytes) -> list[Post]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_posts_file(path).posts


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        (
            "Tweet id,Tweet permalink,Tweet text,time,impressions",
            f"{ID},https://twitter.com/ada/status/{ID},Hi,%s,12.0",
        ),
        ("Post id,Date,Post text,Post Link,Likes", f"{ID},%s,Hi,https://x.com/ada/status/{ID},5"),
        ("Date (GMT),Post ID,Post permalink,Post message", f"%s,{ID},https://twitter.com/ada/status/{ID},Hi"),
        ("Date,Post ID,Network,Profile,Link,Post", f"%s,{ID},X,Ada,https://twitter.com/ada/status/{ID},Hi"),
        ("date,text,link", f"%s,Hi,https://nitter.net/ada/status/{ID}#m"),
        ("date,text,link", f"%s,Hi,/ada/status/{ID}"),
        (f"{HEADER},author", f"{ID},%s,Hi,https://mobile.twitter.com/ada?s=20"),
    ],
)
def test_tables_of_analytics_and_of_pages_are_read_with_their_authors(tmp_path: Path, header: str, cells: str) -> None:
    [post] = posts(tmp_path / "posts.csv", f"{header}\n{cells % '2020-08-01 18:07'}\n")
    author = (post.author or "").rpartition("/")[2].partition("?")[0]
    assert (post.id, author, post.text) == (ID, "ada", "Hi")
    assert post.created_at == datetime(2020, 8, 1, 18, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "word", "kind"),
    [("Tweet Type", "Retweet", "is_retweet"), ("Post Type", "'@Reply", "is_reply"),
     ("Message Type", "Quote", "is_quote"), ("in_reply_to", "17", "is_reply"), ("Tweet Type", "Tweet", "")],
)  # fmt: skip
def test_one_column_may_say_what_kind_of_post_it_is(tmp_path: Path, column: str, word: str, kind: str) -> None:
    [post] = posts(tmp_path / "posts.csv", f"{HEADER},{column}\n{ID},2020-08-01,Hi,{word}\n")
    assert {name for name in ("is_retweet", "is_reply", "is_quote") if getattr(post, name)} == {kind} - {""}


def test_a_user_name_is_no_display_name(tmp_path: Path) -> None:
    [post] = posts(tmp_path / "posts.csv", f"{HEADER},username\n{ID},2020-08-01,Hi,ada\n")
    assert (post.author, post.name) == ("ada", None)


def test_of_two_columns_of_one_name_the_first_that_says_something_counts(tmp_path: Path) -> None:
    rows = f"{ID},2020-08-01,one,\n{NEXT},2020-08-01,,two\n"
    assert [post.text for post in posts(tmp_path / "posts.csv", f"{HEADER},text\n{rows}")] == ["one", "two"]


def test_quotation_marks_behind_a_backslash_are_read(tmp_path: Path) -> None:
    rows = f'{ID},2020-08-01,"she said \\"no, you\\" to me"\n{NEXT},2020-08-01,fine\n'
    texts = [post.text for post in posts(tmp_path / "posts.csv", f"{HEADER}\n{rows}")]
    assert texts == ['she said "no, you" to me', "fine"]


@pytest.mark.parametrize(
    ("encoding", "texts"),
    [("cp1252", ["Größe – naïve “quotes” café", "déjà vu encore"]),
     ("latin-1", ["Größe - naïve quotes café", "déjà vu encore"]),
     ("mac_roman", ["Größe – naïve “quotes” café", "déjà vu encore"]),
     ("cp1250", ["Jó reggelt, őszi szőlő és füge"])],
)  # fmt: skip
def test_ids_and_times_do_not_mislead_about_the_encoding(tmp_path: Path, encoding: str, texts: list[str]) -> None:
    rows = "".join(f'170123456789012345{n},2023-09-11T14:18:55.000Z,"{text}"\n' for n, text in enumerate(texts))
    content = f"{HEADER}\n{rows}".encode(encoding)
    assert [post.text for post in posts(tmp_path / "posts.csv", content)] == texts


@pytest.mark.parametrize(
    "content",
    [
        {"user": "ada", "count": 1, "tweets": [ROW]},
        {"tweets": [ROW], "has_next_page": False, "next_cursor": ""},
        [{"tweet": ROW}],
        {"_id": {"$oid": "5f"}, **ROW, "id": {"$numberLong": ID}, "created_at": {"$date": "2020-08-01T00:00:00Z"}},
        {"_id": "5f", **ROW, "created_at": {"$date": {"$numberLong": "1596240000000"}}},
    ],
)
def test_posts_are_read_out_of_what_services_and_databases_put_around_them(tmp_path: Path, content: Any) -> None:
    [post] = posts(tmp_path / "posts.json", json.dumps(content))
    assert (post.id, post.created_at, post.text) == (ID, datetime(2020, 8, 1, tzinfo=UTC), "a")


@pytest.mark.parametrize(
    ("name", "content"),
    [("posts.json", "[]"), ("posts.json", '{"tweets": []}'), ("posts.json", json.dumps(graphql_answer())),
     ("posts.jsonl", "\n"), ("posts.csv", ""), ("posts.csv", f"\ufeff{HEADER}\r\n"),],
)  # fmt: skip
def test_a_file_without_posts_is_said_to_have_none(tmp_path: Path, home: Home, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    remark = FileSource(tmp_path / name, "ada").update(home.timeline("ada"))

    assert remark == f"{tmp_path / name} holds no posts: check the file"


def test_an_array_in_one_line_may_be_of_any_length(tmp_path: Path) -> None:
    rows = [ROW | {"id": f"{ID[:-1]}{number}", "raw": "x" * (MAX_LINE // 4)} for number in range(5)]
    assert len(posts(tmp_path / "posts.json", json.dumps(rows))) == 5


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00", "save it as CSV, or unpack it"),
        (b"\x1f\x8b\x08\x00", "let its name end in .gz"),
        (b"PAR1\x15\x04", "let its name end in .parquet"),
        (b"\xef\xbb\xbf<!DOCTYPE html>\n<html>", "is a web page and no table"),
        (b"\n  <table><tr><th>id", "is a web page and no table"),
        (b"%PDF-1.7", "is a PDF"),
        (b"SQLite format 3\x00", "is a database: export its table of posts as CSV"),
        (b"window.YTD.tweets.part0 = [ {} ]", "read it with --source archive:PATH"),
        (b"text\nHi\n", "rename or add one of them"),
    ],
)
def test_what_is_no_table_of_posts_is_said_with_what_helps(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(UnreadableSource, match=says):
        posts(tmp_path / "posts.csv", content)


TITLES = [
    "Posts of @ada\n",
    '"Posts of @ada,\nall of them"\n',
    "Tweets\n",
    "Report,,\nMade on,2024-06-01,\n\n",
    '"Bees, gulls and soup";;\n',
]


@pytest.mark.parametrize("title", TITLES)
def test_what_reports_write_above_the_names_of_columns_is_passed_over_and_said(tmp_path: Path, title: str) -> None:
    (tmp_path / "posts.csv").write_text(f"{title}{HEADER}\n{ID},2020-08-01,Hi\n{NEXT},,Lost\n", encoding="utf-8")
    file = read_posts_file(tmp_path / "posts.csv")

    above = title.count("\n")

    assert [post.text for post in file.posts] == ["Hi"]
    assert f"names its columns in line {above + 1}: what stands above was passed over" in file.choices[0]
    assert f"line {above + 3}" in str(file.passed_over)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("posts.csv", json.dumps([ROW]), "JSON"),
        ("posts.tsv", f"\ufeff{json.dumps(ROW)}\n", "JSON lines"),
        ("posts.json", f"{HEADER}\n{ID},2020-08-01,a\n", "CSV"),
        ("posts.jsonl", f"id;created_at;text\n{ID};2020-08-01;a\n", "CSV with semicolons"),
    ],
)
def test_a_file_may_be_of_another_format_than_its_name_says(tmp_path: Path, name: str, content: str, kind: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    file = read_posts_file(tmp_path / name)

    assert [(post.id, post.text) for post in file.posts] == [(ID, "a")]
    assert f"{tmp_path / name} was read as {kind}, whatever its name ends in, since it begins so" in file.choices


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("posts.xlsx", "is a spreadsheet's own format: save it as CSV, with its ids as text"),
        ("posts.ODS", "is a spreadsheet's own format"),
        ("feed.xml", "is a page or a feed and no table"),
        ("export.zip", "unpack it and name a file in it, or, if X sent it to you, read it with --source archive:PATH"),
        ("tweets.js", "read it with --source archive:PATH"),
        ("posts.doc", r"has no known format: give a file that ends in \.jsonl"),
    ],
)
def test_a_file_of_another_format_is_refused_with_what_helps(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(UnreadableSource, match=says):
        read_posts_file(tmp_path / name)


def test_a_folder_is_refused_as_one(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="is a folder: name a file in it"):
        read_posts_file(tmp_path)
