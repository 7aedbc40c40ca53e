"""Options that several commands have, and what they set up before anything heavy is imported."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from hugtweets import __version__
from hugtweets.jobs.home_options import HomeOptions, read_home_options
from hugtweets.sources.source import FORMS
from hugtweets.storage.home import VARIABLE, Home

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="The folder that everything is kept in (HUGTWEETS_HOME).", metavar="DIR")
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say more, and show tracebacks.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="A YAML file of options.", metavar="FILE.yaml")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="One option: section.key=value (repeatable).", metavar="KEY=VALUE")
]
HandleArgument = Annotated[str, typer.Argument(help="An account that was learned before.", metavar="HANDLE")]
SourceOption = Annotated[
    list[str] | None,
    typer.Option("--source", help=f"Where posts come from: {FORMS} (repeatable).", metavar="SOURCE"),
]
AccountsOption = Annotated[
    Path | None, typer.Option("--accounts", help="An accounts file instead of handles.", metavar="ACCOUNTS.yaml")
]

# Options by the names of the parameters that they are passed as.
SHARED: dict[str, tuple[Any, Any]] = {
    "config": (ConfigOption, None),
    "assignments": (SetOption, None),
    "as_json": (JsonOption, False),
    "home": (HomeOption, None),
    "verbose": (VerboseOption, False),
}

PREFECT_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "hugtweets",
    # The program logs before its flow and after it.
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    # A run without a server starts its own, whatever a profile says.
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
    # The least that Prefect knows; see deployments/automations/crashed.yaml.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hugtweets {__version__}")
        raise typer.Exit


def settings(
    home: HomeOption = None,
    verbose: VerboseOption = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Learn how an X account writes and write new posts in that voice.

    Start with: hugtweets demo
    """
    begin(home, verbose)


def begin(home: Path | None, verbose: bool) -> Home:
    """Apply the options that every command has, whether they stand before its name or behind it; returns the home."""
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
        # Warnings about future versions of a library, and the progress bars of others, are not for our users.
        warnings.simplefilter("ignore", FutureWarning)
        os.environ.setdefault("TQDM_DISABLE", "1")
    return found


def options_in_force(home: Home) -> HomeOptions:
    """The options of the home; a person is told from where they are.

    Raises:
        ConfigurationError: the home's record of them cannot be used.
    """
    options = read_home_options(home)
    if options.notice:
        typer.echo(options.notice, err=True)
    return options


def with_shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer takes it: parameters named as in :data:`SHARED` become those options.

    Every command has ``--home`` and ``--verbose``, and gets the home itself. One with a parameter ``options`` has
    ``--config`` and ``--set``, and gets the configuration that they make of the options of the home.
    """
    wanted = inspect.signature(command, eval_str=True).parameters
    names = {"home", "verbose", *wanted, *(("config", "assignments") if "options" in wanted else ())}
    own = [parameter for name, parameter in wanted.items() if name not in SHARED and name != "options"]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=unset, annotation=option)
        for name, (option, unset) in SHARED.items()
        if name in names
    ]

    @functools.wraps(command)
    def call(**given: Any) -> None:
        given["home"] = begin(given["home"], given["verbose"])
        if "options" in wanted:
            given["options"] = options_in_force(given["home"]).config(given["config"], given["assignments"] or ())
        command(**{name: given[name] for name in wanted})

    vars(call)["__signature__"] = inspect.Signature([*own, *shared])
    return call
