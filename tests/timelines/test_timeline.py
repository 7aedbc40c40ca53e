"""The store of raw posts: nothing is lost, nothing is stored twice, and a crash leaves the old file or the new one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.errors import UnreadableSource
from hugtweets.timelines.posts import Mention, Post
from hugtweets.timelines.timeline import GAPS, STORED_SCHEMA, Gap, PostCount, Timeline, load, save, summarise
from tests.fixtures.post_strategies import POSTS, TIMELINES

MOMENT = datetime(2024, 5, 31, 18, 30, tzinfo=UTC)


def post(identifier: str, text: str = "High water at noon.") -> Post:
    return Post(identifier, MOMENT, text)


def test_a_timeline_that_was_never_saved_is_empty(tmp_path: Path) -> None:
    assert load(tmp_path / "skipper.parquet") == Timeline()
    assert Timeline().newest_id is None


def test_posts_are_ordered_by_the_number_of_their_id() -> None:
    timeline = Timeline().merged([post("100"), post("21"), post("3"), post("1656696488796512257")])

    assert [stored.id for stored in timeline.posts] == ["3", "21", "100", "1656696488796512257"]
    assert timeline.newest_id == "1656696488796512257"


def test_posts_and_gaps_are_saved_together(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "skipper.parquet"
    timeline = Timeline().merged([post("3"), post("21")], [Gap(None, "3"), Gap("3", "21")])
    save(path, timeline)

    assert load(path) == timeline


@given(TIMELINES)
@settings(max_examples=30)
def test_a_summary_says_what_the_posts_say(tmp_path_factory: pytest.TempPathFactory, posts: list[Post]) -> None:
    path = tmp_path_factory.mktemp("summary") / "skipper.parquet"
    assert summarise(path) == Timeline().summary()
    timeline = Timeline().merged(posts, [Gap(None, "3")])
    save(path, timeline)
    assert summarise(path) == load(path).summary() == timeline.summary()


def test_a_file_without_a_summary_is_read(tmp_path: Path) -> None:
    path = tmp_path / "skipper.parquet"
    timeline = Timeline().merged([post("3"), post("21")], [Gap(None, "3")])
    save(path, timeline)
    older = pq.read_table(path)
    pq.write_table(older.replace_schema_metadata({GAPS: older.schema.metadata[GAPS]}), path)
    assert summarise(path) == timeline.summary()


def test_a_later_count_expects_no_post_that_was_deleted_before_and_those_that_came_since() -> None:
    first, later = MOMENT + timedelta(hours=1), MOMENT + timedelta(days=1)
    old = [replace(post(str(number)), source="x") for number in range(1, 11)]
    timeline = replace(Timeline().merged(old), count=PostCount(10, first.isoformat()))
    timeline = timeline.verified([], {"3"}, first + timedelta(hours=1))
    assert timeline.missing == 0
    new = [Post(str(number), first + timedelta(hours=2), "Low water.", source="x") for number in (11, 12)]
    timeline = timeline.merged(new)
    assert timeline.recounted(PostCount(11, later.isoformat()), 3200).missing == 0
    assert timeline.recounted(PostCount(13, later.isoformat()), 3200).missing == 2


def test_gaps_stay_unless_others_are_given() -> None:
    timeline = Timeline().merged([post("3")], [Gap(None, "3")])

    assert timeline.merged([post("4")]).gaps == (Gap(None, "3"),)
    assert timeline.merged([post("4")], []).gaps == ()


def test_saving_leaves_nothing_but_the_file(tmp_path: Path) -> None:
    save(tmp_path / "skipper.parquet", Timeline().merged([post("3")]))

    assert [path.name for path in tmp_path.iterdir()] == ["skipper.parquet"]


def test_a_half_written_file_beside_the_timeline_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "skipper.parquet"
    (tmp_path / ".partial-another-machine-7-k3a9").write_bytes(b"PAR1 cut o")
    save(path, Timeline().merged([post("3")]))

    assert load(path).newest_id == "3"


def test_a_failed_save_keeps_the_old_timeline(tmp_path: Path) -> None:
    path = tmp_path / "skipper.parquet"
    save(path, Timeline().merged([post("3")]))
    with pytest.raises(UnicodeEncodeError):
        save(path, Timeline().merged([post("4", "\ud83c")]))

    assert load(path).newest_id == "3"
    assert [file.name for file in tmp_path.iterdir()] == ["skipper.parquet"]


SAVING_FOR_EVER = """
import itertools, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import Gap, Timeline, save
timeline = Timeline()
for number in itertools.count(1):
    timeline = timeline.merged([Post(str(number), datetime.now(UTC), "x" * 500)], [Gap(None, str(number))])
    save(Path(sys.argv[1]), timeline)
"""


@pytest.fixture
def saved_for_ever(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A timeline that another process saves over and over, and that process."""
    path = tmp_path / "skipper.parquet"
    with subprocess.Popen([sys.executable, "-c", SAVING_FOR_EVER, str(path)]) as process:
        try:
            while not path.exists() and process.poll() is None:
                time.sleep(0.01)
            yield path, process
        finally:
            process.kill()


