"""One W&B run, written from one finished artifact, one trial, or one whole flow run.

What writes a run raises one of :func:`hugtweets.tracking.internals.trouble`, and online ``lineage.Rejected`` as well.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hugtweets.config import TrackingConfig
from hugtweets.pools.pool import PREFIX, STEP
from hugtweets.storage.artifacts import Manifest, Plan, Reference
from hugtweets.storage.atomic import write_text
from hugtweets.storage.handles import members_of
from hugtweets.storage.home import Home
from hugtweets.tracking import lineage
from hugtweets.tracking.markers import Marker, write_sent
from hugtweets.tracking.settings import FINISH_SECONDS, Mode, quiet, set_up
from hugtweets.tracking.transaction_log import wait_until_written

if TYPE_CHECKING:
    import wandb

Table = tuple[str, Sequence[str], Sequence[Sequence[Any]]]

LONGEST_TAG = 64  # of W&B
# In the folder of a run that tells of a whole flow run: its tags, the handles of its accounts, as a JSON list.
SUMMARISED = "hugtweets-accounts.json"

_environment = threading.Lock()


@dataclass(frozen=True)
class Content:
    """What a step shows in W&B beside its artifact.

    ``summary`` holds single numbers and words; ``history`` the rows of its curves, where ``step`` is the x-axis of the
    other keys; ``table`` a name, the columns and the rows.
    """

    summary: Mapping[str, float | int | str] = field(default_factory=dict)
    history: Sequence[Mapping[str, float]] = ()
    table: Table | None = None


@dataclass(frozen=True)
class Description:
    """What a run is called, what it is about, and how it was configured; ``tags`` are its accounts.

    ``id`` and ``sweep`` are given by W&B's agent to the process that it starts; any other run draws its own id.
    """

    name: str
    job_type: str
    tags: Sequence[str]
    config: Mapping[str, Any]
    id: str = field(default_factory=lambda: secrets.token_hex(4))  # else WANDB_RUN_ID would merge all steps into one
    sweep: str | None = None


@dataclass(frozen=True)
class Overview:
    """What is shown of a whole flow run: tables over all accounts, a page, and the artifacts these were made of."""

    tables: Sequence[Table]
    page: str
    sources: Sequence[Reference]


def log(
    home: Home,
    reference: Reference,
    content: Content,
    config: TrackingConfig,
    group: str,
    mode: Mode,
    live: wandb.Run | None = None,
) -> Marker:
    """Write the run: inputs used, curves, table, summary, output logged. Online it returns once all is uploaded.

    ``live`` is a run that has the curves already.
    """
    manifest = reference.manifest()
    if live:
        content = replace(content, history=())
        cast(Any, live.config).update(dict(_describe(manifest).config), allow_val_change=True)
    with _finishing(live) if live else _open(home, _describe(manifest), config, group, mode) as run:
        for source in lineage.inputs(home, manifest):
            lineage.use(run, source, config.posts_ttl_days)
        _show(run, content)
        output = lineage.put(run, reference, lineage.aliases_of(home, reference), config.posts_ttl_days)
    return Marker(
        run_id=run.id,
        mode=mode,
        folder=run.settings.sync_dir,
        artifact=lineage.artifact_name(reference.step, reference.handle),
        artifact_type=output.type,
        artifact_digest=output.digest,
        group=group,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        url=run.url if mode == "online" else None,
    )


def log_summary(
    home: Home,
    description: Description,
    summary: Mapping[str, float],
    config: TrackingConfig,
    group: str,
    mode: Mode,
) -> str:
    """Write a run that has no artifact; returns what ``wandb sync`` wants."""
    with _open(home, description, config, group, mode) as run:
        # A row as well: W&B's sweeps look at the history.
        run.log(dict(summary))
        return str(run.settings.sync_dir)


def log_overview(home: Home, overview: Overview, config: TrackingConfig, group: str, mode: Mode) -> str:
    """Write the run of a whole flow run; returns what ``wandb sync`` wants.

    It is tagged with every account that is in it, also in a mix or a blend, by which a forgotten one is found.
    """
    import wandb

    inputs = [lineage.describe(source.step, source.handle, source.digest) for source in overview.sources]
    handles = sorted({name for source in overview.sources for name in _names(source.handle)})
    described = Description(f"summary-{group}", "summary", handles, config={"inputs": inputs})
    with _open(home, described, config, group, mode) as run:
        folder = str(run.settings.sync_dir)
        # Before anything of the accounts is in it, so that a crash leaves no summary that is not found.
        write_text(Path(folder) / SUMMARISED, json.dumps(handles))
        with _staging(Path(folder)):
            tables: dict[str, Any] = {name: _table(columns, rows) for name, columns, rows in overview.tables}
            run.log(tables | {"report": wandb.Html(overview.page, inject=False)})
    return folder


def log_alert(home: Home, sentence: str, failed: Sequence[str], config: TrackingConfig, group: str, mode: Mode) -> str:
    """Write a run that is an alert, tagged with the accounts that failed; returns what ``wandb sync`` wants."""
    tags = sorted({name for handle in failed for name in _names(handle)})
    with _open(home, Description(f"alert-{group}", "alert", tags, config={}), config, group, mode) as run:
        run.alert(title="hugtweets: accounts failed", text=sentence, level="ERROR")
        return str(run.settings.sync_dir)


def describe_plan(plan: Plan) -> Description:
    """The run of an artifact that is still to be made; its configuration is completed once it is there."""
    return Description(f"{plan.step}-{plan.handle}", plan.step, sorted(_names(plan.handle)), dict(plan.config))


def _describe(manifest: Manifest) -> Description:
    identity = {key: getattr(manifest, key) for key in ("step", "step_version", "handle", "digest", "libraries")}
    # A pool may be called as an account is, and that may be forgotten.
    is_pool = manifest.step == STEP
    return Description(
        name=f"{manifest.step}-{manifest.handle}",
        job_type=manifest.step,
        tags=[f"{PREFIX}{manifest.handle}"] if is_pool else sorted(_names(manifest.handle)),
        config={**manifest.config, **identity, "inputs": lineage.describe_inputs(manifest)},
    )


def _names(handle: str) -> set[str]:
    """The accounts that a name stands for, and itself as far as a tag may be long."""
    return {*members_of(handle), handle[:LONGEST_TAG]}


@contextmanager
def _open(home: Home, described: Description, config: TrackingConfig, group: str, mode: Mode) -> Iterator[wandb.Run]:
    """A run that is on disk, or at W&B, when the block has ended."""
    with _finishing(start(home, described, config, group, mode)) as run:
        yield run
    if mode == "offline":
        wait_until_written(Path(run.settings.sync_file), FINISH_SECONDS)


@contextmanager
def _finishing(run: wandb.Run) -> Iterator[wandb.Run]:
    """Finish a run when the block ends; wandb's own context prints a traceback if the block raises."""
    try:
        yield run
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()


