"""Posts as X sends them, in either dialect."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hugtweets.sources.x.answers import PostsAnswer, read_posts
from hugtweets.timelines.posts import Mention, Post

PLAIN: dict[str, Any] = {
    "id": "1850000000000000001",
    "text": "Fish &amp; chips",
    "created_at": "2024-10-26T01:02:03.000Z",
}


def read(**fields: Any) -> Post:
    users = fields.pop("users", ())
    answer = PostsAnswer.model_validate({"data": [{**PLAIN, **fields}], "includes": {"users": users}})
    return read_posts(answer).posts[0]


def test_a_plain_post_is_stored_as_sent() -> None:
    assert read(lang="en", edit_history_tweet_ids=[PLAIN["id"]], public_metrics={"like_count": 3}) == Post(
        id="1850000000000000001",
        created_at=datetime(2024, 10, 26, 1, 2, 3, tzinfo=UTC),
        text="Fish &amp; chips",
        lang="en",
        is_retweet=False,
        is_reply=False,
        is_quote=False,
        truncated=False,
        mentions=(),
        source="x",
    )


@pytest.mark.parametrize("name", ["referenced_tweets", "referenced_posts"])
def test_retweets_replies_and_quotes_are_told_by_their_references(name: str) -> None:
    both = read(**{name: [{"type": "replied_to", "id": "1"}, {"type": "quoted", "id": "2"}]})
    assert (both.is_retweet, both.is_reply, both.is_quote, both.replied_to) == (False, True, True, "1")
    retweet = read(**{name: [{"type": "retweeted", "id": "1"}]})
    assert (retweet.is_retweet, retweet.is_reply, retweet.is_quote) == (True, False, False)


@pytest.mark.parametrize("name", ["note_tweet", "note_post"])
def test_a_long_post_is_its_note(name: str) -> None:
    note = {"text": "the whole of it, and @carol", "entities": {"mentions": [{"username": "carol", "id": "3"}]}}
    post = read(text="the whole…", **{name: note})
    assert (post.text, post.truncated) == ("the whole of it, and @carol", False)
    assert post.mentions == (Mention("carol"),)


@pytest.mark.parametrize("name", ["edit_history_tweet_ids", "edit_history_post_ids"])
def test_an_edited_post_names_its_versions(name: str) -> None:
    assert read(**{name: ["1849999999999999999", PLAIN["id"]]}).edit_ids == ("1849999999999999999", PLAIN["id"])


def test_a_retweet_that_ends_in_an_ellipsis_is_cut_off() -> None:
    assert read(text="RT @a: and so…", referenced_tweets=[{"type": "retweeted"}]).truncated is True
    assert read(text="and so…").truncated is False


def test_a_post_that_links_to_itself_is_cut_off_unless_its_note_is_there() -> None:
    entities = {"urls": [{"expanded_url": f"https://twitter.com/i/web/status/{PLAIN['id']}"}]}
    assert read(entities=entities).truncated is True
    assert read(entities=entities, note_tweet={"text": "all of it"}).truncated is False


def test_characters_that_cannot_be_stored_are_replaced() -> None:
    assert read(text="a\x00b\ud83d").text == "a\ufffdb\ufffd"
    assert read(lang="\ud83d").lang == "\ufffd"


def test_names_of_mentioned_people_come_from_what_was_bought() -> None:
    entities = {"mentions": [{"username": "CAROL"}, {"username": "dave"}]}
    users = ({"id": "3", "username": "Carol", "name": "Carol 🎨 #art"},)
    assert read(entities=entities, users=users).mentions == (Mention("CAROL", "Carol 🎨 #art"), Mention("dave"))


@pytest.mark.parametrize(
    "fields",
    [
        {"entities": {"urls": [{"url": "https://t.co/a", "expanded_url": None, "display_url": None}]}},
        {"entities": {"mentions": [{"start": 0, "end": 5, "id": "-1"}]}},
        {"entities": {"mentions": [{"username": None}, None], "urls": None}},
        {"entities": None, "referenced_tweets": None, "note_tweet": None, "lang": None, "edit_history_tweet_ids": None},
        {"note_tweet": {"text": "Fish &amp; chips", "entities": None}},
        {"users": [{"id": "3", "username": None, "name": "Carol"}, {"id": "4", "username": "dave", "name": None}]},
    ],
)
def test_what_is_null_is_not_there(fields: dict[str, Any]) -> None:
    post = read(**fields)
    assert (post.text, post.mentions, post.edit_ids, post.is_reply) == ("Fish &amp; chips", (), None, False)


def test_a_post_that_cannot_be_understood_costs_no_other() -> None:
    strange = {"id": "7", "text": ["a", "b"]}
    found = read_posts(PostsAnswer.model_validate({"data": [PLAIN, strange, 3]}))
    assert [post.id for post in found.posts] == [PLAIN["id"]]
    assert found.unread == {"7": '{"id": "7", "text": ["a", "b"]}', "": "3"}
