"""What :mod:`benchmarks.chaos` counts after the night: every promise, what is wanted, and what was found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import requests
from chaos_night import Night, cause
from chaos_promise import Promise
from chaos_world import FEW, PROTECTED, SUSPENDED, TOKENS, WANDB_KEY, World
from chaos_x import Row, ledger_agrees, looked_at, posts_kept, posts_paid

from hugtweets.jobs.job import STEPS

# Made of all that is there, and anew whenever something is added.
OF_ALL = ("report", "authorship")


def keep_promises(world: World, night: Night) -> list[Promise]:
    """All of them."""
    asked = world.asked()
    return [
        *faults_met(world, night, asked),
        *runs_explained(night),
        *completeness(world, night),
        *posts_kept(world),
        *posts_paid(world, night, asked),
        *ledger_agrees(world, night, asked),
        *looked_at(night, asked),
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
    yield Promise.exactly("restarts of Prefect's server", 2, len(world.prefect.restarts))
    refused = sum(row["status"] == 401 for row in asked)
    yield Promise.some("requests that X refused while the token was revoked", refused)
    yield Promise.some("uploads that W&B failed", world.wandb.failed_uploads)


def runs_explained(night: Night) -> Iterator[Promise]:
    """How many runs there were, and that each of them ended for a reason that it gave."""
    for kind, runs in (("nightly", night.runs), ("ad hoc", night.ad_hoc.runs)):
        causes = Counter(cause(run, night) or "?" for run in runs)
        told = ", ".join(f"{number} {reason}" for reason, number in sorted(causes.items()))
        yield Promise.told(f"{kind} runs, and why they ended", f"{len(runs)}: {told}")
        unexplained = [run.name for run in runs if cause(run, night) is None]
        yield Promise.none_of(f"{kind} runs that ended without a reason", unexplained)
    refused = [run for run in night.runs if cause(run, night) == "token refused"]
    yield Promise.some("nights that ended red as X refused the token", sum(run.exit_code == 1 for run in refused))
    yield Promise.none_of("runs that X refused and that were green", [run.name for run in refused if not run.exit_code])


def completeness(world: World, night: Night) -> Iterator[Promise]:
    """Every account that can complete has all steps, each made once."""
    outcomes = {account["handle"]: account for account in night.last.document["accounts"]}
    completed = [handle for handle in world.able if outcomes[handle]["status"] in ("completed", "unchanged")]
    yield Promise.exactly("accounts completed", len(world.able), len(completed))
    made = Counter(path.parts[-4:-2] for path in _manifests(world))
    missing = [f"{handle} {step}" for handle in world.able for step in STEPS if not made[step, handle]]
    yield Promise.none_of("artifacts missing", missing)
    in_part = learned_in_part(world, night)
    yield Promise.told("accounts learned from what was stored when X refused the token, and once more", len(in_part))
    times = {handle: 1 + in_part[handle] for handle in world.able}
    twice = [f"{step} {handle}" for (step, handle), number in made.items() if number > times.get(handle, 1)]
    yield Promise.none_of("artifacts made twice", [name for name in twice if not name.startswith(OF_ALL)])
    paths = [step["path"] for account in outcomes.values() for step in account["steps"].values()]
    yield Promise.none_of("artifacts named in the table and not there", [p for p in paths if not Path(p).is_dir()])


def learned_in_part(world: World, night: Night) -> Counter[str]:
    """How often the timeline of an account was copied before all of it was there, as X refused to send the rest."""
    copies: Counter[str] = Counter()
    # A run asks X no more once it was refused, also when the token is good again; a killed one has not said so.
    runs = (*night.runs, *night.ad_hoc.runs)
    refused = [run for run in runs if run.overlaps(*night.events.revoked)]
    for path in _manifests(world):
        step, handle = path.parts[-4:-2]
        manifest = json.loads(path.read_text())
        is_part = manifest["counts"].get("gaps") or manifest["counts"].get("fetched") != len(world.timelines[handle])
        is_refused = any(run.began < path.stat().st_mtime < run.ended for run in refused)
        if step == "fetch" and is_part and is_refused:
            copies[handle] += 1
    return copies


def told_truly(world: World, night: Night) -> Iterator[Promise]:
    """The final document against what is known of each account."""
    wrong, accounts = [], night.last.document["accounts"]
    for account in accounts:
        handle, reason = account["handle"], account["reason"] or ""
        is_explained = all(part in reason for part in expected_reason(handle))
        if account["status"] not in expected_statuses(night, account) or not is_explained:
            wrong.append(f"{handle} {account['status']} {reason}")
        if handle in world.able and (reason or not (account["metrics"] and account["samples"])):
            wrong.append(f"{handle} {reason or 'has no metrics or samples'}")
    yield Promise.none_of("accounts with a wrong status or reason", wrong)
    counted = [account for account in accounts if account["handle"] in world.readable]
    wrong = [account["handle"] for account in counted if not _counts_are_true(world, night, account)]
    yield Promise.none_of("accounts with wrong counts", wrong)
    named = {account["handle"] for account in accounts}
    yield Promise.exactly("accounts in the table", len(world.timelines), len(named & world.timelines.keys()))
    yield Promise.exactly("exit code: 1, as accounts failed", 1, night.last.exit_code or 0)
    runs = (*night.runs, *night.ad_hoc.runs)
    suspicious = [f"{run.name}: {line}" for run in runs for line in _suspicious(run.said)]
    yield Promise.none_of("lines of tracebacks or unforeseen errors", suspicious)


def expected_statuses(night: Night, account: Row) -> tuple[str, ...]:
    """What may have become of an account in the last run."""
    if account["handle"] in (*SUSPENDED, PROTECTED):
        return ("failed",)
    if account["handle"] == FEW:
        return ("skipped",)
    if account["handle"] in night.beside_last:
        # Who made it depends on who came first.
        return ("completed", "unchanged")
    # A page that had still to be made changes nothing about the account.
    paths = [step["path"] for name, step in account["steps"].items() if name != "report"]
    made_before = all(path in night.finished_before_last for path in paths)
    return ("unchanged",) if made_before else ("completed",)


def expected_reason(handle: str) -> tuple[str, ...]:
    """Words that the reason must have."""
    if handle in SUSPENDED:
        return ("suspended", handle)
    return {PROTECTED: ("protected", handle), FEW: ("5 posts", "6,000")}.get(handle, ())


def shown_in_prefect(world: World, night: Night) -> Iterator[Promise]:
    """The table of the last run in the Prefect UI against its document."""
    document = night.last.document
    named = {"flow_runs": {"name": {"any_": [document["flow_run"]]}}}
    (run,) = requests.post(f"{world.prefect.url}/flow_runs/filter", json=named, timeout=30).json()
    wanted = {"artifacts": {"key": {"any_": ["hugtweets-accounts"]}, "flow_run_id": {"any_": [run["id"]]}}}
    (newest,) = requests.post(f"{world.prefect.url}/artifacts/filter", json=wanted, timeout=30).json()
    rows = {row["handle"]: (row["status"], row["reason"]) for row in json.loads(newest["data"])}
    told = {row["handle"]: (row["status"], row["reason"] or "") for row in document["accounts"]}
    wrong = [handle for handle in told if rows.get(handle) != told[handle]]
    yield Promise.none_of("rows of Prefect's table that differ from the document", wrong)
    ended = (run["state_type"], run["state"]["message"])
    failed = [row["handle"] for row in document["accounts"] if row["status"] == "failed"]
    message = f"{len(failed)}/{len(told)} accounts failed: {', '.join(failed)}"
    yield Promise.none_of(
        "final states of Prefect that do not name who failed", [ended] * (ended != ("FAILED", message))
    )


def logged_in_wandb(world: World, night: Night) -> Iterator[Promise]:
    """Every artifact is at W&B, as its marker says, once `hugtweets sync` has sent what was kept."""
    unlogged, told, superseded = [], set(), 0
    known = world.wandb.digests
    named = {step["path"] for account in night.last.document["accounts"] for step in account["steps"].values()}
    for manifest in _manifests(world):
        folder, marker = manifest.parent, manifest.parent / "tracking.json"
        said = json.loads(marker.read_text()) if marker.exists() else {"mode": "no marker", "run_id": None}
        told.add(said["run_id"])
        if said["mode"] == "online" and folder.name in known:
            continue
        if said["mode"] == "no marker" and str(folder) not in named:
            superseded += 1
        else:
            unlogged.append(f"{folder.relative_to(world.home)}: {said['mode']}")
    yield Promise.told("artifacts that were superseded before their W&B run was written", superseded)
    yield Promise.none_of("artifacts that are not at W&B", unlogged)
    sent = night.sent
    if sent:
        yield Promise.told("W&B runs that were kept, and sent after the night", f"{sent.sent} in {sent.attempts}")
        yield Promise.none_of("W&B runs that are still kept", sent.left)
    runs = [path for path in (world.home / "wandb").glob("*run-*") if path.is_dir()]
    broken = [path for path in runs if path.name.rpartition("-")[2] not in told]
    yield Promise.told("W&B runs that a kill or the outage broke off, and summaries", len(broken))


def left_behind(world: World) -> Iterator[Promise]:
    """What no run may leave: half-made files, and secrets in any file."""
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    names = [path for path in world.home.rglob("*") if ".partial" in path.name]
    yield Promise.none_of("half-made files and folders left", [path.relative_to(world.home) for path in names])
    secrets = [secret.encode() for secret in (*TOKENS.values(), WANDB_KEY)]
    found = [path for path in files if any(secret in path.read_bytes() for secret in secrets)]
    yield Promise.none_of("files that hold a secret", [path.relative_to(world.folder) for path in found])


def _manifests(world: World) -> list[Path]:
    return list(world.home.glob("artifacts/*/*/[!.]*/manifest.json"))


def _counts_are_true(world: World, night: Night, account: Row) -> bool:
    handle, counts = account["handle"], account["counts"]
    number = len(world.timelines[handle])
    new = number - night.posts_before_last[handle]
    # What an ad hoc run has fetched meanwhile is not new to the night.
    news = range(new + 1) if handle in night.beside_last else [new]
    in_all = counts.get("kept", 0) + sum(counts.get("dropped", {}).values())
    return counts["fetched"] == number and counts["new"] in news and in_all == number


def _suspicious(log: str) -> list[str]:
    return [line for line in log.splitlines() if line.startswith("Traceback") or "unforeseen" in line]