def start(home: Home, described: Description, config: TrackingConfig, group: str, mode: Mode) -> wandb.Run:
    """Open a run, to be finished by the caller."""
    import wandb

    home.wandb.mkdir(parents=True, exist_ok=True)
    set_up()
    settings = quiet()
    settings.sweep_id = described.sweep
    run = wandb.init(
        id=described.id,
        dir=home.root,  # wandb adds the folder `wandb` by itself
        project=config.project,
        entity=config.entity,
        job_type=described.job_type,
        group=group,
        name=described.name,
        tags=list(described.tags),
        config=dict(described.config),
        mode=mode,
        reinit="create_new",  # else every thread is handed the run of the first
        settings=settings,
    )
    if mode == "online":
        write_sent(Path(run.settings.sync_dir), str(run.url))
    return run


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> wandb.Table:
    import wandb

    return wandb.Table(columns=list(columns), data=[list(row) for row in rows])


def define_curves(run: wandb.Run, names: Iterable[str]) -> None:
    """Draw figures over the training step."""
    for name in sorted({*names} - {"step"}):
        run.define_metric(name, step_metric="step")


def _show(run: wandb.Run, content: Content) -> None:
    define_curves(run, {name for row in content.history for name in row})
    for row in content.history:
        run.log(dict(row))
    if content.table:
        name, columns, rows = content.table
        with _staging(Path(run.settings.sync_dir)):
            run.log({name: _table(columns, rows)})
    run.summary.update(dict(content.summary))


@contextmanager
def _staging(folder: Path) -> Iterator[None]:
    """Keep the copy of a table that waits for upload in the folder of its run, not in the user's data folder.

    wandb reads the place from the environment at each use, so threads take turns.
    """
    with _environment:
        before = os.environ.get("WANDB_DATA_DIR")
        os.environ["WANDB_DATA_DIR"] = str(folder)
        try:
            yield
        finally:
            if before is None:
                del os.environ["WANDB_DATA_DIR"]
            else:
                os.environ["WANDB_DATA_DIR"] = before
