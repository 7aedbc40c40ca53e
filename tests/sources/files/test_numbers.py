"""Numbers of posts: columns that hold others, addresses in any form, and what looks like none."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hugtweets.sources.files.reading import PostsFile, read_posts_file
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import LONGEST_ID

ID = "1201506031228084201"
LINK = f"https://x.com/ada/status/{ID}"


def read(folder: Path, **cells: str) -> PostsFile:
    path = folder / "posts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("date", "text", *cells), ("2019-12-02", "Soup again.", *cells.values())])
    return read_posts_file(path)


def only(folder: Path, **cells: str) -> Post:
    (post,) = read(folder, **cells).posts
    return post


@pytest.mark.parametrize(
    "written",
    [LINK[8:], f'=HYPERLINK("{LINK}","open")', f'=HYPERLINK("{LINK}";"öffnen")', f"[open]({LINK})", f" {LINK}?s=20 "],
)  # fmt: skip
def test_an_address_is_one_without_its_scheme_and_in_a_formula(tmp_path: Path, written: str) -> None:
    post = only(tmp_path, url=written)
    assert (post.id, post.author) == (ID, "ada")


def test_the_address_of_another_post_says_nothing_of_this_one(tmp_path: Path) -> None:
    post = only(tmp_path, id=ID, url="https://x.com/bob/status/1201506031228084000")
    assert (post.id, post.author) == (ID, None)


@pytest.mark.parametrize("number", ["7", "a3f0-77-e1", "6f1d2c3b4a5968778695a4b3"])
def test_the_address_tells_the_number_that_a_table_counts_itself(tmp_path: Path, number: str) -> None:
    post = only(tmp_path, id=number, link=LINK)
    assert (post.id, post.author) == (ID, "ada")


def test_the_number_of_a_post_is_not_that_of_its_row(tmp_path: Path) -> None:
    assert only(tmp_path, id="7", tweet_id=ID).id == ID


@pytest.mark.parametrize(
    "written",
    ["1,201,506,031,228,084,201", "1.201.506.031.228.084.201", "1 201 506 031 228 084 201", f"\u200e{ID}\u00a0",
     f"#{ID}", LINK],
)  # fmt: skip
def test_a_number_is_one_with_what_is_put_into_it(tmp_path: Path, written: str) -> None:
    assert only(tmp_path, id=written).id == ID


def test_posts_whose_ids_are_no_numbers_are_given_some(tmp_path: Path) -> None:
    file = read(tmp_path, id="ObjectId(6f1d2c3b4a5968778695a4b3)")

    assert len(file.posts[0].id) > LONGEST_ID
    assert "has no ids of digits: each post was given one" in file.choices[-1]


def test_times_that_are_far_from_those_of_the_ids_are_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    rows = "".join(f"{int(ID) + number},2024-02-01,Soup {number}.\n" for number in range(12))
    path.write_text(f"id,timestamp,text\n{rows}", encoding="utf-8")

    assert "12 of 12 times in" in (said := read_posts_file(path).choices[-1]) and "from the ids by more than" in said
