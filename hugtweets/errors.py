"""Every error that hugtweets raises on purpose, and what becomes of the account and of the run.

    HugtweetsError
    ├── RequestError              ConfigurationError, InvalidHandle, NothingKept, NoHubToken
    ├── AccountError              UnreadableSource, UnexpectedAnswer, BaseModelError, NotShared, TrainingError, DiskFull
    │   ├── AccountUnavailable    AccountNotFound, AccountSuspended, AccountProtected
    │   ├── AccessError           BadToken (401), OutOfCredit (402), WrongTier (403)
    │   └── HubError              BadHubToken (401), NoHubRight (403, 404), HubUnreachable (5xx)
    ├── PutOff                    NotEnoughText, BudgetUsedUp and below it SharedBudgetUsedUp
    ├── RetryableError            XUnavailable (5xx), StoreUnavailable, RateLimited (429)
    ├── AccountsFailed            what a run ends with if one of its accounts failed, exit code 1
    └── Busy, Stopped             on the pages of `hugtweets play` only

The run ends: by a ``RequestError`` before its first account, exit code 2; by any other error that is not raised within
the steps of an account, exit code 1. Within them (``flows/recording.py``) an error ends that account alone:

- retried with back-off (``tasks/retries.py``): ``RetryableError`` in the look-up on X and in the fetch step, at most
  ``fetch.retries`` times in a row; a ``RateLimited`` that says when it ends only if that is within
  ``fetch.max_wait_seconds``. The account then fails, or is skipped if it is a ``RateLimited``.
- goes on with the posts that are stored of the account: ``AccessError`` in the fetch step; the account fails if there
  are none. After ``BadToken`` or ``OutOfCredit`` the process sends X no further request in that run.
- skipped, which is no failure: ``PutOff`` and ``RateLimited``; ``AccountUnavailable`` if posts of it are stored.
- failed, exit code 1 at the end of the run: every other error.

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
    """The base of all errors that are raised on purpose."""


class RequestError(HugtweetsError):
    """The request makes no sense; nothing is started."""


class ConfigurationError(RequestError):
    """An unknown key, an impossible value, or two options that exclude each other."""


class InvalidHandle(RequestError):
    """A name that cannot be an X handle."""


class NothingKept(RequestError):
    """This home holds nothing of what was asked for."""


class NoHubToken(RequestError):
    """Nothing can be published on the Hugging Face Hub without a token."""


class Busy(HugtweetsError):
    """Too many requests wait for the models."""


class Stopped(HugtweetsError):
    """The reader has left: nothing more is generated."""


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
    """No answer, or 5xx."""


class NotShared(AccountError):
    """Another machine does not find the posts to learn from: it has no store, another store, or another home."""


class TrainingError(AccountError):
    """The loss is not a number, or the model cannot be trained as asked."""


class DiskFull(AccountError):
    """No room is left on the disk; what was finished before is kept."""


class PutOff(HugtweetsError):
    """This account is skipped in this run; nothing is wrong."""


class NotEnoughText(PutOff):
    """Fewer characters than a voice can be learned from."""


class BudgetUsedUp(PutOff):
    """Not one page could be read within the budget."""


class SharedBudgetUsedUp(BudgetUsedUp):
    """The budget of the whole run or month is used up: all accounts not yet read are put off."""


class AccountsFailed(HugtweetsError):
    """Some accounts of a run or a sweep failed; ``outcome`` is that of all of them."""

    def __init__(self, message: str, outcome: BaseModel) -> None:
        super().__init__(message)
        self.outcome = outcome

    def __reduce__(self) -> tuple[type[AccountsFailed], tuple[str, BaseModel]]:
        return type(self), (str(self), self.outcome)


class RetryableError(HugtweetsError):
    """A failure that can pass by itself."""


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
