"""Progress of long work, told to whoever listens: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` units of a step of an account; ``note`` is for people ("loss 3.21").

    ``figures`` is the row that a curve grows by, where ``step`` is the x-axis of the other keys.
    """

    handle: str
    step: str
    done: int
    total: int
    note: str = ""
    figures: Mapping[str, float] | None = None


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


class Report(Protocol):
    """Takes the fields of :class:`Progress` that change while a step goes on."""

    def __call__(self, done: int, total: int, note: str = "", figures: Mapping[str, float] | None = None) -> None:
        """Tell it to whoever listens."""


def reporter(handle: str, step: str) -> Report:
    """What one step of one account tells its progress to."""

    def report(done: int, total: int, note: str = "", figures: Mapping[str, float] | None = None) -> None:
        tell(Progress(handle, step, done, total, note, figures))

    return report
