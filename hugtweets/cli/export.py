"""``export``: a model as other programs load it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hugtweets.cli.output import progress_shown
from hugtweets.cli.settings import ConfigOption, HomeOption, SetOption, VerboseOption, begin, read_config
from hugtweets.storage.atomic import new_folder

AdapterOption = Annotated[
    bool,
    typer.Option("--adapter", help="The adapter alone, for those who have the base model.", show_default=False),
]
PostsOption = Annotated[
    bool,
    typer.Option("--with-posts", help="Also the real posts it was made from; else none go.", show_default=False),
]


def export(
    handle: Annotated[str, typer.Argument(help="An account that was learned before.", metavar="HANDLE")],
    to: Annotated[Path, typer.Option("--to", help="The folder to make.", metavar="DIR", show_default=False)],
    adapter: AdapterOption = False,
    with_posts: PostsOption = False,
    config: ConfigOption = None,
    assignments: SetOption = None,
    home: HomeOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Write an account's current model as a folder that transformers loads, with its card.

    The sample options become its generation defaults. For example: hugtweets export fogbell_keeper --to model
    """
    where = begin(home, verbose)
    options = read_config(config, assignments)
    name, folder = where.spelling(handle), to.expanduser().resolve()
    from hugtweets.publishing.bundle import Wanted, write_bundle

    wanted = Wanted(adapter=adapter, with_posts=with_posts, sampling=options.sample)
    with progress_shown(verbose), new_folder(folder) as partial:
        write_bundle(where, name, partial, wanted)
    typer.echo(f"the model of {name} is in {folder}: transformers.pipeline('text-generation', model='{folder}')")
