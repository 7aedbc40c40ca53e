"""A timeline written as an export of any layout, packed in any way, is read back post for post."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.sources.archive.reading import read_export
from hugtweets.timelines.posts import Post
from tests.fixtures.export_layouts import CONTAINERS, LAYOUTS
from tests.fixtures.exports import HANDLE
from tests.fixtures.post_strategies import IDS, MENTIONS, TEXTS, WORDS

WORD = st.text("abc äß波🐙&<'", min_size=3, max_size=9)


@st.composite
def timelines(draw: st.DrawFn) -> list[Post]:
    """Posts as an export can hold them: no two at one time, retweets known by their text, some of them long."""
    posts = []
    for number, identifier in enumerate(draw(st.lists(IDS, max_size=6, unique=True))):
        kind = draw(st.sampled_from(["", "retweet", "reply", "quote", "long"]))
        text = draw(TEXTS.filter(lambda text: not text.startswith("RT @")))
        if kind == "long":
            text = f"Number {number}: " + " ".join(draw(WORD) for _ in range(3)) * 30
        post = Post(
            id=identifier,
            created_at=datetime(2019, 12, 31, 23, 50, tzinfo=UTC) + timedelta(minutes=number * 5),
            text=("RT @bo: " if kind == "retweet" else "") + html.escape(" ".join(text.split()), quote=False),
            author=HANDLE,
            name="The Ferry Clock",
            lang=draw(WORDS),
            is_retweet=kind == "retweet",
            is_reply=kind == "reply",
            is_quote=kind == "quote",
            truncated=False,
            mentions=draw(MENTIONS) or (),
            source="archive",
            replied_to="8" if kind == "reply" else None,
        )
        posts.append(post)
    return posts


@given(timelines(), st.sampled_from(sorted(LAYOUTS)), st.sampled_from(sorted(CONTAINERS)))
@settings(max_examples=120, deadline=None)
def test_every_layout_in_every_container_gives_the_posts_back(posts: list[Post], layout: str, container: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = CONTAINERS[container](Path(folder) / "export", LAYOUTS[layout](posts)) if posts else None
        read = read_export(path, HANDLE).posts if path else []

    assert by_id(read) == by_id(as_kept_by(layout, posts))


def as_kept_by(layout: str, posts: Sequence[Post]) -> list[Post]:
    """The posts without what the layout does not say."""
    if layout == "tweets.csv":
        return [replace(post, lang=None, mentions=None) for post in posts]
    return [replace(post, lang=None) for post in posts] if layout == "months" else list(posts)


def by_id(posts: Sequence[Post]) -> dict[str, Post]:
    assert len({post.id for post in posts}) == len(posts)
    return {post.id: post for post in posts}
