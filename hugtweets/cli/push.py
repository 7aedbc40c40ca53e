"""``push``: an account's model and its card to the Hugging Face Hub."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from hugtweets.cli.export import AdapterOption, PostsOption
from hugtweets.cli.output import progress_shown
from hugtweets.cli.settings import ConfigOption, HomeOption, SetOption, VerboseOption, begin, read_config
from hugtweets.errors import NoHubToken
from hugtweets.storage.atomic import new_folder


def push(
    handle: Annotated[str, typer.Argument(help="An account that was learned before.", metavar="HANDLE")],
    repo_id: Annotated[
        str | None,
        typer.Option("--repo-id", help="USER/NAME (hugtweets-HANDLE).", metavar="REPOSITORY", show_default=False),
    ] = None,
    private: Annotated[bool, typer.Option("--private/--public", help="Who may see it: only you, or everybody.")] = True,
    adapter: AdapterOption = False,
    with_posts: PostsOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only write the folder; ask nobody.", show_default=False)
    ] = False,
    config: ConfigOption = None,
    assignments: SetOption = None,
    home: HomeOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Publish an account's current model and its card on the Hugging Face Hub, for you alone unless --public is said.

    Needs HF_TOKEN, a token with the right to write. For example: hugtweets push fogbell_keeper --dry-run
    """
    where = begin(home, verbose)
    options = read_config(config, assignments)
    name = where.spelling(handle)
    # Takes a second to import.
    from hugtweets.publishing.bundle import Wanted, write_bundle
    from hugtweets.publishing.hub import Hub, check_repository, repository_name

    repository = check_repository(repo_id) if repo_id else None
    if dry_run:
        folder = where.hub(name)
        shutil.rmtree(folder, ignore_errors=True)
        wanted = Wanted(repository or ".", adapter, with_posts, options.sample)
        with progress_shown(verbose), new_folder(folder) as partial:
            write_bundle(where, name, partial, wanted)
        _tell(folder, repository or repository_name("USER", name), private)
        return
    hub = Hub(find_token())
    repository = repository or repository_name(hub.user(), name)
    wanted = Wanted(repository, adapter, with_posts, options.sample)
    where.hub(name).parent.mkdir(parents=True, exist_ok=True)
    with progress_shown(verbose), tempfile.TemporaryDirectory(dir=where.hub(name).parent) as partial:
        write_bundle(where, name, Path(partial), wanted)
        place = hub.upload(Path(partial), repository, private)
    typer.echo(f"the model of {name} is at {place}, {'for you alone' if private else 'for everybody'}")


def find_token() -> SecretStr:
    """The hub's token: of the environment, of ``hf auth login``, or of Prefect's Secret block.

    Raises:
        NoHubToken: there is none.
    """
    from huggingface_hub import get_token

    if found := get_token():
        return SecretStr(found)
    # Prefect takes seconds to import, and to look.
    from flows.credentials import load_credentials

    load_credentials()
    if found := get_token():
        return SecretStr(found)
    raise NoHubToken("there is no token for the hub: set HF_TOKEN to one with the right to write, or use --dry-run")


def _tell(folder: Path, repository: str, private: bool) -> None:
    typer.echo(f"nothing was uploaded; {repository}, {'private' if private else 'public'}, would get from {folder}:")
    for path in sorted(folder.iterdir()):
        typer.echo(f"{path.stat().st_size:>13,} bytes  {path.name}")
