"""``forget``: delete all that was kept of an account."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from hugtweets.cli.output import print_json
from hugtweets.cli.settings import HomeOption, JsonOption, VerboseOption, begin
from hugtweets.errors import NothingKept
from hugtweets.home import Home
from hugtweets.ledger import Ledger


class Forgotten(BaseModel):
    """What ``forget --json`` prints."""

    handle: str
    deleted: list[str]


def forget(
    handle: Annotated[str, typer.Argument(help="An account.", metavar="HANDLE")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", show_default=False)] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Delete all that was kept of an account: raw posts, artifacts, models, W&B runs of this machine.

    What was uploaded to W&B stays there. For example: hugtweets forget fogbell_keeper --yes
    """
    where = begin(home, verbose)
    name = where.spelling(handle)
    paths = kept_of(where, name)
    if not paths:
        raise NothingKept(f"nothing is kept of {name} in {where.root}")
    if not (yes or as_json):
        typer.confirm(f"Delete {len(paths)} files and folders of {name} for ever?", abort=True, err=True)
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    Ledger(where.ledger, run="").forget(name)
    if as_json:
        print_json(Forgotten(handle=name, deleted=[str(path) for path in paths]))
    else:
        typer.echo(f"{name} is forgotten: {len(paths)} files and folders deleted")


def kept_of(home: Home, handle: str) -> list[Path]:
    """Every file and folder of an account, those of W&B runs that broke off too."""
    runs = [path for path in home.wandb.glob("**/*run-*") if path.is_dir() and _names(path, handle)]
    records = list(home.results.glob(f"hugtweets-*-{handle}-*"))
    artifacts = [path for path in home.artifacts.glob(f"*/{handle}") if path.is_dir()]
    timeline = [path for path in [home.timeline(handle)] if path.exists()]
    return [*runs, *records, *artifacts, *timeline]


def _names(run: Path, handle: str) -> bool:
    """Whether a W&B run folder is of the account: every run of ours is called ``<step>-<handle>``."""
    name = re.compile(rb"-" + re.escape(handle).encode() + rb"(?![A-Za-z0-9_])")
    return any(name.search(path.read_bytes()) for path in run.glob("*.wandb"))
