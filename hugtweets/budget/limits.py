"""Where a budget is checked: that of an account, and those that accounts share, of the run and of the calendar month.

Before a request its highest possible price is reserved (:mod:`hugtweets.budget.reservations`), so that accounts fetched
at the same time cannot overspend together, in this process or in others of this machine. Machines that share a store
learn from its ledger what the others spent, but not what they have reserved: give each its part of the budget.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hugtweets.budget.ledger import Ledger
from hugtweets.budget.reservations import Reservation, Reservations
from hugtweets.config import FetchConfig
from hugtweets.errors import SharedBudgetUsedUp

SMALLEST_PAGE = 5
# X sets no firm limit to the people a post mentions; this many are assumed before a page with names is bought.
MENTIONS_PER_POST = 10
# Keeps 0.5 / 0.005 from being 99.99…; prices have six decimals.
TINY = 1e-7
# Threads of this process notify each other of released reservations; those of other processes are polled.
POLL_SECONDS = 0.1


def post_price(config: FetchConfig) -> float:
    """The most that one post may cost, in USD."""
    return config.post_usd + config.user_usd * MENTIONS_PER_POST * config.mention_names


def affordable(ledger: Ledger, config: FetchConfig, price: float, paid: float = 0) -> float:
    """How many posts of that price the account's own budget still pays for in this run; infinite without a budget.

    ``paid`` are USD that the ledger does not tell apart by account: those of a look-up of many.
    """
    if config.budget_usd is None or not price:
        return math.inf
    return int((config.budget_usd - ledger.spent().usd - paid + TINY) / price)


@dataclass(frozen=True)
class Limit:
    """One shared budget: its option and its period in words, its run (None: all runs), and what of it is spent."""

    option: str
    period: str
    run: str | None
    usd: float
    spent: float

    @property
    def left(self) -> float:
        """What is not spent yet, in USD."""
        return self.usd - self.spent

    def free(self, reservations: Sequence[Reservation]) -> float:
        """What is neither spent nor reserved, in USD."""
        return self.left - sum(reserved.usd for reserved in reservations if self.run in (None, reserved.run))


_changed = threading.Condition()
_reservations: dict[Path, Reservations] = {}


@dataclass(frozen=True)
class SharedBudget:
    """What all accounts of a run may still spend; ``ledger`` is that of the account, or of the run, that asks."""

    ledger: Ledger
    config: FetchConfig

    @contextmanager
    def reserve(self, price: float, least: int, most: int) -> Iterator[int]:
        """Reserve the price of up to ``most`` items, and yield of how many; record what is really paid in the block.

        If others have reserved what would be needed, wait: they rarely spend all of it.

        Raises:
            SharedBudgetUsedUp: fewer than ``least`` can be paid for, whatever the others spend.
        """
        if not price:
            yield most
            return
        with _changed:
            folder = self.ledger.path.parent / "reservations"
            reservations = _reservations.setdefault(self.ledger.path, Reservations(folder))
            number = self._wait_for_room(reservations, price, least, most)
        try:
            yield number
        finally:
            with _changed, reservations.locked():
                reservations.remove(Reservation(self.ledger.run, number * price))
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
        config, ledger, limits = self.config, self.ledger, []
        if config.run_budget_usd is not None:
            spent = ledger.of(None).spent().usd
            limits.append(Limit("fetch.run_budget_usd", "this run", ledger.run, config.run_budget_usd, spent))
        if config.month_budget_usd is not None:
            spent = ledger.month().usd
            limits.append(Limit("fetch.month_budget_usd", "this month", None, config.month_budget_usd, spent))
        return limits

    def _wait_for_room(self, reservations: Reservations, price: float, least: int, most: int) -> int:
        while True:
            with reservations.locked():
                # Read before the ledger: what others pay is written there before they release its reservation.
                reserved = reservations.all()
                limits = self.limits()
                number = min([most, *(int((limit.free(reserved) + TINY) / price) for limit in limits)])
                if number >= least:
                    reservations.add(Reservation(self.ledger.run, number * price))
                    return number
            if any(limit.left + TINY < least * price for limit in limits):
                raise self.used_up(self.ledger.handle or "every account")
            _changed.wait(POLL_SECONDS)
