"""Options that hold for every command, and what they set up before anything heavy is imported."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import Annotated

import typer

from hugtweets import __version__
from hugtweets.config import Config, load_config
from hugtweets.storage.home import VARIABLE, Home

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of all state (HUGTWEETS_HOME).", metavar="DIR", show_default=False)
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Tell more; show tracebacks.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.", show_default=False)]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file of options.", metavar="FILE.yaml", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="One option: section.key=value (repeatable).", metavar="KEY=VALUE", show_default=False),
]

PREFECT_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "hugtweets",
    # The least that Prefect knows; see deployments/automations/crashed.yaml.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hugtweets {__version__}")
        raise typer.Exit


def settings(
    home: HomeOption = None,
    verbose: VerboseOption = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True, show_default=False)
    ] = False,
) -> None:
    """Learn how an X account writes and write new posts in that voice.

    Start with: hugtweets demo
    """
    begin(home, verbose)


def begin(home: Path | None, verbose: bool) -> Home:
    """Apply the options of a command: they may stand before its name or behind it."""
    if home is not None:
        os.environ[VARIABLE] = str(home)
    if verbose:
        logging.getLogger("hugtweets").setLevel(logging.DEBUG)
    found = Home.from_environment()
    for name, value in PREFECT_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_RESULTS_LOCAL_STORAGE_PATH", str(found.results))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not verbose:
        # What libraries tell each other about their next versions, and their own bars, are not for our users.
        warnings.simplefilter("ignore", FutureWarning)
        os.environ.setdefault("TQDM_DISABLE", "1")
    return found


def read_config(path: Path | None, assignments: list[str] | None) -> Config:
    """The options of a command, checked."""
    return load_config(path, assignments or ())
