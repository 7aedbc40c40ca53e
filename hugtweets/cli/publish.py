"""``export`` and ``push``: the current model of an account with its card, as a folder or on the Hugging Face Hub."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr

from hugtweets.cli.output import progress_shown
from hugtweets.cli.settings import HandleArgument
from hugtweets.cli.suggestions import known_name, one_of
from hugtweets.config import Config
from hugtweets.errors import ConfigurationError, NoHubToken
from hugtweets.publishing.consent import Consent
from hugtweets.storage.atomic import new_folder
from hugtweets.storage.home import Home

if TYPE_CHECKING:
    from hugtweets.publishing.facts import ModelFacts

VLLM, LLAMA_CPP = "vllm", "llama.cpp"
AdapterOption = Annotated[bool, typer.Option("--adapter", help="The adapter alone, for who has the base model.")]
ProgramOption = Annotated[
    str | None,
    typer.Option(
        "--for",
        help="Adapters of several, as vllm serves them, or one llama.cpp file.",
        metavar=f"{VLLM} or {LLAMA_CPP}",
        parser=one_of("program", [VLLM, LLAMA_CPP]),
    ),
]
PostsOption = Annotated[bool, typer.Option("--with-posts", help="Also the real posts that it has learned.")]


def export(
    home: Home,
    options: Config,
    verbose: bool,
    handles: Annotated[list[str], typer.Argument(help="Accounts that were learned before.", metavar="HANDLE")],
    to: Annotated[Path, typer.Option(help="The folder to make.", metavar="DIR")],
    adapter: AdapterOption = False,
    with_posts: PostsOption = False,
    program: ProgramOption = None,
) -> None:
    """Write models for transformers, vLLM or llama.cpp.

    The card is in the folder, and the sample options become its generation defaults. With --for vllm the folder holds
    the base model, the adapter of each account, and a script that serves them; with --for llama.cpp one GGUF file.

    For example: hugtweets export fogbell_keeper --to model
    """
    names, folder = [known_name(home, handle) for handle in handles], to.expanduser().resolve()
    if program != VLLM and len(names) > 1:
        raise ConfigurationError(
            f"{names[0]} and {names[1]} need a folder each: only --for vllm takes several together"
        )
    if program and (adapter or with_posts):
        raise ConfigurationError(
            f"--for {program} excludes --adapter and --with-posts: what it takes is there as a whole, and no posts"
        )
    from hugtweets.publishing.bundle import Wanted, write_bundle, write_bundle_for_llama_cpp, write_bundle_for_vllm

    usage = f"transformers.pipeline('text-generation', model='{folder}')"
    with progress_shown(verbose), new_folder(folder) as partial:
        if program == VLLM:
            write_bundle_for_vllm(home, names, partial, options.sample)
            usage = f"sh {folder / 'serve.sh'}"
        elif program == LLAMA_CPP:
            write_bundle_for_llama_cpp(home, names[0], partial, options.sample)
            usage = f"llama-server -m {folder / 'model.gguf'}"
        else:
            wanted = Wanted(adapter=adapter, with_posts=with_posts, sampling=options.sample)
            write_bundle(home, names[0], partial, wanted)
    typer.echo(f"the model of {' and '.join(names)} is in {folder}: {usage}")


def push(
    home: Home,
    options: Config,
    verbose: bool,
    handle: HandleArgument,
    repo_id: Annotated[str | None, typer.Option(help="USER/NAME (hugtweets-HANDLE).", metavar="REPOSITORY")] = None,
    private: Annotated[bool, typer.Option("--private/--public", help="Who may see it: only you, or everybody.")] = True,
    adapter: AdapterOption = False,
    with_posts: PostsOption = False,
    consent: Annotated[
        Consent | None, typer.Option(help="Whose account it is; asked with --public.", metavar="mine or public-figure")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only write the folder; ask nobody.")] = False,
) -> None:
    """Publish the current model and its card on the Hugging Face Hub.

    It is for you alone unless --public is given, which asks whose account it is unless --consent says so. Needs
    HF_TOKEN, a token with the right to write.

    For example: hugtweets push fogbell_keeper --dry-run
    """
    name = known_name(home, handle)
    # Takes a second to import.
    from hugtweets.publishing.bundle import Wanted, write_bundle
    from hugtweets.publishing.hub import Hub, check_repository, repository_name

    repository = check_repository(repo_id) if repo_id else None
    if dry_run:
        folder = home.hub(name)
        shutil.rmtree(folder, ignore_errors=True)
        wanted = Wanted(repository or ".", adapter, with_posts, options.sample, consent)
        with progress_shown(verbose), new_folder(folder) as partial:
            warn(write_bundle(home, name, partial, wanted), private)
        place = f"{repository or repository_name('USER', name)}, {'private' if private else 'public'}"
        typer.echo(f"nothing was uploaded; {place}, would get from {folder}:")
        for path in sorted(folder.iterdir()):
            typer.echo(f"{path.stat().st_size:>13,} bytes  {path.name}")
        return
    if not private:
        consent = consent or ask_consent(name)
    hub = Hub(find_token())
    repository = repository or repository_name(hub.user(), name)
    wanted = Wanted(repository, adapter, with_posts, options.sample, consent)
    home.hub(name).parent.mkdir(parents=True, exist_ok=True)
    with progress_shown(verbose), tempfile.TemporaryDirectory(dir=home.hub(name).parent) as partial:
        warn(write_bundle(home, name, Path(partial), wanted), private)
        place = hub.upload(Path(partial), repository, private)
    typer.echo(f"the model of {name} is at {place}, {'for you alone' if private else 'for everybody'}")


def ask_consent(name: str) -> Consent:
    """Ask a person whose account a model for everybody is made of.

    Raises:
        ConfigurationError: nobody is there to answer, or the account is neither the person's nor a public figure's.
    """
    try:
        if typer.confirm(f"Is the account {name} your own?", err=True):
            return "mine"
        if typer.confirm("Is it that of a public figure?", err=True):
            return "public-figure"
    except typer.Abort:
        raise ConfigurationError(
            f"the model of {name} is not published, for nobody said whose account it is: "
            "say --consent mine or --consent public-figure, or leave --public out"
        ) from None
    raise ConfigurationError(
        f"the model of {name} is not published: ask its author first, or push it without --public, for you alone"
    )


def warn(facts: ModelFacts, private: bool) -> None:
    """Say, before everybody can see a model, what it may have learned that was not for everybody."""
    if facts.circle_warning and not private:
        typer.echo(facts.circle_warning, err=True)


def find_token() -> SecretStr:
    """The token for the hub, from the environment, from ``hf auth login``, or from Prefect's Secret block.

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
