"""One timeline through the files of every tool: post for post the same, and announced as what it is."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.sources.files.reading import read_posts_file
from hugtweets.timelines.posts import Mention, Post
from tests.fixtures.post_files import WRITERS

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=2, max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n,;\"'\t"), min_size=1, max_size=60)
KINDS = st.sampled_from(["", "is_retweet", "is_reply", "is_quote"])


def post(number: int, text: str, kind: str, mentioned: list[str]) -> Post:
    """A post that says everything; what it refers to is of one kind, as some tools have room for one only."""
    return Post(
        id=f"{number}7",  # ids that end in zeros are taken for rounded ones
        created_at=datetime(2020, 1, 1 + number % 28, number % 24, number % 60, tzinfo=UTC),
        # Nothing but this tells the texts of a twarc CSV, all in quotation marks by chance, from encoded ones.
        text=f"{number % 7} {text}",
        author="bo_1",
        name="Bo & Co",
        lang="en",
        is_retweet=kind == "is_retweet",
        is_reply=kind == "is_reply",
        is_quote=kind == "is_quote",
        truncated=False,
        mentions=tuple(Mention(username, username.title()) for username in dict.fromkeys(mentioned)),
        source="file",
        replied_to="17" if kind == "is_reply" else None,
    )


POSTS = st.builds(post, st.integers(10**16, 10**17), TEXTS, KINDS, st.lists(NAMES, max_size=2))
TIMELINES = st.lists(POSTS, min_size=1, max_size=7, unique_by=lambda post: post.id)


def said(post: Post, columns: frozenset[str]) -> dict[str, Any]:
    """What is compared of a post: who, when and what, and those columns that the tool has."""
    values = asdict(post)
    values["author"] = (post.author or "").removeprefix("@")
    # Some tools write nothing where nobody is mentioned.
    values["mentions"] = values["mentions"] or ()
    return {name: values[name] for name in ("id", "created_at", "text", *columns)}


@pytest.mark.parametrize("tool", WRITERS)
def test_posts_come_back_as_they_were_from_the_files_of_every_tool(
    tmp_path_factory: pytest.TempPathFactory, tool: str
) -> None:
    suffix, save, columns = WRITERS[tool]
    path = tmp_path_factory.mktemp("dialect") / f"posts{suffix}"

    @given(TIMELINES)
    @settings(max_examples=15)
    def check(posts: list[Post]) -> None:
        save(path, posts)
        file = read_posts_file(path)
        assert not file.passed_over.number
        assert [said(post, columns) for post in file.posts] == [said(post, columns) for post in posts]

    check()


ANNOUNCED = {
    "twarc 1": "posts of the X API v1.1 (twarc 1), since it has the keys id_str, full_text",
    "search of v1.1": "answers of the X API v1.1, since it has the keys statuses",
    "GraphQL": "posts as X's own pages get them (GraphQL), since it has the keys rest_id, legacy",
    "answers of GraphQL": "posts as X's own pages get them (GraphQL), since it has the keys data",
    "answers of v2": "answers of the X API v2 (twarc2), since it has the keys data, includes",
    "flattened v2": "posts of the X API v2 (twarc2 flatten), since it has the keys author_id, referenced_tweets",
    "twarc-csv": "CSV, twarc2 CSV, since it has the columns author.username, author_id",
    "twarc-csv, encoded": "twarc2 CSV with JSON-encoded texts, since",
    "snscrape": "posts of snscrape, since it has the keys rawContent",
    "twint CSV": "CSV with tabs, posts of twint, since it has the columns tweet, conversation_id, date, time",
    "GetOldTweets": "CSV with semicolons, GetOldTweets table, since",
    "Trump archive": "table of the Trump archive, since it has the columns isRetweet, isDeleted, device",
    "Apify": "posts of an Apify scraper, since it has the keys twitterUrl, createdAt",
    "RapidMiner": "CSV with semicolons, table of RapidMiner, since it has the columns Created-At, From-User",
    "spreadsheet": "a table of posts, in which Tweet ID is id, Created At is created_at, Full Text is text",
}


@pytest.mark.parametrize("tool", ANNOUNCED)
def test_the_dialect_is_announced_with_what_it_was_known_by(tmp_path: Path, tool: str) -> None:
    suffix, save, _ = WRITERS[tool]
    save(tmp_path / f"posts{suffix}", [post(10**17 + 1, "The kettle sang", "is_reply", ["ada"])])

    assert ANNOUNCED[tool] in " ".join(read_posts_file(tmp_path / f"posts{suffix}").choices)


def test_our_own_columns_need_no_announcement(tmp_path: Path) -> None:
    _, save, _ = WRITERS["array"]
    save(tmp_path / "posts.json", [replace(post(10**17 + 1, "The kettle sang", "", []), author="bo")])

    assert read_posts_file(tmp_path / "posts.json").choices == ()
