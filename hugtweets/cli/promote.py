"""``promote``: which of an account's models is its current one, chosen by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import BaseModel

from hugtweets.cli.output import print_json
from hugtweets.cli.settings import HomeOption, JsonOption, VerboseOption, begin
from hugtweets.evaluation.promotion import Decision
from hugtweets.evaluation.promotion import promote as choose
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import plan_jobs


class Promoted(BaseModel):
    """What ``promote --json`` prints."""

    handle: str
    decision: Decision


def promote(
    handle: Annotated[str, typer.Argument(help="An account that was learned before.", metavar="HANDLE")],
    digest: Annotated[str, typer.Argument(help="A model, or how its digest begins.", metavar="DIGEST")],
    as_json: JsonOption = False,
    home: HomeOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Make a model the account's current one, the one that `sample` uses: an earlier one, or one that was not promoted.

    It stays so until a new model is promoted. `hugtweets show HANDLE` names the models.
    For example: hugtweets promote fogbell_keeper 3f2a
    """
    where = begin(home, verbose)
    name = where.spelling(handle)
    decision = choose(where, name, digest)
    if where.report.exists():
        # pyarrow and jinja2 take a moment to import: `hugtweets --help` must not wait for it.
        from hugtweets.report.step import report

        report(plan_jobs(where, [AccountRequest(handle=name)], f"promote-{datetime.now(UTC):%Y%m%d-%H%M%S}"))
    if as_json:
        print_json(Promoted(handle=name, decision=decision))
        return
    instead = f" instead of {decision.previous}" if decision.previous else ""
    typer.echo(f"{decision.model} is the current model of {name}{instead}")
