"""``forget``: delete all that was kept of an account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

from hugtweets.cli.output import print_json
from hugtweets.cli.suggestions import known_name
from hugtweets.config import Config
from hugtweets.errors import NothingKept
from hugtweets.evaluation.people import Answers
from hugtweets.generation.favourites import Favourites
from hugtweets.pools.pool import is_pool, named_pools, spec_of
from hugtweets.storage.handles import kind_of
from hugtweets.storage.home import Home

if TYPE_CHECKING:
    from hugtweets.jobs.forgetting import Doomed


class Forgotten(BaseModel):
    """What ``forget --json`` prints.

    ``pools`` are those deleted, as ``train.base_model`` called them; ``left_in_wandb`` could not be deleted there.
    """

    handle: str
    deleted: list[str]
    pools: list[str]
    left_in_wandb: list[str]


def forget(
    home: Home,
    options: Config,
    as_json: bool,
    handle: Annotated[str, typer.Argument(help="An account, or a pool: pool:NAME.", metavar="HANDLE")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete all that is kept of an account.

    That is raw posts, artifacts, models, favourites, what people answered about its posts, and the W&B runs of this
    machine. The mixes and blends that it is part of are deleted too, and so are the pools that learned it, with all
    that was made from them. A mix, a blend or pool:NAME can be named instead of an account.

    With HUGTWEETS_STORE what the store holds is deleted too, but other machines keep their copies until it is run there
    as as well. What W&B has is deleted there if it can be reached now, and by `hugtweets sync` otherwise. Tables in the
    Prefect UI stay.

    For example: hugtweets forget fogbell_keeper --yes
    """
    # pyarrow and jinja2 take a moment to import: `hugtweets --help` must not wait for them.
    from hugtweets.jobs.forgetting import Doomed, kept_of, keys_of, pools_that_learned, remove_account, remove_pool
    from hugtweets.report.site import rebuild
    from hugtweets.tracking.deleting import delete_noted

    name = handle if is_pool(handle) else home.spelling(handle)
    pools = named_pools(home, name) if is_pool(name) else pools_that_learned(home, name)
    doomed = [Doomed.of(home, pool) for pool in pools]
    mixes = home.known_mixes(name)
    number = 0 if is_pool(name) else len(kept_of(home, name)) + len(keys_of(home, name))
    favourites = len(Favourites(home).of([name, *mixes]))
    answers = len(Answers(home).of([name, *mixes]))
    if not (number or doomed or favourites or answers):
        raise NothingKept(f"nothing is kept of {known_name(home, name)} in {home.root}")
    if not (yes or as_json):
        typer.confirm(_question(name, number, favourites, answers, doomed, mixes), abort=True, err=True)
    deleted = [path for pool in doomed for path in remove_pool(home, pool)]
    if not is_pool(name):
        deleted += remove_account(home, name)
        if home.report.exists():
            rebuild(home)
    left = [deletion.describe() for deletion in delete_noted(home, options.tracking)]
    if as_json:
        gone = [spec_of(pool) for pool in pools]
        print_json(Forgotten(handle=name, deleted=deleted, pools=gone, left_in_wandb=left))
        return
    typer.echo(f"{name} is forgotten: {len(deleted)} files and folders deleted")
    for mix in mixes:
        typer.echo(f"deleted with it: the {kind_of(mix)} {mix}")
    for pool in doomed:
        again = f"make it again with `hugtweets pretrain {pool.pool.handle} ...`"
        typer.echo(f"deleted with it: {pool.describe()}; {again}")


def _question(
    name: str, number: int, favourites: int, answers: int, doomed: Sequence[Doomed], mixes: Sequence[str]
) -> str:
    whose = " and ".join([name, *(f"the {kind_of(mix)} {mix}" for mix in mixes)])
    counts = [
        (number, "file or folder", "files and folders"),
        (favourites, "favourite", "favourites"),
        (answers, "answer", "answers"),
    ]
    counted = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    things = [f"{' and '.join(counted)} of {whose}"] if counted else []
    return f"Delete {' and '.join([*things, *(pool.describe() for pool in doomed)])} for ever?"
