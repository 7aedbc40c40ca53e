"""Names of columns behind a prefix, and rows with a name for which the header has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.reading import PostsFile, read_posts_file

ID = "1500000000000000123"
NEXT = "1500000000000000124"


def read(folder: Path, *lines: str) -> PostsFile:
    path = folder / "posts.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return read_posts_file(path)


def told(file: PostsFile) -> list[tuple[str, str | None, str]]:
    return [(post.id, post.author, post.text) for post in file.posts]


@pytest.mark.parametrize("names", [('"1"', '"2"'), ("a-1", "b-2"), ("17", "3")])
def test_names_of_rows_that_the_header_does_not_know_are_left_out(tmp_path: Path, names: tuple[str, str]) -> None:
    rows = (f'"Soup, hot.",2024-05-31 18:30:00,"{ID}",ada', f'"Tea.",2024-05-31 18:31:00,"{NEXT}",bob')
    lines = (f"{name},{row}" for name, row in zip(names, rows, strict=True))
    file = read(tmp_path, "text,created,id,screenName", *lines)

    assert told(file) == [(ID, "ada", "Soup, hot."), (NEXT, "bob", "Tea.")]
    assert "has no name for its first column" in file.choices[0]


@pytest.mark.parametrize(
    "lines",
    [
        ("n,id,created_at,text", f"1,{ID},2024-05-31,Soup, hot.", f"2,{NEXT},2024-05-31,Tea, cold."),
        ("id,created_at,text", f"{ID},2024-05-31,Soup, hot.", f"{NEXT},2024-05-31,Tea, cold."),
        ("text,created_at,id", f"1,Soup.,2024-05-31,{ID}", f"1,Tea.,2024-05-31,{NEXT}"),
        ("text,created_at,id", f"1,Soup.,2024-05-31,{ID}", f"Tea.,2024-05-31,{NEXT}"),
    ],
)
def test_other_rows_with_a_cell_too_many_are_passed_over(tmp_path: Path, lines: tuple[str, ...]) -> None:
    try:
        file = read(tmp_path, *lines)
    except UnreadableSource as refusal:
        assert "cells where the header has" in str(refusal)
    else:
        assert not file.posts or told(file) == [(NEXT, None, "Tea.")]


@pytest.mark.parametrize(
    "header",
    ["data.id,data.created_at,data.text,data.author.username",
     "tweet.id,tweet.created_at,tweet.full_text,tweet.user.screen_name",
     "_source.id,_source.date,_source.message,_source.handle", "data/id,data/created_at,data/text,user.username"],
)  # fmt: skip
def test_what_all_names_begin_with_is_left_out(tmp_path: Path, header: str) -> None:
    file = read(tmp_path, header, f"{ID},2024-05-31,Soup.,ada")

    assert told(file) == [(ID, "ada", "Soup.")]
    assert "were read without what all of them begin with" in file.choices[0]


@pytest.mark.parametrize("head", ["retweeted_status", "quoted_status", "user"])
def test_the_posts_of_others_do_not_become_those_of_a_file(tmp_path: Path, head: str) -> None:
    with pytest.raises(UnreadableSource, match="has no column"):
        read(tmp_path, f"{head}.id_str,{head}.created_at,{head}.full_text", f"{ID},2024-05-31,Soup.")
