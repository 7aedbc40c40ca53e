"""What tests let devices do: functions that another process can import."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

from hugtweets.devices.progress import reporter
from hugtweets.errors import XUnavailable


def wait_for(path: Path | str) -> None:
    """Until the file is there; a test must not hang for ever."""
    limit = time.monotonic() + 60
    while not Path(path).exists():
        assert time.monotonic() < limit, f"{path} never came"
        time.sleep(0.01)


def meet(mine: Path, other: Path) -> tuple[str, int]:
    """Show that we have begun, and end when the other has; what the process sees of GPUs, and its id."""
    mine.touch()
    wait_for(other)
    return os.environ["CUDA_VISIBLE_DEVICES"], os.getpid()


def tell_and_log(handle: str) -> None:
    """Be half way."""
    logging.getLogger("hugtweets.training.trainer").info("learning %s", handle)
    reporter(handle, "finetune")(1, 2, "half")


def fail() -> None:
    """An error of ours."""
    raise XUnavailable("down")


def die() -> None:
    """As if the kernel had found no more memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def double(number: int) -> int:
    """Something quick."""
    return number * 2


def hold(ready: str) -> None:
    """Compute until somebody ends us."""
    Path(ready).touch()
    time.sleep(60)
