"""``show``: what is kept of an account."""

from __future__ import annotations

from pydantic import BaseModel

from hugtweets.budget.ledger import Ledger
from hugtweets.cli.output import plain_console, print_json
from hugtweets.cli.settings import HandleArgument
from hugtweets.cli.suggestions import known_name
from hugtweets.errors import NothingKept
from hugtweets.evaluation.promotion import Decision, current_model, read_promotions
from hugtweets.jobs.outcomes import ApiUsage
from hugtweets.pools.pool import spec_of
from hugtweets.storage.artifacts import Manifest, location, references
from hugtweets.storage.handles import is_mix, run_command
from hugtweets.storage.home import Home
from hugtweets.timelines.provenance import count_sources, describe_sources, order_of


class ShownArtifact(BaseModel):
    """An artifact and what is in its manifest."""

    path: str
    manifest: Manifest


class ShownAccount(BaseModel):
    """What ``show --json`` prints; ``pools`` are base models that learned posts of the account.

    ``sources`` tells how many of the posts each source brought.
    """

    handle: str
    timeline: str | None
    posts: int
    sources: dict[str, int]
    gaps: int
    oldest: str | None
    newest: str | None
    api: ApiUsage
    current_model: str | None
    promotions: tuple[Decision, ...]
    pools: list[str]
    artifacts: list[ShownArtifact]


def show(
    home: Home,
    as_json: bool,
    handle: HandleArgument,
) -> None:
    """Show what is kept of an account: every artifact and its numbers.

    For example: hugtweets show fogbell_keeper
    """
    account = look(home, known_name(home, handle))
    print_json(account) if as_json else _print(account)


def look(home: Home, handle: str) -> ShownAccount:
    """Gather what a home holds of an account, or of a mix, which has no timeline of its own.

    Raises:
        NothingKept: nothing.
    """
    # pyarrow takes a moment to import: `hugtweets --help` must not wait for it.
    from hugtweets.jobs.forgetting import pools_that_learned
    from hugtweets.timelines import timeline as timelines
    from hugtweets.timelines.shared import SharedTimeline

    found = references(home, handle)
    path = None if is_mix(handle) else home.timeline(handle)
    if path:
        SharedTimeline(home, handle).pull()
    if not found and not (path and path.exists()):
        verb = "make" if is_mix(handle) else "fetch"
        raise NothingKept(f"nothing is kept of {handle} in {home.root}: {verb} it with `{run_command(handle)}`")
    timeline = timelines.load(path) if path else timelines.Timeline()
    fetched = [reference for reference in found if reference.step == "fetch"]
    current = current_model(home, handle)
    times = [post.created_at.isoformat() for post in timeline.posts]
    return ShownAccount(
        handle=handle,
        timeline=str(path) if path else None,
        posts=len(times),
        sources=count_sources(path, order=order_of(fetched[-1:])) if path else {},
        gaps=len(timeline.gaps),
        oldest=min(times, default=None),
        newest=max(times, default=None),
        api=ApiUsage.model_validate(Ledger(home.ledger, run="").of(handle).total()),
        current_model=current.digest if current else None,
        promotions=read_promotions(home, handle).decisions,
        pools=[spec_of(pool) for pool in pools_that_learned(home, handle)],
        artifacts=[ShownArtifact(path=location(home, reference), manifest=reference.manifest()) for reference in found],
    )


def _print(account: ShownAccount) -> None:
    console = plain_console()
    console.print(account.handle, style="bold")
    source = f" from {describe_sources(account.sources)}" if account.sources else ""
    span = f", written from {account.oldest} to {account.newest}" if account.oldest else ""
    unread = f", {account.gaps} stretches still to fetch" if account.gaps else ""
    if account.timeline:
        console.print(f"{account.posts:,} raw posts{source}{span}{unread}: {account.timeline}")
        api = account.api
        console.print(f"read over the network: {api.requests} requests, {api.posts_read} posts, ${api.usd:.2f}")
    for decision in account.promotions:
        console.print(f"model {decision.model}: {decision.reason} ({decision.by}, {decision.at:%Y-%m-%d})")
    console.print(f"current model: {account.current_model or 'none'}")
    for pool in account.pools:
        console.print(f"learned by {pool} too, which goes when the account is forgotten")
    for artifact in account.artifacts:
        manifest = artifact.manifest
        console.print(f"\n{manifest.step} {manifest.digest}", style="bold", end=" ")
        console.print(
            f"{manifest.created:%Y-%m-%d %H:%M:%S} UTC{_marked(manifest)}\n  {_numbers(manifest)}\n  {artifact.path}"
        )


def _marked(manifest: Manifest) -> str:
    """What sets scores apart that were made before there were test posts."""
    old = manifest.step == "evaluate" and not manifest.counts.get("on_test_posts")
    return ", on validation posts: not comparable with later scores, which are on test posts" if old else ""


def _numbers(manifest: Manifest) -> str:
    shown = {name.replace("_", " "): value for name, value in manifest.counts.items() if type(value) in (int, float)}
    return ", ".join(
        f"{name} {value:,.4g}" if type(value) is float else f"{name} {value:,}" for name, value in shown.items()
    )
