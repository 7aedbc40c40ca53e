"""``sweep``: the same accounts with varied options."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from hugtweets.cli.output import flow_shown, print_json, print_table
from hugtweets.cli.settings import AccountsOption, SourceOption, options_in_force
from hugtweets.cli.terms import agree_to_terms
from hugtweets.config import Config
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import AccountRequest, read_accounts, request_accounts, run_wide
from hugtweets.sources.source import SourceSpec
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home
from hugtweets.sweeps.outcome import SweepOutcome
from hugtweets.sweeps.points import Point, parse_variations, plan_points, read_point
from hugtweets.sweeps.tracking import export_sweep
from hugtweets.tracking import AgentRun, take_agent_run


def sweep(
    home: Home,
    config: Path | None,
    assignments: list[str] | None,
    as_json: bool,
    verbose: bool,
    handles: Annotated[list[str] | None, typer.Argument(help="Handles.", metavar="HANDLE")] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="An option and its values, or with --random its range: train.lr=1e-3,2e-3 or train.lr=1e-4..1e-2 "
            "(repeatable). Values are chosen evenly on a logarithmic scale if both ends of a range are positive and a "
            "decade or more apart.",
            metavar="KEY=VALUES",
        ),
    ] = None,
    number: Annotated[
        int | None, typer.Option("--random", help="That many random points, not all combinations.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random points.")] = 0,
    point: Annotated[
        str | None, typer.Option(help="One point only, as W&B's agent passes it.", metavar="'{\"KEY\": VALUE}'")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export-wandb", help="Only write a configuration for `wandb sweep`.", metavar="FILE.yaml"),
    ] = None,
    accounts: AccountsOption = None,
    source: SourceOption = None,
) -> None:
    """Learn accounts with varied options, and compare.

    The first point is the configuration as it is. The current model of an account stays as it is.

    For example: hugtweets sweep fogbell_keeper --vary train.lr=1e-3,4e-3
    """
    agent = take_agent_run()
    in_force = options_in_force(home)
    options = in_force.config(config, assignments or ())
    requests = _requests(handles or [], accounts, source or [], options)
    in_force.check(run_wide(requests))
    if point is not None:
        points = [_read_point(point, requests)]
    elif vary:
        points = plan_points(requests, vary, number, seed)
    else:
        raise ConfigurationError("nothing is varied: write --vary section.key=value,value such as train.epochs=1,2")
    if export:
        arguments = _arguments(handles or [], accounts, source or [], config, assignments or [])
        _export(export, export_sweep(parse_variations(vary or ()), number, options.tracking.project, arguments))
        return
    agree_to_terms(home, {each.of(request).config.train.base_model for each in points for request in requests})
    _run(requests, points, agent, verbose, as_json)


def _run(
    requests: list[AccountRequest], points: list[Point], agent: AgentRun | None, verbose: bool, as_json: bool
) -> None:
    with flow_shown(run_wide(requests).tracking, verbose):
        logging.getLogger("hugtweets").info("%d points for %d accounts", len(points), len(requests))
        from flows.runs import ended_with
        from flows.sweep import sweep as sweep_flow

        outcome = ended_with(sweep_flow(requests, points, agent, return_state=True), SweepOutcome)
    print_json(outcome) if as_json else _print(outcome)
    if outcome.status == "failed":
        raise typer.Exit(1)


def _export(path: Path, sweep: Mapping[str, Any]) -> None:
    write_text(path, yaml.safe_dump(sweep, sort_keys=False, allow_unicode=True))
    typer.echo(f"{path} is written: `wandb sweep {path}` makes the sweep, and says how to start an agent")


def _requests(
    handles: Sequence[str], accounts: Path | None, sources: Sequence[str], config: Config
) -> list[AccountRequest]:
    if accounts and (handles or sources):
        raise ConfigurationError("--accounts and handles or --source exclude each other: the file says both")
    if not (accounts or handles):
        raise ConfigurationError("no account is named: write handles, or --accounts ACCOUNTS.yaml")
    return read_accounts(accounts, config) if accounts else request_accounts(handles, sources, config)


def _read_point(text: str, requests: Sequence[AccountRequest]) -> Point:
    try:
        options = json.loads(text)
    except ValueError:
        options = None
    if not isinstance(options, dict) or not options:
        raise ConfigurationError(f"--point {text} is no JSON object of options: write '{{\"train.epochs\": 1}}'")
    return read_point(requests, options)


def _print(outcome: SweepOutcome) -> None:
    rows = outcome.rows()
    # Words about what went wrong only where something did.
    plain = all(row["status"] == "completed" and not row["reason"] for row in rows)
    print_table([{k: v for k, v in row.items() if not (plain and k in ("status", "reason"))} for row in rows])
    typer.echo("")
    print_table([point.model_dump(exclude={"options"}) for point in outcome.points])
    typer.echo(f"\n{outcome.describe()}\n{outcome.csv}")


def _arguments(
    handles: Sequence[str],
    accounts: Path | None,
    sources: Sequence[str],
    config: Path | None,
    assignments: Sequence[str],
) -> list[str]:
    """This command as it works in any folder, without what is varied."""
    return [
        *handles,
        *([] if accounts is None else ["--accounts", str(accounts.resolve())]),
        *(f"--source={SourceSpec.parse(source).below(Path.cwd())}" for source in sources),
        *([] if config is None else ["--config", str(config.resolve())]),
        *(f"--set={assignment}" for assignment in assignments),
        *("--home", str(Home.from_environment().root)),
    ]
