"""``report``: the static site over all accounts, brought up to date."""

from __future__ import annotations

import webbrowser
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import BaseModel

from hugtweets.cli.output import print_json
from hugtweets.cli.settings import (
    ConfigOption,
    HomeOption,
    JsonOption,
    SetOption,
    VerboseOption,
    begin,
    read_config,
)
from hugtweets.errors import NothingKept
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import plan_jobs


class ReportMade(BaseModel):
    """What ``report --json`` prints; ``made`` names the accounts whose pages were not up to date."""

    index: str
    accounts: int
    made: list[str]


def report(
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.", show_default=False)] = False,
    config: ConfigOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Bring the report over all accounts up to date: a site in a folder, which opens without network.

    Every run does that at its end. For example: hugtweets report --open
    """
    where = begin(home, verbose)
    names = where.known_names()
    if not names:
        raise NothingKept(f"nothing is kept in {where.root} to report on: start with `hugtweets demo`")
    # pyarrow and jinja2 take a moment to import: `hugtweets --help` must not wait for it.
    from hugtweets.report.site import INDEX
    from hugtweets.report.step import report as bring_up_to_date

    options = read_config(config, assignments)
    requests = [AccountRequest(handle=name, config=options) for name in names]
    done = bring_up_to_date(plan_jobs(where, requests, f"report-{datetime.now(UTC):%Y%m%d-%H%M%S}"))
    index = where.report / INDEX
    made = [handle for handle, page in done.items() if not page.cached]
    if as_json:
        print_json(ReportMade(index=str(index), accounts=len(done), made=made))
    else:
        typer.echo(f"{len(done)} accounts, {len(made)} pages made: {index}")
    if show:
        webbrowser.open(index.as_uri())
