"""``sample``: new posts from an account's model, now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import BaseModel

from hugtweets.cleaning.kinds import KINDS, Kind
from hugtweets.cli.output import print_json, printable, progress_shown
from hugtweets.cli.suggestions import known_name, one_of
from hugtweets.config import Config
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.outcomes import SampleOutcome
from hugtweets.storage.home import Home


class SampleDocument(BaseModel):
    """What ``sample HANDLE --json`` prints; a blend has no model of its own."""

    handle: str
    model: str | None
    samples: list[SampleOutcome]


class SampleDocuments(BaseModel):
    """What ``sample --json`` prints of several accounts."""

    accounts: list[SampleDocument]


def sample(
    home: Home,
    options: Config,
    as_json: bool,
    verbose: bool,
    handles: Annotated[
        list[str] | None, typer.Argument(help="Accounts or mixes that were learned before.", metavar="HANDLE")
    ] = None,
    blend: Annotated[
        str | None,
        typer.Option(help="Instead of accounts: several at once, by these shares.", metavar="ALICE=0.7,BOB=0.3"),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the blend, with scores and a page; it is called ALICE-70+BOB-30.")
    ] = False,
    prompt: Annotated[list[str] | None, typer.Option(help="How the post begins (repeatable).")] = None,
    kind: Annotated[
        Kind | None,
        typer.Option(
            help=f"What to write: {', '.join(KINDS)}; any of them if left out.",
            metavar="KIND",
            parser=one_of("kind", KINDS),
        ),
    ] = None,
    number: Annotated[int, typer.Option("-n", help="Posts for each prompt.", min=1, max=1000)] = 5,
) -> None:
    """Write new posts as an account would, or several at once.

    With --keep the posts of a blend are stored, scored, and shown in the report.

    For example: hugtweets sample fogbell_keeper --prompt "The fog" -n 3
    """
    sampling = options.sample.model_dump() | {"per_prompt": number} | ({"prompts": prompt} if prompt else {})
    options = options.override({"sample": sampling})
    if bool(handles) == bool(blend):
        raise ConfigurationError("name accounts, or a blend of several: hugtweets sample --blend alice=0.7,bob=0.3")
    if keep and kind:
        raise ConfigurationError("--kind and --keep exclude each other: a blend that is kept writes posts of any kind")
    if keep:
        _keep(home, blend, options, verbose, as_json)
        return
    with progress_shown(verbose):
        documents = (
            [_sample_blend(home, blend, options, kind)]
            if blend
            else _sample_accounts(home, handles or (), options, kind)
        )
    if as_json:
        print_json(documents[0] if len(documents) == 1 else SampleDocuments(accounts=documents))
    else:
        _print(documents)


def _sample_accounts(home: Home, handles: Sequence[str], options: Config, kind: Kind | None) -> list[SampleDocument]:
    from hugtweets.steps.authors import Author, generate_for_all

    authors = [Author.find(home, name) for name in dict.fromkeys(known_name(home, handle) for handle in handles)]
    return [
        SampleDocument(
            handle=author.handle, model=author.model.digest, samples=list(map(SampleOutcome.model_validate, posts))
        )
        for author, posts in zip(authors, generate_for_all(home, authors, options, kind), strict=True)
    ]


def _sample_blend(home: Home, blend: str, options: Config, kind: Kind | None) -> SampleDocument:
    from hugtweets.steps.blend import blend_name, generate_blend

    shares = _shares(home, blend)
    posts = generate_blend(home, shares, options, kind)
    return SampleDocument(handle=blend_name(shares), model=None, samples=list(map(SampleOutcome.model_validate, posts)))


def _shares(home: Home, blend: str) -> dict[str, float]:
    from hugtweets.steps.blend import parse_blend

    return {known_name(home, handle): share for handle, share in parse_blend(blend, home).items()}


def _keep(home: Home, blend: str | None, options: Config, verbose: bool, as_json: bool) -> None:
    if blend is None:
        raise ConfigurationError("--keep is for a blend: hugtweets sample --blend alice=0.7,bob=0.3 --keep")
    from hugtweets.cli.runs import finish, run_flow
    from hugtweets.steps.blend import find_authors, kept_name

    shares = _shares(home, blend)
    find_authors(home, list(shares))
    request = AccountRequest(handle=kept_name(shares), config=options)
    finish(run_flow([request], None, verbose), as_json)


def _print(documents: Sequence[SampleDocument]) -> None:
    """The posts, one a line; those of several accounts below their names."""
    for document in documents:
        name = document.handle
        typer.echo(f"Generated by a model of {name}, not written by {name}:", err=True)
        if len(documents) > 1:
            typer.echo(f"{name}:")
        for post in document.samples:
            typer.echo(printable(post.text))
