"""stdout and stderr as they are: they may know few characters, be full, or have nobody who reads them."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TextIO


def replace_unknown_characters() -> None:
    """What the terminal's encoding lacks is shown as ``?`` from now on, and is no error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def knows_every_character(stream: TextIO | None) -> bool:
    """Whether text is written to the stream as UTF-8, or is not encoded at all."""
    encoding = getattr(stream, "encoding", None)
    return encoding is None or codecs.lookup(encoding).name == "utf-8"


def abandon_full_stdout() -> None:
    """Drop what stdout does not take: the interpreter would try again at its end, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
