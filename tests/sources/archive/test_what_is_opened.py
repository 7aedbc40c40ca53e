"""Which files of an export are opened, which never, and what is said if there is less or more than one export."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from hugtweets.errors import UnreadableSource
from hugtweets.sources.archive import circles
from hugtweets.sources.archive.reading import read_export
from hugtweets.timelines.posts import Post, to_table
from tests.fixtures.exports import HANDLE, export, manifest, script, tweet, tweets, unpacked, zipped

HELLO = tweet("11", "Fog again.")
CAMEL = {"note_tweet": "noteTweet", "community_tweet": "communityTweet"}
CIRCLE = "data/twitter-circle-tweet.js"


def ids(path: Path, deleted: bool = False) -> list[str]:
    return [post.id for post in read_export(path, HANDLE, deleted).posts]


def refusal(path: Path) -> str:
    with pytest.raises(UnreadableSource) as caught:
        read_export(path, HANDLE)
    return str(caught.value)


def test_posts_in_communities_are_read_and_those_for_a_circle_never(tmp_path: Path) -> None:
    files = export(HELLO, community_tweet=script("community_tweet", [{"tweet": tweet("12", "Nets.")}]))
    files[CIRCLE] = script("twitter_circle_tweet", [{"tweet": tweet("13", "For my circle.")}])

    assert ids(zipped(tmp_path / "export.zip", files)) == ["11", "12"]
    assert "no file of an export that holds posts" in refusal(unpacked(tmp_path / "folder", files) / CIRCLE)


def test_deleted_posts_are_read_only_if_asked_for(tmp_path: Path) -> None:
    gone = script("deleted_tweets", [{"tweet": tweet("12", "Regretted.", deleted_at="2018-11-01T00:00:00.000Z")}])
    path = zipped(tmp_path / "export.zip", export(HELLO, deleted_tweets=gone))
    alone = unpacked(tmp_path / "folder", {"deleted-tweets.js": gone}) / "deleted-tweets.js"

    assert (ids(path), ids(path, deleted=True)) == (["11"], ["11", "12"])
    assert "fetch.deleted_posts=true" in refusal(alone)
    assert ids(alone, deleted=True) == ["12"]


@pytest.mark.parametrize("name", ["tweets.js", "tweets (1).js", "my posts.txt"])
def test_the_posts_alone_are_read_and_said_to_be_less(tmp_path: Path, name: str) -> None:
    file = unpacked(tmp_path, {name: tweets(HELLO)}) / name
    packed = zipped(tmp_path / "only.zip", {"tweets.js": tweets(HELLO)})

    for path in (file, packed):
        assert ids(path) == ["11"]
        assert "is less than an export" in read_export(path, HANDLE).remarks[0]


def test_an_export_that_does_not_name_its_account_is_believed_and_said_to(tmp_path: Path) -> None:
    files = {"data/tweets.js": tweets(HELLO), "data/note-tweet.js": script("note_tweet", [])}

    assert "does not say whose export it is" in read_export(unpacked(tmp_path / "e", files), HANDLE).remarks[0]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a/data/tweets.js": tweets(HELLO), "b/data/tweets.js": tweets(HELLO)}, "holds 2 exports ('a/', 'b/')"),
        ({"twitter-2022.zip": "PK"}, "holds another zip, 'twitter-2022.zip'"),
        ({"../data/tweets.js": tweets(HELLO)}, "holds no posts"),
        ({"data/tweets.js": tweets(HELLO), "data\\tweets.js": tweets(HELLO)}, "tweets.js more than once"),
        ({"__MACOSX/data/tweets.js": tweets(HELLO)}, "holds no posts"),
        ({"data/tweets.js": script("direct_messages", {})}, "damaged"),
        ({"data/tweets.js": "window.YTD.tweets.part0 = [" + '{"tweet":' * 100_000}, "damaged"),
    ],
)
def test_a_zip_that_is_not_one_export_is_refused(tmp_path: Path, files: Mapping[str, str], says: str) -> None:
    assert says in refusal(zipped(tmp_path / "export.zip", files))


def test_a_link_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("data/tweets.js")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")

    assert "symbolic link" in refusal(tmp_path / "export.zip")


def test_a_zip_that_windows_packed_by_a_method_of_its_own_is_to_be_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.zip", {"data/tweets.js": tweets(HELLO)})
    content = path.read_bytes()
    for header, offset in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        at = content.find(header) + offset
        content = content[:at] + b"\x09\x00" + content[at + 2 :]
    path.write_bytes(content)

    assert "unpack it and give the folder" in refusal(path)


def test_posts_that_the_manifest_counts_and_that_are_not_there_are_said_to_be_missing(tmp_path: Path) -> None:
    listed = {"tweets": {"files": [{"fileName": "data/tweets.js", "count": "3"}]}}
    listed |= {"noteTweet": {"files": []}, "communityTweet": {"files": []}}
    whole = export(HELLO, manifest=f"window.__THAR_CONFIG = {json.dumps({'dataTypes': listed})}".replace("3", "1"))
    less = whole | {"data/manifest.js": whole["data/manifest.js"].replace('"1"', '"3"')}

    assert read_export(zipped(tmp_path / "whole.zip", whole), HANDLE).remarks == []
    [remark] = read_export(zipped(tmp_path / "less.zip", less), HANDLE).remarks
    assert remark.startswith("2 posts that") and "are not there" in remark


@pytest.mark.parametrize("kind", ["note_tweet", "community_tweet"])
def test_an_export_of_which_a_part_was_left_out_is_read_and_said_to_lack_it(tmp_path: Path, kind: str) -> None:
    name = f"{kind.replace('_', '-')}.js"
    files = export(HELLO) | {"data/manifest.js": manifest(tweets=["data/tweets.js"], **{CAMEL[kind]: [f"data/{name}"]})}
    read = read_export(unpacked(tmp_path / "export", files), HANDLE)

    assert [post.id for post in read.posts] == ["11"]
    assert f"lacks {name}, which its manifest lists" in read.remarks[0]


def test_whose_an_export_is_the_manifest_says_if_nothing_else_does(tmp_path: Path) -> None:
    files = {"data/tweets.js": tweets(HELLO), "data/manifest.js": manifest(tweets=["data/tweets.js"])}
    path = unpacked(tmp_path / "export", files)

    assert read_export(path, HANDLE).remarks == []
    with pytest.raises(UnreadableSource, match=f"is the export of @{HANDLE}, not of @ada"):
        read_export(path, "ada")


def test_a_month_alone_is_said_to_be_one(tmp_path: Path) -> None:
    path = unpacked(tmp_path, {"2012_01.js": f"Grailbird.data.tweets_2012_01 =\n{json.dumps([HELLO])}"}) / "2012_01.js"

    assert "less than an export, one month alone" in read_export(path, HANDLE).remarks[0]


def test_a_table_is_to_be_read_as_a_file(tmp_path: Path) -> None:
    assert "--source file:PATH" in refusal(unpacked(tmp_path, {"posts.json": json.dumps([HELLO])}) / "posts.json")


@pytest.mark.parametrize("name", ["page.html", "direct-messages.js"])
def test_another_file_is_no_export_and_downloading_it_again_would_not_help(tmp_path: Path, name: str) -> None:
    text = "<html>Log in</html>" if name == "page.html" else script("direct_messages", [])

    assert "again" not in refusal(unpacked(tmp_path, {name: text}) / name)


def test_posts_of_the_time_of_circles_are_warned_of(tmp_path: Path) -> None:
    then = tweet("12", "Tide.") | {"created_at": "Wed Oct 12 20:19:24 +0000 2022"}
    [warning] = read_export(zipped(tmp_path / "export.zip", export(HELLO, then)), HANDLE).remarks

    assert warning.startswith("1 post of an export is from August 2022 to November 2023")
    assert read_export(zipped(tmp_path / "older.zip", export(HELLO)), HANDLE).remarks == []


@pytest.mark.parametrize(
    ("month", "source", "is_retweet", "counted"),
    [
        ((2022, 8), "archive", False, 1),
        ((2023, 11), "archive", None, 1),
        ((2023, 12), "archive", False, 0),
        ((2022, 7), "archive", False, 0),
        ((2022, 8), "x", False, 0),
        ((2022, 8), None, False, 0),
        ((2022, 8), "archive", True, 0),
    ],
)
def test_stored_posts_of_the_time_of_circles_are_those_of_exports(
    month: tuple[int, int], source: str | None, is_retweet: bool | None, counted: int
) -> None:
    post = Post("1", datetime(*month, 30, tzinfo=UTC), "Tide.", source=source, is_retweet=is_retweet)
    table: pa.Table = to_table([post])

    assert circles.count_stored(table) == counted


def test_a_post_that_stands_in_two_files_is_warned_of_once(tmp_path: Path) -> None:
    then = tweet("12", "Tide.") | {"created_at": "Wed Oct 12 20:19:24 +0000 2022"}
    files = export(then) | {"data/tweet.js": script("tweet", [{"tweet": then}])}

    assert read_export(zipped(tmp_path / "export.zip", files), HANDLE).remarks[0].startswith("1 post of an export")


def test_a_folder_with_the_zip_in_it_is_told_from_an_empty_one(tmp_path: Path) -> None:
    zipped(tmp_path / "twitter-2022.zip", export(HELLO))

    assert "holds a zip, 'twitter-2022.zip': give that one" in refusal(tmp_path)


def test_an_account_file_that_names_nobody_leaves_it_to_the_manifest(tmp_path: Path) -> None:
    files = export(HELLO, manifest=manifest(tweets=["data/tweets.js"])) | {"data/account.js": script("account", [])}
    path = unpacked(tmp_path / "export", files)

    assert read_export(path, HANDLE).remarks == []
    with pytest.raises(UnreadableSource, match=f"is the export of @{HANDLE}, not of @ada"):
        read_export(path, "ada")


def renamed(earlier: str) -> str:
    """``data/screen-name-change.js`` of an account that had another handle."""
    change = {"changedAt": "2020-01-01T00:00:00.000Z", "changedFrom": earlier, "changedTo": HANDLE}
    odd: list[object] = [None, {"screenNameChange": {"screenNameChange": {"changedFrom": 7}}}]
    return script("screen_name_change", [*odd, {"screenNameChange": {"accountId": "7", "screenNameChange": change}}])


def test_an_account_that_was_renamed_is_known_by_its_earlier_handle(tmp_path: Path) -> None:
    path = unpacked(tmp_path / "export", export(HELLO, screen_name_change=renamed("OldFerry")))
    read = read_export(path, "oldferry")

    assert [post.author for post in read.posts] == ["oldferry"]
    assert "the account @oldferry is called @FerryClock now" in read.remarks[0]
    assert read_export(path, HANDLE).remarks == []
    with pytest.raises(UnreadableSource, match=r"not of @ada: give .* or call the account FerryClock"):
        read_export(path, "ada")
