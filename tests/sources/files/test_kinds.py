"""Columns that say what a post is: a retweet, a reply or a quote, under the names and words of many tools."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hugtweets.sources.files.reading import read_posts_file
from hugtweets.timelines.posts import Post

ID = 1500000000000000123
NOTHING = ["", "NA", "-1", "FALSCH"]


def read(folder: Path, column: str, *cells: str) -> list[Post]:
    path = folder / "posts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = ((ID + number, "2024-05-31", f"Soup {number}.", cell) for number, cell in enumerate(cells))
        csv.writer(file).writerows([("id", "created_at", "text", column), *rows])
    return read_posts_file(path).posts


def kinds(post: Post) -> list[str]:
    return [name for name in ("is_retweet", "is_reply", "is_quote") if getattr(post, name)]


@pytest.mark.parametrize(
    ("column", "kind"),
    [(name, "is_retweet") for name in ("Retweet from", "retweeted_from", "rt_user", "RetweetedStatusId",
     "Reposted from", "retweeted_id", "Retweeted By", "retweet_userid", "retweet_author", "RT of")]
    + [(name, "is_reply") for name in ("replyToSN", "replyToSID", "to_username", "to_tweetid", "reply_to_tweet_id",
       "in_reply_to_username", "replied_to_id", "Replied user", "replyToUser", "reply_user_id", "reply_to_user")]
    + [(name, "is_quote") for name in ("quoted_id", "quoted_user", "quote_id", "quoted_status_permalink.url",
       "quoted_tweet_tweetid", "QuotedStatusId", "quoted_author")],
)  # fmt: skip
def test_a_post_is_what_a_column_refers_to(tmp_path: Path, column: str, kind: str) -> None:
    first, *others = read(tmp_path, column, "1201506031228084201", *NOTHING)

    assert kinds(first) == [kind]
    assert not any(map(kinds, others))


@pytest.mark.parametrize("column", ["reply_to_tweet_id", "replyToSID", "to_tweetid", "replied_to_id"])
def test_whoever_answers_himself_goes_on_with_a_thread(tmp_path: Path, column: str) -> None:
    assert [post.replied_to for post in read(tmp_path, column, "", str(ID))] == [None, str(ID)]


@pytest.mark.parametrize("column", ["is_rt", "RT", "isRepost", "Is Retweet?"])
@pytest.mark.parametrize("yes", ["True", "WAHR", "VRAI", "VERDADERO", "Verdadeiro", "✓", "x", "Y"])
def test_spreadsheets_say_yes_in_their_language(tmp_path: Path, column: str, yes: str) -> None:
    assert [bool(post.is_retweet) for post in read(tmp_path, column, yes, "FAUX", "Falso")] == [True, False, False]


@pytest.mark.parametrize(
    ("column", "word", "kind"),
    [("Category", "Retweet", "is_retweet"), ("kind", "reply", "is_reply"), ("Typ", "Antwort", "is_reply"),
     ("content_type", "quote", "is_quote"), ("status_type", "RT", "is_retweet"), ("タイプ", "リポスト", "is_retweet"),
     ("Tipo", "Respuesta", "is_reply"), ("Category", "sport", None)],
)  # fmt: skip
def test_one_word_tells_the_kind_under_more_names(tmp_path: Path, column: str, word: str, kind: str | None) -> None:
    assert kinds(read(tmp_path, column, word)[0]) == [kind] * (kind is not None)


@pytest.mark.parametrize("column", ["Retweet", "Reply", "Repost", "Quote", "RT"])
def test_how_often_a_post_was_repeated_is_not_what_it_is(tmp_path: Path, column: str) -> None:
    posts = read(tmp_path, column, "0", "1", "12", "1,204")

    assert len(posts) == 4 and not any(map(kinds, posts))


def test_where_likes_are_counted_so_is_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text(f"id,created_at,text,Like,Retweet\n{ID},2024-05-31,Soup.,0,1\n", encoding="utf-8")
    assert kinds(read_posts_file(path).posts[0]) == []


NO_ORIGINAL = [("is_original", "False", "true"), ("original", "no", "yes"), ("isOriginal", "0", "1")]
ANOTHER = [(name, str(ID - 99), "") for name in ("Original Tweet ID", "original_tweet_id", "original_id")]
ANOTHER += [(name, "bob", cell) for name in ("original_author", "Original Author") for cell in ("", "@Ada")]
ITSELF = [("original_tweet_id", str(ID)), ("Original Author", "ADA"), ("original_user", "https://x.com/ada")]


def read_adas(folder: Path, header: str, *rows: str) -> list[Post]:
    lines = (f"{ID + number},ada,2024-05-31,Soup {number}.,{row}\n" for number, row in enumerate(rows))
    (folder / "posts.csv").write_text(f"id,author,created_at,text,{header}\n{''.join(lines)}", encoding="utf-8")
    return read_posts_file(folder / "posts.csv").posts


@pytest.mark.parametrize(("column", "cell", "else_"), NO_ORIGINAL + ANOTHER)
def test_what_is_not_original_is_a_retweet(tmp_path: Path, column: str, cell: str, else_: str) -> None:
    assert [bool(post.is_retweet) for post in read_adas(tmp_path, column, cell, else_)] == [True, False]


@pytest.mark.parametrize(
    ("column", "cells"),
    [(column, (cell, "")) for column, cell in ITSELF]
    + [("original_author", ("Press team", "Press team")), ("original_tweet_id", ("17", "18")),
       ("original", ("False friends are words.", "no")), ("OriginalTweet", ("Soup!", "")), ("is_original", ("", ""))],
)  # fmt: skip
def test_an_original_that_is_the_post_itself_or_always_told_is_none(
    tmp_path: Path, column: str, cells: tuple[str, str]
) -> None:
    assert not any(post.is_retweet for post in read_adas(tmp_path, column, *cells))


def test_what_is_not_original_may_be_a_reply_and_a_plain_word_counts_more(tmp_path: Path) -> None:
    posts = read_adas(tmp_path, "is_original,is_reply,is_retweet", "no,yes,", "no,no,", "no,no,no")
    assert [bool(post.is_retweet) for post in posts] == [False, True, False]


@pytest.mark.parametrize("column", ["parent_id", "Parent Tweet ID", "parentTweetId"])
def test_a_parent_that_is_another_post_was_answered(tmp_path: Path, column: str) -> None:
    rows = ("", str(ID + 1), str(ID - 99), "0", str(ID))
    replies = [(post.is_reply, post.replied_to) for post in read_adas(tmp_path, column, *rows)]

    assert [bool(is_reply) for is_reply, _ in replies] == [False, False, True, False, True]
    assert [answered for _, answered in replies] == [None, None, str(ID - 99), None, str(ID)]


def test_a_parent_that_every_post_has_is_none(tmp_path: Path) -> None:
    assert not any(post.is_reply for post in read_adas(tmp_path, "parent_id,conversation_id", "17,17", "17,17"))