def test_a_killed_process_leaves_a_whole_timeline(saved_for_ever: tuple[Path, subprocess.Popen[bytes]]) -> None:
    path, process = saved_for_ever
    while load(path).newest_id == "1":
        time.sleep(0.01)
    process.kill()
    process.wait()

    timeline = load(path)
    assert timeline.gaps == (Gap(None, timeline.newest_id),)
    assert len(timeline.posts) == int(timeline.newest_id or 0)


def test_a_reader_beside_a_writer_sees_whole_timelines_only(
    saved_for_ever: tuple[Path, subprocess.Popen[bytes]],
) -> None:
    path, _ = saved_for_ever
    for _ in range(200):
        timeline = load(path)
        assert len(timeline.posts) == int(timeline.newest_id or 0)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"])
def test_a_damaged_timeline_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "skipper.parquet"
    path.write_bytes(content)
    with pytest.raises(UnreadableSource, match=r"skipper\.parquet"):
        load(path)


def test_somebody_elses_parquet_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1]}), tmp_path / "skipper.parquet")
    with pytest.raises(UnreadableSource, match="not written by this version"):
        load(tmp_path / "skipper.parquet")


def test_a_stored_text_is_never_altered() -> None:
    [stored] = Timeline().merged([post("3", "Before.")]).merged([post("3", "After.")]).posts

    assert stored.text == "Before."


def test_gaps_in_a_stored_post_are_filled() -> None:
    known = replace(post("3"), lang="en", mentions=(Mention("bo", "Bo"), Mention("cy", "Cy")), source="archive")
    stored = replace(post("3"), source="x", mentions=(Mention("Bo"), Mention("ada", "Ada")))
    [merged] = Timeline((stored,)).merged([known]).posts

    assert (merged.lang, merged.source) == ("en", "x")
    assert merged.mentions == (Mention("Bo", "Bo"), Mention("ada", "Ada"))


def test_a_text_that_was_cut_off_gives_way_to_the_whole_one_and_keeps_the_names_it_knew() -> None:
    cut = replace(post("3", "@bo High wa…"), truncated=True, mentions=(Mention("bo", "Bo"),))
    whole = replace(post("3", "@bo High water, says @cy"), truncated=False, mentions=(Mention("bo"), Mention("cy")))
    [merged] = Timeline((cut,)).merged([whole]).posts

    assert (merged.text, merged.truncated) == (whole.text, False)
    assert merged.mentions == (Mention("bo", "Bo"), Mention("cy"))
    assert Timeline((whole,)).merged([cut]).posts[0].text == whole.text


@given(TIMELINES, TIMELINES)
def test_merging_is_idempotent(stored: list[Post], arriving: list[Post]) -> None:
    once = Timeline().merged(stored).merged(arriving)

    assert once.merged(arriving) == once
    assert once.merged(stored) == once


@given(st.lists(POSTS, max_size=6, unique_by=lambda post: post.id).flatmap(lambda posts: st.tuples(
    st.just(posts), st.permutations(posts), st.integers(0, 6))))  # fmt: skip
def test_different_posts_may_arrive_in_any_order_and_any_portions(case: tuple[list[Post], list[Post], int]) -> None:
    posts, shuffled, cut = case

    assert Timeline().merged(shuffled[:cut]).merged(shuffled[cut:]) == Timeline().merged(posts)


@given(st.lists(POSTS, max_size=8))
def test_no_post_is_lost_and_none_is_there_twice(posts: list[Post]) -> None:
    assert [stored.id for stored in Timeline().merged(posts).posts] == sorted({post.id for post in posts}, key=int)


@given(TIMELINES, st.lists(st.builds(Gap, st.none() | st.just("4"), st.none() | st.just("9")), max_size=3))
@settings(max_examples=50)
def test_any_timeline_can_be_saved_and_loaded(
    tmp_path_factory: pytest.TempPathFactory, posts: list[Post], gaps: list[Gap]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.parquet"
    edited = [replace(post, edit_ids=("1", post.id)) for post in posts]
    timeline = Timeline().merged(edited, gaps)
    save(path, timeline)

    assert load(path) == timeline
    assert pq.read_schema(path).equals(STORED_SCHEMA)


def test_a_timeline_without_the_columns_of_later_versions_is_what_it_was(tmp_path: Path) -> None:
    path, timeline = tmp_path / "posts.parquet", Timeline().merged([post("1"), post("2")])
    save(path, timeline)
    summary = summarise(path)
    pq.write_table(pq.read_table(path).drop_columns(["deleted", "replied_to"]), path)
    assert (load(path), summarise(path)) == (timeline, summary)
    answers = Timeline().merged([replace(post("1"), replied_to="2"), post("2")])
    assert load(path).digest() != answers.digest()


@given(TIMELINES)
def test_the_digest_follows_the_posts_and_nothing_else(posts: list[Post]) -> None:
    timeline = Timeline().merged(posts)
    more = timeline.merged([post("9" * 20)])

    assert timeline.digest() == timeline.merged(reversed(posts), [Gap()]).digest()
    assert timeline.digest() != more.digest()
    assert more.digest() != replace(more, posts=(*more.posts[:-1], post("9" * 20, "Low water."))).digest()
