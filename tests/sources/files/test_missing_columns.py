"""Tables that have no ids, or no times: what is there makes up for what is not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.reading import PostsFile, read_posts_file
from hugtweets.sources.files.source import FileSource
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import LONGEST_ID, load

OLD = '2017-04-05 10:00:00,"The kettle sings, the ferry waits."'
NEW = "2017-04-06 11:30:00,Two gulls on one post."


def read(path: Path, *lines: str) -> PostsFile:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return read_posts_file(path)


@pytest.mark.parametrize("header", ["created_at,text", "Creation Date,Text", "Date,Tweet"])
def test_posts_without_ids_are_given_some_that_x_is_never_asked_for(tmp_path: Path, header: str) -> None:
    file = read(tmp_path / "posts.csv", header, OLD, NEW)

    assert [post.text for post in file.posts] == ["The kettle sings, the ferry waits.", "Two gulls on one post."]
    assert all(len(post.id) > LONGEST_ID for post in file.posts)
    assert (
        "has no ids of digits: each post was given one, made of its time, its text and its author" in file.choices[-1]
    )


def test_a_post_keeps_the_id_that_it_was_given_when_the_file_grows(tmp_path: Path, home: Home) -> None:
    path, timeline = tmp_path / "posts.csv", home.timeline("ada")
    for lines in ((OLD,), (NEW, OLD, "2017-04-07,Soup again."), (NEW,)):
        read(path, "created_at,text", *lines)
        FileSource(path, "ada").update(timeline)

    assert [post.created_at.day for post in load(timeline).posts] == [5, 6, 7]


def test_equal_posts_of_one_moment_are_one_and_of_two_people_two(tmp_path: Path) -> None:
    rows = [f"{who},2017-04-05,Good morning." for who in ("@ada", "ada", "bob")]
    file = read(tmp_path / "posts.csv", "user,created_at,text", *rows)

    assert [post.author for post in file.posts] == ["@ada", "bob"] and file.repeated == 1


def test_a_column_of_ids_in_which_nothing_is_will_do_as_well(tmp_path: Path) -> None:
    assert len(read(tmp_path / "posts.csv", "id,created_at,text", f",{OLD}", f",{NEW}").posts) == 2


def test_posts_of_one_day_that_differ_are_not_one(tmp_path: Path) -> None:
    rows = [f"2017-04-05,Gull number {number}." for number in range(500)]
    assert len(read(tmp_path / "posts.csv", "created_at,text", *rows).posts) == 500


@pytest.mark.parametrize("header", ["Content,Likes,URL", "text,likes,tweet_link"])
def test_an_id_of_x_tells_the_time_where_no_column_does(tmp_path: Path, header: str) -> None:
    row = "Soup again.,3,https://x.com/ada/status/1201506031228084201"
    file = read(tmp_path / "posts.csv", header, row)

    assert [(post.author, post.created_at) for post in file.posts] == [
        ("ada", datetime(2019, 12, 2, 14, 18, 55, 404000, tzinfo=UTC))
    ]
    assert "has no times that can be read: they were taken from the ids" in file.choices[-1]


def test_an_id_that_tells_no_time_costs_its_row(tmp_path: Path) -> None:
    rows = [f"{1201506031228084201 + number},Soup." for number in range(3)]
    file = read(tmp_path / "posts.csv", "id,text", *rows, "20000000000,An old one.", "9201506031228084201,To come.")

    assert len(file.posts) == 3
    assert "created_at: cannot be read, nor told by the id, which is none of X's since November 2010: 2" in str(
        file.passed_over
    )


@pytest.mark.parametrize("lines", [("id,text", "1,Soup again."), ("text", "Soup again.")])
def test_a_table_with_neither_times_nor_ids_of_x_is_refused(tmp_path: Path, lines: tuple[str, str]) -> None:
    with pytest.raises(UnreadableSource, match=r"has no column (id, )?created_at"):
        read(tmp_path / "posts.csv", *lines)


def test_rounded_ids_do_not_become_times(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="export the posts again"):
        read(tmp_path / "posts.csv", "id,text", "1201506031228080000,Soup.", "1201506031228090000,More soup.")


@pytest.mark.parametrize(
    "written", ["2019-12-02 17:18:55 Turkey Standard Time", "2h", "2 de diciembre de 2019", "3/8/19"]
)
def test_an_id_of_x_tells_the_time_that_nobody_can_read(tmp_path: Path, written: str) -> None:
    file = read(tmp_path / "posts.csv", "id,created_at,text", f"1201506031228084201,{written},Soup again.")

    assert file.posts[0].created_at.replace(microsecond=0) == datetime(2019, 12, 2, 14, 18, 55, tzinfo=UTC)
    assert "has no times that can be read" in file.choices[-1]


@pytest.mark.parametrize(
    "first", [10**11, 10**13, 3 * 10**14, 4_900_000_000_000_000, 10_153_012_345_678_901, 3_100_000_000_000_000_000]
)
def test_ids_of_other_sites_do_not_become_times(tmp_path: Path, first: int) -> None:
    with pytest.raises(UnreadableSource, match="has no column created_at"):
        read(tmp_path / "posts.csv", "id,text", *(f"{first + number * 7919},Soup." for number in range(20)))


def test_of_posts_of_x_the_first_with_such_ids_have_their_times(tmp_path: Path) -> None:
    file = read(tmp_path / "posts.csv", "id,text", "10153012345678901,Soup.", "1201506031228084201,More soup.")
    assert [post.created_at.year for post in file.posts] == [2010, 2019]
