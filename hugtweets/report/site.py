"""The folder ``$HUGTWEETS_HOME/report``: a page an account, and the pages over all of them.

What a page knows of itself lies beside it (``accounts/<handle>.json``), so that the overview is made from the folder
alone, and a page that is up to date is known without opening any artifact. The JSON file is written last and removed
first: a page without one does not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from hugtweets.budget.ledger import Ledger
from hugtweets.errors import InvalidHandle
from hugtweets.report.overview_page import LastRun, Row, overview_files
from hugtweets.report.summary import AccountSummary
from hugtweets.storage.artifacts import Reference, exists
from hugtweets.storage.atomic import partial_prefix, remove_leftovers, write_text
from hugtweets.storage.handles import folder_of, name_in
from hugtweets.storage.home import Home
from hugtweets.storage.locks import locked

INDEX = "index.html"


def published(home: Home, handle: str) -> AccountSummary | None:
    """What the account's page in the site knows of itself; None if there is none that may be trusted."""
    path = _accounts(home) / f"{folder_of(handle)}.json"
    try:
        summary = AccountSummary.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return summary if path.with_suffix(".html").is_file() else None


def publish(home: Home, report: Reference) -> None:
    """Put the files of a report artifact into the site, in the place of what was there of the account."""
    folder = _accounts(home)
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    files = sorted(report.folder.glob(f"{folder_of(report.handle)}.*"), key=lambda path: path.suffix == ".json")
    for path in files:
        _put(path, folder / path.name)
    for path in set(folder.glob(f"{folder_of(report.handle)}.*")) - {folder / path.name for path in files}:
        path.unlink(missing_ok=True)


def withdraw(home: Home, handle: str) -> None:
    """Take the page of an account out of the site."""
    for path in sorted(_accounts(home).glob(f"{folder_of(handle)}.*"), key=lambda path: path.suffix != ".json"):
        path.unlink(missing_ok=True)


def rebuild(home: Home, run: LastRun | None = None) -> Path:
    """Write the pages over all accounts, anew if something changed; returns the one to begin with."""

    def draw(name: str, data: str, paint: Callable[[], str]) -> str:
        return _drawn_once(home, name, data, paint)

    # Of two runs that end together, the one that looked first must not write last.
    with locked(home.locks / "report"):
        for name, text in overview_files(known_rows(home), draw, datetime.now(UTC), run).items():
            path = home.report / name
            if not (path.is_file() and path.read_text(encoding="utf-8") == text):
                write_text(path, text)
    return home.report / INDEX


def draw_index(rows: Sequence[Row], run: LastRun | None) -> str:
    """The overview as it would be with these accounts alone."""
    return overview_files(rows, lambda _name, _data, paint: paint(), datetime.now(UTC), run)[INDEX]


def drop_outdated(home: Home) -> None:
    """Take pages out of the site whose artifact is gone: of forgotten accounts, and with texts that were deleted."""
    for handle in {name_in(path.name.split(".")[0]) for path in _accounts(home).glob("*.*")} - {""}:
        with suppress(InvalidHandle):  # a file that somebody else put there
            summary = published(home, handle)
            if summary is None or not exists(artifact_of(home, summary)):
                withdraw(home, handle)


def artifact_of(home: Home, summary: AccountSummary) -> Reference:
    """The report artifact that a page in the site is of."""
    path = home.folder("report", summary.handle) / summary.report
    return Reference("report", summary.handle, summary.report, str(path))


def known_rows(home: Home) -> list[Row]:
    """The rows of the overview: every account with a page, in alphabetical order."""
    ledger = Ledger(home.ledger, run="")
    answers = ledger.last_answers()
    handles = sorted((name_in(path.stem) for path in _accounts(home).glob("*.json")), key=str.casefold)
    rows = []
    for summary in filter(None, (published(home, handle) for handle in handles)):
        answered = answers.get(summary.handle)
        refreshed = max(summary.made, datetime.fromisoformat(answered)) if answered else summary.made
        rows.append(Row(summary, refreshed, ledger.of(summary.handle).total().usd))
    return rows


def _drawn_once(home: Home, name: str, data: str, paint: Callable[[], str]) -> str:
    """A plot of three hundred accounts takes a second, and most nights change nothing in it."""
    folder = home.report / ".plots"
    path = folder / f"{name}-{hashlib.sha256(data.encode()).hexdigest()[:16]}.svg"
    if not path.is_file():
        drawn = paint()
        for outdated in folder.glob(f"{name}-*.svg"):
            outdated.unlink(missing_ok=True)
        write_text(path, drawn)
    return path.read_text(encoding="utf-8")


def _put(path: Path, target: Path) -> None:
    """The same file under a second name: an artifact does not change any more. A copy where there are no such names."""
    partial = target.with_name(f"{partial_prefix()}{target.name}")
    try:
        partial.hardlink_to(path)
        partial.replace(target)
    except OSError:
        write_text(target, path.read_text(encoding="utf-8"))
    finally:
        partial.unlink(missing_ok=True)


def _accounts(home: Home) -> Path:
    return home.report / "accounts"
