"""Deletes at W&B what is deleted here: the artifact, and the run that made it, which may show posts in a table.

What is to go is written down before anything is removed here, one file a run in ``$HUGTWEETS_HOME/wandb/to-delete``,
and that file goes once W&B has deleted it. So a crash or an outage leaves nothing behind unnoticed: the next run goes
on with it, or ``hugtweets sync``.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from pydantic import BaseModel

from hugtweets.config import TrackingConfig
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home
from hugtweets.tracking.internals import trouble
from hugtweets.tracking.markers import SENT, Marker, project_of, read_marker
from hugtweets.tracking.settings import REQUEST_SECONDS, resolve, wish
from hugtweets.tracking.writing import OUTAGE, reason_of

FOLDER = "to-delete"

logger = logging.getLogger(__name__)


class Deletion(BaseModel):
    """A run that is to be deleted at W&B, by its address, with its ``artifact``, as ``clean-NASA:<digest>``.

    With ``keep_run`` only the artifact goes.
    """

    run: str
    artifact: str | None = None
    keep_run: bool = False

    def describe(self) -> str:
        """For people, who may have to do it by hand."""
        return f"{self.artifact} of {self.run}" if self.artifact else self.run


def note_artifact(home: Home, reference: Reference) -> None:
    """Write down that an artifact goes, if W&B has it."""
    if marker := read_marker(reference):
        note_marker(home, marker, reference.digest)


def note_marker(home: Home, marker: Marker, digest: str) -> None:
    """The same by what ``tracking.json`` says, of an artifact with that digest."""
    if url := marker.get("url"):
        _note(home, Deletion(run=url, artifact=f"{marker['artifact']}:{digest}"))


def note_run(home: Home, folder: Path) -> None:
    """Write down that a run goes that this machine keeps in a folder, if W&B has it."""
    if (folder / SENT).is_file():
        _note(home, Deletion(run=json.loads((folder / SENT).read_text(encoding="utf-8"))["url"]))


def note_pruned(home: Home, reference: Reference) -> Path | None:
    """Write down that an artifact goes, but not its run, whose curves stay; returns the note, if W&B has it."""
    marker = read_marker(reference)
    if not marker or not (url := marker.get("url")):
        return None
    return _note(home, Deletion(run=url, artifact=f"{marker['artifact']}:{reference.digest}", keep_run=True))


def noted(home: Home) -> list[Deletion]:
    """What W&B still has although it is deleted here."""
    return list(_read(home).values())


def delete_noted(home: Home, config: TrackingConfig) -> list[Deletion]:
    """Delete at W&B what was noted; returns what is left there, and says so. Trouble with W&B never raises."""
    todo = _read(home)
    if not todo:
        return []
    reason = "tracking is not online here"
    if wish(config) in ("auto", "online") and resolve(config) == "online":
        reason = "W&B was away"
        try:
            for path, deletion in todo.items() if OUTAGE.may_try() else ():
                _delete(deletion)
                path.unlink()
        except trouble() as error:
            reason = reason_of(error)
    left = noted(home)
    if left:
        named = ", ".join(deletion.describe() for deletion in left)
        told = (
            "W&B still has what is deleted here (%s): run `hugtweets sync` once it can be reached, or delete there %s"
        )
        logger.warning(told, reason, named)
    return left


def _note(home: Home, deletion: Deletion) -> Path:
    path = home.wandb / FOLDER / f"{deletion.run.rpartition('/')[2]}.json"
    # A run is noted with its artifact first, then perhaps by its folder alone.
    if deletion.artifact or not path.exists():
        write_text(path, deletion.model_dump_json() + "\n")
    return path


def _read(home: Home) -> dict[Path, Deletion]:
    files = sorted((home.wandb / FOLDER).glob("*.json"))
    return {path: Deletion.model_validate_json(path.read_text(encoding="utf-8")) for path in files}


def _delete(deletion: Deletion) -> None:
    import wandb
    from wandb.errors import CommError

    entity, project = project_of(deletion.run)
    api = wandb.Api(overrides={"entity": entity, "project": project}, timeout=REQUEST_SECONDS)
    name = f"{entity}/{project}/{deletion.artifact}"
    if deletion.artifact and api.artifact_exists(name):
        api.artifact(name).delete(delete_aliases=True)
    if deletion.keep_run:
        return
    try:
        run = api.run(f"{entity}/{project}/{deletion.run.rpartition('/')[2]}")
    except CommError as error:
        if isinstance(error.exc, ValueError):  # no such run: somebody has deleted it already
            return
        raise
    run.delete(delete_artifacts=True)
