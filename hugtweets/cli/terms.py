"""``terms``: the terms of use of the one packaged base model that has any of its own."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Annotated

import typer

from hugtweets.errors import ConfigurationError
from hugtweets.models.gemma import GEMMA
from hugtweets.models.terms import ADDRESS, accept, check_accepted, is_accepted, read_terms
from hugtweets.storage.home import Home


def terms(
    home: Home,
    accepted: Annotated[bool, typer.Option("--accept", help="Accept them, for all runs in this home.")] = False,
) -> None:
    """Show Gemma's terms of use, and accept them.

    The base model gemma-3-270m may be used after that. All others have open-source licences, or terms of the place that
    they are from.

    For example: hugtweets terms --accept
    """
    typer.echo(read_terms())
    if accepted:
        accept(home)
    state = "accepted" if is_accepted(home) else "not accepted: hugtweets terms --accept accepts them"
    typer.echo(f"the terms of {GEMMA.name} ({ADDRESS}) are {state}, in {home.root}", err=True)


def agree_to_terms(home: Home, base_models: Collection[str]) -> None:
    """Before anything is fetched, ask a person at a terminal whether the terms of a base model are accepted.

    Raises:
        ConfigurationError: they are not, or nobody is there to be asked.
    """
    if GEMMA.name not in base_models or is_accepted(home):
        return
    if not (sys.stdin and sys.stdin.isatty()):
        check_accepted(home)
    typer.echo(read_terms(), err=True)
    question = f"{GEMMA.name} is under these terms, which are no open-source licence. Do you accept them?"
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise ConfigurationError(f"the terms of {GEMMA.name} are not accepted: choose another train.base_model")
    accept(home)
