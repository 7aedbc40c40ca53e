"""Long posts, which an export cuts off, get their whole text from the file of notes."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from hugtweets.sources.archive.reading import read_export
from tests.fixtures.exports import HANDLE, export, script, tweet, zipped

WHOLE = "The old crane <creaks> & groans whenever the tide turns under it, says the harbour master, " * 5
CUT = "The old crane &lt;creaks&gt; &amp; groans whenever the tide turns under it, says the harbour master, " * 3
ESCAPED = WHOLE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
NOON = "2018-10-10T20:19:24.000Z"


def note(text: str = WHOLE, **more: Any) -> dict[str, Any]:
    return {"noteTweetId": "7001", "createdAt": NOON, "core": {"text": text}} | more


def text_of(tmp_path: Path, text: str, **given: Any) -> tuple[str, bool | None]:
    """The text of a post beside a note, and whether it is said to be cut off."""
    notes = script("note_tweet", [{"noteTweet": note(**given)}])
    [post] = read_export(zipped(tmp_path / "export.zip", export(tweet("11", text), note_tweet=notes)), HANDLE).posts
    return post.text, post.truncated


@pytest.mark.parametrize(
    "end", ["… https://t.co/a https://t.co/b", "…https://t.co/a", "...", "", " groa", " &am", " https://t.c"]
)
def test_the_end_of_a_cut_post_does_not_matter(tmp_path: Path, end: str) -> None:
    assert text_of(tmp_path, CUT + end) == (ESCAPED, False)


@pytest.mark.parametrize("time", ["2018-10-10T20:19:24.840Z", "2018-10-10T20:19:23.400Z", "2018-10-10T20:19:25.000Z"])
def test_a_note_may_be_a_second_away(tmp_path: Path, time: str) -> None:
    assert text_of(tmp_path, CUT + "…", createdAt=time) == (ESCAPED, False)


@pytest.mark.parametrize(
    "shape",
    [
        {"tweetId": "11", "noteTweetResults": {"text": WHOLE}},
        {"tweetId": "11", "noteTweetResults": {"result": {"text": WHOLE}}},
        {"tweetId": 11, "text": WHOLE},
    ],
)
def test_a_note_that_names_its_post_needs_no_time(tmp_path: Path, shape: dict[str, Any]) -> None:
    notes = script("note_tweet", [{"noteTweet": {"noteTweetId": "7001"} | shape}])
    files = export(tweet("11", "Cut off…"), tweet("12", "Fog."), note_tweet=notes)
    posts = read_export(zipped(tmp_path / "export.zip", files), HANDLE).posts

    assert [(post.text, post.truncated) for post in posts] == [(ESCAPED, False), ("Fog.", False)]


@pytest.mark.parametrize("text", ["The old crane…", "The", "The old crane", "RT @bo: " + CUT + "…"])
def test_what_was_not_cut_from_a_note_stays_as_it_is(tmp_path: Path, text: str) -> None:
    assert text_of(tmp_path, text)[0] == text


def test_the_nearest_of_several_notes_is_taken(tmp_path: Path) -> None:
    entries = [
        note(WHOLE + end, createdAt=f"2018-10-10T20:19:{at}Z") for end, at in (("far", "25.000"), ("near", "24.100"))
    ]
    files = export(tweet("11", CUT + "…"), note_tweet=script("note_tweet", [{"noteTweet": entry} for entry in entries]))
    [post] = read_export(zipped(tmp_path / "export.zip", files), HANDLE).posts

    assert post.text == ESCAPED + "near"


@pytest.mark.parametrize("end", ["…", "… https://t.co/a https://t.co/b https://t.co/c"])
def test_a_post_that_stays_cut_is_truncated(tmp_path: Path, end: str) -> None:
    assert text_of(tmp_path, CUT + end, core={"text": "Something else entirely."}) == (CUT + end, True)


def test_a_note_that_cannot_be_used_is_passed_over_with_a_remark(tmp_path: Path) -> None:
    odd = [{"noteTweet": {"noteTweetId": "1", "core": {}}}, {"noteTweet": {"core": {"text": WHOLE}}}, 7]
    files = export(tweet("11", CUT + "…"), note_tweet=script("note_tweet", [*odd, {"noteTweet": note()}]))
    read = read_export(zipped(tmp_path / "export.zip", files), HANDLE)

    assert [post.text for post in read.posts] == [ESCAPED]
    assert "3 of 4 whole texts of long posts were passed over" in read.remarks[0]


def test_a_note_with_letters_that_are_composed_otherwise_is_the_same(tmp_path: Path) -> None:
    whole = "Le café des mouettes n'ouvre plus, " * 12

    assert text_of(tmp_path, whole[:270] + "…", core={"text": unicodedata.normalize("NFD", whole)})[1] is False
