"""``simulate-x``: a local X API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hugtweets.errors import ConfigurationError


def simulate_x(
    directory: Annotated[Path, typer.Argument(help="Folder of <handle>.jsonl timelines.", metavar="DIR")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 8765,
    faults: Annotated[Path | None, typer.Option(help="JSON file: a list of faults to serve.", metavar="FILE")] = None,
    seed: Annotated[int, typer.Option(help="Seed of which requests meet a fault, for faults that have a share.")] = 0,
    priced: Annotated[
        bool, typer.Option("--priced", help="Let clients reckon the answers with X's prices, to try budgets.")
    ] = False,
) -> None:
    """Serve timelines as the X API v2 would, on this machine only.

    What it answers costs nothing.

    For example: hugtweets simulate-x timelines/ --port 8765
    """
    if not any(directory.glob("*.jsonl")):
        raise ConfigurationError(f"{directory} holds no timelines: put one <handle>.jsonl there for each account")
    from hugtweets.simulator.server import serve

    typer.echo(f"X simulator on http://127.0.0.1:{port}; in another shell:", err=True)
    typer.echo(f"  X_API_URL=http://127.0.0.1:{port} X_BEARER_TOKEN=any hugtweets run HANDLE", err=True)
    serve(directory, port=port, faults_file=faults, seed=seed, priced=priced)
