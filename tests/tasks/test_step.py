"""A step as a Prefect task: what can pass by itself is tried again."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from hugtweets.devices.process import DeviceProcess
from hugtweets.devices.queue import DeviceQueue
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.storage.artifacts import Plan, Reference, create
from hugtweets.storage.home import Home
from tasks.step import step
from tests.fixtures import device_work


def test_a_step_whose_process_was_killed_is_done_again(prefect_server: str, home: Home, tmp_path: Path) -> None:
    devices = DeviceQueue([DeviceProcess("0", threads=1)])

    def plan(job: Job) -> Plan:
        return Plan("finetune", 1, job.handle)

    @step(plan)
    def learn(job: Job) -> Reference:
        return create(job.home, plan(job), lambda folder: {"end": devices.run(device_work.die_once, tmp_path / "died")})

    # Outside of a flow Prefect has nowhere to send what its retries log.
    @flow
    def night() -> Reference:
        return learn(Job(home, AccountRequest(handle="alice"), "night"))

    made = night()
    assert made.manifest().counts["end"] == "survived"
