"""Accounts of X, looked up by handle."""

from __future__ import annotations

from collections.abc import Sequence

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.budget.limits import SMALLEST_PAGE, SharedBudget, post_price
from hugtweets.config import FetchConfig
from hugtweets.errors import AccountError, AccountUnavailable, SharedBudgetUsedUp
from hugtweets.sources.x.answers import UsersAnswer, XUser, parse
from hugtweets.sources.x.client import XClient
from hugtweets.sources.x.refusals import account_problem, empty_answer, protected

HANDLES_PER_REQUEST = 100


def look_up_users(
    client: XClient, handles: Sequence[str], ledger: Ledger, config: FetchConfig
) -> dict[str, XUser | AccountError | SharedBudgetUsedUp]:
    """Ask X who the handles are, 100 a request; what is wrong with a whole request is raised, as :class:`XClient` says.

    The result is keyed by the handles as given, whatever case X answers in. What is wrong with one handle is its
    value: ``AccountNotFound``, ``AccountSuspended``, ``AccountProtected`` or ``UnexpectedAnswer``. If a shared budget
    does not pay for all accounts and a page of posts of each, only the first are asked for, and for the others the
    value is ``SharedBudgetUsedUp``.
    """
    budget = SharedBudget(ledger, config)
    price = config.user_usd + SMALLEST_PAGE * post_price(config)
    with budget.reserve(price, 0, len(handles)) as affordable:
        found = _ask_for(client, handles[:affordable], ledger, config)
    return found | {handle: budget.used_up(handle) for handle in handles[affordable:]}


def _ask_for(
    client: XClient, handles: Sequence[str], ledger: Ledger, config: FetchConfig
) -> dict[str, XUser | AccountError | SharedBudgetUsedUp]:
    found: dict[str, XUser | AccountError | SharedBudgetUsedUp] = {}
    for start in range(0, len(handles), HANDLES_PER_REQUEST):
        batch = handles[start : start + HANDLES_PER_REQUEST]
        subject = f"@{batch[0]}"
        answer = parse(UsersAnswer, client.users(batch, ledger, config), subject)
        if not answer.data and not answer.errors:
            raise empty_answer(subject)
        found.update((handle, _find(handle, answer)) for handle in batch)
    for handle, user in found.items():
        if isinstance(user, AccountUnavailable):
            # No timeline will be asked for, so this was X's answer: accounts without one come first the next night.
            ledger.of(handle).record(Usage())
    return found


def _find(handle: str, answer: UsersAnswer) -> XUser | AccountError:
    for sent in answer.data:
        if sent.username.casefold() == handle.casefold():
            return protected(handle) if sent.protected else sent
    for problem in answer.errors:
        # A problem that names no handle concerns all that were not found.
        if problem.about.casefold() in ("", handle.casefold()):
            return account_problem(problem, handle)
    return empty_answer(f"@{handle}")
