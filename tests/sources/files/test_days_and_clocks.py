"""Times that are written without signs, with two digits for the year, or as a day and a time of day in two columns."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hugtweets.sources.files.moments import moment
from hugtweets.sources.files.reading import read_posts_file

TIME = datetime(2021, 3, 28, 15, 45, 54, tzinfo=UTC)


@pytest.mark.parametrize("written", ["20210328154554", "210328 154554", "20210328 154554", "20210328T154554Z"])
def test_times_of_digits_alone_begin_with_the_year(written: str) -> None:
    assert moment(written) == TIME


def test_behind_a_year_the_month_comes_first_whatever_other_dates_do() -> None:
    assert moment("2021/3/5 10:00", day_first=True) == datetime(2021, 3, 5, 10, tzinfo=UTC)


def test_a_year_of_two_digits_that_would_be_of_the_future_is_none() -> None:
    with pytest.raises(ValueError, match="would be of the future"):
        moment("21/03/48 15:45", day_first=True)
    assert moment("28/03/21 15:45", day_first=True) == TIME.replace(second=0)


@pytest.mark.parametrize(
    ("day", "clock"),
    [("20210328", "154554"), ("28/03/2021", "15h45"), ("Sunday, March 28, 2021", "3:45 PM"), ("28 Mar 2021", "15:45"),
     ("28-Mar-2021", "15:45:54.000"), ("2021年3月28日", "15時45分"), ("Mar 28 2021", "15.45")],
)  # fmt: skip
def test_a_day_goes_with_its_time_of_day_however_both_are_written(tmp_path: Path, day: str, clock: str) -> None:
    path = tmp_path / "posts.csv"
    path.write_text(f'Date,Time,Text\n"{day}",{clock},Soup.\n', encoding="utf-8")
    assert read_posts_file(path).posts[0].created_at.replace(second=0) == TIME.replace(second=0)


def test_dates_begin_with_the_year_where_they_would_be_of_the_future_otherwise(tmp_path: Path) -> None:
    rows = "".join(f"21/03/{day:02},Soup {day}.\n" for day in range(1, 32))
    (tmp_path / "posts.csv").write_text(f"Date,Text\n{rows}", encoding="utf-8")
    file = read_posts_file(tmp_path / "posts.csv")

    assert [post.created_at.day for post in file.posts] == list(range(1, 32))
    assert "such as 21/03/28 were read with the year first" in " ".join(file.choices)
