"""``report``: bring the web site about all accounts up to date."""

from __future__ import annotations

import webbrowser
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import BaseModel

from hugtweets.cli.output import print_json
from hugtweets.config import Config
from hugtweets.errors import NothingKept
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import plan_jobs
from hugtweets.storage.home import Home


class ReportMade(BaseModel):
    """What ``report --json`` prints; ``made`` names the accounts whose pages were not up to date."""

    index: str
    accounts: int
    made: list[str]


def report(
    home: Home,
    options: Config,
    as_json: bool,
    show: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Bring the report on all accounts up to date.

    It is a web site in a folder, and needs no network. Every run does this at its end.

    For example: hugtweets report --open
    """
    names = home.known_names()
    if not names:
        raise NothingKept(f"nothing is kept in {home.root} to report on: start with `hugtweets demo`")
    # pyarrow and jinja2 take a moment to import: `hugtweets --help` must not wait for them.
    from hugtweets.report.site import INDEX
    from hugtweets.report.step import report as bring_up_to_date

    requests = [AccountRequest(handle=name, config=options) for name in names]
    done = bring_up_to_date(plan_jobs(home, requests, f"report-{datetime.now(UTC):%Y%m%d-%H%M%S}"))
    index = home.report / INDEX
    made = [handle for handle, page in done.items() if not page.cached]
    if as_json:
        print_json(ReportMade(index=str(index), accounts=len(done), made=made))
    else:
        typer.echo(f"{len(done)} accounts, {len(made)} pages made: {index}")
    if show:
        webbrowser.open(index.as_uri())
