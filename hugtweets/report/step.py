"""Report: a page for each account that changed, and the overview of all.

The last step looks at all that was made of an account, promotions included, so that its artifact depends on every other
one: :func:`hugtweets.report.artifacts.fingerprint` names them. It runs once at the end of a run, for all its accounts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hugtweets.jobs.accounts import run_wide
from hugtweets.jobs.job import Job
from hugtweets.report.account_data import gather_account_data
from hugtweets.report.account_page import account_files
from hugtweets.report.artifacts import find_artifacts, fingerprint
from hugtweets.report.overview_page import LastRun, predictions, tables
from hugtweets.report.site import artifact_of, draw_index, drop_outdated, known_rows, publish, published, rebuild
from hugtweets.steps.step import is_done, perform
from hugtweets.storage.artifacts import Plan, Reference, exists, references
from hugtweets.storage.home import Home
from hugtweets.tracking import Overview, is_logged, is_tracked, track_overview

VERSION = 1


@dataclass(frozen=True)
class Reported:
    """The report artifact of an account, whether it was there before, and how long it took to show it."""

    reference: Reference
    cached: bool
    seconds: float


def report(jobs: Sequence[Job], last_run: LastRun | None = None) -> dict[str, Reported]:
    """Bring the pages of accounts and mixes and the overview up to date; those of which nothing is kept have no page.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    home = jobs[0].home
    done = {job.handle: found for job in jobs if (found := report_account(job))}
    drop_outdated(home)
    index = rebuild(home, last_run)
    if not all(page.cached for page in done.values()):
        _log_summary(jobs, index, last_run)
    return done


def _log_summary(jobs: Sequence[Job], index: Path, last_run: LastRun | None) -> None:
    """One W&B run for the whole flow run: all accounts in a table, their posts by prompt, and the overview itself.

    Accounts that are kept from W&B are left out of all three.
    """
    home, known = jobs[0].home, known_rows(jobs[0].home)
    rows = [row for row in known if is_logged(home, artifact_of(home, row.summary))]
    if not rows:
        return
    columns, cells = tables(rows)["overview"]
    # W&B's tables know no times.
    overview = [[cell.isoformat() if isinstance(cell, datetime) else cell for cell in row] for row in cells]
    shown = Overview(
        tables=[("overview", columns, overview), ("predictions", *predictions(rows))],
        page=index.read_text(encoding="utf-8") if rows == known else draw_index(rows, last_run),
        sources=[artifact_of(home, row.summary) for row in rows],
    )
    track_overview(home, shown, run_wide([job.request for job in jobs]).tracking, jobs[0].run)


def report_account(job: Job) -> Reported | None:
    """Bring one page up to date; None if nothing is kept of the account."""
    started, known = time.monotonic(), fingerprint(job.home, job.handle)
    shown = _up_to_date(job.home, job.handle, known)
    if shown and is_tracked(job.home, shown, job.config.tracking):
        return Reported(shown, True, time.monotonic() - started)
    if job.home.store:
        # What other machines made is known here from now on.
        references(job.home, job.handle)
        known = fingerprint(job.home, job.handle)
    artifacts = find_artifacts(job.home, job.handle)
    if not any(artifacts):
        return None
    # It depends on every artifact of the account and on its promotions; the page shows these artifacts.
    plan = Plan("report", VERSION, job.handle, tuple(artifacts), extra={"known": known})
    cached = is_done(job, plan)

    def fill(folder: Path) -> Mapping[str, Any]:
        account = gather_account_data(job.home, job.handle, artifacts, known, plan.digest)
        files = account_files(account)
        for name, text in files.items():
            # Not waiting for the disk: the folder counts only when it is whole, and can be made again.
            (folder / name).write_text(text, encoding="utf-8")
        return {"files": len(files), "models": len(account.summary.nights), "generated": len(account.generated)}

    reference = perform(job, plan, fill)
    publish(job.home, reference)
    return Reported(reference, cached, time.monotonic() - started)


def _up_to_date(home: Home, handle: str, known: str) -> Reference | None:
    """The report artifact behind a page that shows all that is known."""
    summary = published(home, handle)
    if summary is None or summary.known != known:
        return None
    reference = artifact_of(home, summary)
    return reference if exists(reference) else None
