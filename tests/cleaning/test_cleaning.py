"""Which posts are kept, why not, and which are held out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hugtweets.cleaning.table import CLEAN_SCHEMA, clean_table, count
from hugtweets.config import CleanConfig
from hugtweets.timelines.posts import RAW_SCHEMA, Mention, Post, to_table
from tests.fixtures.cleaning import HANDLE, LINK, clean, post, reason_of

TIMELINES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "timelines"
LONG = "a goose that swims on the pond and talks to " * 3


@pytest.mark.parametrize("mark", ["RT @them: ", "MT @them: ", "RT: @them ", '"@them: ', "“RT @them: "])
def test_retweets_by_their_text_are_dropped(mark: str) -> None:
    assert reason_of(f"{mark}their words, five of them") == "retweet"


def test_retweets_by_the_source_are_dropped_and_kept_when_asked() -> None:
    assert reason_of("their words, five of them", is_retweet=True) == "retweet"
    assert reason_of("RT @them: their words, five of them", {"keep_retweets": True}) is None


def test_own_words_before_a_retweet_must_suffice() -> None:
    assert reason_of("So true! RT @them: their words, five of them") == "retweet"
    assert reason_of("I say the same RT @them: their words") is None


def test_other_authors_are_dropped_whatever_the_case_of_the_handle() -> None:
    assert reason_of("their words, five of them", author="them") == "other_author"
    assert reason_of("my words, five of them", author=HANDLE.upper()) is None


def test_all_versions_but_the_last_are_superseded() -> None:
    versions = [
        post("the first version here", 1),
        post("the second one here", 2, edit_ids=("1", "2")),
        post("the third is here", 3, edit_ids=("1", "2", "3")),
    ]
    assert [row["reason"] for row in clean(versions)] == ["superseded", "superseded", None]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{LONG}and i… {LINK}", "truncated"),
        (f"{LONG}and i…", None),
        (f"{LONG}and so on... {LINK}", None),
        (f"I think so too… {LINK}", None),
        (f"{LONG}and more …:\n{LINK}", None),
    ],
)
def test_long_texts_cut_before_a_link_are_truncated_and_other_ellipses_are_style(text: str, reason: str | None) -> None:
    assert reason_of(text) == reason


def test_what_the_source_calls_truncated_is_dropped_and_kept_when_asked() -> None:
    assert reason_of("my words are cut", truncated=True) == "truncated"
    assert reason_of("my words are cut", {"keep_truncated": True}, truncated=True) is None


@pytest.mark.parametrize(
    "text", [LINK, f"@them {LINK}", f"#one, #two! {LINK} {LINK}", ".@them", "＃東京 www.example.com"]
)
def test_posts_that_only_point_elsewhere_are_dropped(text: str) -> None:
    assert reason_of(text) == "link_only"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Thank you!", "too_short"),
        ("Thank you Ana!", None),
        ("@them Thank you @ana", "too_short"),
        ("🎉🎉🎉 ❤️ 👍🏽", "too_short"),
        ("...", "too_short"),
        ("", "too_short"),
        ("don't well-known", "too_short"),
        ("にゃん", "too_short"),
        ("お腹すいた", None),
        ("ラーメン食べた", None),
        ("ครับผม", "too_short"),
        ("วันนี้อากาศดีมาก", None),
        ("오늘 날씨 좋다", None),
    ],
)
def test_three_own_words_are_needed_in_any_script(text: str, reason: str | None) -> None:
    assert reason_of(text) == reason


def test_near_identical_posts_are_kept_once_the_oldest() -> None:
    posts = [
        post(f"The goose is HERE! {LINK}", 1),
        post("@them the goose — is here 🎉", 2),
        post("The goose is here to stay", 3),
        post("500 days to go", 4),
        post("400 days to go", 5),
        post("1 2 3 4", 6),
        post("1 2 3 5", 7),
    ]
    dropped = [row["reason"] == "duplicate" for row in clean(posts)]
    assert dropped == [False, True, False, False, True, False, False]
    assert not any(row["reason"] for row in clean(posts, drop_duplicates=False))


def test_a_dropped_post_shows_the_text_its_reason_is_seen_in() -> None:
    rows = clean([post(f"RT @them: a\n{LINK}", 1), post(f"Yes! {LINK}", 2), post("So true! RT @them: their words", 3)])
    assert [row["text"] for row in rows] == [f"RT @them: a\n{LINK}", "Yes!", "So true! RT @them: their words"]


WORDS = ("heron", "kettle", "marble", "lantern", "pigeon", "saddle", "turnip", "velvet", "wagon", "yogurt")


def alike_in_nothing(number: int) -> list[Post]:
    """Posts that share no run of letters worth mentioning, with ids that grow by a digit among them."""
    pairs = [f"{one} {other} {one[::-1]}" for one in WORDS for other in WORDS if one != other]
    return [post(text, 10**9 - 10 + place) for place, text in enumerate(pairs[:number])]


def test_the_newest_posts_are_test_posts_and_those_before_validation_posts() -> None:
    rows = clean(alike_in_nothing(40))
    assert [int(row["id"]) for row in rows] == [10**9 - 10 + n for n in range(40)]
    assert [row["split"] for row in rows] == ["train"] * 34 + ["validation"] * 2 + ["test"] * 4


@pytest.mark.parametrize(
    ("kept", "validation", "test"), [(0, 0, 0), (1, 0, 0), (2, 0, 1), (3, 1, 1), (16, 1, 2), (60, 3, 6)]
)
def test_one_post_at_least_is_held_out_for_each_purpose(kept: int, validation: int, test: int) -> None:
    rows = clean([*alike_in_nothing(kept), post("No", 10**12)])
    splits = [row["split"] for row in rows]
    assert (splits.count("validation"), splits.count("test")) == (validation, test)
    assert splits[-1] is None


def test_without_a_share_there_are_no_validation_posts() -> None:
    splits = [row["split"] for row in clean(alike_in_nothing(40), validation_share=0.0)]
    assert splits == ["train"] * 36 + ["test"] * 4


def test_held_out_posts_that_nearly_repeat_a_training_post_are_dropped() -> None:
    learned = "Our little museum opens at nine on Sunday, and the tea is free for everybody"
    posts = [*alike_in_nothing(28), post(learned, 1)]
    newest = [
        post("OUR museum opens at nine on Monday, and the tea is free for everybody!", 10**10),
        post("The museum has moved across the road, bring an umbrella and your own tea", 10**10 + 1),
        post("The museum has moved across the road, bring an umbrella and a towel", 10**10 + 2),
    ]
    rows = clean([*posts, *newest])
    # The last one nearly repeats another test post, which no model has learned.
    assert [(row["reason"], row["split"]) for row in rows[-3:]] == [
        ("near_duplicate", None),
        (None, "test"),
        (None, "test"),
    ]
    assert rows[0]["kept"]


def test_the_funnel_adds_up() -> None:
    posts = [post("one two three", 1), post("four five six", 2), post("Yes", 3), post("RT @a: b", 4)]
    assert count(clean_table(to_table(posts), HANDLE, CleanConfig())) == {
        "fetched": 4,
        "kept": 2,
        "dropped": {"retweet": 1, "too_short": 1},
        "train": 1,
        "validation": 0,
        "test": 1,
        "kept_characters": 26,
        "train_characters": 13,
    }


def test_each_post_has_its_kind_and_one_of_which_nothing_is_known_begins_with_a_name_or_is_a_post() -> None:
    posts = [
        post("one two three", 1, is_reply=True, is_quote=True),
        post("four five six", 2, is_reply=False, is_quote=True),
        post("seven eight nine", 3),
        post("@bo ten eleven twelve", 4),
        post("@bo opens at thirteen", 5, is_reply=False),
    ]
    assert [row["kind"] for row in clean(posts)] == ["reply", "quote", "post", "reply", "post"]


def test_whoever_answers_himself_goes_on_with_a_thread() -> None:
    posts = [
        post("one two three", 1, replied_to="7", is_reply=True),
        post("four five six", 2, replied_to="1", is_reply=True),
        post("seven eight nine", 3, author="somebody_else"),
        post("ten eleven twelve", 4, replied_to="3", is_reply=True, is_quote=True),
    ]
    assert [row["kind"] for row in clean(posts)] == ["reply", "thread", "post", "reply"]


def test_an_empty_timeline_gives_an_empty_table() -> None:
    table = clean_table(RAW_SCHEMA.empty_table(), HANDLE, CleanConfig())
    assert table.schema == CLEAN_SCHEMA
    assert count(table)["fetched"] == 0


@pytest.mark.parametrize(
    ("handle", "reason", "least"),
    [
        ("realDonaldTrump", "retweet", 354),
        ("SingaporeSail", "truncated", 170),
        ("SingaporeSail", "link_only", 131),
        ("congresseditors", "duplicate", 2_400),
        ("NASPAhistory", "truncated", 150),
    ],
)
def test_real_timelines_lose_what_is_known_to_be_wrong_with_them(handle: str, reason: str, least: int) -> None:
    path = TIMELINES / f"{handle}.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    counts = count(clean_table(to_table(_posts(path)), handle, CleanConfig()))
    assert counts["dropped"][reason] >= least
    assert counts["kept"] >= 0.5 * counts["fetched"]


def _posts(path: Path) -> list[Post]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Post(
            id=row["id"],
            created_at=datetime.fromisoformat(row["created_at"]),
            text=row["text"],
            author=row.get("author"),
            is_retweet=row.get("is_retweet"),
            truncated=row.get("truncated"),
        )
        for row in rows
    ]


def test_posts_of_several_networks_are_held_out_by_time_and_a_cross_post_is_kept_once() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    texts = [each.text for each in alike_in_nothing(10)]
    # Ids of Bluesky are shorter than those of X, and the newer here.
    posts = [
        Post(f"10{number:017}", start + timedelta(days=number), text, source="x") for number, text in enumerate(texts)
    ] + [
        Post("3kaaaaaaaaaaa", start + timedelta(days=3, minutes=1), f"{texts[3]}! https://a.test/1", source="bluesky"),
        Post("3kbbbbbbbbbbb", start + timedelta(days=30), "and the newest thing was said here", source="bluesky"),
    ]

    table = clean_table(to_table(posts), "alice", CleanConfig(held_out_share=0.1)).to_pylist()

    assert [row["id"] for row in table if row["split"] == "test"] == ["3kbbbbbbbbbbb"]
    assert [row["id"] for row in table if row["reason"] == "duplicate"] == ["3kaaaaaaaaaaa"]


def test_posts_with_made_up_ids_are_not_the_newest_for_these() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    texts = [each.text for each in alike_in_nothing(10)]
    ids = [f"1{number:019}" for number in range(5)] + [f"20{number:017}" for number in range(5)]
    posts = [
        Post(identifier, start + timedelta(days=number), text, source="file")
        for number, (identifier, text) in enumerate(zip(ids, texts, strict=True))
    ]

    table = clean_table(to_table(posts), "alice", CleanConfig(held_out_share=0.1)).to_pylist()

    assert [row["id"] for row in table if row["split"] == "test"] == [ids[-1]]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "The soup of @cook.bsky.social at the harbour https://pond.example/soup was good, says @bob",
        "The soup of @cook@pond.example at the harbour pond.org/soup was good, says @bob@pond.example #soup",
        "The soup of @Cook_2 at the harbour was good, says @robert",
        "The soup of Cook at the harbour was good, says Bob: https://pond.example/soup",
    ],
)
def test_a_cross_post_with_other_mentions_and_links_is_kept_once(elsewhere: str) -> None:
    mentions = (Mention("cook", "Cook"), Mention("bob", "Bob"))
    first = post(f"The soup of @cook at the harbour {LINK} was good, says @bob", 1, mentions=mentions)
    others = [post(text, number) for number, text in enumerate(["soup is for cooks", "geese eat none", elsewhere], 2)]
    assert [row["reason"] for row in clean([first, *others])] == [None, None, None, "duplicate"]
