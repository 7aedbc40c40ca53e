"""An account on Bluesky, read by its author feed.

The feed, and not the records on the account's own server, since it is one host for all accounts, honours what Bluesky
took down, needs no search for the server, and has the reposts in their places.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import ClassVar

from atproto_client.models.app.bsky.actor.get_profile import Params as GetProfile
from atproto_client.models.app.bsky.feed.get_author_feed import Params as GetFeed
from atproto_client.models.app.bsky.feed.get_posts import Params as GetPosts

from hugtweets.budget.ledger import Ledger
from hugtweets.config import FetchConfig
from hugtweets.errors import AccountOptedOut
from hugtweets.sources.bluesky.answers import NETWORK, Feed, Posts, Profile, key_of, post_uri, to_page
from hugtweets.sources.bluesky.client import BLUESKY_API_URL, BlueskyClient
from hugtweets.sources.paging import Page, PagedSource

LARGEST_PAGE = 100
# Most nights bring less; a page always begins with the newest post, so that what is known is sent again.
FIRST_PAGE = 30
MOST_POSTS = 25  # that a request may ask for by address


@dataclass
class BlueskyReader:
    """Reads one account, by its handle; the lasting id (DID) is known once it was looked up."""

    handle: str
    client: BlueskyClient
    network: ClassVar[str] = NETWORK
    # Who moves to another server or another handle keeps the account.
    moved_to: str | None = field(default=None, init=False)
    _account: str = field(default="", init=False)

    def look_up(self) -> str:
        """The account's DID.

        Raises:
            AccountOptedOut: the account asks not to be shown to people without an account.
            AccountUnavailable: it does not exist, or Bluesky does not show it.
        """
        profile = self.client.ask(Profile, "app.bsky.actor.getProfile", self.handle, GetProfile(actor=self.handle))
        if profile.is_hidden:
            raise AccountOptedOut(
                f"{self.handle} asks Bluesky not to show its posts to those without an account: take it out, or change "
                "that setting if the account is yours"
            )
        self._account = profile.did
        return profile.did

    def read(self, position: str | None, above: str | None, is_first: bool) -> Page:
        """A page of the feed; Bluesky cannot leave out what is known, so that the first page of a night is a small one.

        Raises:
            AccountError, RetryableError: as :meth:`BlueskyClient.ask`.
        """
        limit = LARGEST_PAGE if is_first or position else FIRST_PAGE
        wanted = GetFeed(actor=self._account, limit=limit, cursor=position)
        feed = self.client.ask(Feed, "app.bsky.feed.getAuthorFeed", self.handle, wanted)
        return to_page(feed, self._account)

    def shown(self, ids: Collection[str]) -> set[str]:
        """Those of some posts that are still there; of a repost nothing is known but that the feed does not have it.

        Raises:
            AccountError, RetryableError: as :meth:`BlueskyClient.ask`.
        """
        uris = [post_uri(self._account, key) for key in sorted(ids)]
        found: set[str] = set()
        for start in range(0, len(uris), MOST_POSTS):
            batch = uris[start : start + MOST_POSTS]
            answer = self.client.ask(Posts, "app.bsky.feed.getPosts", self.handle, GetPosts(uris=batch))
            found |= {key_of(post.uri) for post in answer.posts if post.uri in batch}
        return found


def open_account(handle: str, config: FetchConfig, ledger: Ledger, stored: Callable[[], None]) -> PagedSource:
    """The account of a handle, on Bluesky or on the server that ``BLUESKY_API_URL`` names.

    Raises:
        ConfigurationError: ``BLUESKY_API_URL`` is no address that may be asked.
    """
    url = os.environ.get("BLUESKY_API_URL") or BLUESKY_API_URL
    client = BlueskyClient(url, config.timeout_seconds, ledger)
    return PagedSource(BlueskyReader(handle, client), config, ledger, stored)
