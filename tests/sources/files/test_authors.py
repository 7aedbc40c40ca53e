"""Whose the posts of a table are: the columns that tell it, however they are named, and names that are no handles."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.source import FileSource
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import load

ID = 1500000000000000123


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "posts.csv"


def save(path: Path, column: str, *authors: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = ((ID + number, "2024-05-31", f"Soup {number}.", author) for number, author in enumerate(authors))
        csv.writer(file).writerows([("id", "created_at", "text", column), *rows])


def owners(path: Path, home: Home) -> list[str | None]:
    FileSource(path, "ada").update(home.timeline("ada"))
    return [post.author for post in load(home.timeline("ada")).posts]


@pytest.mark.parametrize(
    "column",
    ["Twitter Handle", "twitter_username", "Twitter User", "Tweeted by", "Tweeter", "creator", "Poster", "From", "nick",
     "Account Handle", "Account Name", "tweet_user", "writer", "Author Profile", "user_url", "Profile URL"],
)  # fmt: skip
def test_who_writes_stands_under_many_names(path: Path, home: Home, column: str) -> None:
    save(path, column, "https://x.com/ada", "https://x.com/bob" if "rl" in column else "bob")
    first, second = owners(path, home)
    assert first == "ada" and second is not None


@pytest.mark.parametrize("ada", ["ada", "@Ada", "https://twitter.com/ada"])
def test_a_column_that_names_the_account_tells_whose_posts_these_are(
    path: Path, home: Home, ada: str, caplog: pytest.LogCaptureFixture
) -> None:
    save(path, "Senator", ada, ada.casefold().replace("ada", "bob"), ada)
    with caplog.at_level("INFO"):
        first, second, third = owners(path, home)

    assert first == third == "ada" and second is not None and "bob" in second
    assert "names ada in the column Senator: that was taken for the author's" in caplog.text


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("topic", ("ada", "some words of somebody")),
        ("Remark", ("ada", "")),
        ("mentioned", ("bob", "cy")),
        ("To", ("ada", "bob")),
        ("user_mentions", ("@ada", "@bob")),
        ("Tagged users", ("ada", "bob")),
    ],
)
def test_a_column_that_only_seems_to_name_people_does_not(
    path: Path, home: Home, column: str, cells: tuple[str, str]
) -> None:
    save(path, column, *cells)
    assert owners(path, home) == [None, None]


@pytest.mark.parametrize("written", ["Ada L. (@ada)", "Ada L. @ada", "Ada L.\n@ada", " @ADA ", "Ada @ Sea @ada"])
def test_a_handle_may_stand_behind_a_name(path: Path, home: Home, written: str) -> None:
    save(path, "author", written, "Bob (@bob)")
    assert owners(path, home)[0] == "ada"


def test_several_names_without_handles_are_refused(path: Path, home: Home) -> None:
    save(path, "name", "Ada L.", "Bob B.", "Ada L.")
    with pytest.raises(
        UnreadableSource, match=r"names 2 people, 'Ada L.' \(2\), 'Bob B.' \(1\), but not their handles"
    ):
        owners(path, home)


def test_one_name_without_a_handle_is_the_accounts(path: Path, home: Home) -> None:
    save(path, "name", "Ada L.", "Ada L.")
    assert owners(path, home) == [None, None]


def test_authors_that_are_no_handles_are_said_to_be_none(path: Path, home: Home) -> None:
    save(path, "author", "Ada L.", "Bob B.")
    with pytest.raises(UnreadableSource, match="these are no handles: put ada in their place where ada wrote the post"):
        owners(path, home)


def test_a_handle_counts_more_than_a_user_name_that_may_be_a_display_name(path: Path, home: Home) -> None:
    path.write_text(f"id,created_at,text,user_name,user_username\n{ID},2024-05-31,Soup.,Ada L.,ada\n")
    assert owners(path, home) == ["ada"]
