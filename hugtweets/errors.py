"""Everything that hugtweets raises on purpose, and what each error means for a run.

    HugtweetsError
    ├── RequestError                the request makes no sense: nothing is started, exit code 2
    │   ├── ConfigurationError      an unknown key, an impossible value, two options that exclude each other
    │   ├── InvalidHandle           a name that cannot be an X handle
    │   ├── NothingKept             a handle of which this home holds nothing
    │   └── NoHubToken              nothing can be published without a token
    ├── AccountError                this account fails, the others go on, exit code 1
    │   ├── UnreadableSource        a file or an export that cannot be used
    │   ├── AccountUnavailable      X does not show the account: skipped if posts of it are stored from before
    │   │   ├── AccountNotFound     X knows no such handle
    │   │   ├── AccountSuspended    X has suspended the account
    │   │   └── AccountProtected    only approved followers may read the account
    │   ├── AccessError             X refuses us: all accounts of which nothing is stored fail alike
    │   │   ├── BadToken            401
    │   │   ├── OutOfCredit         402
    │   │   └── WrongTier           403, also error 453
    │   ├── UnexpectedAnswer        X answered something that no documentation describes
    │   ├── BaseModelError          the base model cannot be found, loaded or converted: all that ask for it fail alike
    │   ├── HubError                the Hugging Face Hub does not take a model
    │   │   ├── BadHubToken         401
    │   │   ├── NoHubRight          403: the token may not write there
    │   │   └── HubUnreachable      no answer, or 5xx
    │   ├── NotShared               another machine does not find what it is to work on
    │   ├── TrainingError           the loss is not a number, or the model cannot be trained as asked
    │   └── DiskFull                no room is left for what a step writes
    ├── PutOff                      this account is skipped today, with its reason; nothing is wrong, exit code 0
    │   ├── NotEnoughText           fewer characters than a voice can be learned from
    │   └── BudgetUsedUp            not one page could be read within the budget
    │       └── SharedBudgetUsedUp  the budget of the run or of the month: the remaining accounts are put off alike
    ├── AccountsFailed              what a run ends with of whose accounts some failed, exit code 1
    └── RetryableError              retried with back-off; what is left of it then:
        ├── XUnavailable            5xx, a reset or silent connection: the account fails
        ├── StoreUnavailable        the store of all machines cannot be read or written: the account fails
        └── RateLimited             429: retried if the reset is near, else the account is put off

Nothing that happens to one account ends the run; what would end it is found before it starts (RequestError).
A message says what happened, to which account, and what to do. It is one sentence and never holds a secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a mistyped one is most like, if one is like it at all: for the sentence of an error."""
    spelled = {name.casefold(): name for name in known}
    alike = difflib.get_close_matches(word.casefold(), spelled, n=1)
    return spelled[alike[0]] if alike else None


class HugtweetsError(Exception):
    """The root: whatever is raised on purpose descends from it."""


class RequestError(HugtweetsError):
    """The request makes no sense; nothing is started."""


class ConfigurationError(RequestError):
    """An unknown key, an impossible value, or two options that exclude each other."""


class InvalidHandle(RequestError):
    """A name that cannot be an X handle."""


class NothingKept(RequestError):
    """A handle of which this home holds nothing."""


class NoHubToken(RequestError):
    """Nothing can be published on the Hugging Face Hub without a token."""


class Busy(HugtweetsError):
    """Too many wait for the models."""


class Stopped(HugtweetsError):
    """Whoever asked has gone: nothing more is drawn."""


class AccountError(HugtweetsError):
    """This account fails; the others go on."""


class UnreadableSource(AccountError):
    """A file or an account export that cannot be used."""


class AccountUnavailable(AccountError):
    """X does not show this account to us or to anybody."""


class AccountNotFound(AccountUnavailable):
    """X knows no such handle."""


class AccountSuspended(AccountUnavailable):
    """X has suspended the account."""


class AccountProtected(AccountUnavailable):
    """Only approved followers may read the account."""


class AccessError(AccountError):
    """X refuses us, whichever account we ask for."""


class BadToken(AccessError):
    """HTTP 401: X does not accept the bearer token."""


class OutOfCredit(AccessError):
    """HTTP 402: the X developer account has no credit left."""


class WrongTier(AccessError):
    """HTTP 403: the app may not use this endpoint."""


class UnexpectedAnswer(AccountError):
    """X answered something that no documentation describes."""


class BaseModelError(AccountError):
    """The base model cannot be found, loaded or converted."""


class HubError(AccountError):
    """The Hugging Face Hub does not take an account's model."""


class BadHubToken(HubError):
    """HTTP 401: the hub does not accept the token."""


class NoHubRight(HubError):
    """HTTP 403, or 404 for what the token may not even see: it may not write there."""


class HubUnreachable(HubError):
    """The hub does not answer, or has troubles of its own."""


class NotShared(AccountError):
    """Another machine does not find what it is to work on: no store, another store, or a home of its own."""


class TrainingError(AccountError):
    """The loss is not a number, or the model cannot be trained as asked."""


class DiskFull(AccountError):
    """No room is left on the disk; what was finished before is kept."""


class PutOff(HugtweetsError):
    """This account is skipped today; nothing is wrong."""


class NotEnoughText(PutOff):
    """Fewer characters than a voice can be learned from."""


class BudgetUsedUp(PutOff):
    """Not one page could be read within the budget."""


class SharedBudgetUsedUp(BudgetUsedUp):
    """The budget of the whole run or month is used up: all accounts not yet read are put off."""


class AccountsFailed(HugtweetsError):
    """Some accounts of a run or a sweep failed; ``outcome`` tells of all of them."""

    def __init__(self, message: str, outcome: BaseModel) -> None:
        super().__init__(message)
        self.outcome = outcome

    def __reduce__(self) -> tuple[type[AccountsFailed], tuple[str, BaseModel]]:
        return type(self), (str(self), self.outcome)


class RetryableError(HugtweetsError):
    """Passes by itself: retried with back-off."""


class XUnavailable(RetryableError):
    """5xx, a reset connection or a silent one."""


class StoreUnavailable(RetryableError):
    """The store that all machines share cannot be read or written; what was made is kept on this machine."""


class RateLimited(RetryableError):
    """HTTP 429; ``reset_at`` (UTC) says when X answers again, None if X did not say."""

    def __init__(self, message: str, reset_at: datetime | None = None) -> None:
        super().__init__(message)
        self.reset_at = reset_at

    def __reduce__(self) -> tuple[type[RateLimited], tuple[str, datetime | None]]:
        return type(self), (str(self), self.reset_at)
