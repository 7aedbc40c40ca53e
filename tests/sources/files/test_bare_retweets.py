"""Retweets without an @, as old tools write them, and posts that only look like some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hugtweets.sources.files.reading import PostsFile, read_posts_file

BARE = ["RT bob: The kettle sings.", "RT eve_7: Low tide at nine.", "RT Carol: Two gulls."]
OWN = ["RT if you love soup.", "RT this week's quiz, please.", "Soup again."]


def read(folder: Path, texts: list[str], **columns: object) -> PostsFile:
    path = folder / "posts.jsonl"
    rows = [{"id": f"{n}7", "created_at": "2010-03-04", "text": text} | columns for n, text in enumerate(texts, 1)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return read_posts_file(path)


def retweets(file: PostsFile) -> list[str]:
    return [post.text for post in file.posts if post.is_retweet]


def test_retweets_are_known_without_an_at_where_the_tool_leaves_it_out(tmp_path: Path) -> None:
    file = read(tmp_path, BARE + OWN)

    assert retweets(file) == BARE
    assert "posts.jsonl that begin as RT name: … were read as retweets, since several people are named so" in " ".join(
        file.choices
    )


@pytest.mark.parametrize(
    "texts",
    [
        ["RT please: who has a kettle?", "RT please: who has a spoon?", "RT this: soup.", *OWN],
        [*BARE, "RT @bob: The kettle sings."],
    ],
    ids=["what one person writes", "a tool that writes it with an @"],
)
def test_posts_that_only_look_like_retweets_stay(tmp_path: Path, texts: list[str]) -> None:
    assert retweets(read(tmp_path, texts)) == []


def test_a_file_that_tells_its_retweets_is_believed(tmp_path: Path) -> None:
    told = read(tmp_path, BARE, is_retweet=False)
    assert retweets(told) == BARE  # it never says yes, as tools do that do not know

    path = tmp_path / "posts.jsonl"
    shared = {"id": "97", "created_at": "2010-03-04", "text": "Soup for all.", "is_retweet": True}
    path.write_text(path.read_text() + json.dumps(shared), encoding="utf-8")
    assert retweets(read_posts_file(path)) == ["Soup for all."]
