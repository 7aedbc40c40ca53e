"""``forget``: delete all that was kept of an account."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from hugtweets.artifacts import MANIFEST
from hugtweets.cli.output import print_json
from hugtweets.cli.settings import HomeOption, JsonOption, VerboseOption, begin
from hugtweets.errors import NothingKept
from hugtweets.home import Home
from hugtweets.ledger import Ledger
from hugtweets.play.favourites import Favourites
from hugtweets.shared_ledger import forget_in_store


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
    """Delete all that was kept of an account: raw posts, artifacts, models, favourites, W&B runs of this machine.

    With HUGTWEETS_STORE also what the store holds; other machines keep their copies until it is run there as well.
    What was uploaded to W&B stays there. For example: hugtweets forget fogbell_keeper --yes
    """
    where = begin(home, verbose)
    name = where.spelling(handle)
    paths = kept_of(where, name)
    stored = keys_of(where, name)
    favourites = Favourites(where)
    if not (paths or stored or favourites.of(name)):
        raise NothingKept(f"nothing is kept of {name} in {where.root}")
    if not (yes or as_json):
        typer.confirm(f"Delete {len(paths) + len(stored)} files and folders of {name} for ever?", abort=True, err=True)
    if where.store:
        where.store.remove(stored)
        forget_in_store(where.store, name)
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    Ledger(where.ledger, run="").forget(name)
    favourites.forget(name)
    if as_json:
        print_json(Forgotten(handle=name, deleted=[*map(str, paths), *stored]))
    else:
        typer.echo(f"{name} is forgotten: {len(paths) + len(stored)} files and folders deleted")


def kept_of(home: Home, handle: str) -> list[Path]:
    """Every file and folder of an account, those of W&B runs that broke off too."""
    runs = [path for path in home.wandb.glob("**/*run-*") if path.is_dir() and _names(path, handle)]
    records = list(home.results.glob(f"hugtweets-*-{handle}-*"))
    artifacts = [path for path in home.artifacts.glob(f"*/{handle}") if path.is_dir()]
    timeline = [*home.timelines.glob(f"{handle}.*"), *home.timelines.glob(f".synchronised/{handle}.*")]
    others = [path for path in [home.promotions(handle), home.hub(handle)] if path.exists()]
    tables = [path for path in home.sweeps.glob("*.csv") if _has_row(path, handle)]
    analysis = [table.parent for table in home.analysis.glob("accounts.csv") if _has_row(table, handle)]
    return [*runs, *records, *artifacts, *timeline, *others, *tables, *analysis]


def keys_of(home: Home, handle: str) -> list[str]:
    """Every object of an account in the store, manifests first: what is half deleted is no artifact any more."""
    if home.store is None:
        return []
    folders = [f"artifacts/{step}/{handle}" for step in home.store.names("artifacts")]
    keys = [key for folder in folders for key in home.store.sizes(folder)]
    files = [home.key(path) for path in (home.promotions(handle), home.timeline(handle))]
    manifests_first = sorted(keys, key=lambda key: not key.endswith(f"/{MANIFEST}"))
    return manifests_first + [key for key in files if home.store.has(key)]


def _has_row(table: Path, handle: str) -> bool:
    """Whether a table of several accounts has figures of this one: it goes as a whole, and can be made again."""
    with table.open(encoding="utf-8", newline="") as file:
        return any(row.get("handle") == handle for row in csv.DictReader(file))


def _names(run: Path, handle: str) -> bool:
    """Whether a W&B run folder is of the account: every run of ours is tagged with its handles.

    In the first record of a ``.wandb`` file, a protobuf message, a tag stands as the field's number (10, so ``R``), its
    length, and itself: exactly the handle, and not one that begins like it.
    """
    tag = b"R" + bytes([len(handle)]) + handle.encode()
    return any(tag in path.read_bytes() for path in run.glob("*.wandb"))
