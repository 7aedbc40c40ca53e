"""The budgets that accounts share: that of the run and that of the calendar month, both kept by the ledger.

Before a request its worst price is set aside, so that accounts fetched at the same time cannot overspend together. The
lock is that of this process: two processes with one home may each overshoot by what the other has set aside and not
yet written into the ledger, at most one page for each account that is being fetched there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hugtweets.config import FetchConfig
from hugtweets.errors import SharedBudgetUsedUp
from hugtweets.ledger import Ledger

SMALLEST_PAGE = 5
# X sets no firm limit to the people a post mentions; this many are reckoned with before a page with names is bought.
MENTIONS_PER_POST = 10
# Keeps 0.5 / 0.005 from being 99.99…; prices have six decimals.
TINY = 1e-7


def post_price(config: FetchConfig) -> float:
    """The most that one post is reckoned to cost, in USD."""
    return config.post_usd + config.user_usd * MENTIONS_PER_POST * config.mention_names


@dataclass(frozen=True)
class Limit:
    """One shared budget: its option, the time it holds for, and what of it is spent and set aside, in USD."""

    option: str
    period: str
    usd: float
    spent: float
    reserved: float = 0.0

    @property
    def left(self) -> float:
        """What is not spent yet."""
        return self.usd - self.spent


@dataclass(frozen=True)
class _Reservation:
    ledger: Ledger
    usd: float


_changed = threading.Condition()
_reservations: list[_Reservation] = []


@dataclass(frozen=True)
class SharedBudget:
    """What all accounts of a run may still spend; ``ledger`` is that of the account, or of the run, that asks."""

    ledger: Ledger
    config: FetchConfig

    @contextmanager
    def reserve(self, price: float, least: int, most: int) -> Iterator[int]:
        """Set aside the price of up to ``most`` things, and yield of how many; what is really paid is recorded inside.

        If others have set aside what would be needed, wait: they rarely spend all of it.

        Raises:
            SharedBudgetUsedUp: fewer than ``least`` can be paid for, whatever the others spend.
        """
        with _changed:
            number = self._wait_for_room(price, least, most)
            reservation = _Reservation(self.ledger, number * price)
            _reservations.append(reservation)
        try:
            yield number
        finally:
            with _changed:
                # Two equal reservations are interchangeable.
                _reservations.remove(reservation)
                _changed.notify_all()

    def used_up(self, handle: str) -> SharedBudgetUsedUp:
        """The error for an account that the tightest of the budgets leaves out."""
        limit = min(self.limits(), key=lambda limit: limit.left)
        return SharedBudgetUsedUp(
            f"the budget of ${limit.usd:.2f} for {limit.period} is taken (${limit.spent:.2f} spent), so no more is "
            f"read of {handle}: the next run goes on from here, or raise {limit.option}"
        )

    def limits(self) -> list[Limit]:
        """The budgets that are set."""
        config, limits = self.config, []
        if config.run_budget_usd is not None:
            spent = self.ledger.of_all().spent().usd
            reserved = self._reserved(self.ledger.run)
            limits.append(Limit("fetch.run_budget_usd", "this run", config.run_budget_usd, spent, reserved))
        if config.month_budget_usd is not None:
            spent, reserved = self.ledger.month().usd, self._reserved()
            limits.append(Limit("fetch.month_budget_usd", "this month", config.month_budget_usd, spent, reserved))
        return limits

    def _wait_for_room(self, price: float, least: int, most: int) -> int:
        while True:
            limits = self.limits() if price else []
            number = min([most, *(int((limit.left - limit.reserved + TINY) / price) for limit in limits)])
            if number >= least:
                return number
            if any(limit.left + TINY < least * price for limit in limits):
                raise self.used_up(self.ledger.handle or "every account")
            _changed.wait()

    def _reserved(self, run: str | None = None) -> float:
        return sum(
            reservation.usd
            for reservation in _reservations
            if reservation.ledger.path == self.ledger.path and run in (None, reservation.ledger.run)
        )
