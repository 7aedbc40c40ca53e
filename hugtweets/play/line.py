"""Who waits for the device, in order: each knows how many are before it."""

from __future__ import annotations

import asyncio

from hugtweets.errors import Busy

# A reader waits some seconds for each of those before; after so many nobody waits any more.
MOST = 16


class Line:
    """Tickets of one event loop; the first of them is whose turn it is."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._tickets: list[Ticket] = []

    def join(self) -> Ticket:
        """Stand at the end.

        Raises:
            Busy: the line is as long as it may be.
        """
        if len(self._tickets) >= self._most:
            raise Busy(f"{self._most} requests wait for the models already: try again in a minute")
        ticket = Ticket(self)
        self._tickets.append(ticket)
        return ticket

    def place(self, ticket: Ticket) -> int:
        """How many are before a ticket."""
        return self._tickets.index(ticket)

    def leave(self, ticket: Ticket) -> None:
        """Let those behind move up; to leave twice does no harm."""
        if ticket in self._tickets:
            self._tickets.remove(ticket)
            for other in self._tickets:
                other.moved.set()


class Ticket:
    """A place in the line; ``moved`` is set whenever that may have changed."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.moved = asyncio.Event()

    @property
    def place(self) -> int:
        """How many are before this one: none means that it is its turn."""
        return self._line.place(self)

    async def wait(self) -> None:
        """Until the line has moved."""
        await self.moved.wait()
        self.moved.clear()

    def leave(self) -> None:
        """Give the place up."""
        self._line.leave(self)
