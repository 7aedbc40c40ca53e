"""``simulate``: local servers that answer as X, Bluesky and Mastodon do; ``simulate-x`` is its name for X."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hugtweets.errors import ConfigurationError

Directory = Annotated[Path, typer.Argument(help="Folder of <handle>.jsonl timelines.", metavar="DIR")]
Port = Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)]
Faults = Annotated[Path | None, typer.Option(help="JSON file: a list of faults to serve.", metavar="FILE")]
Seed = Annotated[int, typer.Option(help="Seed of which requests meet a fault, for faults that have a share.")]
Priced = Annotated[
    bool, typer.Option("--priced", help="Let clients reckon the answers with X's prices, to try budgets.")
]


def simulate(
    directory: Directory, port: Port = 8765, faults: Faults = None, seed: Seed = 0, priced: Priced = False
) -> None:
    """Serve timelines as X, Bluesky or Mastodon would.

    The name of a file tells the network: NASA.jsonl, alice.bsky.social.jsonl, alice@mastodon.social.jsonl. What is
    answered costs nothing.

    For example: hugtweets simulate timelines/ --port 8765
    """
    address = f"http://127.0.0.1:{port}"
    ways = (
        f"X_API_URL={address} X_BEARER_TOKEN=any hugtweets run HANDLE",
        f"BLUESKY_API_URL={address} hugtweets run HANDLE --source bluesky",
        f"MASTODON_API_URL={address} hugtweets run HANDLE --source mastodon",
    )
    _serve("simulator", ways, directory, port, faults, seed, priced)


def simulate_x(
    directory: Directory, port: Port = 8765, faults: Faults = None, seed: Seed = 0, priced: Priced = False
) -> None:
    """Serve timelines as the X API v2 would, on this machine only.

    What it answers costs nothing.

    For example: hugtweets simulate-x timelines/ --port 8765
    """
    way = f"X_API_URL=http://127.0.0.1:{port} X_BEARER_TOKEN=any hugtweets run HANDLE"
    _serve("X simulator", (way,), directory, port, faults, seed, priced)


def _serve(
    name: str, ways: tuple[str, ...], directory: Path, port: int, faults: Path | None, seed: int, priced: bool
) -> None:
    if not any(directory.glob("*.jsonl")):
        raise ConfigurationError(f"{directory} holds no timelines: put one <handle>.jsonl there for each account")
    from hugtweets.simulator.server import serve

    typer.echo(f"{name} on http://127.0.0.1:{port}; in another shell:", err=True)
    for way in ways:
        typer.echo(f"  {way}", err=True)
    serve(directory, port=port, faults_file=faults, seed=seed, priced=priced)
