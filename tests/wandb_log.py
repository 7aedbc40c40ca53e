"""Reads offline W&B runs back from disk, without a server."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hugtweets.tracking.transaction_log import records


@dataclass(frozen=True)
class LoggedArtifact:
    """An artifact as a run declares it; ``files`` maps the name inside to where the file is on disk."""

    name: str
    type: str
    digest: str
    aliases: tuple[str, ...]
    metadata: dict[str, Any]
    files: dict[str, Path]


@dataclass
class LoggedRun:
    """What one ``.wandb`` file says. Nested keys of history and summary are joined by slashes."""

    folder: Path
    id: str = ""
    name: str = ""
    project: str = ""
    job_type: str = ""
    group: str = ""
    sweep: str = ""
    tags: tuple[str, ...] = ()
    exit_code: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    step_metrics: dict[str, str] = field(default_factory=dict)
    logged: list[LoggedArtifact] = field(default_factory=list)
    used: list[LoggedArtifact] = field(default_factory=list)

    def table(self, name: str) -> dict[str, Any]:
        """A logged table: ``columns`` and ``data``."""
        path = next(row[f"{name}/path"] for row in self.history if f"{name}/path" in row)
        table: dict[str, Any] = json.loads((self.folder / "files" / path).read_text(encoding="utf-8"))
        return table


def read_runs(folder: Path) -> list[LoggedRun]:
    """All offline runs in a folder, by name."""
    runs = [read_run(path) for path in folder.glob("offline-run-*/run-*.wandb")]
    return sorted(runs, key=lambda run: (run.name, run.id))


def read_run(path: Path) -> LoggedRun:
    """One run."""
    from wandb.proto import wandb_internal_pb2

    record: Any = vars(wandb_internal_pb2)["Record"]
    run = LoggedRun(folder=path.parent)
    for data in records(path.read_bytes()):
        _add(run, record.FromString(data))
    return run


def _add(run: LoggedRun, record: Any) -> None:
    kind = record.WhichOneof("record_type")
    if kind == "run":
        run.id, run.name, run.project = record.run.run_id, record.run.display_name, record.run.project
        run.job_type, run.group, run.tags = record.run.job_type, record.run.run_group, tuple(record.run.tags)
        run.sweep = record.run.sweep_id
        run.config |= _values(record.run.config.update)
    elif kind == "config":
        run.config |= _values(record.config.update)
    elif kind == "history":
        run.history.append(_values(record.history.item))
    elif kind == "summary":
        run.summary |= _values(record.summary.update)
    elif kind == "metric":
        run.step_metrics[record.metric.name] = record.metric.step_metric
    elif kind == "artifact":
        (run.used if record.artifact.use_after_commit else run.logged).append(_artifact(record.artifact))
    elif kind == "exit":
        run.exit_code = record.exit.exit_code


def _artifact(record: Any) -> LoggedArtifact:
    return LoggedArtifact(
        name=record.name,
        type=record.type,
        digest=record.digest,
        aliases=tuple(sorted(record.aliases)),
        metadata=json.loads(record.metadata or "{}"),
        files={entry.path: Path(entry.local_path) for entry in record.manifest.contents},
    )


def _values(items: Iterable[Any]) -> dict[str, Any]:
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}
