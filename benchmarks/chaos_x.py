"""What X sent in the night of :mod:`benchmarks.chaos`, against what is stored and written down."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from chaos_night import Kill, Night
from chaos_promise import Promise
from chaos_runs import caller
from chaos_world import World

from hugtweets.budget.ledger import Ledger
from hugtweets.simulator.accounts import user_id
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import Timeline, load

POST_USD = 0.005
Row = dict[str, Any]


def count_posts(world: World) -> dict[str, int]:
    """How many posts are stored of each account."""
    return {handle: len(stored(world, handle).posts) for handle in world.timelines}


def stored(world: World, handle: str) -> Timeline:
    """The timeline of an account."""
    return load(Home(world.home).timeline(handle))


def posts_kept(world: World) -> Iterator[Promise]:
    """The stored timelines, post for post, against what X has."""
    missing, doubled, altered, foreign, gaps = 0, 0, 0, 0, 0
    for handle, truth in world.timelines.items():
        timeline = stored(world, handle)
        expected = truth if handle in world.readable else {}
        ids = Counter(post.id for post in timeline.posts)
        missing += len(expected.keys() - ids.keys())
        foreign += len(ids.keys() - expected.keys())
        doubled += sum(number - 1 for number in ids.values())
        altered += sum(post.text != expected.get(post.id) for post in timeline.posts)
        gaps += len(timeline.gaps)
    yield Promise.told("posts that X has of readable accounts", sum(len(world.timelines[h]) for h in world.readable))
    yield Promise.exactly("posts missing", 0, missing)
    yield Promise.exactly("posts doubled", 0, doubled)
    yield Promise.exactly("posts altered", 0, altered)
    yield Promise.exactly("posts stored of accounts that cannot be read", 0, foreign)
    yield Promise.exactly("stretches still to be fetched", 0, gaps)


def posts_paid(world: World, night: Night, asked: list[Row]) -> Iterator[Promise]:
    """Which posts X sent more than once, and why."""
    days: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    before: dict[tuple[str, str], Row] = {}
    lost = {id(row) for row in lost_answers(night.kills, asked)}
    after_loss, unexplained = 0, []
    for row in asked:
        for post in ((row["path"], identifier) for identifier in row["posts"]):
            days[post].add(f"{datetime.fromtimestamp(row['time'], UTC):%Y-%m-%d}")
            if post in before:
                after_loss += 1
                if id(before[post]) not in lost:
                    unexplained.append(post)
            before[post] = row
    billed_twice = [post for post, on in days.items() if len(on) > 1]
    sent = sum(len(row["posts"]) for row in asked)
    yield Promise.told("posts sent by X", sent)
    yield Promise.exactly("posts billed by X: once per UTC day", len(before), sum(map(len, days.values())))
    yield Promise.none_of("posts billed twice", billed_twice)
    yield Promise.none_of("posts sent again though they had arrived", unexplained)
    again = f"{after_loss} (${after_loss * POST_USD:.2f} on another day)"
    yield Promise.told("posts sent again because an answer was lost", again)


def lost_answers(kills: Sequence[Kill], asked: list[Row]) -> Iterator[Row]:
    """Answers of X that need not be stored: cut ones, and the last page of each account before its reader died."""
    since: defaultdict[str, float] = defaultdict(float)
    for kill in kills:
        for killed in kill.callers:
            last: dict[str, Row] = {}
            for row in asked:
                is_its_own = row["caller"] == killed and since[killed] < row["time"] <= kill.time
                if is_its_own and row["posts"] and row["fault"] != "cut":
                    last[row["path"]] = row
            since[killed] = kill.time
            yield from last.values()
    yield from (row for row in asked if row["fault"] == "cut")


def ledger_agrees(world: World, night: Night, asked: list[Row]) -> Iterator[Promise]:
    """The ledger has every answer that arrived; only answers under way at a kill may be missing in it."""
    document = night.last.document
    ledger, api = Ledger(Home(world.home).ledger, document["flow_run"]), document["api"]
    arrived = [row for row in asked if row["status"] and row["fault"] != "cut"]
    last = [row for row in arrived if row["time"] > night.last.began and row["caller"] == caller("nightly")]
    yield Promise.exactly("requests in the last run's table, as X counts", len(last), api["requests"])
    yield Promise.exactly("posts read in the last run's table", sum(len(r["posts"]) for r in last), api["posts_read"])
    in_flight: Counter[str] = Counter()
    for row in lost_answers(night.kills, asked):
        in_flight[row["path"]] += len(row["posts"]) * (row["fault"] != "cut")
    wrong, unwritten = [], 0
    for handle in world.timelines:
        path = timeline_path(handle)
        sent = sum(len(row["posts"]) for row in arrived if row["path"] == path)
        difference = sent - ledger.of(handle).total().posts_read
        unwritten += difference
        if not 0 <= difference <= in_flight[path]:
            wrong.append(f"{handle} {difference}")
    yield Promise.none_of("accounts whose ledger does not agree with X", wrong)
    yield Promise.told("posts that arrived at a dying run and are in no ledger", unwritten)


def looked_at(night: Night, asked: list[Row]) -> Iterator[Promise]:
    """An account that a run calls completed or unchanged was asked for, and X answered."""
    wrong = []
    for run in (*night.runs, *night.ad_hoc.runs):
        mine = [row for row in asked if row["caller"] == caller(run.kind) and run.began < row["time"] < run.ended]
        answered = {row["path"] for row in mine if row["status"] == 200}
        well = [a["handle"] for a in run.document.get("accounts", []) if a["status"] in ("completed", "unchanged")]
        wrong += [f"{run.name} {handle}" for handle in well if timeline_path(handle) not in answered]
    yield Promise.none_of("accounts called completed or unchanged for which X did not answer", wrong)


def timeline_path(handle: str) -> str:
    """Where X has the posts of an account."""
    return f"/2/users/{user_id(handle)}/tweets"
