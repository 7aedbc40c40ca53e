"""Every error that hugtweets raises on purpose, and what becomes of the account and of the run.

    HugtweetsError                    failed
    ├── RequestError                  failed, exit code 2
    │   ├── ConfigurationError        failed, exit code 2
    │   ├── InvalidHandle             failed, exit code 2
    │   ├── NothingKept               failed, exit code 2
    │   └── NoHubToken                failed, exit code 2
    ├── AccountError                  failed
    │   ├── UnreadableSource          failed
    │   ├── AccountUnavailable        failed, but skipped if posts of it are stored
    │   │   ├── AccountNotFound       failed, but skipped if posts of it are stored
    │   │   ├── AccountSuspended      failed, but skipped if posts of it are stored
    │   │   ├── AccountProtected      failed, but skipped if posts of it are stored
    │   │   └── AccountOptedOut       failed, but skipped if posts of it are stored
    │   ├── HandleTaken               failed
    │   ├── AccessError               failed
    │   │   ├── BadToken              failed
    │   │   ├── OutOfCredit           failed
    │   │   ├── WrongTier             failed
    │   │   └── CapReached            failed
    │   ├── UnexpectedAnswer          failed
    │   │   └── FieldsRefused         failed
    │   ├── BaseModelError            failed
    │   ├── HubError                  failed
    │   │   ├── BadHubToken           failed
    │   │   ├── NoHubRight            failed
    │   │   └── HubUnreachable        failed
    │   ├── NotShared                 failed
    │   ├── StoreUnavailable          failed
    │   ├── TrainingError             failed
    │   ├── OutOfMemory               failed
    │   └── DiskFull                  failed
    ├── PutOff                        skipped
    │   ├── NothingFetched            skipped
    │   ├── NotEnoughText             skipped
    │   ├── StillRateLimited          skipped
    │   └── BudgetUsedUp              skipped
    │       └── SharedBudgetUsedUp    skipped
    ├── RetryableError                retried, then failed
    │   ├── XUnavailable              retried, then failed
    │   ├── NetworkUnavailable        retried, then failed
    │   ├── Blocked                   retried, then failed
    │   ├── DeviceProcessDied         retried, then failed
    │   └── RateLimited               retried, then skipped
    ├── ServerUnavailable             failed
    ├── AccountsFailed                failed
    ├── Busy                          failed
    └── Stopped                       failed

The attributes of each class say the same to the code. Within the steps of an account (``flows/recording.py``) an error
ends that account alone:

- retried: the Prefect task of the step runs again after a while (``tasks/retries.py``). The look-up on X and the fetch
  step do so at most ``fetch.retries`` times in a row, and for a ``RateLimited`` that says when it ends only if that is
  within ``fetch.max_wait_seconds``; every other step twice.
- skipped is no failure; failed means exit code 1 at the end of the run. So does a run in which X answered for none of
  its accounts, as rate limits put all of them off.

Some are raised only after whoever raises them has tried again: ``StoreUnavailable`` after half a minute of asking
(``storage/remote.py``), ``OutOfMemory`` when one post at a time is too much on every device (``training/memory.py``,
``devices/queue.py``). What Weights & Biases does not take raises nothing, and is sent later (``tracking/``). After an
``AccessError`` in the fetch step the account fails too, but goes on first with the posts that are stored of it. After
``BadToken``, ``OutOfCredit`` or ``CapReached`` the process sends X no further request in that run
(``sources/x/standing.py``), nor after a ``Blocked``, or a ``RateLimited`` without a time, that came back more than
``fetch.retries`` times.

Everywhere else an error ends the run, with its exit code; ``AccountsFailed`` is what a run ends with if an account
failed, ``Busy`` and ``Stopped`` are raised on the pages of ``hugtweets play`` only.

A message says what happened, to which account, and what to do. It is one sentence and never holds a secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from pydantic import BaseModel

Fate = Literal["failed", "skipped"]
Bound = Literal["rate limit", "budget"]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a mistyped one is most like, if one is like it at all: for the sentence of an error."""
    spelled = {name.casefold(): name for name in known}
    alike = difflib.get_close_matches(word.casefold(), spelled, n=1)
    return spelled[alike[0]] if alike else None


class HugtweetsError(Exception):
    """The base of all errors that are raised on purpose.

    ``account`` is what becomes of an account in whose steps it is raised, ``account_if_stored`` the same if posts of it
    are stored. With ``is_retried`` the task of the step runs again before that. ``put_off_by`` says which bound keeps
    the account from being read in this run. A command that it ends has the ``exit_code``.
    """

    account: ClassVar[Fate] = "failed"
    put_off_by: ClassVar[Bound | None] = None
    account_if_stored: ClassVar[Fate] = "failed"
    is_retried: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1


