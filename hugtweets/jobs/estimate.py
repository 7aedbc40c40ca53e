"""What a run would cost at most: reckoned from the options and the ledger, without any request."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel

from hugtweets.budget.limits import SMALLEST_PAGE, TINY, SharedBudget, post_price
from hugtweets.jobs.job import Job


class AccountCost(BaseModel):
    """The most that one account may cost in a run: looking it up, its new posts, and those that are asked for again."""

    handle: str
    posts: int
    usd: float


class CostEstimate(BaseModel):
    """``usd`` is the most that all accounts together may cost, within the budgets they share."""

    usd: float
    spent_this_month_usd: float
    accounts: list[AccountCost]


def estimate_cost(jobs: Sequence[Job], verify: bool = False) -> CostEstimate:
    """The most that a run of these accounts may cost at the prices in their options; ``verify`` as the run is told."""
    accounts = [_estimate_account(job, verify) for job in jobs]
    total = min(sum(account.usd for account in accounts), _left(jobs[0]) if jobs else 0.0)
    spent = jobs[0].ledger.month().usd if jobs else 0.0
    return CostEstimate(usd=round(total, 6), spent_this_month_usd=spent, accounts=accounts)


def _estimate_account(job: Job, verify: bool) -> AccountCost:
    config = job.config.fetch
    if not job.request.asks_x:
        return AccountCost(handle=job.handle, posts=0, usd=0.0)
    # The last page may be the smallest that X sends although a single post was wanted.
    new, again, price = config.max_posts + SMALLEST_PAGE - 1, _stored(job) if verify else 0, post_price(config)
    if config.budget_usd is not None and price > 0:
        again = min(again, int(config.budget_usd / config.post_usd + TINY)) if config.post_usd else again
        new = min(new, int((config.budget_usd - again * config.post_usd) / price + TINY))
    usd = new * price + again * config.post_usd + config.user_usd
    return AccountCost(handle=job.handle, posts=new + again, usd=round(usd, 6))


def _stored(job: Job) -> int:
    """How many stored posts X would be asked for."""
    # pyarrow takes a moment to import: `hugtweets --help` must not wait for it.
    from hugtweets.timelines import timeline

    return len(timeline.load(job.home.timeline(job.handle)).due(job.began))


def _left(job: Job) -> float:
    """What the budgets that all accounts share leave."""
    limits = SharedBudget(job.ledger, job.config.fetch).limits()
    return min((max(0.0, limit.left) for limit in limits), default=math.inf)
