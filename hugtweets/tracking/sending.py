"""Sends the runs that stayed on this machine, by ``wandb sync``, which wandb offers as a command only.

``wandb sync`` ends with exit code 0 whatever happened, and takes a run for sent although its artifact was refused. So
what is sent is asked for at W&B afterwards, and only then written down: first in the marker of the artifact, then in
the folder of the run (``runs.SENT``). A crash in between sends the run once more, which changes nothing at W&B: the run
has the same id, the artifact the same content.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hugtweets.config import TrackingConfig
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.atomic import remove_leftovers
from hugtweets.storage.handles import is_mix
from hugtweets.storage.home import Home
from hugtweets.storage.locks import locked_aloud
from hugtweets.tracking.internals import trouble
from hugtweets.tracking.lineage import ARTIFACTS, GRACE_SECONDS, MARKER, SLOWEST_BYTES_PER_SECOND, artifact_name
from hugtweets.tracking.markers import SENT, project_of, read_marker, write_marker, write_sent
from hugtweets.tracking.settings import REQUEST_SECONDS, RETRIES, resolve, wish
from hugtweets.tracking.transaction_log import is_finished
from hugtweets.tracking.writing import OUTAGE, WAITING

AT_ONCE = 50
VIEW = re.compile(r"View run at (\S+/runs/(\w+))")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """A run on this machine, and the artifact that it tells of, if it is the run of one."""

    folder: Path
    reference: Reference | None

    @property
    def id(self) -> str:
        """The run's id in W&B."""
        return self.folder.name.rpartition("-")[2]


def send_waiting(home: Home, config: TrackingConfig) -> None:
    """Send what W&B should have had, if it is there again; trouble with that is said, and the next run tries again."""
    if wish(config) not in ("auto", "online") or resolve(config) != "online" or not OUTAGE.may_try():
        return
    sent, left = send(home, waiting=True)
    if sent:
        OUTAGE.passed()
        logger.info("%d runs that were kept are sent to W&B now", sent)
    if left:
        OUTAGE.failed()
        logger.warning("%d runs are still kept: the next run tries again, or `hugtweets sync`", left)


def kept_runs(home: Home, waiting: bool = False) -> list[Kept]:
    """The runs that W&B does not have, oldest first; with ``waiting`` only those that it should have had."""
    folders = [path for path in sorted(home.wandb.glob("offline-run-*")) if not (path / SENT).exists()]
    if waiting:
        folders = [path for path in folders if (path / WAITING).exists()]
    # A killed process leaves runs without an end, which W&B refuses and the next run of the artifact writes anew.
    folders = [path for path in folders if is_finished(path / f"run-{path.name.rpartition('-')[2]}.wandb")]
    if not folders:
        return []
    references = _references(home)
    return [Kept(path, references.get(path.name)) for path in folders]


def send(home: Home, waiting: bool = False) -> tuple[int, int]:
    """Send the runs of :func:`kept_runs`, producers first; returns how many were sent, and how many were not.

    One process of a home sends at a time. After the first lot of which W&B takes none the rest is left.
    """
    sent = 0
    with locked_aloud(home.wandb / "sending", "W&B", "sends runs that were kept"):
        kept = kept_runs(home, waiting)
        for run in kept:
            remove_leftovers(run.folder)
        for lot in _lots(kept):
            urls = _sync(lot)
            done = [run for run in lot if run.id in urls and _arrived(run, urls[run.id])]
            for run in done:
                _record(home, run, urls[run.id])
            sent += len(done)
            if not done:
                break
    return sent, len(kept) - sent


def _references(home: Home) -> dict[str, Reference]:
    """Name of a run's folder → the artifact that it tells of."""
    markers = home.artifacts.glob(f"*/*/*/{MARKER}")
    found = [(path.parent, json.loads(path.read_text(encoding="utf-8"))) for path in markers]
    return {Path(marker["folder"]).name: Reference.at(folder) for folder, marker in found}


def _lots(kept: Iterable[Kept]) -> Iterator[list[Kept]]:
    """Runs that can be sent together, since none uses what another one made; a run's id tells nothing of that."""
    steps, before = list(ARTIFACTS), defaultdict[tuple[str, str], int](int)
    lots = defaultdict[tuple[int, int, bool], list[Kept]](list)
    for run in kept:
        reference = run.reference
        if reference is None:
            lots[sys.maxsize, 0, False].append(run)
            continue
        # A model may go on from an earlier one of its account, a mix is made of its accounts.
        turn = before[reference.step, reference.handle]
        before[reference.step, reference.handle] += 1
        lots[turn, steps.index(reference.step), is_mix(reference.handle)].append(run)
    for _, lot in sorted(lots.items(), key=lambda item: item[0]):
        for first in range(0, len(lot), AT_ONCE):
            yield lot[first : first + AT_ONCE]


def _sync(lot: list[Kept]) -> dict[str, str]:
    """Send runs; returns the address of each that W&B opened, by its id."""
    # What wandb holds for sent may lack its artifact: the record that counts is ours.
    command = [sys.executable, "-m", "wandb", "sync", "--include-synced", *(str(run.folder) for run in lot)]
    size = sum(path.stat().st_size for run in lot for path in _files(run))
    try:
        done = subprocess.run(  # noqa: S603  wandb itself, on folders of the home
            command,
            env=os.environ | _patience(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=GRACE_SECONDS + len(lot) * REQUEST_SECONDS + size / SLOWEST_BYTES_PER_SECOND,
            check=False,
        )
    except subprocess.TimeoutExpired:
        logger.warning("W&B did not take %d kept runs in time", len(lot))
        return {}
    logger.debug("%s", done.stderr)
    return {run: url for url, run in VIEW.findall(done.stderr)}


def _files(run: Kept) -> Iterator[Path]:
    folders = [run.folder] + ([run.reference.folder] if run.reference else [])
    return (path for folder in folders for path in folder.rglob("*") if path.is_file())


def _patience() -> dict[str, str]:
    """The limits of :func:`hugtweets.tracking.settings.set_up` as wandb's command reads them."""
    return {
        "WANDB_MODE": "online",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB__GRAPHQL_RETRY_MAX": str(RETRIES),
        "WANDB__GRAPHQL_TIMEOUT_SECONDS": str(REQUEST_SECONDS),
        "WANDB__FILE_TRANSFER_RETRY_MAX": str(RETRIES),
        "WANDB__FILE_STREAM_RETRY_MAX": str(RETRIES),
    }


def _arrived(run: Kept, url: str) -> bool:
    """Whether W&B has the artifact of a run that was sent."""
    import wandb

    if run.reference is None:
        return True
    entity, project = project_of(url)
    name = f"{entity}/{project}/{artifact_name(run.reference.step, run.reference.handle)}:{run.reference.digest}"
    try:
        return bool(wandb.Api(timeout=REQUEST_SECONDS).artifact_exists(name))
    except trouble():
        return False


def _record(home: Home, run: Kept, url: str) -> None:
    marker = read_marker(run.reference) if run.reference else None
    if run.reference and marker:
        write_marker(home, run.reference, {**marker, "mode": "online", "url": url})
    write_sent(run.folder, url)
    (run.folder / WAITING).unlink(missing_ok=True)
