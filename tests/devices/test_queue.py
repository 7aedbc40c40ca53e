"""Several devices work at once, each in a process of its own; another process keeps off a device that is taken."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.refresh import refresh
from hugtweets.devices import queue as device_queue
from hugtweets.devices.gathering import Gatherer
from hugtweets.devices.process import DeviceProcess
from hugtweets.devices.progress import Progress, listening
from hugtweets.devices.queue import DeviceQueue, on_device
from hugtweets.devices.selection import visible_gpus
from hugtweets.errors import DeviceProcessDied, OutOfMemory, XUnavailable
from tests.fixtures import device_work
from tests.fixtures.flows import outcome_of, request, rows, tiny_config, write_timeline
from tests.fixtures.tiny_models import save_tiny_model


@pytest.fixture(scope="module")
def two_devices() -> DeviceQueue:
    """Two processes as for two GPUs; what they see of GPUs is their name."""
    return DeviceQueue([DeviceProcess("3", threads=1), DeviceProcess("7", threads=1)])


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def test_a_free_device_takes_the_next_work(two_devices: DeviceQueue, pool: ThreadPoolExecutor, tmp_path: Path) -> None:
    # Each of a pair waits until the other has begun: with one device at a time neither would end.
    meetings = [(tmp_path / f"{pair}-{me}", tmp_path / f"{pair}-{1 - me}") for pair in range(3) for me in range(2)]
    seen = list(pool.map(lambda meeting: two_devices.run(device_work.meet, *meeting), meetings))
    assert {device for device, _ in seen} == {"3", "7"}
    assert len({process for _, process in seen}) == 2


class OneAtATime:
    """A worker whose first work lasts until it is told to end."""

    device = "cpu"

    def __init__(self) -> None:
        self.begun, self.end = threading.Event(), threading.Event()

    def run(self, work: Callable[..., Any], *arguments: object) -> Any:
        """Do the work."""
        self.begun.set()
        self.end.wait()
        return work(*arguments)


def test_who_waits_longest_is_next_and_who_comes_again_waits_anew() -> None:
    worker, order = OneAtATime(), list[int]()
    devices = DeviceQueue([worker])

    def ask(number: int) -> None:
        devices.run(order.append, number)
        devices.run(order.append, 10 + number)

    with ThreadPoolExecutor(6) as threads:
        asking = [threads.submit(ask, 0)]
        worker.begun.wait()
        for number in range(1, 6):
            asking.append(threads.submit(ask, number))
            while devices.waiting < number:
                time.sleep(0.001)
        worker.end.set()
        for each in asking:
            each.result()
    assert order[:6] == [0, 1, 2, 3, 4, 5]
    assert sorted(order[6:]) == [10, 11, 12, 13, 14, 15]


def test_errors_records_and_progress_come_back(two_devices: DeviceQueue, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Progress] = []
    with caplog.at_level(logging.INFO, "hugtweets"), listening(heard.append):
        two_devices.run(device_work.tell_and_log, "alice")
        with pytest.raises(XUnavailable, match="down") as raised:
            two_devices.run(device_work.fail)
    assert heard == [Progress("alice", "finetune", 1, 2, "half")]
    assert "learning alice" in caplog.messages
    assert "device_work.py" in raised.value.__notes__[0]
    # What is sent to all processes of the terminal is not sent to those of devices.
    assert two_devices.run(os.getpgid, 0) != os.getpgid(0)


def test_the_death_of_a_device_process_is_one_failure(two_devices: DeviceQueue) -> None:
    with pytest.raises(DeviceProcessDied, match=r"died \(exit code -9\)"):
        two_devices.run(device_work.die)
    assert [two_devices.run(device_work.double, number) for number in range(4)] == [0, 2, 4, 6]


@pytest.mark.parametrize("small", ["3", "7"])
def test_what_one_device_lacks_the_memory_for_the_next_one_does(two_devices: DeviceQueue, small: str) -> None:
    assert two_devices.run(device_work.need_memory, small) == ({"3", "7"} - {small}).pop()


def test_what_no_device_has_the_memory_for_is_said_in_a_sentence(two_devices: DeviceQueue) -> None:
    with pytest.raises(OutOfMemory, match=r"the memory of \d and \d is too small .* 200.00 GiB"):
        two_devices.run(device_work.need_too_much_memory)
    assert two_devices.run(device_work.double, 2) == 4


def test_what_callers_want_together_is_done_in_one_of_the_processes(
    two_devices: DeviceQueue, pool: ThreadPoolExecutor
) -> None:
    gatherer = Gatherer(two_devices.run)
    asked = [pool.submit(gatherer.gather, "a", number, device_work.double_all, 4, 30) for number in (1, 2, 3, None)]
    assert [each.result() for each in asked[:3]] == [2, 4, 6]
    assert isinstance(asked[3].exception(), XUnavailable)


def test_accounts_learned_beside_each_other_are_what_they_are_alone(
    prefect_server: str, two_devices: DeviceQueue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tiny_config(train={"base_model": str(save_tiny_model(tmp_path / "tiny"))})
    accounts = [
        request(handle, write_timeline(tmp_path / f"{handle}.jsonl", rows(60, since)), config)
        for handle, since in (("alice", 0), ("bob", 30))
    ]
    alone = outcome_of(refresh(accounts, return_state=True)).accounts
    monkeypatch.setenv("HUGTWEETS_HOME", str(tmp_path / "another"))
    # What this process would have found on a machine with two GPUs.
    monkeypatch.setattr(device_queue, "_queue", two_devices)
    beside = outcome_of(refresh(accounts, return_state=True)).accounts
    assert [found.status for found in beside] == ["completed", "completed"]
    assert [found.samples for found in beside] == [found.samples for found in alone]
    assert [found.metrics for found in beside] == [found.metrics for found in alone]


@pytest.mark.parametrize(
    ("variable", "count", "names"),
    [(None, 2, ("0", "1")), ("2,GPU-5f", 2, ("2", "GPU-5f")), ("2, 99", 1, ("2",)), ("", 0, ())],
)
def test_the_visible_devices_are_those_that_the_variable_names(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, count: int, names: tuple[str, ...]
) -> None:
    import torch

    if variable is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    # The driver's answer, which no machine without GPUs gives.
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert visible_gpus() == names


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_another_process_keeps_off_a_device_until_its_holder_is_gone(tmp_path: Path, ending: signal.Signals) -> None:
    ready = tmp_path / "ready"
    program = (
        "from hugtweets.devices.queue import on_device; from tests.fixtures.device_work import hold;"
        f" on_device(hold, {str(ready)!r})"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as holder, ThreadPoolExecutor(1) as threads:
        device_work.wait_for(ready)
        mine = threads.submit(on_device, time.monotonic)
        time.sleep(0.3)
        assert not mine.done()
        ended = time.monotonic()
        holder.send_signal(ending)
        assert 0 < mine.result(timeout=60) - ended < 30


@contextmanager
def held(device: str, ready: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process of this home computes on a device while the block runs, unless somebody ends it before."""
    program = (
        "from hugtweets.devices.process import DeviceProcess; from hugtweets.devices.queue import DeviceQueue;"
        " from tests.fixtures.device_work import hold;"
        f" DeviceQueue([DeviceProcess({device!r}, 1)]).run(hold, {str(ready)!r})"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as holder:
        try:
            device_work.wait_for(ready)
            yield holder
        finally:
            holder.kill()


def test_a_process_takes_a_device_that_other_processes_leave_free(
    two_devices: DeviceQueue, pool: ThreadPoolExecutor, tmp_path: Path
) -> None:
    for device, other in (("3", "7"), ("7", "3")):
        with held(device, tmp_path / device):
            # Twice, for the device that was just used may be the last to be tried.
            for _ in range(2):
                assert pool.submit(two_devices.run, os.getenv, "CUDA_VISIBLE_DEVICES").result(timeout=60) == other


def test_where_others_compute_on_every_device_the_first_that_they_leave_is_taken(
    pool: ThreadPoolExecutor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hugtweets")
    devices = DeviceQueue([DeviceProcess("3", threads=1), DeviceProcess("7", threads=1)])
    with held("3", tmp_path / "3"), held("7", tmp_path / "7") as leaver:
        mine = pool.submit(devices.run, os.getenv, "CUDA_VISIBLE_DEVICES")
        time.sleep(0.3)
        assert not mine.done()
        leaver.kill()
        assert mine.result(timeout=60) == "7"
    assert sum("waiting" in message for message in caplog.messages) == 1
