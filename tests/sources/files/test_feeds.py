"""Feeds of timelines: what a reader sees, and nothing that others wrote."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hugtweets.sources.files.reading import PostsFile, read_posts_file

IDS = ("1795888888888888123", "1795888888888888321", "1795888888888888555")
TIME = "Wed, 29 May 2024 18:30:00 GMT"


def item(title: str, content: str, number: int = 0, whose: str = "ada") -> dict[str, Any]:
    link = f"https://nitter.net/{whose}/status/{IDS[number]}#m"
    return {
        "title": title,
        "dc:creator": f"@{whose}",
        "description": content,
        "pubDate": TIME,
        "guid": link,
        "link": link,
    }


def table(folder: Path, *items: dict[str, Any]) -> PostsFile:
    path = folder / "feed.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(items[0]))
        writer.writeheader()
        writer.writerows(items)
    return read_posts_file(path)


def test_a_feed_gives_what_a_reader_sees_and_when_it_was_written(tmp_path: Path) -> None:
    words = (
        '<p>Gulls &amp; soup, <a href="https://nitter.net/bob" title="Bob">@bob</a>!<br>\nTwice.</p>\n<img src="x" />'
    )
    file = table(tmp_path, item("Gulls & soup, @bob! Twice.", words))
    (post,) = file.posts

    assert (post.id, post.author, post.text) == (IDS[0], "ada", "Gulls &amp; soup, @bob!\nTwice.")
    assert post.created_at == datetime(2024, 5, 29, 18, 30, tzinfo=UTC)
    assert "feed of a timeline (Nitter)" in file.choices[0] and "are HTML" in file.choices[-1]


def test_titles_tell_retweets_and_replies_and_whose_they_are(tmp_path: Path) -> None:
    shared = item("RT by @ada: Two gulls.", "<p>Two gulls.</p>", 1, "bob")
    file = table(tmp_path, item("Soup.", "<p>Soup.</p>"), shared, item("R to @bob: Low tide.", "<p>Low tide.</p>", 2))

    assert [(post.author, post.text, post.is_retweet, post.is_reply) for post in file.posts] == [
        ("ada", "Soup.", False, False), ("bob", "Two gulls.", True, False), ("ada", "Low tide.", False, True)
    ]  # fmt: skip


def test_what_a_post_quotes_is_not_read(tmp_path: Path) -> None:
    words = "<p>How true.</p>\n<hr/>\n<blockquote>\n<b>Bob (@bob)</b>\n<p>Two gulls.</p></blockquote>"
    (post,) = table(tmp_path, item("How true.", words)).posts

    assert (post.text, post.is_quote) == ("How true.", True)


def test_a_feed_as_json_and_one_with_titles_alone_are_read(tmp_path: Path) -> None:
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": [
        {"id": "tag:7", "url": f"https://x.com/ada/status/{IDS[0]}", "title": "Soup.", "content_html": "<p>Soup.</p>",
         "date_published": "2024-05-29T18:30:00Z"}]}  # fmt: skip
    path = tmp_path / "feed.json"
    path.write_text(json.dumps(feed), encoding="utf-8")
    titles = {key: value for key, value in item("Pinned: Soup again.", "").items() if key != "description"}

    assert [(post.id, post.text) for post in read_posts_file(path).posts] == [(IDS[0], "Soup.")]
    assert [post.text for post in table(tmp_path, titles).posts] == ["Soup again."]


def test_a_post_about_html_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text(f"id,created_at,text\n{IDS[0]},2024-05-29,I like <br> best.\n{IDS[1]},2024-05-30,Soup.\n")

    assert [post.text for post in read_posts_file(path).posts] == ["I like <br> best.", "Soup."]
