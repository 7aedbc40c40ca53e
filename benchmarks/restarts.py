"""Does a night that was killed go on by itself, and one that was cancelled stay so?

    PYTHONPATH=. python benchmarks/restarts.py [--cases "process killed" ...] [--heartbeats-lost 70] [--json]

Each case starts `hugtweets serve` on a Prefect server of its own and asks it for a night over three small accounts. As
soon as the first account is being learned something happens to it (SIGKILL, or a cancellation), and from then on nobody
helps but who starts `hugtweets serve` again, as systemd would, where that was killed as well. The automations are those
of `deployments/automations`, but wait a minute instead of three or ten for a sign of life. The exit code is 1 if a run
does not end as it should.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from processes import family
from services import ROOT, prefect_server, save_tiny_model, write_timelines

HANDLES = ("alice", "bob", "carol")
NIGHT = "nightly/nightly"
# How long a case may take; a machine with two busy cores needs a minute for a night.
MOST_SECONDS = 420


@dataclass(frozen=True)
class Ending:
    """How a case went: the states of the run, one after the other, and what was made, and how often."""

    case: str
    expected: str
    ended: str
    seconds: float
    runs_begun: int
    accounts_learned: int
    trainings: int
    states: list[str]

    @property
    def is_well(self) -> bool:
        """Whether the run ended as it should, and no account was learned twice."""
        return self.ended == self.expected and self.trainings <= len(HANDLES)


class Service:
    """``hugtweets serve`` of one home, and the night that it was asked for."""

    def __init__(self, folder: Path, url: str, model: Path) -> None:
        self.home = folder / "home"
        self._folder, self._environment = (
            folder,
            os.environ
            | {
                "PREFECT_API_URL": url,
                "PREFECT_HOME": str(folder / "prefect"),
                "HUGTWEETS_HOME": str(self.home),
            },
        )
        self._accounts = self._write_accounts(model)
        self.start()

    def _write_accounts(self, model: Path) -> Path:
        write_timelines(self._folder, HANDLES, 120)
        options = {
            "clean": {"min_characters": 500},
            "train": {"base_model": str(model), "epochs": 2, "device": "cpu"},
            "sample": {"per_prompt": 1, "max_characters": 60},
            "tracking": {"mode": "disabled"},
            "refresh": {"parallel": 1},
        }
        accounts = [{"handle": handle, "source": f"file:{handle}.jsonl"} for handle in HANDLES]
        path = self._folder / "accounts.yaml"
        path.write_text(yaml.safe_dump({"defaults": options, "accounts": accounts}), encoding="utf-8")
        return path

    def start(self) -> None:
        """Start it, as whoever looks after services does."""
        command = [sys.executable, "-m", "hugtweets.cli", "serve", str(self._accounts), "--cron", "0 0 1 1 *"]
        with (self._folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, cwd=ROOT)

    def kill_run(self) -> None:
        """End the process of the night, and all below it."""
        for process in family(self._process.pid)[1:]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def kill(self) -> None:
        """End the service with all its runs, as if the machine had lost power."""
        for process in family(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait()

    def artifacts(self, step: str) -> int:
        """How many artifacts of a step are finished."""
        return len(list(self.home.glob(f"artifacts/{step}/*/*/manifest.json")))


class Night:
    """The flow run, as the server sees it."""

    def __init__(self, client: Any, service: Service) -> None:
        self._client, self.service = client, service
        limit = time.monotonic() + 300
        while True:
            with suppress(Exception):
                deployment = client.read_deployment_by_name(NIGHT)
                break
            if time.monotonic() > limit:
                raise RuntimeError("the deployment was not made: see serve.log")
            time.sleep(0.5)
        self.id: UUID = client.create_flow_run_from_deployment(deployment.id).id

    @property
    def state(self) -> Any:
        """Its state now."""
        return self._client.read_flow_run(self.id).state

    @property
    def states(self) -> list[str]:
        """The names of its states so far."""
        found = sorted(self._client.read_flow_run_states(self.id), key=lambda state: state.timestamp)
        return [str(state.name) for state in found]

    @property
    def begun(self) -> int:
        """How often it was begun."""
        return int(self._client.read_flow_run(self.id).run_count)

    @property
    def trainings(self) -> int:
        """How many trainings it finished, in all its attempts, as its log says."""
        from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

        logs = self._client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[self.id])), limit=200)
        return sum(": finetune done" in log.message for log in logs)

    def wait(self, condition: Callable[[], bool]) -> bool:
        """Wait for something; False if it does not come."""
        limit = time.monotonic() + MOST_SECONDS
        while time.monotonic() < limit:
            if condition():
                return True
            time.sleep(0.2)
        return False

    def is_learning(self, trainings: int = 0) -> bool:
        """Whether it is running and that many accounts are learned already."""
        return bool(self.state.is_running()) and self.service.artifacts("tokenise") > trainings

    def cancel(self) -> None:
        """As a person does in the UI."""
        from prefect.states import Cancelling

        self._client.set_flow_run_state(self.id, Cancelling())


def process_killed(night: Night) -> None:
    """The process of the run alone: its service is there to see it."""
    night.wait(night.is_learning)
    night.service.kill_run()


def machine_lost(night: Night) -> None:
    """Service and run at once; the service is started again after a while."""
    night.wait(night.is_learning)
    night.service.kill()
    time.sleep(5)
    night.service.start()


def killed_twice(night: Night) -> None:
    """The process of the run, and that of its second attempt."""
    process_killed(night)
    night.wait(lambda: night.begun == 2 and night.is_learning())
    night.service.kill_run()


def lost_before_it_began(night: Night) -> None:
    """The service, when it has taken the run and its process has not begun."""
    night.wait(lambda: bool(night.state.is_pending()))
    night.service.kill()
    time.sleep(5)
    night.service.start()


def cancelled(night: Night) -> None:
    """By a person, with everything in order."""
    night.wait(night.is_learning)
    night.cancel()


def cancelled_with_nobody_there(night: Night) -> None:
    """By a person, after service and run were lost."""
    night.wait(night.is_learning)
    night.service.kill()
    night.cancel()
    time.sleep(5)
    night.service.start()


CASES: dict[str, tuple[Callable[[Night], None], str]] = {
    "process killed": (process_killed, "Completed"),
    "machine lost": (machine_lost, "Completed"),
    "killed twice": (killed_twice, "Crashed"),
    "lost before it began": (lost_before_it_began, "Completed"),
    "cancelled": (cancelled, "Cancelled"),
    "cancelled, nobody there": (cancelled_with_nobody_there, "Cancelled"),
}


def attempt(case: str, folder: Path, model: Path, within: int) -> Ending:
    """One case."""
    happens, expected = CASES[case]
    folder.mkdir()
    with prefect_server(folder / "server") as (_, url), connected(url) as client:
        create_automations(client, within)
        service = Service(folder, url, model)
        try:
            night, started = Night(client, service), time.monotonic()
            happens(night)
            night.wait(lambda: is_over(night, within))
            return Ending(
                case,
                expected,
                str(night.state.name),
                round(time.monotonic() - started, 1),
                night.begun,
                service.artifacts("evaluate"),
                night.trainings,
                night.states,
            )
        finally:
            service.kill()


def is_over(night: Night, within: int) -> bool:
    """Whether the run has ended, and nothing came of that for as long as an automation would take."""
    if not night.state.is_final():
        return False
    if night.state.is_completed():
        return True
    since = night.states
    time.sleep(within / 2)
    return night.states == since


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A client of the server."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        yield client


def create_automations(client: Any, within: int) -> None:
    """Those that the service needs, but less patient."""
    from prefect.events.schemas.automations import AutomationCore

    from deployments.setup import AUTOMATIONS, NEEDED

    for name in NEEDED:
        described = yaml.safe_load((AUTOMATIONS / f"{name}.yaml").read_text(encoding="utf-8"))
        if "within" in described["trigger"]:
            described["trigger"]["within"] = within
        client.create_automation(AutomationCore.model_validate(described))


def show(endings: Sequence[Ending]) -> None:
    """A table for people."""
    print("| case | ends | should | seconds | begun | learned | trainings | states |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | --- |")
    for end in endings:
        figures = f"{end.seconds} | {end.runs_begun} | {end.accounts_learned} | {end.trainings}"
        print(f"| {end.case} | {end.ended} | {end.expected} | {figures} | {', '.join(end.states)} |")


def main() -> int:
    """Run the cases that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--heartbeats-lost", type=int, default=70, help="seconds without a sign of life")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    endings = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = save_tiny_model(folder / "tiny")
        for number, case in enumerate(options.cases):
            endings.append(attempt(case, folder / f"case-{number}", model, options.heartbeats_lost))
            print(json.dumps(asdict(endings[-1])) if options.json else f"{case}: {endings[-1].ended}", file=sys.stderr)
    print(json.dumps([asdict(end) for end in endings], indent=1)) if options.json else show(endings)
    return 0 if all(end.is_well for end in endings) else 1


if __name__ == "__main__":
    sys.exit(main())
