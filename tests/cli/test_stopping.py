"""Ctrl-C and SIGTERM end the program soon, whatever it waits for."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.device_work import wait_for

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
def test_what_does_not_let_go_is_ended_with_one_sentence(tmp_path: Path, told: signal.Signals, code: int) -> None:
    program = [sys.executable, "-c", WAITS.format(ready=str(tmp_path / "ready"))]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        wait_for(tmp_path / "ready")
        process.send_signal(told)
        assert process.communicate(timeout=60)[1] == "stopped\n"
    assert process.returncode == code
