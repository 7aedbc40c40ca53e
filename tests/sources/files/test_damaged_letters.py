"""Letters that some program has damaged before: bytes in print, and files in an encoding that nobody can name."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hugtweets.sources.files.reading import PostsFile, read_posts_file

TEXTS = ["Soup again… isn’t it?", 'A "kettle", they say', "Don't", "two\nlines \\ 🐙", "plain"]


def table(path: Path, texts: list[str], encoding: str = "utf-8") -> PostsFile:
    with path.open("w", encoding=encoding, newline="") as file:
        rows = ((1201506031228084201 + number, "2020-08-01", text) for number, text in enumerate(texts))
        csv.writer(file).writerows([("id", "created_at", "text"), *rows])
    return read_posts_file(path)


def texts_of(file: PostsFile) -> list[str]:
    return [post.text for post in file.posts]


def test_bytes_as_python_prints_them_are_the_letters_that_they_stand_for(tmp_path: Path) -> None:
    file = table(tmp_path / "posts.csv", [repr(text.encode()) for text in TEXTS])

    assert texts_of(file) == TEXTS
    assert "are bytes as Python prints them" in file.choices[-1]


@pytest.mark.parametrize("odd", ["b'caf\\xe9'", "b'cut o", "b'a' + b'b'", "b'\\d'", "baker's", "b''.join(x)"])
def test_what_is_no_such_print_stays_as_it_is(tmp_path: Path, odd: str) -> None:
    assert texts_of(table(tmp_path / "posts.csv", ["b'one'", "b'two'", odd])) == ["one", "two", odd]


def test_a_post_about_python_is_not_decoded(tmp_path: Path) -> None:
    texts = [f"Line {number}" for number in range(20)] + ["b'caf\\xc3\\xa9'"]
    assert texts_of(table(tmp_path / "posts.csv", texts)) == texts
