"""``forget``: delete all that was kept of an account."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

from hugtweets.budget.ledger import Ledger
from hugtweets.budget.shared_ledger import forget_in_store
from hugtweets.cli.output import print_json
from hugtweets.cli.settings import HomeOption, JsonOption, VerboseOption, begin
from hugtweets.cli.suggestions import known_name
from hugtweets.errors import NothingKept
from hugtweets.generation.favourites import Favourites
from hugtweets.pools.pool import is_pool, named_pools, spec_of
from hugtweets.storage.artifacts import MANIFEST
from hugtweets.storage.handles import is_mix, kind_of
from hugtweets.storage.home import Home
from hugtweets.tracking import LONGEST_TAG

if TYPE_CHECKING:
    from hugtweets.jobs.forgetting import Doomed


class Forgotten(BaseModel):
    """What ``forget --json`` prints; ``pools`` are those deleted, as ``train.base_model`` called them."""

    handle: str
    deleted: list[str]
    pools: list[str]


def forget(
    handle: Annotated[str, typer.Argument(help="An account, or a pool: pool:NAME.", metavar="HANDLE")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Delete all that is kept of an account.

    That is raw posts, artifacts, models, favourites, and the W&B runs of this machine. The mixes and blends that it is
    part of are deleted too, and so are the pools that learned it, with all that was made from them. A mix, a blend or
    pool:NAME can be named instead of an account.

    With HUGTWEETS_STORE what the store holds is deleted too, but other machines keep their copies until it is run there
    as well. What was uploaded to W&B stays there, as do tables in the Prefect UI.

    For example: hugtweets forget fogbell_keeper --yes
    """
    where = begin(home, verbose)
    # pyarrow takes a moment to import: `hugtweets --help` must not wait for it.
    from hugtweets.jobs.forgetting import Doomed, pools_that_learned, remove_pool

    name = handle if is_pool(handle) else where.spelling(handle)
    pools = named_pools(where, name) if is_pool(name) else pools_that_learned(where, name)
    doomed = [Doomed.of(where, pool) for pool in pools]
    mixes = where.known_mixes(name)
    number = 0 if is_pool(name) else len(kept_of(where, name)) + len(keys_of(where, name))
    favourites = len(Favourites(where).of([name, *mixes]))
    if not (number or doomed or favourites):
        raise NothingKept(f"nothing is kept of {known_name(where, name)} in {where.root}")
    if not (yes or as_json):
        typer.confirm(_question(name, number, favourites, doomed, mixes), abort=True, err=True)
    deleted = [path for pool in doomed for path in remove_pool(where, pool)]
    if not is_pool(name):
        deleted += _remove_account(where, name)
    if as_json:
        print_json(Forgotten(handle=name, deleted=deleted, pools=[spec_of(pool) for pool in pools]))
        return
    typer.echo(f"{name} is forgotten: {len(deleted)} files and folders deleted")
    for mix in mixes:
        typer.echo(f"deleted with it: the {kind_of(mix)} {mix}")
    for pool in doomed:
        again = f"make it again with `hugtweets pretrain {pool.pool.handle} ...`"
        typer.echo(f"deleted with it: {pool.describe()}; {again}")


def _question(name: str, number: int, favourites: int, doomed: Sequence[Doomed], mixes: Sequence[str]) -> str:
    whose = " and ".join([name, *(f"the {kind_of(mix)} {mix}" for mix in mixes)])
    counts = [(number, "file or folder", "files and folders"), (favourites, "favourite", "favourites")]
    counted = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    things = [f"{' and '.join(counted)} of {whose}"] if counted else []
    return f"Delete {' and '.join([*things, *(pool.describe() for pool in doomed)])} for ever?"


def _remove_account(home: Home, name: str) -> list[str]:
    mixes, paths, stored = home.known_mixes(name), kept_of(home, name), keys_of(home, name)
    if home.store:
        home.store.remove(stored)
        forget_in_store(home.store, name)
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    Ledger(home.ledger, run="").forget(name)
    Favourites(home).forget([name, *mixes])
    if home.report.exists():
        # pyarrow and jinja2 take a moment to import: `hugtweets --help` must not wait for it.
        from hugtweets.report.site import rebuild

        rebuild(home)
    return [*map(str, paths), *stored]


def kept_of(home: Home, handle: str) -> list[Path]:
    """Every file and folder of an account and of the mixes that it is in, those of W&B runs that broke off too."""
    names = [handle, *home.known_mixes(handle)]
    return list(dict.fromkeys(path for name in names for path in _kept_of(home, name)))


def _kept_of(home: Home, handle: str) -> list[Path]:
    runs = [path for path in home.wandb.glob("**/*run-*") if path.is_dir() and _names(path, handle)]
    records = list(home.results.glob(f"hugtweets-*-{handle}-*"))
    artifacts = [path for path in home.artifacts.glob(f"*/{handle}") if path.is_dir()]
    timeline = [*home.timelines.glob(f"{handle}.*"), *home.timelines.glob(f".synchronised/{handle}.*")]
    others = [path for path in [home.promotions(handle), home.hub(handle)] if path.exists()]
    tables = [path for path in home.sweeps.glob("*.csv") if _has_row(path, handle)]
    analysis = [table.parent for table in home.analysis.glob("accounts.csv") if _has_row(table, handle)]
    pages = list(home.report.glob(f"accounts/{handle}.*"))
    return [*runs, *records, *artifacts, *timeline, *others, *tables, *analysis, *pages]


def keys_of(home: Home, handle: str) -> list[str]:
    """Every object of an account, and of its mixes, in the store.

    Manifests come first: what is half deleted is no artifact any more.
    """
    if home.store is None:
        return []
    names = [handle, *home.known_mixes(handle)]
    folders = [f"artifacts/{step}/{name}" for step in home.store.names("artifacts") for name in names]
    keys = [key for folder in folders for key in home.store.sizes(folder)]
    files = [home.key(home.promotions(name)) for name in names]
    files += [home.key(home.timeline(name)) for name in names if not is_mix(name)]
    manifests_first = sorted(keys, key=lambda key: not key.endswith(f"/{MANIFEST}"))
    return manifests_first + [key for key in files if home.store.has(key)]


def _has_row(table: Path, handle: str) -> bool:
    """Whether a table of several accounts has figures of this one: it goes as a whole, and can be made again."""
    with table.open(encoding="utf-8", newline="") as file:
        return any(row.get("handle") == handle for row in csv.DictReader(file))


def _names(run: Path, handle: str) -> bool:
    """Whether a W&B run folder is of the account: every run of ours is tagged with its handles.

    In the first record of a ``.wandb`` file, a protobuf message, a tag stands as the field's number (10, so ``R``), its
    length, and itself: exactly the handle, and not one that begins like it. The name of a blend may be too long for a
    tag; it ends the name of its run, behind the step.
    """
    name = handle.encode()
    mark = b"R" + bytes([len(name)]) + name if len(name) <= LONGEST_TAG else b"-" + name
    return any(mark in path.read_bytes() for path in run.glob("*.wandb"))
