"""Ctrl-C and SIGTERM end the program soon, whatever it waits for."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.fixtures.device_work import wait_for
from tests.fixtures.fork_server import ForkServer

# As Prefect's client asks a server that is gone, again and again.
WAITS = """
import sys, time
from pathlib import Path
from hugtweets.cli import stopping
stopping.GRACE_SECONDS = 0.2
with stopping.ended_by_signals(lambda: print("stopped", file=sys.stderr, flush=True)):
    Path({ready!r}).touch()
    while True:
        try:
            time.sleep(100)
        except KeyboardInterrupt:
            pass
"""


@pytest.mark.parametrize(("told", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_does_not_let_go_is_ended_with_one_sentence(
    fork_server: ForkServer, tmp_path: Path, told: signal.Signals, code: int
) -> None:
    process = fork_server.start(["-c", WAITS.format(ready=str(tmp_path / "ready"))], os.environ)
    wait_for(tmp_path / "ready")
    process.send(told)
    ended = process.wait()
    assert (ended.returncode, ended.stderr) == (code, "stopped\n")
