"""A process that computes on one of several devices; what it logs and how far it is reaches us over its pipe."""

from __future__ import annotations

import logging
import os
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from logging.handlers import QueueHandler
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar, cast

from hugtweets.devices.progress import Progress, listening, tell
from hugtweets.errors import DeviceProcessDied

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Answer:
    value: Any = None
    error: BaseException | None = None


class DeviceProcess:
    """Computes on ``device`` in a process of its own, started by the first work and again after it died.

    Args:
        device: as ``CUDA_VISIBLE_DEVICES`` names it; the process sees no other.
        threads: of the processor, for the process, unless ``OMP_NUM_THREADS`` says otherwise.
    """

    def __init__(self, device: str, threads: int) -> None:
        self.device = device
        self._threads = threads
        self._process: BaseProcess | None = None

    def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do the work and return what it returns, or raise what it raises.

        Raises:
            DeviceProcessDied: the process died.
        """
        process = self._process if self._process is not None and self._process.is_alive() else self._start()
        try:
            self._pipe.send((logging.getLogger("hugtweets").getEffectiveLevel(), work, arguments))
            return cast("Result", self._wait())
        except (EOFError, ConnectionError):
            process.join()
            raise DeviceProcessDied(
                f"the process that computes on device {self.device} died (exit code {process.exitcode}): "
                "look for a lack of memory, then run again"
            ) from None

    def _start(self) -> BaseProcess:
        # Not forked: neither CUDA nor the threads of Prefect survive that.
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self.device, self._threads), name=f"device-{self.device}", daemon=True
        )
        self._process.start()
        # Ours alone now, so that its death is the end of the pipe.
        theirs.close()
        return self._process

    def _wait(self) -> Any:
        while True:
            message = self._pipe.recv()
            if isinstance(message, _Answer):
                if message.error is not None:
                    raise message.error
                return message.value
            if isinstance(message, Progress):
                tell(message)
            else:
                # In the caller's context, so that the record finds the Prefect run it belongs to.
                logging.getLogger(message.name).handle(message)


class _Outbox:
    """The way back, for all threads of the process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def put_nowait(self, message: object) -> None:
        """Send one message; named as :class:`logging.handlers.QueueHandler` expects."""
        with self._lock:
            self._pipe.send(message)


def _serve(pipe: Connection, device: str, threads: int) -> None:
    """The life of the process."""
    os.environ["CUDA_VISIBLE_DEVICES"] = device
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # Ctrl-C, and what else is sent to the whole group, is the parent's to decide on; Windows knows no sessions.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.name == "posix":
        os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    outbox = _Outbox(pipe)
    logger = logging.getLogger("hugtweets")
    logger.addHandler(QueueHandler(outbox))  # type: ignore[arg-type]
    # The end of the pipe is the end of the parent, and of the process.
    with listening(outbox.put_nowait), suppress(EOFError):
        while True:
            level, work, arguments = pipe.recv()
            logger.setLevel(level)
            try:
                answer = _Answer(value=work(*arguments))
            except Exception as error:  # raised again where the result is waited for
                error.add_note(traceback.format_exc())
                answer = _Answer(error=error)
            outbox.put_nowait(answer)
            del work, arguments, answer


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
