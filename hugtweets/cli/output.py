"""What people read: results on stdout, progress and warnings on stderr."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from hugtweets.cli.environment import check_environment
from hugtweets.cli.prefect_output import quiet_prefect
from hugtweets.cli.prefect_server import read_settings, served
from hugtweets.cli.streams import knows_every_character
from hugtweets.config import TrackingConfig
from hugtweets.devices.progress import Progress, listening
from hugtweets.evaluation.reading import members, prediction, score_lines
from hugtweets.jobs.estimate import CostEstimate
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.sources.servers import is_loopback
from hugtweets.storage.home import Home
from hugtweets.timelines.provenance import describe_sources

LABEL = {"completed": "green", "unchanged": "cyan", "skipped": "yellow", "failed": "red"}


def printable(text: str) -> str:
    """Text without control characters: what strangers wrote must not steer the terminal."""
    return "".join(" " if unicodedata.category(character) == "Cc" else character for character in text)


def describe(error: OSError) -> str:
    """What the operating system refused, for a person."""
    if error.filename is None:
        return f"what a file, a connection or stdout should hold was refused ({error.strerror or error})"
    # Prefect's runner keeps a folder there that belongs to whoever on this machine served first.
    is_runners = Path(str(error.filename)).is_relative_to(Path(tempfile.gettempdir()) / "runner_storage")
    variable = "TMPDIR" if is_runners else "--home or HUGTWEETS_HOME"
    advice = f"make room, change its permissions, or choose another folder with {variable}"
    return f"{error.filename} cannot be used ({error.strerror or error}): {advice}"


def print_json(document: BaseModel) -> None:
    """The one JSON document of a command; where it is not written as UTF-8, in ASCII, which every reader takes."""
    typer.echo(document.model_dump_json(indent=2, ensure_ascii=not knows_every_character(sys.stdout)))


@contextmanager
def progress_shown(verbose: bool) -> Iterator[None]:
    """Show what the library logs and reports: bars on a terminal, plain lines elsewhere."""
    console = Console(stderr=True)
    handler = _handler(console)
    logger = logging.getLogger("hugtweets")
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.addHandler(handler)
    shown = _bars(console) if console.is_terminal else _lines(logger)
    try:
        with shown:
            yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def flow_shown(tracking: TrackingConfig, verbose: bool) -> Iterator[None]:
    """Import Prefect and show the progress of a flow; stdout stays free for its result.

    Raises:
        ConfigurationError: a variable makes no sense, the home cannot be written, or W&B or Prefect cannot be reached
            as it is asked for.
        ServerUnavailable: the Prefect server of the run does not start, or is gone before its end.
    """
    from hugtweets.tracking import check_mode

    check_environment()
    check_mode(tracking)
    Home.from_environment().prepare()
    with progress_shown(verbose), redirect_stdout(sys.stderr):
        logging.getLogger("hugtweets").info("starting Prefect")
        # Prefect takes seconds to import, and sets up its loggers then.
        read_settings()
        if not verbose:
            quiet_prefect()
        with served():
            yield


def _handler(console: Console) -> logging.Handler:
    if console.is_terminal:
        return RichHandler(console=console, show_path=False, show_level=False, log_time_format="%X")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%X"))
    return handler


@contextmanager
def _bars(console: Console) -> Iterator[None]:
    name, note = TextColumn("{task.description}"), TextColumn("{task.fields[note]}")
    tasks: dict[tuple[str, str], TaskID] = {}
    columns = (name, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), note)
    with Bars(*columns, console=console, transient=True) as bars:

        def show(event: Progress) -> None:
            key = (event.handle, event.step)
            if key not in tasks:
                tasks[key] = bars.add_task(f"{event.handle} {event.step}", total=event.total, note="")
            bars.update(tasks[key], completed=event.done, total=event.total, note=event.note)
            if event.done >= event.total:
                bars.remove_task(tasks.pop(key))

        with listening(show):
            yield


@contextmanager
def _lines(logger: logging.Logger) -> Iterator[None]:
    said: dict[tuple[str, str], int] = {}

    def show(event: Progress) -> None:
        quarter = 4 * event.done // max(event.total, 1)
        if said.get((event.handle, event.step)) != quarter:
            said[event.handle, event.step] = quarter
            logger.info("%s: %s %d/%d %s", event.handle, event.step, event.done, event.total, event.note)

    with listening(show):
        yield


def plain_console() -> Console:
    """A console that prints text as it is: nothing in it is markup, and a terminal wraps lines, not we."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_run(outcome: RunOutcome) -> None:
    """A run for people: each account's funnel, score and posts, then what it cost."""
    console = plain_console()
    for account in outcome.accounts:
        print_account(console, account)
    api = outcome.api
    if api.requests:
        reading = f"{api.requests} requests, {api.posts_read:,} posts and {api.users_read} users read"
        cost = (
            "nothing was paid: that was a simulator"
            if _simulated() and not api.usd
            else f"${api.usd:.2f} at list prices"
        )
        console.print(f"\nnetworks: {reading}, {cost}", style="dim")
    said = "\n".join(account.reason or "" for account in outcome.accounts)
    for remark in (remark for remark in outcome.remarks if remark not in said):
        console.print(printable(remark), style="yellow")


def print_costs(estimate: CostEstimate) -> None:
    """What a run would cost at most, for people."""
    console = plain_console()
    for account in estimate.accounts:
        console.print(f"{account.handle}: at most ${account.usd:.2f} for {account.posts:,} posts and the look-up")
    console.print(f"all together: at most ${estimate.usd:.2f} within the budgets", style="bold")
    console.print(f"spent this month so far: ${estimate.spent_this_month_usd:.2f}")


def print_account(console: Console, account: AccountOutcome) -> None:
    """One account."""
    console.print(f"\n{account.handle}", style="bold", end=" ")
    console.print(account.state, style=LABEL[account.status])
    if account.reason:
        console.print(f"  {printable(account.reason)}")
    if "fetched" in account.counts:
        console.print(f"  {funnel(account)}")
    for line in [prediction(account.metrics), *members(account.metrics)] if account.metrics else []:
        console.print(f"  {line}")
    if account.promotion:
        console.print(f"  {account.promotion.reason}")
    for line in score_lines(account.metrics) if account.metrics else []:
        console.print(f"    {line}", style="dim")
    if account.samples:
        console.print("  generated posts (written by the model, not by the account)", style="dim")
    for sample in account.samples:
        console.print(f"   • {printable(sample.text)}")


def _simulated() -> bool:
    return is_loopback(os.environ.get("X_API_URL", ""))


def funnel(account: AccountOutcome) -> str:
    """``271 posts fetched (0 new) → 228 kept; dropped: 12 retweet, 6 link_only``, and several sources."""
    counts = account.counts
    line = f"{counts['fetched']:,} posts fetched ({counts['new']:,} new)"
    if "sources" in counts:
        line += f" from {describe_sources(counts['sources'])}"
    if "kept" not in counts:
        return line
    dropped = ", ".join(f"{number:,} {reason}" for reason, number in sorted(counts["dropped"].items()))
    return f"{line} → {counts['kept']:,} kept" + (f"; dropped: {dropped}" if dropped else "")


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """A table of figures, one line a row whatever the width; the keys of the first row are its head."""
    head = list(rows[0])
    lines = [head, *([_shown(row[name]) for name in head] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    sides = [">" if all(isinstance(row[name], int | float | None) for row in rows) else "<" for name in head]
    for line in lines:
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)]
        typer.echo("  ".join(cells).rstrip())


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
