"""The queue of requests that wait for the device: each knows how many are before it."""

from __future__ import annotations

import asyncio

from hugtweets.errors import Busy

# A reader waits some seconds for each of those before; after so many nobody waits any more.
MOST = 16


class Ticket:
    """A place in the queue; ``moved`` is set whenever that may have changed."""

    def __init__(self, queue: list[Ticket]) -> None:
        self._queue = queue
        self.moved = asyncio.Event()

    @property
    def place(self) -> int:
        """How many are before this one: none means that it is its turn."""
        return self._queue.index(self)

    async def wait(self) -> None:
        """Until the queue has moved."""
        await self.moved.wait()
        self.moved.clear()

    def leave(self) -> None:
        """Give the place up, so that those behind move up; to leave twice does no harm."""
        if self in self._queue:
            self._queue.remove(self)
            for other in self._queue:
                other.moved.set()


class RequestQueue:
    """The tickets of one event loop; the first of them is whose turn it is."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._tickets: list[Ticket] = []

    def join(self) -> Ticket:
        """Stand at the end.

        Raises:
            Busy: the queue is as long as it may be.
        """
        if len(self._tickets) >= self._most:
            raise Busy(f"{self._most} requests wait for the models already: try again in a minute")
        ticket = Ticket(self._tickets)
        self._tickets.append(ticket)
        return ticket
