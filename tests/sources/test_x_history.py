"""Histories that X shows out of order, in pieces or in part: they are stored whole, or the run says what is missing."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.budget.ledger import Usage
from hugtweets.config import FetchConfig
from hugtweets.errors import RetryableError
from hugtweets.sources.x.answers import XUser
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import Gap, PostCount, Timeline, load, save
from tests.fixtures.x import alice, answering, run_ledger

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Shown:
    """A timeline as X shows it: ``ids`` in its order; pages are numbered from 1 in the order of the requests.

    Pages in ``without_token`` lack theirs, those in ``broken`` are no JSON, those in ``repeated`` come again, and those
    in ``short`` hold half of what was asked for. ``counts`` are the look-ups that it answered with the number of posts.
    All were made ``at`` one time.
    """

    ids: Sequence[int]
    without_token: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    repeated: set[int] = field(default_factory=set)
    short: set[int] = field(default_factory=set)
    counted: int | None = None
    page: int = 0
    counts: int = 0
    at: datetime = LONG_AGO

    def __call__(self, path: str) -> Any:
        """The answer to one request."""
        if path.startswith("/2/users/by?"):
            self.counts += 1
            return {
                "data": [{"id": "11", "username": "alice", "name": "Alice", **metrics(self.counted or len(self.ids))}]
            }
        self.page += 1
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        low, high = int(query.get("since_id", 0)), int(query.get("until_id", 10**18))
        start, size = int(query.get("pagination_token", 0)), int(query["max_results"])
        size = size // 2 if self.page in self.short else size
        shown = [number for number in self.ids if low < number < high]
        chunk, end = shown[start : start + size], start + size
        if self.page in self.broken:
            return b"<html>"
        if self.page in self.repeated:
            end = start
        more = end < len(shown) and self.page not in self.without_token
        data = [{"id": str(number), "text": "hello", "created_at": self.at.isoformat()} for number in chunk]
        return {"data": data, "meta": {"result_count": len(chunk)} | ({"next_token": str(end)} if more else {})}


def update(
    home: Home, shown: Shown, night: str = "first", posts: int | None = None, **options: Any
) -> tuple[str | None, Usage]:
    """A night: what it remarks, and what it cost."""
    ledger = run_ledger(home.root, night)
    with answering(shown) as server:
        source = alice(server.url, ledger, FetchConfig(**options))
        source = replace(source, user=XUser.model_validate({**source.user.model_dump(), **metrics(posts)}))
        return source.update(home.timeline("alice")), ledger.spent()


def metrics(posts: int | None) -> dict[str, Any]:
    """What a look-up says of the number of posts."""
    return {} if posts is None else {"public_metrics": {"tweet_count": posts}}


def stored(home: Home) -> list[int]:
    return [int(post.id) for post in load(home.timeline("alice")).posts]


def test_an_old_post_on_the_first_page_ends_no_history(home: Home) -> None:
    shown = Shown([1000, 5, *range(999, 300, -1)])
    assert update(home, shown)[0] is None
    assert stored(home) == [5, *range(301, 1001)]
    assert load(home.timeline("alice")).gaps == ()


def test_a_download_that_breaks_off_goes_on_below_the_page_and_not_below_an_old_post_on_it(home: Home) -> None:
    for place in (0, 1, 50, 98):
        ids = list(range(1000, 300, -1))
        ids.insert(place, 5)
        with suppress(RetryableError):
            update(home, Shown(ids, broken={2}))
        assert load(home.timeline("alice")).gaps == (Gap(None, "902"),)
        _, spent = update(home, Shown(ids), "second")
        assert (len(stored(home)), spent.posts_read) == (701, 602)
        home.timeline("alice").unlink()
        home.ledger.unlink()


def test_an_old_post_at_the_end_of_a_page_moves_the_mark_until_the_next_page_only(home: Home) -> None:
    ids = [*range(1000, 901, -1), 5, *range(901, 300, -1)]
    with suppress(RetryableError):
        update(home, Shown(ids, broken={3}))
    assert load(home.timeline("alice")).gaps == (Gap(None, "802"),)


def test_a_full_page_without_a_token_is_not_believed_to_be_the_last(home: Home) -> None:
    remark, spent = update(home, Shown(range(700, 0, -1), without_token={2}), posts=700)
    assert remark is None
    assert stored(home) == list(range(1, 701))
    assert spent.posts_read == 700


def test_new_posts_of_several_pages_are_read_past_a_lost_token(home: Home) -> None:
    update(home, Shown(range(50, 0, -1)))
    update(home, Shown(range(350, 0, -1), without_token={1}), "second")
    assert stored(home) == list(range(1, 351))


def test_new_posts_are_read_past_a_token_that_a_short_page_has_lost(home: Home) -> None:
    update(home, Shown(range(50, 0, -1)), posts=50)
    remark, spent = update(home, Shown(range(200, 0, -1), short={1}, without_token={1}), "second")
    assert (remark, stored(home)) == (None, list(range(1, 201)))
    assert (spent.posts_read, load(home.timeline("alice")).gaps) == (150, ())


def test_new_posts_that_the_budget_does_not_reach_past_a_lost_token_are_said_to_be_missing(home: Home) -> None:
    update(home, Shown(range(50, 0, -1)), posts=50)
    shown = Shown(range(200, 0, -1), short={1}, without_token={1})
    remark, spent = update(home, shown, "second", budget_usd=0.27)
    assert (remark, spent.posts_read) == ("stopped at the budget of $0.27 after 54 posts; the next run goes on", 54)
    update(home, Shown(range(200, 0, -1)), "third")
    assert stored(home) == list(range(1, 201))


def test_new_posts_below_a_page_that_came_twice_and_then_lost_its_token_are_read(home: Home) -> None:
    update(home, Shown(range(20, 0, -1)), posts=20)
    remark, _ = update(home, Shown(range(221, 0, -1), repeated={2}, without_token={3}), "second")
    assert (remark, stored(home)) == (None, list(range(1, 222)))


def test_new_posts_that_a_lost_token_hides_above_the_page_are_counted_as_missing(home: Home) -> None:
    update(home, Shown(range(50, 0, -1)), posts=50)
    shown = Shown([*range(151, 60, -1), *range(59, 50, -1), 60, *range(50, 0, -1)], without_token={1})
    remark, spent = update(home, shown, "second")
    assert remark == "1 is missing: when it was looked up, @alice had 151 posts"
    assert (spent.posts_read, spent.users_read) == (100, 1)
    assert (update(home, shown, "third")[0], shown.counts) == (remark, 1)


def test_of_an_account_with_more_posts_than_x_shows_the_new_ones_that_are_missing_are_counted(home: Home) -> None:
    path = home.timeline("alice")
    earlier = LONG_AGO - timedelta(days=1)
    old = [Post(str(n), earlier, "hi", source="x") for n in range(1, 41)]
    save(path, replace(Timeline().merged(old), count=PostCount(90_000, earlier.isoformat())))
    shown = Shown([60, 41, *range(58, 41, -1)], counted=90_020)
    remark, _ = update(home, shown, "second", max_posts=40)
    assert remark == "1 is missing: when it was looked up, @alice had 90,020 posts (X shows 3,200 at most)"


def test_new_posts_in_order_are_counted_once_that_costs_a_tenth_of_what_they_did(home: Home) -> None:
    update(home, Shown(range(50, 0, -1)), posts=50)
    for newest, counts in ((69, 0), (70, 1), (71, 0)):
        shown = Shown(range(newest, 0, -1), at=datetime.now(UTC))
        remark, spent = update(home, shown, f"night {newest}")
        assert (remark, spent.users_read, load(home.timeline("alice")).missing) == (None, counts, 0)


def test_what_a_short_page_in_order_has_hidden_is_said_with_the_next_count(home: Home) -> None:
    update(home, Shown(range(50, 0, -1)), posts=50)
    now = datetime.now(UTC)
    ids = [70, 69, *range(55, 50, -1), *range(68, 55, -1), *range(50, 0, -1)]
    assert update(home, Shown(ids, {1}, short={1}, at=now), "second", max_posts=14)[0] is None
    assert stored(home) == [*range(1, 56), 69, 70]
    remark, _ = update(home, Shown([*range(90, 70, -1), *ids], at=now), "third")
    assert remark == "13 are missing: when it was looked up, @alice had 90 posts"


def test_a_count_in_passing_that_the_budget_does_not_pay_for_is_no_remark(home: Home) -> None:
    update(home, Shown(range(50, 0, -1)), posts=50)
    shown = Shown(range(90, 0, -1), at=datetime.now(UTC))
    assert update(home, shown, "second", run_budget_usd=0.23)[0] is None
    assert (shown.counts, update(home, Shown(shown.ids), "third")[0]) == (0, None)


def test_a_count_that_the_budget_does_not_pay_for_is_taken_in_the_next_run(home: Home) -> None:
    update(home, Shown(range(50, 0, -1)), posts=50)
    shown = Shown([59, 58, 60, *range(57, 0, -1)], counted=61)
    remark, _ = update(home, shown, "second", budget_usd=0.2, user_usd=0.2)
    assert "the budget of $0.2 does not pay for counting the posts of @alice" in str(remark)
    assert update(home, shown, "third")[0] == "1 is missing: when it was looked up, @alice had 61 posts"


def test_fewer_than_the_account_has_is_said_and_asked_for_again_in_the_next_run(home: Home) -> None:
    path = home.timeline("alice")
    remark, _ = update(home, Shown(range(200, 50, -1)), posts=200)
    assert remark == "50 are missing: when it was looked up, @alice had 200 posts; the next run asks for them again"
    assert load(path).gaps == (Gap(None, "51"),)
    remark, spent = update(home, Shown(range(200, 0, -1)), "second")
    assert (remark, spent.posts_read, load(path).gaps) == (None, 50, ())


def test_posts_that_x_never_shows_are_asked_for_once_more_and_said_every_night(home: Home) -> None:
    nights = [update(home, Shown(range(200, 50, -1)), f"night {n}", 200 if n == 0 else None) for n in range(4)]
    assert [usage.requests for _, usage in nights] == [2, 2, 1, 1]
    assert sum(usage.posts_read for _, usage in nights) == 150
    assert all("50 are missing" in str(remark) for remark, _ in nights)
    assert "again" not in str(nights[1][0])


def test_what_x_shows_at_most_and_what_came_later_are_not_missed(home: Home) -> None:
    path = home.timeline("alice")
    save(path, Timeline().merged([Post(str(n), LONG_AGO, "hi", source="x") for n in range(1, 3201)]))
    assert update(home, Shown([]), posts=90_000)[0] is None
    late = Post("9999", datetime.now(UTC) + timedelta(days=1), "hi", source="x")
    found = Timeline().merged([late], ())
    counted = replace(found, count=XUser.model_validate({"id": "1", "username": "a", **metrics(1)}).count)
    assert counted.missing == 1


def test_ids_from_a_file_steer_no_request(home: Home) -> None:
    path = home.timeline("alice")
    made_up = [Post(number, LONG_AGO, "hi", source="file") for number in ("9" * 20, "8" * 18)]
    save(path, Timeline().merged([*made_up, Post("40", LONG_AGO, "hi", source="archive")]))
    update(home, Shown(range(60, 0, -1)))
    assert [int(post.id) for post in load(path).posts][:-2] == list(range(40, 61))


def test_a_post_of_a_file_that_x_has_shown_is_known_to_be_its(home: Home) -> None:
    path = home.timeline("alice")
    save(path, Timeline().merged([Post("50", LONG_AGO, "hi", source="file")]))
    assert load(path).newest_id is None
    update(home, Shown(range(50, 0, -1)))
    assert load(path).newest_id == "50"
    assert update(home, Shown(range(50, 0, -1)), "second")[1].posts_read == 0


PAGES = st.sets(st.integers(1, 9), max_size=3)


@settings(max_examples=20)
@given(data=st.data(), lost=PAGES, broken=PAGES, repeated=PAGES, short=PAGES)
def test_whatever_the_order_every_post_is_stored_or_counted_as_missing(
    data: st.DataObject, lost: set[int], broken: set[int], repeated: set[int], short: set[int]
) -> None:
    number = data.draw(st.integers(1, 350))
    shown = Shown(disordered(data, range(number, 0, -1)), lost, broken, repeated, short)
    home = Home(Path(tempfile.mkdtemp()))
    missing = said_missing(home, shown, number)
    found = stored(home)
    shutil.rmtree(home.root)
    assert missing == number - len(found)


# Where counting is free, the account is counted whenever posts came; else what is hidden is said with the next count.
@settings(max_examples=12)
@given(data=st.data(), lost=st.sets(st.integers(1, 4)), broken=PAGES, repeated=PAGES, short=PAGES)
def test_whatever_the_order_every_new_post_is_stored_or_counted_as_missing(
    data: st.DataObject, lost: set[int], broken: set[int], repeated: set[int], short: set[int]
) -> None:
    number = data.draw(st.integers(80, 250))
    new = list(range(20 + number, 20, -1))
    in_order = data.draw(st.booleans())
    ids = [*(new if in_order else disordered(data, new)), *range(20, 0, -1)]
    home = Home(Path(tempfile.mkdtemp()))
    update(home, Shown(range(20, 0, -1)), posts=20)
    missing = said_missing(home, Shown(ids, lost, broken, repeated, short), user_usd=0)
    found = stored(home)
    shutil.rmtree(home.root)
    assert missing == (0 if in_order else 20 + number - len(found))
    assert not in_order or len(found) == 20 + number


def disordered(data: st.DataObject, posts: Sequence[int]) -> list[int]:
    """Posts of which some stand elsewhere, or pages, or all of them."""
    ids = list(posts)
    places = st.integers(0, len(ids) - 1)
    for _ in range(data.draw(st.integers(0, 3))):
        ids.insert(data.draw(places), ids.pop(data.draw(places)))
    if data.draw(st.booleans()):
        ids = data.draw(st.permutations([ids[start : start + 100] for start in range(0, len(ids), 100)]).map(_joined))
    if data.draw(st.booleans()):
        data.draw(st.randoms()).shuffle(ids)
    return ids


def said_missing(home: Home, shown: Shown, posts: int | None = None, **options: Any) -> int:
    """How many posts are said to be missing in the last of five nights, in which no page is broken any more."""
    for night in range(4):
        with suppress(RetryableError):
            update(home, shown, f"night {night}", posts, **options)
    shown.broken = set()
    remark, _ = update(home, shown, "the last night", posts, **options)
    said = re.match(r"([\d,]+) (?:is|are) missing", remark or "")
    return int(said[1].replace(",", "") if said else 0)


def _joined(pages: list[list[int]]) -> list[int]:
    return [number for page in pages for number in page]
