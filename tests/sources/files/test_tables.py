"""Tables as people have them: other separators, encodings, headers and times, and cells with something else in them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hugtweets.cleaning.table import clean_table
from hugtweets.config import CleanConfig
from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.reading import PostsFile, read_posts_file
from hugtweets.sources.files.source import FileSource, read_posts
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Mention, Post, to_table
from hugtweets.timelines.timeline import load

HEADER = "id,created_at,text"
FIRST = 1201506031228084201


def read(path: Path, content: str | bytes) -> PostsFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_posts_file(path)


def only(path: Path, content: str | bytes) -> Post:
    [post] = read(path, content).posts
    return post


def refusal(path: Path, content: str | bytes) -> str:
    with pytest.raises(UnreadableSource) as caught:
        read(path, content)
    return str(caught.value)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_posts_full_of_other_separators_do_not_mislead(tmp_path: Path, separator: str) -> None:
    header, cells = HEADER.replace(",", separator), (str(FIRST), "2020-08-01", '"a,b;c\td|e, f; g, h; i"')

    assert only(tmp_path / "posts.csv", f"{header}\n{separator.join(cells)}\n").text == "a,b;c\td|e, f; g, h; i"


def test_a_spreadsheets_own_line_about_the_separator_is_no_row(tmp_path: Path) -> None:
    assert (
        only(tmp_path / "posts.csv", f"sep=;\r\nid;created_at;text\r\n{FIRST};2020-08-01;Hi, all\r\n").text == "Hi, all"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_any_usual_encoding_is_read(tmp_path: Path, encoding: str, suffix: str) -> None:
    row = {"id": str(FIRST), "created_at": "2020-08-01", "text": "señor “Müller” – café"}
    content = json.dumps(row, ensure_ascii=False) if suffix == ".jsonl" else f"{HEADER}\n{','.join(row.values())}\n"

    assert only(tmp_path / f"posts{suffix}", content.encode(encoding)).text == row["text"]


def test_a_guessed_encoding_is_announced(tmp_path: Path) -> None:
    [choice] = read(tmp_path / "posts.csv", f"{HEADER}\n{FIRST},2020-08-01,señor Müller\n".encode("cp1252")).choices

    assert "was read as cp1252, since it is not UTF-8" in choice


def test_emoji_written_as_two_halves_cost_their_row_and_no_other(tmp_path: Path) -> None:
    halves = b'"three words then \xed\xa0\xbd\xed\xb0\x99"'
    rows = b"id,created_at,text\n1,2020-08-01,one\n2,2020-08-01," + halves + b"\n3,2020-08-01,t\xc3\xa9\n"
    file = read(tmp_path / "posts.csv", rows)

    assert [post.id for post in file.posts] == ["1", "3"]
    assert str(file.passed_over) == "1 of 3 rows was passed over (is not UTF-8: 1), namely line 3"


def test_carriage_returns_end_rows_and_stay_inside_quotation_marks(tmp_path: Path) -> None:
    assert only(tmp_path / "posts.csv", f'{HEADER}\r\n{FIRST},2020-08-01,"a\r\nb"\r\n').text == "a\r\nb"
    assert only(tmp_path / "posts.csv", f"{HEADER}\r{FIRST},2020-08-01,a\r").text == "a"


@pytest.mark.parametrize(
    "header",
    ["Tweet-Id,CREATED AT,Full Text,Screen Name,isReply", "ID (text),Date (UTC),text,author.userName,Is Reply (y/n)"],
)
def test_headers_are_known_in_any_case_and_spelling(header: str, tmp_path: Path) -> None:
    post = only(tmp_path / "posts.csv", f"{header}\n{FIRST},2020-08-01,Hello,ada,TRUE\n")
    assert (post.id, post.text, post.author, post.is_reply) == (str(FIRST), "Hello", "ada", True)


def test_a_missing_header_is_said_with_the_columns_there_are(tmp_path: Path) -> None:
    message = refusal(tmp_path / "posts.csv", "id;when;text\n1;2020-08-01;Hello\n")

    assert "no column created_at (found 'id', 'when', 'text')" in message


@pytest.mark.parametrize(
    "written",
    ["Sat Aug 01 18:07:48 +0000 2020", "2020-08-01 18:07:48 +0000", "2020-08-01 18:07:48 UTC", "1596305268",
     "1596305268000", "1596305268000000000", "1596305268.0", "2020-08-01T20:07:48+02:00", "Aug 1, 2020, 6:07:48 PM",
     "Sat, 01 Aug 2020 18:07:48 GMT", "Sat Aug 01 2020 20:07:48 GMT+0200 (Central European Summer Time)",
     "2020/08/01 18:07:48"],
)  # fmt: skip
def test_times_are_understood_however_written(tmp_path: Path, written: str) -> None:
    post = only(tmp_path / "posts.csv", f'{HEADER}\n{FIRST},"{written}",Hello\n')

    assert post.created_at == datetime(2020, 8, 1, 18, 7, 48, tzinfo=UTC)


@pytest.mark.parametrize(("others", "month"), [("13/8/2020", 8), ("8/13/2020", 3)])
def test_other_dates_tell_whether_the_day_comes_first(tmp_path: Path, others: str, month: int) -> None:
    file = read(tmp_path / "posts.csv", f"{HEADER}\n1,3/8/2020 10:00,a\n2,{others},b\n")

    assert file.posts[0].created_at.month == month and "first" in file.choices[-1]


def test_a_date_that_could_be_two_days_is_refused(tmp_path: Path) -> None:
    assert "day from the month" in refusal(tmp_path / "posts.csv", f"{HEADER}\n1,3/8/2020 10:00,a\n")


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [("@one @two", ["one", "two"]), ("['one', 'two']", ["one", "two"]), ('[""one"", ""two""]', ["one", "two"]),
     ("[User(username='one', id=1, made=datetime.date(2020, 1, 1)), User(username='two')]", ["one", "two"]),
     ("[{'screen_name': 'one'}, {'screen_name': 'two', 'name': None}]", ["one", "two"]),
     ("one;two", ["one", "two"]), ("[" * 5000, []), ("{", []), ("[]", [])],
)  # fmt: skip
def test_mentions_are_understood_or_left_out(tmp_path: Path, cell: str, wanted: list[str]) -> None:
    post = only(tmp_path / "posts.csv", f'{HEADER},mentions\n{FIRST},2020-08-01,Hello,"{cell}"\n')

    assert post.mentions == tuple(Mention(name) for name in wanted)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [("True", True), ("t", True), ("1", True), ("1.0", True), ("YES", True), ("False", False), ("f", False),
     ("0", False), ("0.0", False), ("", None), ("nan", None), ("NULL", None)],
)  # fmt: skip
def test_yes_and_no_are_understood_however_written(tmp_path: Path, written: str, wanted: bool | None) -> None:
    assert only(tmp_path / "posts.csv", f"{HEADER},isRetweet\n1,2020-08-01,a,{written}\n").is_retweet is wanted


@pytest.mark.parametrize("column", ["retweeted_status_id", "retweeted_status.id", "retweetId", "referenced_tweets"])
def test_a_retweet_is_known_by_the_post_that_it_repeats(tmp_path: Path, column: str) -> None:
    cell = "[<ReferencedTweet id=1 type=retweeted]" if column == "referenced_tweets" else "1201506031228084000"

    assert only(tmp_path / "posts.csv", f"{HEADER},{column}\n1,2020-08-01,a,{cell}\n").is_retweet is True


def test_a_post_that_its_author_deleted_is_not_learned(tmp_path: Path) -> None:
    post = only(tmp_path / "posts.csv", "id,text,isRetweet,isDeleted,device,date\n1,secret,f,t,Web,2020-08-01\n")

    assert post.deleted and post.text == ""


def test_the_address_of_a_post_tells_whose_it_is(tmp_path: Path) -> None:
    post = only(tmp_path / "posts.csv", f"date,content,url\n2020-08-01,Hi,https://x.com/NASA/status/{FIRST}\n")

    assert (post.id, post.author) == (str(FIRST), "NASA")


def test_the_text_is_kept_as_the_file_has_it(tmp_path: Path) -> None:
    assert only(tmp_path / "posts.csv", f"{HEADER}\n1,2020-08-01,salt &amp;lt; pepper\n").text == "salt &amp;lt; pepper"


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    assert only(tmp_path / "posts.csv.gz", gzip.compress(f"{HEADER}\n1,2020-08-01,a\n".encode())).text == "a"


def test_what_is_announced_of_a_damaged_header_can_be_written_down(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_bytes(b"id,created_at,text\xbf\n" + "1,2020-08-01,größer\n".encode())
    [choice] = read_posts_file(path).choices
    assert "text\ufffd is text" in choice
    assert choice.encode()


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(b"id,created_at,text\n" * 99, mtime=0)[:-20]], ids=["other", "cut"]
)
def test_a_damaged_compressed_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "posts.csv.gz" in refusal(tmp_path / "posts.csv.gz", content)


def test_zeros_at_the_end_of_many_ids_refuse_the_file(tmp_path: Path) -> None:
    rows = "".join(f"1294030472427{number}0000,2020-08-10,post {number}\n" for number in range(30, 60))

    assert "30 of 30 ids" in (message := refusal(tmp_path / "posts.csv", f"{HEADER}\n{rows}"))
    assert "keep the ids as text" in message


def test_different_texts_under_one_id_are_never_merged(tmp_path: Path) -> None:
    message = refusal(tmp_path / "posts.csv", f"{HEADER}\n7,2020-08-10,one thing\n7,2020-08-11,another\n")

    assert "line 2 and line 3" in message and "same id" in message


def test_one_id_of_many_that_is_there_twice_is_passed_over(tmp_path: Path) -> None:
    rows = "".join(f"{number},2020-08-10,post {number}\n" for number in range(40))
    file = read(tmp_path / "posts.csv", f"{HEADER}\n{rows}7,2020-08-11,another thing\n")

    assert len(file.posts) == 40 and file.passed_over.number == 1 and "line 42" in str(file.passed_over)


def save_rows(path: Path, good: int, bad: int) -> Path:
    rows = [f"{number},2020-08-10,post {number}" for number in range(good)]
    path.write_text("\n".join([HEADER, *rows, *(f"{number},,no time" for number in range(bad))]))
    return path


def test_a_few_bad_rows_are_counted_and_the_first_five_named(tmp_path: Path, home: Home) -> None:
    path = save_rows(tmp_path / "posts.csv", good=3, bad=7)
    remark = FileSource(path, "bo").update(home.timeline("bo"))

    assert remark == (
        f"of {path}, 7 of 10 rows were passed over (created_at is missing: 7), the first in line 5, line 6, line 7, "
        "line 8, line 9"
    )
    assert len(load(home.timeline("bo")).posts) == 3


@pytest.mark.parametrize(("good", "bad", "refused"), [(3, 10, False), (3, 11, True), (300, 15, False), (200, 15, True)])
def test_over_ten_bad_rows_that_are_over_five_percent_are_an_error(
    tmp_path: Path, good: int, bad: int, refused: bool
) -> None:
    path = save_rows(tmp_path / "posts.csv", good, bad)
    if refused:
        with pytest.raises(UnreadableSource, match="rows were passed over"):
            read_posts(path)
    else:
        assert len(read_posts(path)) == good


def test_rows_of_nonsense_without_end_are_not_read_to_their_end(tmp_path: Path) -> None:
    assert "100,001 of 100,001 rows" in refusal(tmp_path / "posts.jsonl", b"x\n" * 200_000)


def test_an_open_quotation_mark_counts_for_all_rows_it_swallows(tmp_path: Path) -> None:
    rows = "".join(f"{number},2020-08-10,post {number}\n" for number in range(30))

    assert "31 of 61 rows" in refusal(tmp_path / "posts.csv", f'{HEADER}\n{rows}99,2020-08-10,"open\n{rows}')


def authored(path: Path, *authors: str) -> Path:
    rows = (f"{number},2020-08-10,post {number},{author}" for number, author in enumerate(authors))
    path.write_text("\n".join([f"{HEADER},username", *rows]))
    return path


def test_other_authors_are_dropped_and_counted(tmp_path: Path, home: Home) -> None:
    path = authored(tmp_path / "posts.csv", "@Bo", "ada", "https://twitter.com/bo", "", "ada")
    FileSource(path, "bo").update(home.timeline("bo"))
    reasons = clean_table(to_table(load(home.timeline("bo")).posts), "bo", CleanConfig())["reason"].to_pylist()

    assert reasons.count("other_author") == 2


@pytest.mark.parametrize("key", ["userName", "screen_name", "user_name"])
@pytest.mark.parametrize("holder", ["author", "user"])
def test_an_author_in_an_object_of_its_own_is_known(holder: str, key: str, tmp_path: Path) -> None:
    rows = [ROW | {holder: {key: name, "name": name.title(), "id": name * 3}} for name in ("ada", "bo")]
    path = tmp_path / "posts.json"
    path.write_text(json.dumps([row | {"id": str(number)} for number, row in enumerate(rows, 1)]), encoding="utf-8")

    assert [(post.author, post.name) for post in read_posts(path)] == [("ada", "Ada"), ("bo", "Bo")]


def test_the_authors_of_a_file_of_others_are_listed(tmp_path: Path, home: Home) -> None:
    path = authored(tmp_path / "posts.csv", "ada", "cy", "ada")

    with pytest.raises(UnreadableSource, match=r"no post of bo, but of 'ada' \(2\), 'cy' \(1\)"):
        FileSource(path, "bo").update(home.timeline("bo"))
    assert not home.timeline("bo").exists()


def test_several_authors_without_a_name_are_refused(tmp_path: Path, home: Home) -> None:
    rows: list[dict[str, Any]] = [
        {"id": str(number), "author_id": str(number), "created_at": "2020-08-10", "text": "a"} for number in (1, 2)
    ]
    (tmp_path / "posts.jsonl").write_text(json.dumps({"data": rows}))

    with pytest.raises(UnreadableSource, match="posts of 2 people without their handles"):
        FileSource(tmp_path / "posts.jsonl", "bo").update(home.timeline("bo"))


def test_an_author_of_whom_only_the_number_is_known_is_somebody_else(tmp_path: Path, home: Home) -> None:
    rows = ["1,2020-08-10,mine,5,bo", "2,2020-08-10,mine too,5,", "3,2020-08-10,of a suspended account,6,"]
    (tmp_path / "posts.csv").write_text("\n".join(["id,created_at,text,author_id,author.username", *rows]))
    FileSource(tmp_path / "posts.csv", "bo").update(home.timeline("bo"))

    assert [post.author for post in load(home.timeline("bo")).posts] == ["bo", "bo", "6"]


ROW = {"id": "7", "created_at": "2020-08-10", "text": "a"}


@pytest.mark.parametrize(
    "content",
    ["\n".join(json.dumps(ROW | {"id": str(n)}, indent=2) for n in (1, 2)),
     json.dumps([ROW | {"id": "1"}, ROW | {"id": "2"}]),
     json.dumps([ROW | {"id": "1"}]) + "\n" + json.dumps([ROW | {"id": "2"}]),
     json.dumps([ROW | {"id": "1"}, ROW | {"id": "2"}], indent=1)[:-1] + ', {"id": "3", "te'],
)  # fmt: skip
def test_json_is_read_over_several_lines_and_to_where_it_breaks_off(tmp_path: Path, content: str) -> None:
    assert [post.id for post in read(tmp_path / "posts.json", content).posts] == ["1", "2"]


@pytest.mark.parametrize(
    "table",
    [{"columns": ["id", "created_at", "text"], "index": [0], "data": [["7", "2020-08-10", "a"]]},
     {"schema": {"fields": []}, "data": [ROW]}, {"0": ROW}, {"id": {"0": "7"}, "created_at": {"0": 1597017600000},
     "text": {"0": "a"}}, {"tweets": [ROW]}],
)  # fmt: skip
def test_a_table_in_one_object_is_read_in_every_form_of_pandas(tmp_path: Path, table: dict[str, Any]) -> None:
    post = only(tmp_path / "posts.json", json.dumps(table))

    assert (post.id, post.created_at, post.text) == ("7", datetime(2020, 8, 10, tzinfo=UTC), "a")


@pytest.mark.parametrize("identifier", ["'1201506031228084201", '"=""1201506031228084201"""', "x1201506031228084201"])
def test_ids_that_were_guarded_against_a_spreadsheet_are_read(tmp_path: Path, identifier: str) -> None:
    assert only(tmp_path / "posts.csv", f"{HEADER}\n{identifier},2020-08-01,a\n").id == str(FIRST)


