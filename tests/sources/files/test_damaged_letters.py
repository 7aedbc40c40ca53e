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


SPEECH = ["It’s “soup” – again…", "café, señor; naïve", "plain", "Привет 🐙 日本"]


@pytest.mark.parametrize("wrong", ["cp1252", "mac_roman"])
def test_letters_that_a_spreadsheet_garbled_are_mended(tmp_path: Path, wrong: str) -> None:
    shown = ["".join(bytes([byte]).decode(wrong, "ignore") or chr(byte) for byte in text.encode()) for text in SPEECH]
    file = table(tmp_path / "posts.csv", shown * 2)

    assert texts_of(file) == SPEECH * 2
    assert "had been read in a wrong encoding before" in file.choices[-1]


@pytest.mark.parametrize(
    ("garbled", "encoding"),
    [("â€™ â€œ â€ù â€_ Ã©", "mac_roman"), ("‰Ûª ‰ÛÏ ‰Û\x9d ‰Û_ Ì©", "utf-8"), ("‰Ûª ‰ÛÏ ‰Ûù ‰Û_ Ì©", "utf-8")],
)
def test_letters_that_windows_and_then_a_mac_garbled_are_mended(tmp_path: Path, garbled: str, encoding: str) -> None:
    assert texts_of(table(tmp_path / "posts.csv", [garbled] * 3, encoding)) == ["’ “ ” … é"] * 3


def test_letters_that_look_garbled_by_chance_stay(tmp_path: Path) -> None:
    texts = [
        "„Viel Spaß“, sagt er – „schön“",
        "«CAFÉ» à la crème",
        "l’été, l’école, d’être né",
        "Ã‰ is what they wrote",
    ]
    assert texts_of(table(tmp_path / "posts.csv", texts * 10)) == texts * 10


def odd_bytes(path: Path, *rows: bytes) -> PostsFile:
    lines = (b"%d,2020-08-01,%s\n" % (1201506031228084201 + number, row) for number, row in enumerate(rows))
    path.write_bytes(b"id,created_at,text\n" + b"".join(lines))
    return read_posts_file(path)


def test_letters_that_no_encoding_explains_cost_no_post(tmp_path: Path) -> None:
    garbled = [
        b"Join us right now\xe4\xf3_ \xe4\xf3\xf1 it\xe4\xf3\xbbs fun",
        b"Plain words",
        b"they\xe4\xf3\xeesay \xed\xf1",
    ]
    file = odd_bytes(tmp_path / "posts.csv", *garbled * 5)

    assert len(file.posts) == 15 and not file.passed_over.number
    assert "letters beyond ASCII, which 10 of 15 posts have, may be wrong" in file.choices[0]


def test_a_byte_that_the_guessed_encoding_does_not_have_costs_its_row(tmp_path: Path) -> None:
    words = "Über café señor – “Müller” naïve soirée".encode("cp1252")
    file = odd_bytes(tmp_path / "posts.csv", *[words] * 3000, b"gull \x81 ferry", words)

    assert len(file.posts) == 3001 and "is not cp1252: 1" in str(file.passed_over)


def test_a_file_of_two_encodings_is_read_in_both(tmp_path: Path) -> None:
    texts = ["It’s “soup” – again…", "café señor Müller"]
    file = odd_bytes(tmp_path / "posts.csv", texts[0].encode(), *[text.encode("cp1252") for text in texts] * 2)

    assert texts_of(file) == [texts[0], *texts * 2]
    assert "was read as UTF-8 and, where it is none, as cp1252" in file.choices[0]
