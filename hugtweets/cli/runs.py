"""``demo``, ``run`` and ``refresh``: the commands that start a flow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer

from hugtweets.budget.shared_ledger import catch_up
from hugtweets.cli.output import flow_shown, print_costs, print_json, print_run
from hugtweets.cli.settings import SourceOption
from hugtweets.cli.suggestions import one_of
from hugtweets.cli.terms import agree_to_terms
from hugtweets.config import Config, Dispatch, read_options
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import AccountRequest, AccountsFile, digest_of, request_accounts, run_wide
from hugtweets.jobs.estimate import estimate_cost
from hugtweets.jobs.home_options import follow
from hugtweets.jobs.job import STEPS, StepName, includes, plan_jobs
from hugtweets.jobs.outcomes import RunOutcome
from hugtweets.simulator.demo import demo_accounts
from hugtweets.storage.handles import is_blend, name_mix
from hugtweets.storage.home import Home

# Enough for each account to sound like itself, and few enough for a laptop to be done in minutes.
DEMO_POSTS = 171
PLACES = get_args(Dispatch)

UntilOption = Annotated[
    StepName | None,
    typer.Option(
        "--until", help=f"Stop after this step: {', '.join(STEPS)}.", metavar="STEP", parser=one_of("step", STEPS)
    ),
]


def run(
    options: Config,
    as_json: bool,
    verbose: bool,
    handles: Annotated[list[str], typer.Argument(help="Handles, or addresses of profiles.", metavar="HANDLE")],
    source: SourceOption = None,
    until: UntilOption = None,
    mix: Annotated[bool, typer.Option("--mix", help="One model of 2 to 5 accounts, with equal weight.")] = False,
) -> None:
    """Learn one or more accounts now.

    With --mix they get one model together, which is called ALICE+BOB from then on.

    For example: hugtweets run my_handle --source archive:twitter-export.zip
    """
    requests = request_accounts(handles, source or (), options)
    if mix:
        check_mix(requests, until)
    outcome = run_flow(requests, until, verbose, mix=mix)
    finish(outcome, as_json)
    # Nightly, an account of which there is nothing yet is none to wake somebody for; asked for by name it is.
    if any(account.is_empty() for account in outcome.accounts):
        raise typer.Exit(1)


def check_mix(requests: Sequence[AccountRequest], until: StepName | None) -> None:
    """Refuse what cannot be mixed before anything is fetched.

    Raises:
        InvalidHandle, ConfigurationError: too few or too many accounts, or options that exclude --mix.
    """
    name_mix(request.handle for request in requests)
    if not includes(until, "tokenise"):
        raise ConfigurationError(f"--mix and --until {until} exclude each other: accounts are mixed after that step")
    dispatch = requests[0].config.refresh.dispatch
    if dispatch != "threads":
        raise ConfigurationError(f"--mix and refresh.dispatch={dispatch} exclude each other: a mix is learned here")


def refresh(
    home: Home,
    config: Path | None,
    assignments: list[str] | None,
    as_json: bool,
    verbose: bool,
    accounts: Annotated[Path, typer.Argument(help="The accounts file.", metavar="ACCOUNTS.yaml")],
    until: UntilOption = None,
    dispatch: Annotated[
        Dispatch | None,
        typer.Option(
            help=f"Where to learn: {', '.join(PLACES)} (refresh.dispatch).",
            metavar="PLACE",
            parser=one_of("place", PLACES),
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would cost at most; ask nobody.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Ask X again for stored posts, to find those deleted; each costs.")
    ] = False,
) -> None:
    """Run the nightly job for a list of accounts once, now.

    For example: hugtweets refresh accounts.yaml --until clean
    """
    # Also below the accounts file: options of that place may stand beside it.
    place = [f"refresh.dispatch={dispatch}"] if dispatch else []
    file = AccountsFile(
        path=accounts.absolute(),
        digest=digest_of(accounts),
        options=read_options(config, [*(assignments or ()), *place]),
        dispatch=dispatch,
    )
    requests, _ = follow(home, file, remember=False)
    if verify and all(source.path for request in requests for source in request.sources):
        raise ConfigurationError(f"--verify asks networks again, and {accounts} names files only: leave it out")
    if dry_run:
        catch_up(home)
        estimate = estimate_cost(plan_jobs(home, requests, run="dry-run"), verify)
        print_json(estimate) if as_json else print_costs(estimate)
        return
    finish(run_flow(requests, until, verbose, night=file, verify=verify), as_json)


def demo(
    options: Config,
    as_json: bool,
    verbose: bool,
    until: UntilOption = None,
) -> None:
    """Learn three fictional accounts; needs no account anywhere.

    It is the whole job, on timelines that are part of the program.

    For example: hugtweets --home /tmp/try demo
    """
    if options.train.max_posts is None and options.train.max_training_posts is None:
        told = f"the demo learns the newest {DEMO_POSTS} training posts of each account"
        typer.echo(f"{told}: --set train.max_training_posts=N", err=True)
        options = options.override({"train": {"max_training_posts": DEMO_POSTS}})
    with demo_accounts() as handles:
        finish(run_flow(request_accounts(handles, ["x"], options), until, verbose, always_refresh=True), as_json)


def run_flow(
    requests: Sequence[AccountRequest],
    until: StepName | None,
    verbose: bool,
    night: AccountsFile | None = None,
    always_refresh: bool = False,
    verify: bool = False,
    mix: bool = False,
) -> RunOutcome:
    """Run the flow for one account, the one for many, the one for a mix, or the one for a blend, in this process.

    ``night`` names the accounts in the parameters of the run instead of ``requests``.

    Raises:
        ConfigurationError: nobody has accepted the terms of a base model.
    """
    if includes(until, "tokenise"):
        agree_to_terms(Home.from_environment(), {request.config.train.base_model for request in requests})
    with flow_shown(run_wide(requests).tracking, verbose):
        # Prefect takes seconds to import: not before the request has been found to make sense.
        from flows.account import account as account_flow
        from flows.mix import blend as blend_flow
        from flows.mix import mix as mix_flow
        from flows.refresh import refresh as refresh_flow
        from flows.runs import outcome_of

        if is_blend(requests[0].handle):
            state = blend_flow(requests[0], return_state=True)
        elif mix:
            state = mix_flow(list(requests), until, return_state=True)
        elif night:
            state = refresh_flow(night, until, verify=verify, return_state=True)
        elif len(requests) == 1 and not always_refresh and requests[0].config.refresh.dispatch == "threads":
            state = account_flow(requests[0], until, return_state=True)
        else:
            state = refresh_flow(list(requests), until, may_wait=always_refresh, return_state=True)
    return outcome_of(state)


def finish(outcome: RunOutcome, as_json: bool) -> None:
    """Print what came of it; exit code 1 if an account failed."""
    if as_json:
        print_json(outcome)
    else:
        print_run(outcome)
        if any("report" in account.steps for account in outcome.accounts):
            typer.echo(f"\nthe report: {Home.from_environment().report / 'index.html'}")
    if outcome.status == "failed":
        raise typer.Exit(1)
