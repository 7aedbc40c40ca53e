"""Reading account exports of every layout, and refusing damaged and hostile ones."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.errors import UnreadableSource
from hugtweets.sources.archive.reading import read_export
from hugtweets.sources.archive.source import ArchiveSource
from hugtweets.sources.source import Source
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Mention, Post
from hugtweets.timelines.timeline import Timeline, load, save
from tests.fixtures.exports import (
    ACCOUNT,
    HANDLE,
    PRIVATE,
    export,
    manifest,
    notes,
    script,
    tweet,
    tweets,
    unpacked,
    zipped,
)
from tests.fixtures.written import written

MOMENT = datetime(2018, 10, 10, 20, 19, 24, tzinfo=UTC)
HELLO = tweet("11", "The 7:40 left at 7:43 &amp; nobody waved.")
GRAILBIRD = (
    '"tweet_id","in_reply_to_status_id","in_reply_to_user_id","timestamp","source","text","retweeted_status_id",'
    '"retweeted_status_user_id","retweeted_status_timestamp","expanded_urls"\n'
    '"12","","","2016-12-30 21:04:11 +0000","web","Fog again, ""thick as wool"",\nand no horn.","","","",""\n'
    '"9","8","77","2010-10-30 00:00:00 +0000","web","@bo Not today.","","","",""\n'
    '"10","","","2016-12-29 20:00:00 +0000","web","RT @bo: Lovely pier","4","77","2016-12-29 19:00:00 +0000",""\n'
    '"13","","","2016-12-31 20:00:00 +0000","web","This. https://t.co/q","","","","https://twitter.com/bo/status/4"\n'
)


def read(path: Path, files: Mapping[str, str | bytes]) -> list[Post]:
    return read_export(zipped(path / "export.zip", files), HANDLE).posts


def refusal(path: Path, handle: str = HANDLE) -> str:
    with pytest.raises(UnreadableSource) as caught:
        read_export(path, handle)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message and ": " in message
    return message


@pytest.mark.parametrize("write", [zipped, unpacked])
@pytest.mark.parametrize(
    "files",
    [
        {"account.js": script("account", [ACCOUNT[0]["account"]]), "tweet.js": script("tweet", [HELLO])},
        {"data/tweet.js": script("tweet", [{"tweet": HELLO}]), "data/account.js": script("account", ACCOUNT)},
        export(HELLO),
        export(HELLO, manifest=manifest(tweets=["data/tweets.js"])),
        {f"twitter-export/{name}": content for name, content in export(HELLO).items()},
    ],
    ids=["2018", "2020", "2022", "manifest", "packed-again"],
)
def test_every_layout_gives_the_same_post(
    tmp_path: Path, write: Callable[[Path, Mapping[str, str]], Path], files: dict[str, str]
) -> None:
    if write is unpacked:
        files = {name.removeprefix("twitter-export/"): content for name, content in files.items()}
    [post] = read_export(write(tmp_path / "export", files), HANDLE).posts

    name = "The Ferry Clock"
    text = "The 7:40 left at 7:43 &amp; nobody waved."
    expected = Post("11", MOMENT, text, HANDLE, name, "en", False, False, False, False, None, (), "archive")
    assert post == expected


def test_the_oldest_layout_is_read(tmp_path: Path) -> None:
    posts = {post.id: post for post in read(tmp_path, {"tweets.csv": GRAILBIRD, "data/js/tweets/2016_12.js": ""})}

    assert posts["12"].text == 'Fog again, "thick as wool",\nand no horn.'
    assert posts["12"].created_at == datetime(2016, 12, 30, 21, 4, 11, tzinfo=UTC)
    assert [posts[key].replied_to for key in ("12", "9", "10", "13")] == [None, "8", None, None]
    assert [posts[key].is_reply for key in ("12", "9", "10", "13")] == [False, True, False, False]
    assert [posts[key].is_retweet for key in ("12", "9", "10", "13")] == [False, False, True, False]
    assert [posts[key].is_quote for key in ("12", "9", "10", "13")] == [False, False, False, True]


@pytest.mark.parametrize("listed", [True, False])
def test_all_parts_are_read(tmp_path: Path, listed: bool) -> None:
    names = ["data/tweets.js", "data/tweets-part1.js", "data/tweets-part2.js"]
    files = {name: tweets(tweet(str(number), "Low water.")) for number, name in enumerate(names, start=1)}
    files |= {"data/manifest.js": manifest(tweets=names)} if listed else {}

    assert sorted(post.id for post in read(tmp_path, files)) == ["1", "2", "3"]


def test_names_that_resemble_posts_are_left_alone(tmp_path: Path) -> None:
    others = {name: "not even JSON" for name in ("tweet_headers", "tweetdeck", "deleted_tweets", "tweets_media")}  # noqa: C420

    assert len(read(tmp_path, export(HELLO, **others))) == 1


def test_retweets_replies_and_quotes_are_recognised(tmp_path: Path) -> None:
    quoted = [{"expanded_url": "https://twitter.com/bo/status/4?s=20"}]
    picture = [
        {"expanded_url": "https://twitter.com/ferryclock/status/5/photo/1"},
        {"expanded_url": "https://bo.example"},
    ]
    posts = read(
        tmp_path,
        export(
            tweet("1", "RT @bo: Lovely pier", entities={"urls": quoted}),
            tweet("2", "@bo Not today.", in_reply_to_status_id_str="8", in_reply_to_screen_name="bo"),
            tweet("3", "This.", entities={"urls": quoted}),
            tweet("4", "Not RT @bo: a quote", entities={"urls": picture}),
        ),
    )

    assert [(post.is_retweet, post.is_reply, post.is_quote) for post in posts] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
        (False, False, False),
    ]


def test_mentions_come_with_their_display_names(tmp_path: Path) -> None:
    people = [{"screen_name": "bo", "name": "Bo 🐙 #crew", "id_str": "77"}, {"screen_name": "ada", "name": ""}]
    [post] = read(tmp_path, export(tweet("1", "@bo and @ada are aboard", entities={"user_mentions": people})))

    assert post.mentions == (Mention("bo", "Bo 🐙 #crew"), Mention("ada"))


def test_every_version_of_an_edited_post_names_all_of_them_oldest_first(tmp_path: Path) -> None:
    first = {"initial": {"editTweetIds": ["99"], "editsRemaining": "5"}}
    last = {"edit": {"initialTweetId": "99", "editControlInitial": {"editTweetIds": ["100", "99"]}}}
    posts = read(
        tmp_path,
        export(tweet("100", "Fog.", edit_info=last), tweet("99", "Frog.", edit_info=first), tweet("5", "Sun.")),
    )

    assert [post.edit_ids for post in posts] == [("99", "100"), ("99", "100"), None]


LONG = 'The harbour master <says> the "old" crane & its rust can stay for one more winter, ' * 5
CUT = LONG[:270].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def long_post(text: str, note: str, time: str = "2018-10-10T20:19:24.000Z") -> dict[str, str]:
    return export(tweet("1", text), note_tweet=notes((time, "Somebody else's thought."), (time, note)))


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (CUT + "…", LONG),
        (CUT + "… https://t.co/abc", LONG),
        ("@bo @ada " + CUT + "…", LONG),
        (CUT + "…", "@bo @ada " + LONG),
        ("See https://t.co/abc " + CUT[:200] + "…", "See https://pier.example/crane " + LONG),
    ],
)
def test_a_long_post_is_joined_with_its_note_and_escaped_like_the_others(tmp_path: Path, text: str, note: str) -> None:
    [post] = read(tmp_path, long_post(text, note))

    assert post.text == note.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert post.truncated is False


@pytest.mark.parametrize(
    ("note", "time"),
    [(LONG, "2018-10-10T20:19:26.000Z"), ("Another " + LONG, "2018-10-10T20:19:24.000Z")],
    ids=["another second", "another text"],
)
def test_a_cut_post_without_its_note_is_truncated(tmp_path: Path, note: str, time: str) -> None:
    [post] = read(tmp_path, long_post(CUT + "…", note, time))

    assert (post.text, post.truncated) == (CUT + "…", True)


def test_a_japanese_post_is_cut_at_half_the_length(tmp_path: Path) -> None:
    [post] = read(tmp_path, export(tweet("1", "霧で何も見えない。" * 15 + "…")))

    assert post.truncated is True


def test_a_post_of_mentions_alone_is_joined_with_no_note(tmp_path: Path) -> None:
    [post] = read(tmp_path, long_post("@bo @ada …", LONG))

    assert post.text == "@bo @ada …"


def test_who_trails_off_is_not_cut_off(tmp_path: Path) -> None:
    [post] = read(tmp_path, export(tweet("1", "Well…")))

    assert post.truncated is False


def test_exports_and_other_sources_merge_by_id(tmp_path: Path, home: Home) -> None:
    timeline = home.timeline(HANDLE)
    save(timeline, Timeline().merged([Post("11", MOMENT, HELLO["full_text"], lang="en", source="x")]))
    old: Source = ArchiveSource(zipped(tmp_path / "old.zip", {"tweets.csv": GRAILBIRD}), HANDLE)
    new = ArchiveSource(zipped(tmp_path / "new.zip", export(HELLO, tweet("14", "Clear."))), HANDLE)

    assert "less than an export" in str(old.update(timeline))
    assert new.update(timeline) is None
    assert [post.id for post in load(timeline).posts] == ["9", "10", "11", "12", "13", "14"]
    assert [post.source for post in load(timeline).posts if post.id == "11"] == ["x"]


def test_reading_an_export_again_writes_nothing(tmp_path: Path, home: Home) -> None:
    source = ArchiveSource(zipped(tmp_path / "export.zip", export(HELLO)), HANDLE)
    source.update(home.timeline(HANDLE))
    before = written(home.timeline(HANDLE))
    source.update(home.timeline(HANDLE))

    assert written(home.timeline(HANDLE)) == before


def test_the_export_of_somebody_else_is_refused_naming_both(tmp_path: Path) -> None:
    message = refusal(zipped(tmp_path / "export.zip", export(HELLO)), "tugboat")

    assert "@FerryClock" in message and "@tugboat" in message


def test_private_files_are_never_opened(tmp_path: Path) -> None:
    # A pipe would be waited for without end, and the member's bytes do not match its checksum.
    folder = unpacked(tmp_path / "folder", export(HELLO))
    os.mkfifo(folder / PRIVATE)
    path = corrupted(zipped(tmp_path / "export.zip", export(HELLO) | {PRIVATE: "window.YTD.dm = []"}), PRIVATE)

    assert len(read_export(folder, HANDLE).posts) == 1
    assert len(read_export(path, HANDLE).posts) == 1


@pytest.mark.parametrize(
    "name",
    [
        PRIVATE,
        "data/../data/direct-messages.js",
        "../data/tweets.js",
        "/etc/passwd",
        "data/tweets.js\n",
        "data/tweets-part1/../direct-messages.js",
        "data/account.js",
        7,
    ],
)
def test_a_manifest_cannot_name_another_file(tmp_path: Path, name: str) -> None:
    files = export(HELLO, manifest=manifest(tweets=["data/tweets.js", name]))
    path = corrupted(zipped(tmp_path / "export.zip", files | {PRIVATE: "window.YTD.dm = []"}), PRIVATE)

    assert "among the posts, which it cannot be" in refusal(path)


def test_a_part_that_the_manifest_lists_and_the_export_lacks_is_missed(tmp_path: Path) -> None:
    files = export(HELLO, manifest=manifest(tweets=["data/tweets.js", "data/tweets-part1.js"]))

    assert "tweets-part1.js is missing" in refusal(zipped(tmp_path / "export.zip", files))


def test_a_pipe_in_a_folder_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "folder", {"data/account.js": script("account", ACCOUNT)})
    os.mkfifo(folder / "data/tweets.js")
    with_writer = os.open(folder / "data/tweets.js", os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(with_writer, b"window.YTD.tweets.part0 = []")
        assert "no regular file" in refusal(folder)
    finally:
        os.close(with_writer)


@pytest.mark.parametrize("link", ["data/tweets.js", "data"])
def test_links_out_of_a_folder_are_refused(tmp_path: Path, link: str) -> None:
    outside = unpacked(tmp_path / "outside", export(HELLO))
    folder = unpacked(
        tmp_path / "folder", {"account.js": script("account", ACCOUNT), "data/account.js": script("account", [])}
    )
    if link == "data":
        (folder / "data/account.js").unlink()
        (folder / "data").rmdir()
    (folder / link).symlink_to(outside / link)

    assert "symbolic link" in refusal(folder)


def test_a_member_that_unpacks_to_far_too_much_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"data/tweets.js": b"[" + b" " * 50_000_000 + b"]"})

    assert path.stat().st_size < 60_000
    assert "50000002 bytes" in refusal(path)


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"data/tweets.js": b"[" + b" " * 50_000_000 + b"]"})
    honest = (50_000_002).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(honest, (200).to_bytes(4, "little")))

    assert "damaged" in refusal(path)


def test_an_encrypted_export_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.zip", export(HELLO))
    content = bytearray(path.read_bytes())
    for position, flag in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = content.find(position)
        while at >= 0:
            content[at + flag] |= 1
            at = content.find(position, at + 1)
    path.write_bytes(content)

    assert "password" in refusal(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_zip_is_refused(tmp_path: Path, share: float) -> None:
    path = zipped(tmp_path / "export.zip", export(HELLO))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    assert "download the export again" in refusal(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data/tweets.js", tweets(HELLO, HELLO)[:-40]),
        ("data/tweets.js", tweets(HELLO).rstrip("]\n ")),
        ("data/tweets.js", ""),
        ("data/tweets.js", "window.YTD.tweets.part0 = {}"),
        ("data/tweets.js", "window.YTD.tweets.part0 = " + "[" * 100_000),
        ("data/tweets.js", "window.YTD.tweets.part0 = [" + "1" * 5000 + "]"),
        ("data/tweets.js", b"window.YTD.tweets.part0 = [ \xff ]"),
        ("data/tweets.js", tweets(tweet("one", "No id."))),
        ("data/tweets.js", tweets(HELLO | {"created_at": "yesterday"})),
        ("data/tweets.js", tweets(HELLO | {"created_at": "Wed Oct 10 20:19:24 +2500 2018"})),
        ("data/tweets.js", tweets(HELLO | {"created_at": "Mon Jan 01 00:19:24 +1400 0001"})),
        ("data/tweets.js", script("tweets", [7])),
        ("data/manifest.js", "window.__THAR_CONFIG = {"),
        ("data/account.js", "window.YTD.account.part0 = [ {"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, content: str | bytes) -> None:
    files: dict[str, str | bytes] = {**export(HELLO), name: content}

    assert Path(name).name in refusal(zipped(tmp_path / "export.zip", files))
    assert Path(name).name in refusal(unpacked(tmp_path / "folder", files))


@pytest.mark.parametrize("content", [GRAILBIRD[:-60], GRAILBIRD + "14,15\n", "", "id,text\n1,Hello\n"])
def test_a_damaged_table_is_refused(tmp_path: Path, content: str) -> None:
    if not content:
        assert read(tmp_path, {"tweets.csv": content}) == []
        return

    assert "tweets.csv" in refusal(zipped(tmp_path / "export.zip", {"tweets.csv": content}))


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("This is no zip.")
    (tmp_path / "empty").mkdir()
    zipped(tmp_path / "pictures.zip", {"pier.png": b"\x89PNG"})
    os.mkfifo(tmp_path / "pipe")

    for name in ("missing.zip", "notes.txt", "empty", "pictures.zip", "pipe", "x" * 300):
        refusal(tmp_path / name)


def test_characters_that_cannot_be_stored_are_replaced(tmp_path: Path, home: Home) -> None:
    people = [{"screen_name": "bo", "name": "Bo \ud83c"}]
    path = zipped(tmp_path / "export.zip", export(tweet("1", "\x00 \ud83c", entities={"user_mentions": people})))
    ArchiveSource(path, HANDLE).update(home.timeline(HANDLE))

    [post] = load(home.timeline(HANDLE)).posts
    assert (post.text, post.mentions) == ("\ufffd \ufffd", (Mention("bo", "Bo \ufffd"),))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("id_str", "full_text", "created_at", "lang", "entities", "edit_info", "in_reply_to_status_id_str")
ENTRIES = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON)).map(
    lambda changes: tweet("1", "Hello") | changes
)
MANIFESTS = JSON | st.fixed_dictionaries(
    {"dataTypes": JSON | st.fixed_dictionaries({"tweets": JSON | st.fixed_dictionaries({"files": JSON})})}
)


@given(st.lists(ENTRIES | JSON, max_size=3), JSON, st.lists(JSON, max_size=2), MANIFESTS)
@settings(max_examples=150)
def test_any_json_gives_posts_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, entries: list[object], account: object, note: object, listed: object
) -> None:
    files = {
        "data/tweets.js": script("tweets", entries),
        "data/account.js": script("account", [{"account": account}]),
        "data/note-tweet.js": script("note_tweet", note),
        "data/manifest.js": json.dumps(listed),
    }
    for left_out in ("", "data/account.js", "data/manifest.js"):
        kept = {name: content for name, content in files.items() if name != left_out}
        posts_or_refusal(zipped(tmp_path_factory.getbasetemp() / "any.zip", kept))


@given(st.integers(0, 2000), st.binary(max_size=8), st.booleans())
@settings(max_examples=200)
def test_any_bytes_give_posts_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, position: int, noise: bytes, overwrite: bool
) -> None:
    path = zipped(tmp_path_factory.getbasetemp() / "bytes.zip", export(HELLO))
    content = path.read_bytes()
    position %= len(content)
    path.write_bytes(content[:position] + noise + content[position + len(noise) * overwrite :])
    posts_or_refusal(path)


@given(st.text(max_size=60))
@settings(max_examples=100)
def test_any_table_gives_posts_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, noise: str) -> None:
    content = (GRAILBIRD + noise).encode("utf-8", "surrogatepass")
    posts_or_refusal(zipped(tmp_path_factory.getbasetemp() / "table.zip", {"tweets.csv": content}))


def posts_or_refusal(path: Path) -> None:
    timeline = path.with_name("stored.parquet")
    timeline.unlink(missing_ok=True)
    try:
        posts = read_export(path, HANDLE).posts
    except UnreadableSource:
        return
    ArchiveSource(path, HANDLE).update(timeline)
    assert {post.id for post in load(timeline).posts} == {post.id for post in posts}


def corrupted(path: Path, name: str) -> Path:
    """Spoil the content of one member: whoever opens it fails."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(name)
    content = bytearray(path.read_bytes())
    start = member.header_offset + 30 + len(name)
    content[start : start + member.compress_size] = b"\xff" * member.compress_size
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive, pytest.raises(Exception, match=r".+"):
        archive.read(name)
    return path
