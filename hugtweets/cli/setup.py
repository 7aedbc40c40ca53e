"""``setup``: what the nightly service needs of a Prefect server."""

from __future__ import annotations

import typer

from hugtweets.cli.settings import HomeOption, VerboseOption, begin


def setup(home: HomeOption = None, verbose: VerboseOption = False) -> None:
    """Create what the service needs on the Prefect server that PREFECT_API_URL names; say what a person must do.

    What is there is left as it is, so that it can be run at any time; `hugtweets serve` does the same at its start.
    For example: hugtweets setup
    """
    begin(home, verbose)
    # Prefect takes seconds to import.
    from deployments.serve import check_server
    from deployments.setup import provide

    typer.echo(f"Prefect server at {check_server()}", err=True)
    for provision in provide(create=True):
        typer.echo(f"{provision.state:8} {provision.subject}: {provision.detail}")
