"""Only what a network allows as a handle may touch a path or a URL."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hugtweets.errors import InvalidHandle, NothingKept
from hugtweets.steps.finetune import find_model
from hugtweets.storage.handles import (
    NETWORKS,
    Handle,
    folder_of,
    is_blend,
    is_mix,
    members_of,
    name_in,
    name_mix,
    slug,
    validate_handle,
    validate_name,
)
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import Timeline, save

DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
LABELS = st.from_regex(r"[A-Za-z0-9üß日]([A-Za-z0-9ü-]{0,5}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["con", "NUL", "xn--mnchen-3ya", "a-70", "bob", "x" * 63]
)
DOMAINS = st.lists(LABELS, min_size=2, max_size=4).map(".".join)
WRITTEN = st.one_of(
    st.text(max_size=80),
    st.from_regex(r"@?[A-Za-z0-9_]{1,21}", fullmatch=True),
    st.sampled_from(["con", "Aux", "COM1", "nul.example.com", "con@con.social"]),
    DOMAINS,
    st.builds("@{}@{}".format, st.from_regex(r"[A-Za-z0-9_.-]{1,9}", fullmatch=True), DOMAINS),
    st.builds("https://{}/@{}".format, DOMAINS, st.from_regex(r"[A-Za-z0-9_.]{1,9}", fullmatch=True)),
)


def parsed(text: str) -> Handle | None:
    try:
        return Handle.parse(text)
    except InvalidHandle:
        return None


HANDLES = WRITTEN.map(parsed).filter(bool)


@pytest.mark.parametrize("name", ["a", "NASA", "under_score", "_", "2020", "x" * 20])
def test_a_handle_of_x_is_taken_as_it_is_spelled(name: str) -> None:
    assert validate_handle(name) == name
    assert validate_handle("@" + name) == name


@pytest.mark.parametrize(
    ("written", "handle"),
    [
        ("NASA", "x:NASA"),
        ("x:nasa", "x:nasa"),
        ("https://x.com/NASA", "x:NASA"),
        ("https://mobile.twitter.com/NASA/status/123?s=20", "x:NASA"),
        ("twitter.com/NASA/", "x:NASA"),
        ("HTTP://WWW.X.COM/@NASA", "x:NASA"),
        ("alice.bsky.social", "bluesky:alice.bsky.social"),
        ("@Alice.Bsky.Social", "bluesky:alice.bsky.social"),
        ("Bluesky:alice.bsky.social", "bluesky:alice.bsky.social"),
        ("https://bsky.app/profile/alice.bsky.social/post/3k", "bluesky:alice.bsky.social"),
        ("bsky.app/profile/münchen.example", "bluesky:xn--mnchen-3ya.example"),
        ("@alice@mastodon.social", "mastodon:alice@mastodon.social"),
        ("Alice@Mastodon.Social", "mastodon:alice@mastodon.social"),
        ("https://mastodon.social/@alice/112", "mastodon:alice@mastodon.social"),
        ("https://mastodon.social/web/@alice", "mastodon:alice@mastodon.social"),
        ("https://mastodon.social/deck/@bob@fosstodon.org", "mastodon:bob@fosstodon.org"),
        ("https://twitter.com/#!/NASA", "x:NASA"),
        (" NASA ", "x:NASA"),
        ("https://mastodon.social/@bob@fosstodon.org", "mastodon:bob@fosstodon.org"),
        ("https://mastodon.social/users/alice", "mastodon:alice@mastodon.social"),
        ("acct:alice@mastodon.social", "mastodon:alice@mastodon.social"),
        ("https://friendica.example/profile/alice", "mastodon:alice@friendica.example"),
        ("https://www.bsky.app/profile/alice.bsky.social", "bluesky:alice.bsky.social"),
        ("https://deer.example/profile/alice.bsky.social", "bluesky:alice.bsky.social"),
        ("at://alice.bsky.social/app.bsky.feed.post/3k", "bluesky:alice.bsky.social"),
        ("https://twitter.com/intent/user?screen_name=NASA", "x:NASA"),
        ("nitter.net/NASA", "x:NASA"),
        ("https://xcancel.com/NASA/status/123", "x:NASA"),
    ],
)
def test_what_people_paste_names_the_account(written: str, handle: str) -> None:
    assert str(Handle.parse(written)) == handle


@pytest.mark.parametrize("name", ["", "@", "@@a", "x" * 21, "../../etc", "a/b", ".", "a b", "a\n", "a\x00", "é", "٣"])
def test_what_cannot_be_a_handle_is_refused(name: str) -> None:
    with pytest.raises(InvalidHandle, match="is no handle"):
        validate_handle(name)


@pytest.mark.parametrize(
    "name",
    [
        *["a-b", "con.", "~root", "x.com/home", "https://x.com/", "bsky.app/profile/nasa", "bluesky:nasa", "x:a.b"],
        *["alice@localhost", "a@1.2.3.4", "alice@mastodon.social:99", "javascript://x.com/NASA", "http://[/@a"],
        *["-a.b", "a..b", "alice.example.c-70", f"{'a' * 60}.{'b' * 60}.social", "did:plc:abc", "xn--a.social"],
        *["https://m.example:3000/@alice", "https://m.example:x/@alice", "x.com/intent/user?screen_name=a/b"],
    ],
)
def test_what_no_network_has_is_refused(name: str) -> None:
    with pytest.raises(InvalidHandle, match=r"is (no|not an?) .*handle"):
        validate_handle(name)


def test_an_account_that_must_be_on_another_network_is_refused() -> None:
    assert Handle.parse("alice.bsky.social", "bluesky").name == "alice.bsky.social"
    with pytest.raises(InvalidHandle, match=r"'nasa' is not a Bluesky handle: .* alice\.bsky\.social"):
        Handle.parse("nasa", "bluesky")
    with pytest.raises(InvalidHandle, match="is not a Mastodon handle"):
        Handle.parse("https://x.com/NASA", "mastodon")


@given(WRITTEN, st.sampled_from([None, *NETWORKS]))
def test_what_is_refused_fits_on_a_line(text: str, network: str | None) -> None:
    try:
        Handle.parse(text, network)  # type: ignore[arg-type]
    except InvalidHandle as error:
        assert str(error).isascii() and str(error).isprintable() and len(str(error)) < 600


@given(HANDLES)
def test_whatever_passes_is_one_safe_part_of_a_path_and_of_a_url(handle: Handle) -> None:
    folder = folder_of(handle.name)

    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_@,~-]{0,100}", folder)
    assert not DEVICES.fullmatch(f"{folder}.parquet")
    assert quote(handle.name, safe="@") == handle.name
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", slug(handle.name))


@given(HANDLES)
def test_a_handle_is_read_back_from_each_way_it_is_written(handle: Handle) -> None:
    assume(handle.key != "x:i")  # x.com/i is a page of X itself
    ways = str(handle), handle.name, handle.address, name_in(folder_of(handle.name)), validate_name(handle.name)

    assert {Handle.parse(written) for written in ways} == {handle}


@given(HANDLES, HANDLES)
def test_two_accounts_never_share_a_folder_whatever_the_file_system_thinks_of_case(one: Handle, other: Handle) -> None:
    folders = {folder_of(handle.name).casefold() for handle in (one, other)}

    assert len(folders) == len({one.key, other.key}) == len({slug(h.name).casefold() for h in (one, other)})


@given(HANDLES, HANDLES)
def test_a_mix_of_any_two_accounts_is_taken_for_no_account_and_no_blend(one: Handle, other: Handle) -> None:
    if one.key != other.key and len(one.name + other.name) < 100:
        name = name_mix([one.name, other.name])

        assert is_mix(name) and not is_blend(name) and not is_mix(one.name)
        assert {*members_of(name)} == {one.name, other.name} and name_in(folder_of(name)) == name


def test_no_path_is_built_from_a_bad_handle(home: Home) -> None:
    with pytest.raises(InvalidHandle):
        home.timeline("../../etc")


def test_a_known_account_keeps_its_spelling(home: Home) -> None:
    save(home.timeline("FerryClock"), Timeline())

    assert home.spelling("@ferryclock") == "FerryClock"
    assert home.spelling("tugboat") == "tugboat"
    assert home.known_handles() == ["FerryClock"]


def test_an_account_that_is_called_as_a_device_of_windows_is_found_again(home: Home) -> None:
    save(home.timeline("Con"), Timeline())

    assert not DEVICES.fullmatch(home.timeline("Con").name)
    assert home.known_handles() == ["Con"]


def test_a_home_from_before_keeps_an_account_that_is_called_as_a_device(home: Home) -> None:
    home.timelines.mkdir(parents=True)
    (home.artifacts / "fetch" / "aux" / "0123456789abcdef").mkdir(parents=True)
    (home.timelines / "aux.parquet").write_text("posts")

    home.prepare()

    assert home.timeline("aux").read_text() == "posts"
    assert [path.name for path in home.folder("fetch", "aux").iterdir()] == ["0123456789abcdef"]
    assert home.known_handles() == ["aux"]


def test_what_is_missing_is_made_by_a_command_that_exists(home: Home) -> None:
    for name, command in (("alice", "hugtweets run alice"), ("alice+bob", "hugtweets run alice bob --mix")):
        with pytest.raises(NothingKept, match=f"make one with `{command}`"):
            find_model(home, name)