@pytest.mark.parametrize(("day", "clock"), [("2020-08-01", "18:07:48"), ("13/08/2020", "6:07 PM")])
def test_day_and_time_of_day_may_be_two_columns(tmp_path: Path, day: str, clock: str) -> None:
    post = only(tmp_path / "posts.csv", f"id,date,time,text\n1,{day},{clock},a\n")

    assert (post.created_at.hour, post.created_at.minute) == (18, 7)


def test_blanks_after_the_separators_do_not_matter(tmp_path: Path) -> None:
    assert only(tmp_path / "posts.csv", 'id, created_at, text\n1, 2020-08-01, "a, b"\n').text == "a, b"


def test_a_time_of_hundreds_of_digits_is_passed_over(tmp_path: Path) -> None:
    rows = [ROW, ROW | {"id": "8", "created_at": 10**400}]

    assert read(tmp_path / "posts.json", json.dumps(rows)).passed_over.number == 1


def test_what_stands_where_the_header_should_is_not_quoted_at_length(tmp_path: Path) -> None:
    assert "swordfish" not in refusal(
        tmp_path / "posts.csv", "7,2020-08-10,a long post about many things and swordfish\n"
    )


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '[{"id": ' + "9" * 5000 + "}]", '[{"a": 1} x {"b": 2}]', '{\n"a": ' + "[" * 100_000,
     '{"data": ' + "[" * 900 + "]" * 900 + "}"],
)  # fmt: skip
def test_hostile_json_is_refused(tmp_path: Path, content: str) -> None:
    assert str(tmp_path) in refusal(tmp_path / "posts.json", content)


def test_a_cell_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    assert "posts.csv" in refusal(tmp_path / "posts.csv", HEADER.encode() + b"\n1,2020-08-10," + b"a" * (17 * 2**20))


@pytest.mark.parametrize(
    "links", ["", ",https://a.test/1", ",https://a.test/1,https://a.test/2", ',"https://a.test/1"']
)
def test_the_links_of_an_early_export_may_be_left_out_or_several(tmp_path: Path, links: str) -> None:
    header = "tweet_id,timestamp,text,expanded_urls"
    assert only(
        tmp_path / "2013_01.csv", f'{header}\n{FIRST},2013-01-01 06:14:21 +0000,"Soup, again."{links}\n'
    ).text == ("Soup, again.")
