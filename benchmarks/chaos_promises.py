"""What :mod:`benchmarks.chaos` counts after the night: every promise, what is wanted, and what was found."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from chaos_world import FEW, PROTECTED, SUSPENDED, TOKEN, WANDB_KEY

from hugtweets.budget.ledger import Ledger
from hugtweets.jobs.job import STEPS
from hugtweets.simulator.accounts import user_id
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import Timeline, load
from tests.fixtures.wandb_log import read_run

if TYPE_CHECKING:
    from chaos import Night
    from chaos_world import World

POST_USD = 0.005
Row = dict[str, Any]


@dataclass(frozen=True)
class Promise:
    """One line of the table; ``kept`` is None where a number only tells what happened."""

    text: str
    wanted: int | str
    found: int | str
    kept: bool | None

    @classmethod
    def exactly(cls, text: str, wanted: int, found: int) -> Promise:
        """A number that must be met."""
        return cls(text, wanted, found, found == wanted)

    @classmethod
    def none_of(cls, text: str, found: Iterable[object]) -> Promise:
        """A list that must be empty; its first members are shown."""
        found = list(found)
        shown = f"{len(found)}: {', '.join(map(str, found[:3]))}" if found else 0
        return cls(text, 0, shown, not found)

    @classmethod
    def some(cls, text: str, found: int) -> Promise:
        """What must have happened at least once, or the night was none."""
        return cls(text, "some", found, found > 0)

    @classmethod
    def told(cls, text: str, found: int | str) -> Promise:
        """A number for the reader."""
        return cls(text, "", found, None)


def keep_promises(world: World, night: Night) -> list[Promise]:
    """All of them."""
    asked = world.asked()
    return [
        *faults_met(world, night, asked),
        *completeness(world, night),
        *posts_kept(world),
        *posts_paid(world, night, asked),
        *ledger_agrees(world, night, asked),
        *told_truly(world, night),
        *shown_in_prefect(world, night),
        *logged_in_wandb(world, night),
        *left_behind(world),
    ]


def faults_met(world: World, night: Night, asked: list[Row]) -> Iterator[Promise]:
    """Without faults the rest would prove nothing."""
    yield Promise.exactly("kills", night.planned_kills, len(night.kills))
    yield Promise.told("requests that X was asked", len(asked))
    for kind, number in sorted(Counter(row["fault"] for row in asked if row["fault"]).items()):
        yield Promise.some(f"requests that met the fault `{kind}`", number)
    yield Promise.some("runs in which a disk was full", int(night.full_disk_met))


def completeness(world: World, night: Night) -> Iterator[Promise]:
    """Every account that can complete has all steps, each made once."""
    outcomes = {account["handle"]: account for account in night.document["accounts"]}
    completed = [handle for handle in world.able if outcomes[handle]["status"] in ("completed", "unchanged")]
    yield Promise.exactly("accounts completed", len(world.able), len(completed))
    made = Counter(path.parts[-4:-2] for path in map(Path, _manifests(world)))
    missing = [f"{handle} {step}" for handle in world.able for step in STEPS if not made[step, handle]]
    yield Promise.none_of("artifacts missing", missing)
    # A report is made of all that is there, and anew whenever something is added.
    twice = [" ".join(key) for key, number in made.items() if number > 1 and key[0] != "report"]
    yield Promise.none_of("artifacts made twice", twice)
    paths = [step["path"] for account in outcomes.values() for step in account["steps"].values()]
    yield Promise.none_of("artifacts named in the table and not there", [p for p in paths if not Path(p).is_dir()])


def posts_kept(world: World) -> Iterator[Promise]:
    """The stored timelines, post for post, against what X has."""
    missing, doubled, altered, foreign, gaps = 0, 0, 0, 0, 0
    for handle, truth in world.timelines.items():
        stored = _stored(world, handle)
        expected = truth if handle in world.readable else {}
        ids = Counter(post.id for post in stored.posts)
        missing += len(expected.keys() - ids.keys())
        foreign += len(ids.keys() - expected.keys())
        doubled += sum(number - 1 for number in ids.values())
        altered += sum(post.text != expected.get(post.id) for post in stored.posts)
        gaps += len(stored.gaps)
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
    lost = {id(row) for row in lost_answers(night, asked)}
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


def lost_answers(night: Night, asked: list[Row]) -> Iterator[Row]:
    """Answers of X that need not have been stored: cut ones, and the last page of each account before each kill."""
    for began, ended in zip([0.0, *night.kills], night.kills, strict=False):
        last: dict[str, Row] = {}
        for row in asked:
            if began < row["time"] <= ended and row["posts"] and row["fault"] != "cut":
                last[row["path"]] = row
        yield from last.values()
    yield from (row for row in asked if row["fault"] == "cut")


def ledger_agrees(world: World, night: Night, asked: list[Row]) -> Iterator[Promise]:
    """The ledger has every answer that arrived; only answers under way at a kill may be missing in it."""
    ledger = Ledger(Home(world.home).ledger, night.document["flow_run"])
    arrived = [row for row in asked if row["status"] and row["fault"] != "cut"]
    last = [row for row in arrived if row["time"] > night.kills[-1]]
    api = night.document["api"]
    yield Promise.exactly("requests in the last run's table, as X counts", len(last), api["requests"])
    yield Promise.exactly("posts read in the last run's table", sum(len(r["posts"]) for r in last), api["posts_read"])
    in_flight: Counter[str] = Counter()
    for row in lost_answers(night, asked):
        in_flight[row["path"]] += len(row["posts"]) * (row["fault"] != "cut")
    wrong, unwritten = [], 0
    for handle in world.timelines:
        path = f"/2/users/{user_id(handle)}/tweets"
        sent = sum(len(row["posts"]) for row in arrived if row["path"] == path)
        difference = sent - ledger.of(handle).total().posts_read
        unwritten += difference
        if not 0 <= difference <= in_flight[path]:
            wrong.append(f"{handle} {difference}")
    yield Promise.none_of("accounts whose ledger does not agree with X", wrong)
    yield Promise.told("posts that arrived at a dying run and are in no ledger", unwritten)


def told_truly(world: World, night: Night) -> Iterator[Promise]:
    """The final document against what is known of each account."""
    wrong = []
    for account in night.document["accounts"]:
        handle, reason = account["handle"], account["reason"] or ""
        if (account["status"], all(part in reason for part in expected_reason(handle))) != (
            expected_status(night, account),
            True,
        ):
            wrong.append(f"{handle} {account['status']} {reason}")
        if handle in world.able and (reason or not (account["metrics"] and account["samples"])):
            wrong.append(f"{handle} {reason or 'has no metrics or samples'}")
    yield Promise.none_of("accounts with a wrong status or reason", wrong)
    counted = [account for account in night.document["accounts"] if account["handle"] in world.readable]
    wrong = [account["handle"] for account in counted if account["counts"] != _true_counts(world, night, account)]
    yield Promise.none_of("accounts with wrong counts", wrong)
    named = [account["handle"] for account in night.document["accounts"]]
    yield Promise.exactly("accounts in the table", len(world.timelines), len(set(named) & world.timelines.keys()))
    yield Promise.exactly("exit code: 1, as accounts failed", 1, night.exit_code or 0)
    log = world.log.read_text(errors="replace")
    yield Promise.none_of("lines of tracebacks or unforeseen errors", _suspicious(log))


def expected_status(night: Night, account: Row) -> str:
    """What must have become of an account in the last run."""
    if account["handle"] in (*SUSPENDED, PROTECTED):
        return "failed"
    if account["handle"] == FEW:
        return "skipped"
    # A page that had still to be made changes nothing about the account.
    paths = [step["path"] for name, step in account["steps"].items() if name != "report"]
    made_before = all(path in night.finished_before_last for path in paths)
    return "unchanged" if made_before else "completed"


def expected_reason(handle: str) -> tuple[str, ...]:
    """Words that the reason must have."""
    if handle in SUSPENDED:
        return ("suspended", handle)
    return {PROTECTED: ("protected", handle), FEW: ("5 posts", "6,000")}.get(handle, ())


def shown_in_prefect(world: World, night: Night) -> Iterator[Promise]:
    """The table of the last run in the Prefect UI against its document."""
    wanted = {"artifacts": {"key": {"any_": ["hugtweets-accounts"]}}, "sort": "CREATED_DESC", "limit": 1}
    (newest,) = requests.post(f"{world.prefect_url}/artifacts/filter", json=wanted, timeout=30).json()
    run = requests.get(f"{world.prefect_url}/flow_runs/{newest['flow_run_id']}", timeout=30).json()
    rows = {row["handle"]: (row["status"], row["reason"]) for row in json.loads(newest["data"])}
    document = {row["handle"]: (row["status"], row["reason"] or "") for row in night.document["accounts"]}
    wrong = [handle for handle in document if rows.get(handle) != document[handle]]
    yield Promise.none_of("rows of Prefect's table that differ from the document", wrong)
    yield Promise.exactly(
        "Prefect's newest table is that of the last run", 1, run["name"] == night.document["flow_run"]
    )
    ended = (run["state_type"], run["state"]["message"])
    failed = [row["handle"] for row in night.document["accounts"] if row["status"] == "failed"]
    message = f"{len(failed)}/{len(document)} accounts failed: {', '.join(failed)}"
    yield Promise.none_of(
        "final states of Prefect that do not name who failed", [ended] * (ended != ("FAILED", message))
    )


def logged_in_wandb(world: World, night: Night) -> Iterator[Promise]:
    """Every artifact has its run: at the server, or whole in a folder for `wandb sync`."""
    unlogged, modes, told = [], Counter[str](), set()
    known = world.wandb.digests
    for manifest in map(Path, _manifests(world)):
        digest, marker = manifest.parent.name, manifest.parent / "tracking.json"
        if not marker.exists():
            unlogged.append(f"{digest}: no marker")
            continue
        said = json.loads(marker.read_text())
        modes[said["mode"]] += 1
        told.add(said["run_id"])
        there = digest in known if said["mode"] == "online" else _is_in_folder(said["folder"], digest)
        if not there:
            unlogged.append(f"{digest}: not {said['mode']}")
    yield Promise.none_of("artifacts without their W&B run", unlogged)
    yield Promise.some("artifacts logged online", modes["online"])
    yield Promise.some("artifacts logged offline, in the outage", modes["offline"])
    runs = {path.name.rpartition("-")[2] for path in (world.home / "wandb").glob("*run-*") if path.is_dir()}
    yield Promise.told("W&B runs that a kill or the outage broke off", len(runs - told))


def _is_in_folder(folder: str, digest: str) -> bool:
    paths = list(Path(folder).glob("*.wandb"))
    runs = [read_run(path) for path in paths]
    return any(run.exit_code == 0 and any(digest in logged.aliases for logged in run.logged) for run in runs)


def left_behind(world: World) -> Iterator[Promise]:
    """What no run may leave: half-made files, and secrets in any file."""
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    names = [path for path in world.home.rglob("*") if ".partial" in path.name]
    yield Promise.none_of("half-made files and folders left", [path.relative_to(world.home) for path in names])
    secrets = [TOKEN.encode(), WANDB_KEY.encode()]
    found = [path for path in files if any(secret in path.read_bytes() for secret in secrets)]
    yield Promise.none_of("files that hold a secret", [path.relative_to(world.folder) for path in found])


def count_posts(world: World) -> dict[str, int]:
    """How many posts are stored of each account."""
    return {handle: len(_stored(world, handle).posts) for handle in world.timelines}


def _stored(world: World, handle: str) -> Timeline:
    return load(Home(world.home).timeline(handle))


def _manifests(world: World) -> list[str]:
    return [str(path) for path in world.home.glob("artifacts/*/*/[!.]*/manifest.json")]


def _true_counts(world: World, night: Night, account: Row) -> Row:
    number = len(world.timelines[account["handle"]])
    new = number - night.posts_before_last[account["handle"]]
    kept = account["counts"].get("kept", 0)
    dropped = account["counts"].get("dropped", {})
    consistent = kept + sum(dropped.values()) == number
    return {"fetched": number, "new": new} | ({"kept": kept, "dropped": dropped} if consistent else {})


def _suspicious(log: str) -> list[str]:
    return [line for line in log.splitlines() if line.startswith("Traceback") or "unforeseen" in line]
