"""An account of Mastodon, read from its own server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import ValidationError

from hugtweets.budget.ledger import Ledger
from hugtweets.config import FetchConfig
from hugtweets.errors import AccountNotFound, AccountOptedOut, AccountSuspended, UnexpectedAnswer
from hugtweets.sources.mastodon.answers import NETWORK, Account, to_page
from hugtweets.sources.mastodon.client import MastodonClient, as_plain
from hugtweets.sources.paging import Page, PagedSource

LARGEST_PAGE = 40


@dataclass
class MastodonReader:
    """Reads one account, ``alice@mastodon.social``; its id on that server is known once it was looked up."""

    handle: str
    client: MastodonClient
    network: ClassVar[str] = NETWORK
    moved_to: str | None = field(default=None, init=False)
    _account: str = field(default="", init=False)

    def look_up(self) -> str:
        """The account's id on its server; one that was left for another is there with its posts.

        Raises:
            AccountOptedOut: the account asks not to be indexed or found, and is not that of ``MASTODON_ACCESS_TOKEN``.
            AccountUnavailable: there is no such account, or it is suspended.
        """
        name = self.handle if self.client.stands_for_all else self.handle.partition("@")[0]
        answer = self.client.ask(lambda asked: asked.account_lookup(name), self.handle)
        try:
            account = Account.model_validate(as_plain(answer))
        except ValidationError:
            raise UnexpectedAnswer(
                f"the server of {self.handle} answered with an account that cannot be understood: check that it is a "
                "Mastodon"
            ) from None
        if account.suspended:
            raise AccountSuspended(f"its server has suspended {self.handle}: take it out, or wait until it is back")
        if account.asks_not_to_be_found and self.client.own_account(self.handle) != account.id:
            raise AccountOptedOut(
                f"{self.handle} asks not to be indexed: take it out, or, if it is yours, set MASTODON_ACCOUNT and "
                "MASTODON_ACCESS_TOKEN"
            )
        self._account = account.id
        self.moved_to = account.moved_to(self.handle.partition("@")[2])
        return account.id

    def read(self, position: str | None, above: str | None, is_first: bool) -> Page:
        """A page of the account's posts and boosts, without pinned posts, which come out of their order.

        Raises:
            AccountError, RetryableError: as :meth:`MastodonClient.ask`.
        """
        statuses = self.client.ask(
            lambda asked: asked.account_statuses(self._account, max_id=position, since_id=above, limit=LARGEST_PAGE),
            self.handle,
        )
        page = as_plain(statuses)
        # Of an object the library makes the list of its keys.
        if not isinstance(page, list) or (page and not any(isinstance(sent, Mapping) for sent in page)):
            raise UnexpectedAnswer(
                f"the server of {self.handle} sent posts that cannot be understood: check that it is a Mastodon"
            )
        return to_page(page)

    def shown(self, ids: Collection[str]) -> set[str]:
        """Those of some posts that are still there; each is asked for by itself, as older servers have no other way.

        Raises:
            AccountError, RetryableError: as :meth:`MastodonClient.ask`.
        """
        return {post for post in sorted(ids) if self._is_shown(post)}

    def _is_shown(self, post: str) -> bool:
        try:
            self.client.ask(lambda asked: asked.status(post), self.handle)
        except AccountNotFound:
            return False
        return True


def open_account(handle: str, config: FetchConfig, ledger: Ledger, stored: Callable[[], None]) -> PagedSource:
    """The account of a handle, on its own server or on the one that ``MASTODON_API_URL`` names.

    Raises:
        ConfigurationError: ``MASTODON_API_URL`` is no address that may be asked.
    """
    client = MastodonClient(handle.rpartition("@")[2], config.timeout_seconds, ledger)
    return PagedSource(MastodonReader(handle, client), config, ledger, stored)
