"""Progress of long work, told to whoever listens: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` units of a step of an account; ``note`` is for people ("loss 3.21")."""

    handle: str
    step: str
    done: int
    total: int
    note: str = ""


Listener = Callable[[Progress], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell ``listener`` of all progress in this process while the block runs, from any thread."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(progress: Progress) -> None:
    """Pass progress on to all who listen."""
    for listener in tuple(_listeners):
        listener(progress)


def reporter(handle: str, step: str) -> Callable[[int, int, str], None]:
    """A function ``(done, total, note)`` for one step of one account."""

    def report(done: int, total: int, note: str = "") -> None:
        tell(Progress(handle, step, done, total, note))

    return report
