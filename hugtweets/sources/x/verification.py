"""Asking X again for stored posts, to delete those that their authors deleted, as X's rules require.

X reports a deleted post as not found; whatever else it reports (an account became protected, a post is withheld) is no
deletion.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from hugtweets.budget.limits import SharedBudget
from hugtweets.errors import BudgetUsedUp
from hugtweets.sources.verification import Verification
from hugtweets.sources.x.answers import NOT_FOUND, IdsAnswer, parse
from hugtweets.sources.x.refusals import empty_answer
from hugtweets.sources.x.source import LARGEST_PAGE, XSource
from hugtweets.sources.x.users import confirm
from hugtweets.timelines.timeline import load, save


def verify_posts(source: XSource, path: Path, began: datetime) -> Verification:
    """Ask for every post of the stored timeline that X has not shown since ``began``; delete the text of deleted ones.

    Each answer is stored before the next request: whatever ends the verification, the next one goes on with the posts
    that have waited longest. Every post that still exists costs a post read.

    Raises:
        AccountUnavailable, HandleTaken: not one post of a request was found, as the account is not there any more.
        AccountError, RetryableError: as drawn in :mod:`hugtweets.errors`; what was found before is stored.
    """
    stored = load(path)
    waiting = stored.due(began)
    due, verified = len(waiting), 0
    while waiting:
        try:
            batch, answer = _ask(source, waiting)
        except BudgetUsedUp as stopped:
            return Verification(due, verified, stored.deleted_since(began), str(stopped))
        shown, withheld, deleted = _classify(answer, batch)
        if deleted and not shown:
            # X finds no post of an account that does not exist any more, and those posts are not deleted.
            confirm(source.client, source.user, source.ledger, source.config)
        answered = shown | withheld | deleted
        stored = stored.verified(answered, deleted, datetime.now(UTC))
        save(path, stored)
        verified += len(answered)
        waiting = waiting[len(batch) :]
    return Verification(due, verified, stored.deleted_since(began))


def _ask(source: XSource, waiting: Sequence[str]) -> tuple[Sequence[str], IdsAnswer]:
    """X's answer for as many posts as a request may hold and the budgets pay for; ``BudgetUsedUp`` if for none."""
    config, ledger = source.config, source.ledger
    size = int(min(len(waiting), LARGEST_PAGE, source.affordable(config.post_usd)))
    if size < 1:
        raise BudgetUsedUp(f"stopped at the budget of ${config.budget_usd:.2f}; the next verification goes on")
    with SharedBudget(ledger, config).reserve(config.post_usd, 1, size) as most:
        batch = waiting[:most]
        sent = source.client.posts_by_id(batch, ledger, config)
    subject = f"@{source.user.username}"
    answer = parse(IdsAnswer, sent, subject)
    if not answer.data and not answer.errors:
        raise empty_answer(subject)
    return batch, answer


def _classify(answer: IdsAnswer, batch: Collection[str]) -> tuple[set[str], set[str], set[str]]:
    """Of the posts that were asked for: those that X shows, those that it withholds, and those that are deleted."""
    asked = set(batch)
    shown = {post.id for post in answer.data} & asked
    problems = {problem.about: problem for problem in answer.errors if problem.about in asked - shown}
    deleted = {post for post, problem in problems.items() if problem.kind == NOT_FOUND and not problem.is_suspension}
    return shown, problems.keys() - deleted, deleted
