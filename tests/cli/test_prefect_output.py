"""What Prefect would say on the terminal when its server is away."""

from __future__ import annotations

import subprocess
import sys

SENDING = """
import asyncio, logging
import prefect.main
from prefect._internal.concurrency.services import QueueService
from prefect.logging.handlers import APILogWorker
from hugtweets.cli.output import progress_shown
from hugtweets.cli.prefect_output import quiet_prefect

class Events(QueueService):
    async def _handle(self, item):
        raise ConnectionError("nobody listens")

class Logs(APILogWorker):
    class _client:
        async def create_logs(items):
            raise ConnectionError("nobody listens")

with progress_shown(verbose=False):
    quiet_prefect()
    events = Events.instance()
    for number in range(3):
        events.send(f"event {number}")
    events.drain_all(timeout=60)
    asyncio.run(Logs._handle_batch(Logs, [{}]))
"""


def test_what_cannot_be_sent_to_prefects_server_is_said_in_one_sentence() -> None:
    said = subprocess.run([sys.executable, "-c", SENDING], capture_output=True, text=True, check=True).stderr
    (line,) = said.splitlines()
    assert "the Prefect server does not take what it is sent: the run goes on" in line