class RequestError(HugtweetsError):
    """The request makes no sense; nothing is started."""

    exit_code = 2


class ConfigurationError(RequestError):
    """An unknown key, an impossible value, or two options that exclude each other."""


class InvalidHandle(RequestError):
    """A name that no network has, or a network that the account is not on."""


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
    """X does not show this account to us or to anybody.

    One that was read before has vanished, which no run can change: it must not make every night end as failed. One of
    which nothing is stored is a request that could not be met, such as a misspelled handle.
    """

    account_if_stored = "skipped"


class AccountNotFound(AccountUnavailable):
    """X knows no such handle."""


class AccountSuspended(AccountUnavailable):
    """X has suspended the account."""


class AccountProtected(AccountUnavailable):
    """Only approved followers may read the account."""


class AccountOptedOut(AccountUnavailable):
    """The account asks not to be shown to people without an account, or not to be indexed."""


class HandleTaken(AccountError):
    """The handle belongs to another account now than the one whose posts are stored."""


class AccessError(AccountError):
    """X refuses us, whichever account we ask for."""


class BadToken(AccessError):
    """HTTP 401: X does not accept the bearer token."""


class OutOfCredit(AccessError):
    """HTTP 402: the X developer account has no credit left."""


class WrongTier(AccessError):
    """HTTP 403: the app may not use this endpoint."""


class CapReached(AccessError):
    """HTTP 429 or 403: the app has read, or its owner has spent, as much as may be in this month."""


class UnexpectedAnswer(AccountError):
    """X answered something that no documentation describes."""


class FieldsRefused(UnexpectedAnswer):
    """HTTP 400: X does not know the fields of a post by the names that it was asked with."""


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


class StoreUnavailable(AccountError):
    """The store that all machines share cannot be read or written; what was made is kept on this machine."""


class OutOfMemory(AccountError):
    """No device has the memory that the work needs, however few posts it takes at a time."""


class DiskFull(AccountError):
    """No room is left on the disk; what was finished before is kept."""


class PutOff(HugtweetsError):
    """This account is skipped in this run; nothing is wrong."""

    account = account_if_stored = "skipped"


class NothingFetched(PutOff):
    """Its source holds no post at all, and none is stored."""


class NotEnoughText(PutOff):
    """Fewer characters than a voice can be learned from."""


class StillRateLimited(PutOff):
    """HTTP 429 again and again, and X does not say until when."""

    put_off_by = "rate limit"


class BudgetUsedUp(PutOff):
    """Not one page could be read within the budget."""

    put_off_by = "budget"


class SharedBudgetUsedUp(BudgetUsedUp):
    """The budget of the whole run or month is used up: all accounts not yet read are put off."""


class ServerUnavailable(HugtweetsError):
    """The Prefect server of a run does not start, or is gone before the run has ended."""


class AccountsFailed(HugtweetsError):
    """Some accounts of a run or a sweep failed; ``outcome`` is that of all of them."""

    def __init__(self, message: str, outcome: BaseModel) -> None:
        super().__init__(message)
        self.outcome = outcome

    def __reduce__(self) -> tuple[type[AccountsFailed], tuple[str, BaseModel]]:
        return type(self), (str(self), self.outcome)


class RetryableError(HugtweetsError):
    """A failure that can pass by itself."""

    is_retried = True


class XUnavailable(RetryableError):
    """5xx, a reset connection or a silent one."""


class NetworkUnavailable(RetryableError):
    """Bluesky, or a server of Mastodon: 5xx, an answer that breaks off, is silent or endless."""


class Blocked(RetryableError):
    """HTTP 403 with a web page: something on the way to X, such as a proxy, lets no request through."""


class DeviceProcessDied(RetryableError):
    """The process that computed on a device was killed, mostly by the kernel for lack of memory."""


class RateLimited(RetryableError):
    """HTTP 429; ``reset_at`` (UTC) says when X answers again, None if X did not say."""

    account = account_if_stored = "skipped"
    put_off_by = "rate limit"

    def __init__(self, message: str, reset_at: datetime | None = None) -> None:
        super().__init__(message)
        self.reset_at = reset_at

    def __reduce__(self) -> tuple[type[RateLimited], tuple[str, datetime | None]]:
        return type(self), (str(self), self.reset_at)
