"""Accounts of X, looked up by handle."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.budget.limits import SMALLEST_PAGE, SharedBudget, post_price
from hugtweets.config import FetchConfig
from hugtweets.errors import AccountError, AccountUnavailable, HandleTaken, SharedBudgetUsedUp
from hugtweets.sources.x.answers import UsersAnswer, XUser, parse
from hugtweets.sources.x.client import XClient
from hugtweets.sources.x.refusals import account_problem, empty_answer, protected

HANDLES_PER_REQUEST = 100
# X answers for none of a request that has a longer one, though its oldest accounts have up to 20 characters.
LONGEST_ASKED = 15


Found = dict[str, XUser | AccountError | SharedBudgetUsedUp]


def look_up_users(
    client: XClient,
    handles: Sequence[str],
    ledger: Ledger,
    config: FetchConfig,
    answered: Callable[[Found], None] = lambda _: None,
) -> Found:
    """Ask X who the handles are, 100 a request; what is wrong with a whole request is raised, as :class:`XClient` says.

    ``answered`` is called with the accounts of each request before the next one, as they are paid for. The result is
    keyed by the handles as given, whatever case X answers in. What is wrong with one handle is its value:
    ``AccountNotFound``, ``AccountSuspended``, ``AccountProtected`` or ``UnexpectedAnswer``, or ``AccountError`` if
    it is too long to be asked for. If a shared budget does not pay for all accounts and a page of posts of each, only
    the first are asked for, and for the others the value is ``SharedBudgetUsedUp``.
    """
    too_long: Found = {handle: _cannot_ask(handle) for handle in handles if len(handle) > LONGEST_ASKED}
    handles = [handle for handle in handles if handle not in too_long]
    if not handles:
        return too_long
    budget = SharedBudget(ledger, config)
    price = config.user_usd + SMALLEST_PAGE * post_price(config)
    with budget.reserve(price, 0, len(handles)) as affordable:
        found = _ask_for(client, handles[:affordable], ledger, config, answered)
    return found | too_long | {handle: budget.used_up(handle) for handle in handles[affordable:]}


def _cannot_ask(handle: str) -> AccountError:
    return AccountError(
        f"X looks up no handle of more than {LONGEST_ASKED} characters, as @{handle} has: give its export with "
        "--source archive:PATH"
    )


def confirm(client: XClient, user: XUser, ledger: Ledger, config: FetchConfig) -> XUser:
    """The account whose posts are stored, looked up anew: its handle must still belong to it.

    Raises:
        HandleTaken: it belongs to another account now.
        AccountError, SharedBudgetUsedUp: X does not show the account, or was not asked.
    """
    found = look_up_users(client, [user.username], ledger, config)[user.username]
    if not isinstance(found, XUser):
        raise found
    if found.id != user.id:
        raise HandleTaken(
            f"@{user.username} belongs to another account now (id {found.id}) than the one whose posts are stored (id "
            f"{user.id}), which is gone: nothing is read of it; to learn the new one, run "
            f"`hugtweets forget {user.username}` first"
        )
    return found


def _ask_for(
    client: XClient, handles: Sequence[str], ledger: Ledger, config: FetchConfig, answered: Callable[[Found], None]
) -> Found:
    found: Found = {}
    for start in range(0, len(handles), HANDLES_PER_REQUEST):
        batch = handles[start : start + HANDLES_PER_REQUEST]
        subject = f"@{batch[0]}"
        answer = parse(UsersAnswer, client.users(batch, ledger, config), subject)
        if not answer.data and not answer.errors:
            raise empty_answer(subject)
        of_batch: Found = {handle: _find(handle, answer) for handle in batch}
        answered(of_batch)
        found |= of_batch
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
