"""Posts deep in JSON: in what databases and services put around them, and never anybody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.reading import PostsFile, read_posts_file

ID = 1500000000000000123


def row(number: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": str(ID + number), "created_at": "2024-05-31", "text": f"Soup {number}."} | more


def source(number: int = 0) -> dict[str, Any]:
    return {"_index": "t", "_id": str(ID + number), "_source": {"@timestamp": "2024-05-31", "text": f"Soup {number}."}}


def read(folder: Path, *values: Any) -> PostsFile:
    path = folder / "posts.json"
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values), encoding="utf-8")
    return read_posts_file(path)


def texts(file: PostsFile) -> list[str]:
    return [post.text for post in file.posts]


BOB = [{"id": "8", "username": "ada"}, {"id": "7", "username": "bob", "description": "Hi"}]
BOTH = [row(0), row(1)]


@pytest.mark.parametrize(
    "values",
    [
        [source(0), source(1)],
        [{"took": 3, "hits": {"total": {"value": 2}, "hits": [source(0), source(1)]}}],
        [{"index": {"_index": "t", "_id": "a"}}, row(0), {"create": {}}, row(1)],
        [{"update": {"_id": str(ID)}}, {"doc": {"date": "2024-05-31", "text": "Soup 0."}}, {"index": {}}, row(1)],
        [{"status": "ok", "data": {"tweets": BOTH, "users": [{"id": "7", "username": "bob", "description": "Hi"}]}}],
        [{"meta": {"made": "2024-06-01"}, "records": BOTH}],
        [{"data": {"list": {"edges": [{"cursor": "a", "node": row(0)}, {"node": row(1)}], "pageInfo": {}}}}],
        [{"2024-05": [row(0)], "2024-06": [row(1)]}],
        [{"May 2024": [row(0)], "June 2024": [row(1)]}],
        [{"pages": [{"number": 1, "found": [row(0)]}, {"number": 2, "found": [row(1)]}, {"found": []}]}],
        [[{"status": row(0)}, {"status": row(1), "score": 3}]],
    ],
)  # fmt: skip
def test_posts_are_found_in_what_is_around_them(tmp_path: Path, values: list[Any]) -> None:
    file = read(tmp_path, *values)
    assert [(post.id, post.text) for post in file.posts] == [(str(ID), "Soup 0."), (str(ID + 1), "Soup 1.")]
    assert file.passed_over.number == 0


def test_where_posts_were_found_is_said(tmp_path: Path) -> None:
    said = read(tmp_path, {"a": {"2024-05": BOTH[:1], "2024-06": BOTH[1:]}}).choices[0]
    assert "were found in it under a.#: what else is there was passed over" in said


@pytest.mark.parametrize(
    "value",
    [
        {"tweet": row(), "user": {"screen_name": "bob"}},
        {"_id": "a", "_source": row(), "username": "bob"},
        {"tweet": row(user={"id": 7}), "user": {"id": 7, "screen_name": "bob"}},
        {"tweet": row(author={"username": "bob"}), "user": {"screen_name": "ada"}},
        {"user": "@bob", "count": 1, "tweets": [row()]},
        {"results": [{"user": {"screen_name": "bob"}, "tweets": [row()]}]},
        {"user": "ada", "results": [{"user": "bob", "tweets": [row()]}]},
        {"data": {"user": {"screen_name": "bob", "found": {"edges": [{"node": row()}]}}}},
        {"handle": "ada", "data": {"found": [row(author="bob")]}},
        {"tweets": [row(author_id="7")], "users": BOB},
        {"data": [row(author_id="7")], "users": BOB},
        {"data": {"found": [row(author_id="7")], "users": BOB}, "user": "ada"},
        {"data": {"edges": [{"node": row(user={"id": 7})}]}, "users": BOB},
        {"id": "7", "screen_name": "bob", "description": "Soup.", "created_at": "2010-01-01", "status": row()},
    ],
)
def test_whoever_stands_beside_posts_or_in_them_wrote_them(tmp_path: Path, value: Any) -> None:
    [post] = read(tmp_path, value).posts
    assert (str(post.author).removeprefix("@"), post.text) == ("bob", "Soup 0.")


@pytest.mark.parametrize(
    "beside",
    [{"user": "17"}, {"user": "Ada L."}, {"user": {"name": "Ada"}}, {"account": 3}, {"users": [{"username": "bob"}]}],
)
def test_what_is_no_handle_names_nobody(tmp_path: Path, beside: dict[str, Any]) -> None:
    assert [post.author for post in read(tmp_path, {"tweets": [row()], **beside}).posts] == [None]


@pytest.mark.parametrize(
    "value",
    [
        {"tweet": row(), "retweeted_status": row(7)},
        {"found": {"all": [row(retweeted_status=row(7))], "retweeted": [row(7)]}},
        {"retweeted_by": "ada", "tweet": row()},
        {"is_retweet": False, "tweet": row(isRetweet=True)},
    ],
)
def test_a_post_is_a_retweet_if_what_is_around_it_says_so(tmp_path: Path, value: Any) -> None:
    assert [(post.text, bool(post.is_retweet)) for post in read(tmp_path, value).posts] == [("Soup 0.", True)]


@pytest.mark.parametrize(
    "value",
    [
        row(quoted_status=row(7), replies=[row(8)], posts=[row(9)]),
        {"data": {"mine": [row()], "likes": [row(7)], "Quoted Tweets": [row(8)], "includes_more": [row(9)]}},
        {"tweet": row(), "quoted_status": row(7), "replies": [row(8)]},
    ],
)
def test_posts_beside_posts_and_in_them_are_other_peoples(tmp_path: Path, value: Any) -> None:
    assert texts(read(tmp_path, value)) == ["Soup 0."]


@pytest.mark.parametrize(
    "value",
    [
        {"data": {"mine": [row()], "others": [row(7)]}},
        {"ada": {"tweets": [row()]}, "bob": {"tweets": [row(7)]}},
        {"783214001": [row()], "783214002": [row(7)]},
        {"user1": [row()], "user2": [row(7)]},
        {"likes": [row(), row(7)]},
        {"id": "7", "replies": [row()]},
        {"found": {"includes": {"users": []}, "data": [row(author_id="7")]}},
        {"tweet": row(), "node": row(7)},
    ],
)
def test_where_several_lists_hold_posts_or_only_others_do_nothing_is_read(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UnreadableSource):
        read(tmp_path, value)
