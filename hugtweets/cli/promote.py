"""``promote``: choose the current model of an account by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import BaseModel

from hugtweets.cli.output import print_json
from hugtweets.cli.settings import HandleArgument
from hugtweets.cli.suggestions import known_name
from hugtweets.config import Config
from hugtweets.evaluation.promotion import Decision
from hugtweets.evaluation.promotion import promote as choose
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import plan_jobs
from hugtweets.storage.home import Home
from hugtweets.tracking.decisions import tell_decisions


class Promoted(BaseModel):
    """What ``promote --json`` prints."""

    handle: str
    decision: Decision


def promote(
    home: Home,
    options: Config,
    as_json: bool,
    handle: HandleArgument,
    digest: Annotated[str, typer.Argument(help="A model, or how its digest begins.", metavar="DIGEST")],
) -> None:
    """Make one of the models of an account its current one.

    That is the model that `sample` uses: an earlier one, or one that was not promoted. It stays so until a new model is
    promoted. `hugtweets show HANDLE` lists the models.

    For example: hugtweets promote fogbell_keeper 3f2a
    """
    name = known_name(home, handle)
    decision = choose(home, name, digest)
    tell_decisions(home, name, options.tracking)
    if home.report.exists():
        # pyarrow and jinja2 take a moment to import: `hugtweets --help` must not wait for them.
        from hugtweets.report.step import report

        report(plan_jobs(home, [AccountRequest(handle=name)], f"promote-{datetime.now(UTC):%Y%m%d-%H%M%S}"))
    instead = f" instead of {decision.previous}" if decision.previous else ""
    if as_json:
        print_json(Promoted(handle=name, decision=decision))
    else:
        typer.echo(f"{decision.model} is the current model of {name}{instead}")
