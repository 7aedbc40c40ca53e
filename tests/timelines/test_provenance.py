"""Where posts came from, as people read it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hugtweets.timelines.posts import Post
from hugtweets.timelines.provenance import count_sources, describe_sources
from hugtweets.timelines.timeline import Timeline, save


def test_posts_are_counted_by_source_over_all_timelines_that_can_be_read(tmp_path: Path) -> None:
    sources = ["x", None, "bluesky", "x"]
    posts = [Post(str(number), datetime(2026, 1, 1, tzinfo=UTC), "hi", source=s) for number, s in enumerate(sources, 1)]
    for name in ("one", "two"):
        save(tmp_path / name, Timeline(tuple(posts)))
    (tmp_path / "damaged").write_text("no parquet", encoding="utf-8")
    counted = count_sources(*(tmp_path / name for name in ("one", "two", "damaged", "missing")))
    assert counted == {"x": 4, "unknown": 2, "bluesky": 2}


def test_sources_have_names_and_several_have_numbers() -> None:
    assert describe_sources({"mastodon": 3}) == "Mastodon"
    assert (
        describe_sources({"archive": 1200, "unknown": 1})
        == "an export from X (1,200 posts), an unknown source (1 post)"
    )
