"""What X sends to its own pages, as extensions save it: the account's posts get in whole, and nobody else's words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hugtweets.sources.files.reading import PostsFile, read_posts_file
from hugtweets.timelines.posts import Mention, Post
from tests.fixtures.graphql import graphql, graphql_answer, graphql_entry, written_by

ID = "1201506031228084201"


def raw(text: str, identifier: str = ID, **values: Any) -> dict[str, Any]:
    """A post of @ada as X sends it, with other ``values`` beside."""
    post = Post(identifier, datetime(2019, 12, 2, 14, 18, 55, tzinfo=UTC), text, author="ada", name="Ada")
    return graphql(post) | values


def read(folder: Path, *answers: object) -> PostsFile:
    path = folder / "saved.jsonl"
    path.write_text("".join(f"{json.dumps(answer)}\n" for answer in answers), encoding="utf-8")
    return read_posts_file(path)


def texts(folder: Path, *answers: object) -> list[str]:
    return [post.text for post in read(folder, *answers).posts]


def module(*posts: dict[str, Any]) -> dict[str, Any]:
    """A thread, as a page shows it."""
    items = [{"entryId": "thread-1-tweet-1", "item": graphql_entry(post)["content"]} for post in posts]
    return {"entryId": "profile-conversation-1", "content": {"entryType": "TimelineTimelineModule", "items": items}}


def nested(post: dict[str, Any], place: str) -> dict[str, Any]:
    """The same post where X puts it for other pages."""
    instructions = [{"type": "TimelineAddEntries", "entries": [graphql_entry(post)]}]
    timeline = {"timeline": {"instructions": instructions}}
    places: dict[str, dict[str, Any]] = {
        "older profile": {"data": {"user": {"result": {"timeline_v2": timeline}}}},
        "pinned": {"data": {"user": {"result": {"timeline": {"timeline": {"instructions": [
            {"type": "TimelinePinEntry", "entry": graphql_entry(post)}]}}}}}},
        "search": {"data": {"search_by_raw_query": {"search_timeline": timeline}}},
        "conversation": {"data": {"threaded_conversation_with_injections_v2": {"instructions": instructions}}},
        "more of a thread": {"data": {"user": {"result": {"timeline": {"timeline": {"instructions": [
            {"type": "TimelineAddToModule", "moduleItems": [{"item": graphql_entry(post)["content"]}]}]}}}}}},
        "one post": {"data": {"tweetResult": {"result": post}}},
        "entry": graphql_entry(post),
        "content": graphql_entry(post)["content"]["itemContent"],
        "visibility": {"__typename": "TweetWithVisibilityResults", "tweet": post, "limitedActionResults": {}},
        "dump": {"formatName": "dexie", "data": {"data": [{"tableName": "tweets", "rows": [post]}]}},
        "list": {"data": [post, post]},
    }  # fmt: skip
    return places[place]


@pytest.mark.parametrize(
    "place",
    ["older profile", "pinned", "search", "conversation", "more of a thread", "one post", "entry", "content",
     "visibility", "dump", "list"],
)  # fmt: skip
def test_posts_are_found_wherever_an_answer_holds_them(tmp_path: Path, place: str) -> None:
    file = read(tmp_path, nested(raw("The ferry waits."), place))

    assert [(post.id, post.author, post.text) for post in file.posts] == [(ID, "ada", "The ferry waits.")]
    assert "posts as X's own pages get them (GraphQL)" in file.choices[0]


def test_people_in_a_conversation_keep_their_words(tmp_path: Path) -> None:
    theirs = raw("Mine waits too.", f"{ID[:-1]}3", core=written_by("bob"))
    file = read(tmp_path, graphql_answer(module(raw("The ferry waits."), theirs)))

    assert [(post.author, post.text) for post in file.posts] == [
        ("ada", "The ferry waits."),
        ("bob", "Mine waits too."),
    ]


def test_who_has_left_x_is_told_from_the_account_by_number(tmp_path: Path) -> None:
    gone = raw("Gone by now.", f"{ID[:-1]}3", core={"user_results": {"result": {"__typename": "UserUnavailable"}}})
    gone["legacy"]["user_id_str"] = "55"

    assert [post.author for post in read(tmp_path, raw("The ferry waits."), gone).posts] == ["ada", "55"]


def test_names_are_found_where_newer_answers_hold_them(tmp_path: Path) -> None:
    [post] = read(tmp_path, raw("The ferry waits.", core=written_by("ada", "Ada L.", is_older=False))).posts

    assert (post.author, post.name) == ("ada", "Ada L.")


def test_posts_are_read_as_x_has_sent_them_since_2026(tmp_path: Path) -> None:
    post = {
        "__typename": "Tweet",
        "rest_id": ID,
        "core": {"user_result": {"result": {"rest_id": "9", "core": {"screen_name": "ada", "name": "Ada"}}}},
        "details": {"full_text": "@bob The ferry waits.", "created_at_ms": 1575296335000, "lang": "en"},
        "mention_entities": [{"screen_name": "bob", "name": "Bob"}],
        "reply_to_results": {"rest_id": "17", "result": raw("Theirs.", "17", core=written_by("bob"))},
        "legacy": {"retweeted_status_results": None},
    }
    quote = post | {
        "rest_id": f"{ID[:-1]}3",
        "reply_to_results": None,
        "quoted_tweet_results": {"result": raw("Theirs.")},
    }
    entry = {"entry_id": "tweet-1", "content": {"content": {"tweet_results": {"result": post}}}}
    instructions = [{"__typename": "TimelineAddEntries", "entries": [entry]}]
    first, second = read(tmp_path, {"data": {"profile": {"timeline": {"instructions": instructions}}}}, quote).posts

    assert first == Post(
        ID, datetime(2019, 12, 2, 14, 18, 55, tzinfo=UTC), "@bob The ferry waits.", author="ada", name="Ada", lang="en",
        is_retweet=False, is_reply=True, is_quote=False, truncated=False, mentions=(Mention("bob", "Bob"),),
        source="file", replied_to="17",
    )  # fmt: skip
    assert (second.is_reply, second.is_quote) == (False, True)


def test_adverts_posts_for_a_circle_and_posts_that_are_gone_are_no_posts(tmp_path: Path) -> None:
    gone = {"__typename": "TweetTombstone", "tombstone": {"text": {"text": "This Post was deleted."}}}
    advert = graphql_entry(raw("Buy one ferry!", f"{ID[:-1]}3"), promotedMetadata={"impressionId": "7"})
    private = graphql_entry(raw("Among us.", f"{ID[:-1]}5", trusted_friends_info_result={"__typename": "Info"}))
    answer = graphql_answer(graphql_entry(gone), advert, private, {"content": None}, graphql_entry(raw("A ferry.")))

    assert texts(tmp_path, answer) == ["A ferry."]


def test_what_is_repeated_or_quoted_is_not_read(tmp_path: Path) -> None:
    theirs = {
        "result": {"__typename": "TweetWithVisibilityResults", "tweet": raw("Theirs.", "3", core=written_by("bob"))}
    }
    repeat = raw("RT @bob: Theirs.")
    repeat["legacy"]["retweeted_status_result"] = theirs
    quote = raw("How true.", f"{ID[:-1]}3", quoted_status_result=theirs)
    posts = read(tmp_path, graphql_answer(graphql_entry(repeat), graphql_entry(quote))).posts

    assert [(post.text, post.is_retweet, post.is_quote) for post in posts] == [
        ("RT @bob: Theirs.", True, False), ("How true.", False, True)
    ]  # fmt: skip


def test_a_long_post_is_read_whole_and_without_its_note_it_is_cut(tmp_path: Path) -> None:
    whole, cut = raw("The kettle sings. " * 40), raw("The kettle", f"{ID[:-1]}3", note_tweet={"is_expandable": True})
    posts = read(tmp_path, whole, cut).posts

    assert [(len(post.text), post.truncated) for post in posts] == [(720, False), (10, True)]


def test_a_post_without_words_is_one(tmp_path: Path) -> None:
    assert texts(tmp_path, graphql_answer(graphql_entry(raw("")))) == [""]


def test_versions_of_an_edited_post_are_known(tmp_path: Path) -> None:
    versions = [f"{ID[:-1]}0", ID]
    control = {"edit_control_initial": {"edit_tweet_ids": versions}}

    assert read(tmp_path, raw("Edited.", edit_control=control)).posts[0].edit_ids == tuple(versions)


def test_a_table_that_was_made_of_such_answers_is_read(tmp_path: Path) -> None:
    path = tmp_path / "saved.csv"
    path.write_text(
        "rest_id,core.user_results.result.core.screen_name,legacy.full_text,legacy.created_at,legacy.is_quote_status\n"
        f"{ID},ada,The ferry waits.,Mon Dec 02 14:18:55 +0000 2019,False\n"
    )

    assert [(post.author, post.text, post.is_quote) for post in read_posts_file(path).posts] == [
        ("ada", "The ferry waits.", False)
    ]
