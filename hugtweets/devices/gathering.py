"""Work that several callers ask for at the same time, and that costs less when it is done for all of them at once.

The first who asks leads: it waits a while for others, then does the work for all. Others join even while that goes on,
if it goes on in this process. What cannot be done together is done by each caller alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from hugtweets.devices.queue import on_device

Item = TypeVar("Item")
Result = TypeVar("Result")


class NotGathered(Exception):
    """The caller must do its work alone; the message says why."""


@dataclass(frozen=True, eq=False)
class Member(Generic[Item, Result]):
    """What one caller wants done, and what comes of it."""

    item: Item
    outcome: Future[Result] = field(default_factory=Future)


class Group(Generic[Item, Result]):
    """The callers whose work is done together, in the order in which they came."""

    def __init__(self, items: Sequence[Item], is_open: bool = False) -> None:
        self.members = [Member[Item, Result](item) for item in items]
        self._waiting = deque(self.members)
        self._changed = threading.Condition()
        self.is_open = is_open

    def __reduce__(self) -> tuple[type[Group[Item, Result]], tuple[list[Item]]]:
        """On its way to another process, where nobody can join any more."""
        self.close()
        return Group, ([member.item for member in self.members],)

    def join(self, item: Item) -> Member[Item, Result] | None:
        """Become a member; None if it is too late for that."""
        with self._changed:
            if not self.is_open:
                return None
            member = Member[Item, Result](item)
            self.members.append(member)
            self._waiting.append(member)
            self._changed.notify_all()
            return member

    def next(self) -> Member[Item, Result] | None:
        """The next one whose work was not begun; None if there is none just now."""
        with self._changed:
            return self._waiting.popleft() if self._waiting else None

    def wait(self, most: int, seconds: float) -> None:
        """Until there are as many members, but no longer."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.members) >= most, seconds)

    def close(self) -> None:
        """Let nobody join any more."""
        with self._changed:
            self.is_open = False


# Takes members until there are none and settles their outcomes; what it raises itself is the fault of none of them.
Work = Callable[[Group[Any, Any]], None]


class Gatherer:
    """Brings callers of the same kind together; ``run`` is how work comes to its turn."""

    def __init__(self, run: Callable[..., Any] = on_device) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._open: dict[Hashable, Group[Any, Any]] = {}

    def gather(self, kind: Hashable, item: object, work: Work, most: int, seconds: float) -> Any:
        """What comes of the item, done together with those of other callers of the same kind.

        Args:
            kind: what callers must have in common.
            item: what is to be done for this one.
            work: does it for a group; it, the items and what comes of them can be pickled.
            most: with so many nobody waits any longer.
            seconds: how long the first one waits for others.

        Raises:
            NotGathered: no other came, or they could not be done together.
        """
        with self._lock:
            group = self._open.get(kind)
            member = group.join(item) if group else None
            if group is None or member is None:
                group, leads = Group[Any, Any]([item], is_open=True), True
                self._open[kind], member = group, group.members[0]
            else:
                leads = False
        if leads:
            reason = "it came when the others were done"
            try:
                group.wait(most, seconds)
                reason = self._work(group, work, seconds) or reason
            finally:
                self._end(kind, group, reason)
        return member.outcome.result()

    def _work(self, group: Group[Any, Any], work: Work, seconds: float) -> str | None:
        """Do the work for all; why that was not possible, if so."""
        if len(group.members) == 1:
            return f"no other came within {seconds:g} seconds"
        try:
            outcomes = self._run(_carry_out, work, group)
        except Exception as error:
            return " ".join(str(error).split()) or type(error).__name__
        # Of another process; what was done in this one is settled.
        for member, outcome in zip(group.members, outcomes, strict=False):
            if outcome and not member.outcome.done():
                _settle(member.outcome, *outcome)
        return None

    def _end(self, kind: Hashable, group: Group[Any, Any], reason: str) -> None:
        """Whoever got nothing is to do its work alone."""
        with self._lock:
            group.close()
            if self._open.get(kind) is group:
                del self._open[kind]
        for member in group.members:
            if not member.outcome.done():
                member.outcome.set_exception(NotGathered(reason))


def _carry_out(work: Work, group: Group[Any, Any]) -> list[tuple[Any, BaseException | None] | None]:
    """Do the work and tell what came of each member, for it may be done in another process."""
    work(group)
    outcomes = [member.outcome for member in group.members]
    return [
        ((None, error) if (error := outcome.exception()) else (outcome.result(), None)) if outcome.done() else None
        for outcome in outcomes
    ]


def _settle(outcome: Future[Any], value: Any, error: BaseException | None) -> None:
    if error is None:
        outcome.set_result(value)
    else:
        outcome.set_exception(error)
