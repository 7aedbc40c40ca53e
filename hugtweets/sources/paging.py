"""Networks that send an account's posts in pages, newest first, and for nothing: what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Protocol

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.config import FetchConfig
from hugtweets.errors import HandleTaken, UnexpectedAnswer
from hugtweets.sources.verification import Verification
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import NEVER, Progress, Timeline, load, save

# Pages in a row without a post: a network sends some where it shows none, but hardly as many.
MOST_EMPTY = 20
NAMED = 5  # posts in a remark; so many of a page, and none that is understood, are no oddity of theirs


@dataclass(frozen=True)
class Page:
    """Some posts; as JSON, by id, those that cannot be understood; and where the next page begins, None at the end."""

    posts: tuple[Post, ...]
    unread: Mapping[str, str] = field(default_factory=dict)
    below: str | None = None


class Reader(Protocol):
    """One account on one network; each request raises what is drawn in :mod:`hugtweets.errors`.

    ``moved_to`` is the account that this one says to have been left for, known once it was looked up.
    """

    network: ClassVar[str]
    handle: str
    moved_to: str | None

    def look_up(self) -> str:
        """The lasting id of the account; to be called before anything else is asked for."""
        ...

    def read(self, position: str | None, above: str | None, is_first: bool) -> Page:
        """The posts below a position, None for the newest.

        ``above`` is the newest stored post, for networks that can leave out what is older; ``is_first`` says that
        nothing is stored yet.
        """
        ...

    def shown(self, ids: Collection[str]) -> set[str]:
        """Those of some posts, or reposts, that the network still shows."""
        ...


@dataclass(frozen=True)
class PagedSource:
    """An account as a source; the ledger counts new posts, and ``stored`` is called whenever posts have been stored."""

    reader: Reader
    config: FetchConfig
    ledger: Ledger
    stored: Callable[[], None]

    def update(self, timeline: Path) -> str | None:
        """Read from the newest post down to a page that is known, then go on where earlier downloads were interrupted.

        Each page is stored, together with where the next one begins, before that is asked for. Returns a message if a
        post could not be understood, older posts may be missing, or the account moved.

        Raises:
            HandleTaken: the handle belongs to another account now.
            AccountError, RetryableError: as drawn in :mod:`hugtweets.errors`; what arrived before is stored.
        """
        download = _Download.begin(self, timeline)
        interrupted = download.progress.positions
        download.walk(None)
        for position in interrupted:
            download.walk(position)
        return download.remark()

    def verify(self, timeline: Path, began: datetime) -> Verification:
        """Read the whole account again, ask for each stored post that was not in it, and delete those that are gone.

        Posts that the network has shown since ``began`` are not asked for.

        Raises:
            AccountError, RetryableError: as drawn in :mod:`hugtweets.errors`; nothing was deleted then.
        """
        stored, seen = load(timeline), set[str]()
        there = [post.id for post in self._own(stored) if not post.deleted]
        due = {post for post in there if stored.shown.get(post, NEVER) < began}
        pages = self._pages(len(there)) if due else iter(())
        while due - seen and (page := next(pages, None)):
            seen |= {*(post.id for post in page.posts), *page.unread}
        missing = due - seen
        deleted = missing - self.reader.shown(missing) if missing else set[str]()
        if due:
            stored = stored.verified(due, deleted, datetime.now(UTC))
            save(timeline, stored)
        gone = sum(post.deleted and stored.shown.get(post.id, NEVER) >= began for post in self._own(stored))
        return Verification(len(due), len(due), gone)

    def _own(self, stored: Timeline) -> list[Post]:
        progress = stored.progress.get(_name_of(self.reader))
        return posts_of(stored, self.reader, progress.account) if progress else []

    def _pages(self, stored: int) -> Iterator[Page]:
        """The pages of the account from its newest post on, each once, whatever a network says comes next."""
        room = stored + self.config.max_posts
        positions: list[str | None] = [None]
        empty = 0
        while room > 0 and empty < MOST_EMPTY:
            page = self.reader.read(positions[-1], None, is_first=True)
            yield page
            empty = 0 if page.posts or page.unread else empty + 1
            if page.below is None or page.below in positions:
                return
            room -= max(1, len(page.posts))
            positions.append(page.below)


def posts_of(stored: Timeline, reader: Reader, account: str) -> list[Post]:
    """The stored posts of an account on the network of a reader."""
    author = author_of(stored, _name_of(reader), account)
    return [post for post in stored.posts if post.source == reader.network and post.author == author]


def author_of(stored: Timeline, name: str, account: str) -> str | None:
    """What stands as the author of an account's posts: None for the first of its network, which most have alone.

    Somebody who moved has two accounts on a network.
    """
    first = next((other for other in stored.progress if _network(other) == _network(name)), name)
    own = _first_name(stored, name, account)
    return None if own == first else own.partition(":")[2]


def _first_name(stored: Timeline, name: str, account: str) -> str:
    """The name under which an account was first read; its lasting id, on Mastodon one of its server, tells."""
    known = ((other, progress) for other, progress in stored.progress.items() if _network(other) == _network(name))
    same = (other for other, progress in known if progress.account == account and _server(other) == _server(name))
    return next(same, name)


def _name_of(reader: Reader) -> str:
    return f"{reader.network}:{reader.handle}"


def _network(name: str) -> str:
    return name.partition(":")[0]


def _server(name: str) -> str:
    return name.partition("@")[2]


@dataclass
class _Download:
    """One update in progress; ``stored`` is what the file at ``path`` holds."""

    source: PagedSource
    path: Path
    account: str
    stored: Timeline
    unread: list[str] = field(default_factory=list)
    is_stuck: bool = False

    @classmethod
    def begin(cls, source: PagedSource, path: Path) -> _Download:
        """Find out whose the handle is; the id is stored with the first page."""
        reader = source.reader
        download = cls(source, path, reader.look_up(), load(path))
        known = download.progress.account
        if known != download.account:
            raise HandleTaken(
                f"{reader.handle} belongs to another account on {reader.network.title()} now (id {download.account}) "
                f"than the one whose posts are stored (id {known}): run `hugtweets forget {reader.handle}` first"
            )
        return download

    @property
    def progress(self) -> Progress:
        """How far the account was read."""
        known = self.stored.progress
        earlier = known.get(_first_name(self.stored, self._name, self.account), Progress(self.account))
        return known.get(self._name, earlier)

    def walk(self, start: str | None) -> None:
        """Read downwards until a page holds nothing new, the account ends, or no more posts are wanted.

        Where pages lead nowhere, as one names itself as the next or all are empty, the place is kept for the next run.
        """
        own = posts_of(self.stored, self.source.reader, self.account)
        is_history = start is not None or not own
        above = None if is_history else max(own, key=lambda post: post.created_at).id
        room = self.source.config.max_posts - (len(own) if is_history else 0)
        position, empty = start, 0
        while room > 0 and empty < MOST_EMPTY:
            page = self.source.reader.read(position, above, is_first=not own)
            known = {post.id for post in self.stored.posts} | self.progress.unread.keys()
            new = {*(post.id for post in page.posts), *page.unread} - known
            is_empty = not page.posts and not page.unread
            # What lies below a place that was kept is not known, whatever its own page holds.
            is_known = not is_empty and not new and (start is None or position != start)
            below = None if is_known else page.below
            self._store(page, position, below, len(new))
            # A page without posts, which networks send where they show none of them, is not taken for the end.
            room -= max(1, len(page.posts))
            empty = empty + 1 if is_empty else 0
            self.is_stuck |= below is not None and (below == position or empty == MOST_EMPTY)
            if below is None or below == position:
                break
            position = below

    def _store(self, page: Page, position: str | None, below: str | None, new: int) -> None:
        places = [place for place in self.progress.positions if place != position]
        positions = tuple(dict.fromkeys([*places, *filter(None, [below])]))
        unread = {**self.progress.unread, **page.unread}
        progress = Progress(self.account, positions, unread)
        before = replace(self.stored, progress={**self.stored.progress, self._name: progress})
        author = author_of(before, self._name, self.account)
        merged = before.merged([replace(post, author=author) for post in page.posts], shown_at=datetime.now(UTC))
        self.unread += page.unread
        if replace(merged, shown=self.stored.shown) != self.stored:
            save(self.path, merged)
            self.stored = merged
            self.source.ledger.record(Usage(posts_read=new))
            self.source.stored()
        if len(page.unread) >= NAMED and not page.posts:
            raise UnexpectedAnswer(
                f"not one of the {len(page.unread)} posts that {self.source.reader.network.title()} sent of "
                f"{self.source.reader.handle} can be understood; they are kept as sent: look for a newer version of "
                "hugtweets"
            )

    def remark(self) -> str | None:
        """What is to be said of posts that cannot be understood or were not sent, and of an account that moved."""
        return "; ".join(filter(None, [self._not_understood(), self._not_sent(), self._moved()])) or None

    def _not_understood(self) -> str | None:
        if not self.unread:
            return None
        named = ", ".join(self.unread[:NAMED])
        more = f" and {len(self.unread) - NAMED} more" if len(self.unread) > NAMED else ""
        return f"not understood, and kept as sent: {named}{more}; look for a newer version of hugtweets"

    def _not_sent(self) -> str | None:
        if not self.is_stuck:
            return None
        network = self.source.reader.network.title()
        return f"{network} sent no further page, so that older posts may be missing: the next run asks for them again"

    def _moved(self) -> str | None:
        reader = self.source.reader
        moved_to = f"{reader.network}:{reader.moved_to}"
        if reader.moved_to is None or moved_to in self.stored.progress:
            return None
        return f"{reader.handle} moved to {reader.moved_to}: write sources: [{moved_to}, {self._name}] to read both"

    @property
    def _name(self) -> str:
        return _name_of(self.source.reader)
