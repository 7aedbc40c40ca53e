"""Reading posts in our own columns from JSON lines, CSV and Parquet, and refusing what cannot be read."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.reading import read_posts_file
from hugtweets.sources.files.source import FileSource, read_posts
from hugtweets.sources.files.text import MAX_LINE
from hugtweets.sources.source import Source
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import RAW_SCHEMA, Mention, Post
from hugtweets.timelines.timeline import id_order, load
from tests.fixtures.post_strategies import TIMELINES
from tests.fixtures.written import written

ROW = {"id": "21", "created_at": "2024-05-31T18:30:00Z", "text": "The tide table is wrong again."}
MOMENT = datetime(2024, 5, 31, 18, 30, tzinfo=UTC)


def write_lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UnreadableSource) as caught:
        read_posts(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    return message


def test_json_lines_give_posts_in_the_order_of_their_ids(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "posts.jsonl", ROW | {"id": "100"}, ROW | {"id": "21"}, ROW | {"id": "3"})

    assert [post.id for post in read_posts(path)] == ["3", "21", "100"]


def test_every_known_key_is_taken_and_every_other_ignored(tmp_path: Path) -> None:
    known = {"author": "bo", "name": "Bo", "lang": "en", "is_retweet": True, "is_reply": False, "truncated": True}
    mentions = [{"username": "ada", "name": "Ada L.", "id": 7}, {"username": "cy"}]
    path = write_lines(tmp_path / "posts.ndjson", ROW | known | {"mentions": mentions, "likes": 4})

    assert read_posts(path) == [
        Post("21", MOMENT, ROW["text"], "bo", "Bo", "en", True, False, None, True, None,
             (Mention("ada", "Ada L."), Mention("cy")), "file"),
    ]  # fmt: skip


def test_what_the_file_does_not_say_is_unknown(tmp_path: Path) -> None:
    [post] = read_posts(write_lines(tmp_path / "posts.jsonl", ROW))

    assert post == Post("21", MOMENT, ROW["text"], source="file")


def test_an_integer_id_keeps_all_its_digits(tmp_path: Path) -> None:
    [post] = read_posts(write_lines(tmp_path / "posts.jsonl", ROW | {"id": 1656696488796512257}))

    assert post.id == "1656696488796512257"


@pytest.mark.parametrize("identifier", ["", "-4", "007", True, None, "9" * 21])
def test_a_row_whose_id_is_no_string_of_digits_is_passed_over(tmp_path: Path, identifier: object) -> None:
    file = read_posts_file(write_lines(tmp_path / "posts.jsonl", ROW, ROW | {"id": identifier}))

    assert [post.id for post in file.posts] == ["21"]
    assert "line 2" in str(file.passed_over)


@pytest.mark.parametrize("identifier", [1.6566964887965123e18, "8.1567E+17", "8,1567e+17", "1656696488796512257.0"])
def test_an_id_that_has_lost_digits_refuses_the_file_and_says_how_to_export_it(
    tmp_path: Path, identifier: object
) -> None:
    message = refusal(write_lines(tmp_path / "posts.jsonl", ROW, ROW | {"id": identifier}))

    assert "line 2" in message and "lost digits" in message and "keep the ids as text" in message


@pytest.mark.parametrize("written", ["2024-05-31T18:30:00", "2024-05-31 20:30:00+02:00", "2024-05-31T18:30Z"])
def test_times_are_utc_unless_they_name_a_zone(tmp_path: Path, written: str) -> None:
    [post] = read_posts(write_lines(tmp_path / "posts.jsonl", ROW | {"created_at": written}))

    assert post.created_at == MOMENT and post.created_at.tzinfo is UTC


@pytest.mark.parametrize(
    "written", ["yesterday", 1717, "12:30", "May 2024", True, None, "0001-01-01T00:00:00+14:00", "2024-02-30"]
)
def test_a_time_that_is_none_is_refused(tmp_path: Path, written: object) -> None:
    assert "created_at" in refusal(write_lines(tmp_path / "posts.jsonl", ROW | {"created_at": written}))


@pytest.mark.parametrize("line", ['{"id": "4", "text": "cut o', "7", "null", "[" * 100_000, "1" * 5000])
def test_a_line_of_broken_json_is_passed_over_and_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(json.dumps(ROW) + "\n\n" + line + "\n" + json.dumps(ROW | {"id": "22"}) + "\n")
    file = read_posts_file(path)

    assert [post.id for post in file.posts] == ["21", "22"]
    assert str(file.passed_over).endswith("namely line 3")


def test_a_post_without_text_is_refused_with_its_line(tmp_path: Path) -> None:
    message = refusal(write_lines(tmp_path / "posts.jsonl", ROW | {"text": None}))

    assert "line 1" in message and "text is missing" in message


def test_a_message_never_quotes_the_post(tmp_path: Path) -> None:
    assert "swordfish" not in refusal(write_lines(tmp_path / "posts.jsonl", ROW | {"lang": ["swordfish"]}))


def test_characters_that_cannot_be_stored_are_replaced(tmp_path: Path, home: Home) -> None:
    path = tmp_path / "posts.jsonl"
    text = r"flag \ud83c\uddef\ud83c\uddf5, half \ud83c, NUL \u0000"
    path.write_text(f'{{"id": "1", "created_at": "2024-05-31", "text": "{text}", "lang": "\\udc00"}}')
    FileSource(path, "skipper").update(home.timeline("skipper"))

    [post] = load(home.timeline("skipper")).posts
    assert (post.text, post.lang) == ("flag 🇯🇵, half \ufffd, NUL \ufffd", "\ufffd")


def test_of_two_posts_with_one_id_the_first_counts_and_its_gaps_are_filled(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "posts.jsonl", ROW, ROW | {"text": "The tide table is…", "lang": "en"})

    [post] = read_posts(path)
    assert (post.text, post.lang) == (ROW["text"], "en")


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    assert "a line of over" in refusal(write_bytes(tmp_path / "posts.jsonl", b"x" * (MAX_LINE + 1)))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_csv_is_read_with_and_without_a_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    rows = '7,"two\r\nlines, ""quoted"" 🐙",2024-05-31T18:30:00Z,true,0,,\r\n\r\n'
    content = "id,text,created_at,is_retweet,is_reply,lang,extra\r\n" + rows
    [post] = read_posts(write_bytes(tmp_path / "posts.csv", mark + content.encode()))

    expected = Post("7", MOMENT, 'two\r\nlines, "quoted" 🐙', is_retweet=True, is_reply=False, source="file")
    assert post == expected


def test_csv_without_text_is_refused_naming_the_columns_there_are(tmp_path: Path) -> None:
    message = refusal(write_bytes(tmp_path / "posts.csv", b"id,created_at,words\n1,2024-05-31,Hello\n"))

    assert "no column text" in message and "'words'" in message


@pytest.mark.parametrize(
    "content",
    [
        b"id,created_at,text\n1,2024-05-31\n",
        b"id,created_at,text\n1,2024-05-31,a,b\n",
        b'id,created_at,text\n1,2024-05-31,"cut o',
        b"id,created_at,text,is_reply\n1,2024-05-31,a,perhaps\n",
        b"id,created_at,text\n1,2024-05-31," + b"a" * 200_000,
    ],
)
def test_broken_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    refusal(write_bytes(tmp_path / "posts.csv", content))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Madrid"])
def test_parquet_times_of_any_unit_and_zone_are_read(tmp_path: Path, unit: str, zone: str | None) -> None:
    moments = pa.array([MOMENT], pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, zone or "UTC"))
    moments = moments if zone else moments.cast(pa.timestamp(unit))
    [post] = read_posts(parquet(tmp_path / "posts.parquet", id=[21], created_at=moments, text=["Hello"]))

    assert post == Post("21", MOMENT, "Hello", source="file")


def test_nanoseconds_are_cut_to_microseconds(tmp_path: Path) -> None:
    moments = pa.array([1_717_180_200_000_000_999], pa.timestamp("ns"))

    assert (
        read_posts(parquet(tmp_path / "posts.parquet", id=[21], created_at=moments, text=[""]))[0].created_at == MOMENT
    )


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.string(), pa.large_string()])
def test_parquet_ids_are_integers_or_strings(tmp_path: Path, kind: pa.DataType) -> None:
    identifiers = pa.array(["1656696488796512257"]).cast(kind)
    path = parquet(tmp_path / "posts.parquet", id=identifiers, created_at=["2024-05-31"], text=["Hello"])

    assert read_posts(path)[0].id == "1656696488796512257"


@pytest.mark.parametrize(
    "columns",
    [
        {"id": [1.5e18], "created_at": ["2024-05-31"], "text": ["Hello"]},
        {"id": ["1"], "created_at": ["2024-05-31"], "words": ["Hello"]},
        {"id": ["1"], "created_at": ["2024-05-31"], "text": [None]},
        {"id": ["1"], "created_at": ["2024-05-31"], "text": [["Hello"]]},
        {"id": ["1"], "created_at": [17], "text": ["Hello"]},
        {"id": ["1"], "created_at": pa.array([2**62], pa.timestamp("ms")), "text": ["Hello"]},
        {"id": ["1"], "created_at": pa.array([2**62], pa.timestamp("us")), "text": ["Hello"]},
    ],
)
def test_parquet_of_another_schema_is_refused(tmp_path: Path, columns: dict[str, Any]) -> None:
    refusal(parquet(tmp_path / "posts.parquet", **columns))


def test_a_stored_timeline_can_be_read_as_a_file(tmp_path: Path, home: Home) -> None:
    FileSource(write_lines(tmp_path / "posts.jsonl", ROW), "skipper").update(home.timeline("skipper"))

    assert read_posts(home.timeline("skipper")) == read_posts(tmp_path / "posts.jsonl")


def test_what_is_no_file_of_a_known_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")

    for name in ("missing.jsonl", "folder.jsonl", "pipe.csv", "posts.xlsx", "posts", f"{'x' * 300}.csv"):
        refusal(tmp_path / name)


def test_updating_adds_to_the_stored_timeline(tmp_path: Path, home: Home) -> None:
    timeline = home.timeline("skipper")
    source: Source = FileSource(tmp_path / "posts.jsonl", "skipper")
    write_lines(tmp_path / "posts.jsonl", ROW, ROW | {"id": "3"})
    source.update(timeline)
    write_lines(tmp_path / "posts.jsonl", ROW | {"id": "4"})

    assert source.update(timeline) is None
    assert [post.id for post in load(timeline).posts] == ["3", "4", "21"]


def test_an_unchanged_timeline_is_not_written(tmp_path: Path, home: Home) -> None:
    source = FileSource(write_lines(tmp_path / "posts.jsonl", ROW), "skipper")
    source.update(home.timeline("skipper"))
    before = written(home.timeline("skipper"))
    source.update(home.timeline("skipper"))

    assert written(home.timeline("skipper")) == before


def test_an_author_that_is_the_account_is_spelled_as_the_account(tmp_path: Path, home: Home) -> None:
    authors = [{"id": "1", "author": "@SKIPPER"}, {"id": "2", "author": "bo"}, {"id": "3"}]
    path = write_lines(tmp_path / "posts.jsonl", *(ROW | author for author in authors))
    FileSource(path, "Skipper").update(home.timeline("Skipper"))

    assert [post.author for post in load(home.timeline("Skipper")).posts] == ["Skipper", "bo", None]


def save_lines(path: Path, posts: list[Post]) -> None:
    write_lines(path, *({**asdict(post), "created_at": post.created_at.isoformat()} for post in posts))


def save_csv(path: Path, posts: list[Post]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, RAW_SCHEMA.names)
        writer.writeheader()
        for post in posts:
            row = asdict(post)
            mentions = "" if post.mentions is None else json.dumps(row["mentions"])
            writer.writerow(row | {"created_at": post.created_at.isoformat(), "mentions": mentions})


def save_parquet(path: Path, posts: list[Post]) -> None:
    pq.write_table(pa.Table.from_pylist([asdict(post) for post in posts], schema=RAW_SCHEMA), path)


@pytest.mark.parametrize(("suffix", "save"), [("jsonl", save_lines), ("csv", save_csv), ("parquet", save_parquet)])
def test_posts_survive_the_way_through_a_file(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, save: Callable[[Path, list[Post]], None]
) -> None:
    path = tmp_path_factory.mktemp("round") / f"posts.{suffix}"

    @given(TIMELINES)
    @settings(max_examples=60)
    def check(posts: list[Post]) -> None:
        save(path, posts)
        assert read_posts(path) == sorted(posts, key=lambda post: id_order(post.id))

    check()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(ROW)), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.fixed_dictionaries(
    {name: st.just(value) | JSON for name, value in ROW.items()},
    optional=dict.fromkeys(("author", "lang", "is_reply", "mentions"), JSON),
)
TIMES_TO_TRY = st.datetimes(timezones=st.just(timezone(timedelta(hours=14)))).map(datetime.isoformat)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_any_bytes_give_posts_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, suffix: str) -> None:
    path = tmp_path_factory.mktemp("bytes") / f"posts.{suffix}"
    whole = pa.BufferOutputStream()
    pq.write_table(pa.table({name: [value] for name, value in ROW.items()}), whole)
    starts = {
        "jsonl": json.dumps(ROW).encode(),
        "csv": b"id,created_at,text\n",
        "parquet": whole.getvalue().to_pybytes(),
    }

    @given(st.binary(max_size=80), st.integers(0, len(starts[suffix])), st.booleans())
    @settings(max_examples=150)
    def check(noise: bytes, position: int, overwrite: bool) -> None:
        start = starts[suffix]
        path.write_bytes(start[:position] + noise + start[position + len(noise) * overwrite :])
        posts_or_refusal(path)

    check()


@given(st.lists(ROWS | JSON, max_size=3))
@settings(max_examples=200)
def test_any_json_gives_posts_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, rows: list[object]) -> None:
    posts_or_refusal(write_lines(tmp_path_factory.getbasetemp() / "any.jsonl", *rows))


@given(TIMES_TO_TRY)
@settings(max_examples=50)
def test_any_time_gives_a_post_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, moment: str) -> None:
    posts_or_refusal(write_lines(tmp_path_factory.getbasetemp() / "times.jsonl", ROW | {"created_at": moment}))


def posts_or_refusal(path: Path) -> None:
    timeline = path.with_name("stored.parquet")
    timeline.unlink(missing_ok=True)
    try:
        posts = read_posts(path)
        FileSource(path, "skipper").update(timeline)
    except UnreadableSource:
        return
    assert len(load(timeline).posts) == len(posts)


LARGE = 4000  # posts; larger timelines hold nothing that these do not


def test_real_timelines_are_read_whole() -> None:
    folder = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "timelines"
    if not folder.is_dir():
        pytest.skip("the real timelines are not on this machine")
    for path in folder.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
        if len(lines) > LARGE:
            continue
        assert {post.id: post.text for post in read_posts(path)} == {
            row["id"]: row["text"] for row in map(json.loads, lines)
        }
