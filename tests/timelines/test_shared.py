"""Timelines and ledgers that several machines share: no post and no cent is lost, whoever dies when."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.budget.shared_ledger import SEGMENT_LINES, catch_up, forget_in_store, pull_ledger, push_ledger
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store
from hugtweets.timelines.posts import Post
from hugtweets.timelines.shared import SharedTimeline
from hugtweets.timelines.timeline import Gap, PostCount, load, save
from tests.fixtures.flows import START
from tests.fixtures.stores import bucket, here, s3_endpoint, store, there
from tests.fixtures.written import written

__all__ = ["bucket", "here", "s3_endpoint", "store", "there"]

PAGE = Usage(requests=1, posts_read=100, usd=0.5)


def posts(*numbers: int) -> list[Post]:
    return [Post(str(number), START, f"post {number}", source="x") for number in numbers]


def add(home: Home, *numbers: int, gaps: tuple[Gap, ...] = ()) -> None:
    """Store posts on one machine, as a fetch does."""
    file = home.timeline("ferryclock")
    save(file, load(file).merged(posts(*numbers), gaps))


def ids(home: Home) -> list[str]:
    return [post.id for post in load(home.timeline("ferryclock")).posts]


def test_what_one_machine_stored_another_goes_on_from(here: Home, there: Home) -> None:
    add(here, 7, 8, gaps=(Gap("3", "7"),))
    SharedTimeline(here, "ferryclock").push()
    assert SharedTimeline(there, "ferryclock").exists()
    SharedTimeline(there, "ferryclock").pull()
    assert load(there.timeline("ferryclock")) == load(here.timeline("ferryclock"))


def test_a_gap_that_another_machine_filled_is_not_filled_again(here: Home, there: Home) -> None:
    add(here, 7, 8, gaps=(Gap("3", "7"),))
    SharedTimeline(here, "ferryclock").push()
    SharedTimeline(there, "ferryclock").pull()
    add(there, 4, 5, 6)
    SharedTimeline(there, "ferryclock").push()
    SharedTimeline(here, "ferryclock").pull()
    assert (ids(here), load(here.timeline("ferryclock")).gaps) == (["4", "5", "6", "7", "8"], ())


def test_a_page_that_was_not_sent_any_more_is_sent_by_the_next_fetch(here: Home, there: Home) -> None:
    add(here, 7, 8, gaps=(Gap("3", "7"),))
    SharedTimeline(here, "ferryclock").push()
    add(here, 5, 6, gaps=(Gap("3", "5"),))  # and then the machine went down
    SharedTimeline(here, "ferryclock").pull()
    SharedTimeline(there, "ferryclock").pull()
    assert (ids(there), load(there.timeline("ferryclock")).gaps) == (["5", "6", "7", "8"], (Gap("3", "5"),))


def test_two_machines_that_fetched_at_once_lose_nothing(here: Home, there: Home) -> None:
    for home, number in ((here, 9), (there, 10)):
        SharedTimeline(home, "ferryclock").pull()
        add(home, 8, number)
    SharedTimeline(here, "ferryclock").push()
    SharedTimeline(there, "ferryclock").push()
    SharedTimeline(here, "ferryclock").pull()
    SharedTimeline(there, "ferryclock").pull()
    assert ids(here) == ids(there) == ["8", "9", "10"]


def test_the_later_of_two_counts_is_believed(here: Home, there: Home) -> None:
    """A machine looked the account up again while another one sent the older count."""
    for home, number, at in ((there, 9, "2024-05-01T00:00:00+00:00"), (here, 10, "2024-06-01T00:00:00+00:00")):
        add(home, number)
        file = home.timeline("ferryclock")
        save(file, replace(load(file), count=PostCount(number, at)))
    SharedTimeline(there, "ferryclock").push()
    SharedTimeline(here, "ferryclock").pull()
    assert load(here.timeline("ferryclock")).count == PostCount(10, "2024-06-01T00:00:00+00:00")


def test_what_another_machine_overwrote_is_sent_again(here: Home, there: Home, store: Store) -> None:
    add(here, 8)
    SharedTimeline(here, "ferryclock").push()
    older = store.read(["timelines/ferryclock.parquet"])["timelines/ferryclock.parquet"]
    add(here, 9)
    SharedTimeline(here, "ferryclock").push()
    store.write("timelines/ferryclock.parquet", older)
    SharedTimeline(here, "ferryclock").pull()
    SharedTimeline(there, "ferryclock").pull()
    assert ids(there) == ["8", "9"]


def test_an_unchanged_timeline_is_neither_sent_nor_brought(here: Home, store: Store) -> None:
    add(here, 7, 8)
    shared = SharedTimeline(here, "ferryclock")
    shared.pull()
    sent, before = store.version("timelines/ferryclock.parquet"), written(here.timeline("ferryclock"))
    shared.pull()
    shared.push()
    assert store.version("timelines/ferryclock.parquet") == sent
    assert written(here.timeline("ferryclock")) == before


def test_without_a_store_nothing_is_remembered_of_one(tmp_path: Path) -> None:
    alone = Home(tmp_path / "alone")
    add(alone, 7)
    SharedTimeline(alone, "ferryclock").pull()
    assert [path.name for path in alone.timelines.iterdir()] == ["ferryclock.parquet"]


def test_a_machine_knows_what_the_others_spent(here: Home, there: Home) -> None:
    Ledger(here.ledger, "monday").of("bo").record(PAGE)
    Ledger(here.ledger, "tuesday").of("ada").record(PAGE)
    Ledger(there.ledger, "wednesday").record(PAGE)
    for run in ("monday", "tuesday"):
        push_ledger(here, run)
    pull_ledger(there)
    assert Ledger(there.ledger, "").month() == PAGE + PAGE + PAGE
    assert Ledger(there.ledger, "").of("bo").total() == PAGE


def test_what_is_known_already_is_not_added_again(here: Home, there: Home) -> None:
    for home in (here, here, there):
        Ledger(here.ledger, "monday").of("bo").record(PAGE)
        push_ledger(here, "monday")
        pull_ledger(home)
        pull_ledger(there)
    assert Ledger(here.ledger, "monday").spent() == PAGE + PAGE + PAGE
    assert Ledger(there.ledger, "monday").spent() == PAGE + PAGE + PAGE


def test_a_long_run_is_sent_in_segments_and_read_on_from_where_it_was(here: Home, there: Home, store: Store) -> None:
    for lines in (SEGMENT_LINES - 1, 3, SEGMENT_LINES):
        for _ in range(lines):
            Ledger(here.ledger, "monday").of("bo").record(PAGE)
        push_ledger(here, "monday")
        pull_ledger(there)
    assert len(store.sizes("ledger")) == 3
    assert there.ledger.read_bytes() == here.ledger.read_bytes()


def test_a_line_that_a_crash_cut_short_is_neither_sent_nor_counted(here: Home, there: Home) -> None:
    Ledger(here.ledger, "monday").record(PAGE)
    with here.ledger.open("a") as file:
        file.write('{"time": "2026-11-25", "run": "monday"')
    push_ledger(here, "monday")
    Ledger(here.ledger, "monday").record(PAGE)
    push_ledger(here, "monday")
    for home in (there, here):
        pull_ledger(home)
        assert Ledger(home.ledger, "monday").spent() == PAGE + PAGE


def test_what_a_run_could_not_send_any_more_is_sent_by_the_next_and_once(here: Home, there: Home, store: Store) -> None:
    for _ in range(SEGMENT_LINES + 2):
        Ledger(here.ledger, "monday").of("bo").record(PAGE)
    push_ledger(here, "monday")
    for run in ("monday", "tuesday"):
        Ledger(here.ledger, run).of("bo").record(PAGE)
    for _ in range(2):
        catch_up(here)
        pull_ledger(there)
        assert there.ledger.read_bytes() == here.ledger.read_bytes()
    assert len(store.sizes("ledger")) == 3


def test_a_forgotten_name_is_not_sent_again(here: Home, there: Home, store: Store) -> None:
    Ledger(here.ledger, "monday").of("bo").record(PAGE)
    push_ledger(here, "monday")
    forget_in_store(store, "bo")
    Ledger(here.ledger, "monday").of("ada").record(PAGE)
    catch_up(here)
    pull_ledger(there)
    assert [entry.handle for entry in Ledger(there.ledger, "").entries()] == [None, "ada"]


def test_accounts_fetched_at_once_send_every_line(here: Home, there: Home) -> None:
    def fetch(number: int) -> None:
        Ledger(here.ledger, "monday").of(f"a{number % 4}").record(PAGE)
        push_ledger(here, "monday")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fetch, range(40)))
    pull_ledger(there)
    assert Ledger(there.ledger, "monday").spent().requests == 40
