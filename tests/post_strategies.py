"""Hypothesis strategies for posts, shared by the tests of sources and of the timeline store."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from hugtweets.timelines.posts import Mention, Post

IDS = st.integers(0, 2**63 - 1).map(str)
MOMENTS = st.datetimes(datetime(2006, 3, 21), datetime(2100, 1, 1), timezones=st.just(UTC))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
WORDS = st.none() | TEXTS.filter(bool)
FLAGS = st.none() | st.booleans()
MENTIONS = st.none() | st.lists(st.builds(Mention, username=TEXTS.filter(bool), name=WORDS), max_size=3).map(tuple)

POSTS = st.builds(
    Post,
    id=IDS,
    created_at=MOMENTS,
    text=TEXTS,
    author=WORDS,
    name=WORDS,
    lang=WORDS,
    is_retweet=FLAGS,
    is_reply=FLAGS,
    is_quote=FLAGS,
    truncated=FLAGS,
    mentions=MENTIONS,
    source=st.just("file"),
)
TIMELINES = st.lists(POSTS, max_size=8, unique_by=lambda post: post.id)
