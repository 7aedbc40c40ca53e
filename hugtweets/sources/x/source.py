"""The X API v2 as a source: posts newer than the stored ones, and those that an interrupted download left out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from hugtweets.budget.ledger import Ledger
from hugtweets.budget.limits import SMALLEST_PAGE, SharedBudget, affordable, post_price
from hugtweets.config import FetchConfig
from hugtweets.errors import AccountNotFound, BudgetUsedUp, FieldsRefused, SharedBudgetUsedUp, UnexpectedAnswer
from hugtweets.sources.x.answers import PostsAnswer, Read, XUser, parse, read_posts
from hugtweets.sources.x.client import XClient
from hugtweets.sources.x.refusals import account_problem, empty_answer
from hugtweets.sources.x.standing import standing_of
from hugtweets.sources.x.users import confirm
from hugtweets.timelines.timeline import NEVER, SHOWN_AT_MOST, Gap, Summary, Timeline, id_order, load, save, summarise

LARGEST_PAGE = 100
REFERENCES_PER_POST = 2  # a reply that quotes; a repost has one
NAMED = 5  # posts in a remark
STALLED_PAGES = 3  # pages in a row without a further post, after which a gap is not read on
COUNTING_SHARE = 0.1  # of what new posts cost, which counting the account's posts may cost on top

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class XSource:
    """One account on X; ``ledger`` is that account's, and ``stored`` is called whenever posts have been stored."""

    user: XUser
    client: XClient
    config: FetchConfig
    ledger: Ledger
    stored: Callable[[], None] = lambda: None

    def update(self, timeline: Path) -> str | None:
        """Read the posts above the newest stored one, then the stored gaps, newest first.

        Each page is stored, together with what is left of its gap, before the next one is asked for: whatever ends a
        download, the next one goes on below the last page. An unchanged account costs one request and no post.
        Returns a message if the budget ended the download, X sent a post that cannot be understood, or fewer posts are
        stored than the account had when it was looked up.

        Raises:
            BudgetUsedUp: not one page could be read, and nothing is stored.
            SharedBudgetUsedUp: not one page could be read, as other accounts have used the budget up.
            UnexpectedAnswer: not one post of a page could be understood.
            AccountError, RetryableError: as drawn in :mod:`hugtweets.errors`; what arrived before is stored.
        """
        stored = summarise(timeline)
        download = _Download(self, timeline, stored.gaps)
        if stored.count is None and self.user.count:
            download.stored = replace(download.stored, count=self.user.count)
        try:
            for gap in sorted({Gap(stored.newest_id), *stored.gaps}, key=_upper_end, reverse=True):
                download.fill(gap)
        except BudgetUsedUp as stopped:
            put_off = isinstance(stopped, SharedBudgetUsedUp) and not self.ledger.spent().posts_read
            if put_off or not download.stored.posts:
                raise
            return "; ".join([*download.remarks(), str(stopped)])
        return "; ".join([*download.remarks(), *self._missing(summarise(timeline))]) or None

    @property
    def page_price(self) -> float:
        """The most that a post of a page may cost: by the new names X sends the posts that it refers to as well."""
        by_new_names = not standing_of(self.ledger).knows_tweets
        return post_price(self.config) + by_new_names * REFERENCES_PER_POST * self.config.post_usd

    def affordable(self, price: float) -> float:
        """How many posts of that price the account's own budget still pays for, its look-up in this run included."""
        looked_up = self.config.user_usd if self.user.posts is not None else 0
        return affordable(self.ledger, self.config, price, looked_up)

    def _missing(self, stored: Summary) -> list[str]:
        """What is to be said of posts that X did not show, though the account has them."""
        had = min(stored.count or 0, SHOWN_AT_MOST)
        unwanted = max(0, had - self.config.max_posts) if stored.unshown is None else 0
        missing = stored.missing - unwanted
        if missing <= 0 or self.ledger.spent().posts_read >= self.config.max_posts:
            return []
        of = f"{stored.count:,} posts" + (f" (X shows {SHOWN_AT_MOST:,} at most)" if stored.count != had else "")
        again = "; the next run asks for them again" if stored.gaps else ""
        number = f"{missing:,} {'is' if missing == 1 else 'are'} missing"
        return [f"{number}: when it was looked up, @{self.user.username} had {of}{again}"]


@dataclass
class _Download:
    """One update in progress: ``gaps`` are those of the file at ``path``, whose posts are read when first needed."""

    source: XSource
    path: Path
    gaps: tuple[Gap, ...]
    unread: list[str] = field(default_factory=list)

    @cached_property
    def stored(self) -> Timeline:
        """What the file holds."""
        return load(self.path)

    def fill(self, gap: Gap) -> None:
        """Read a gap downwards until it ends, no more posts are wanted, or the budget is used up (``BudgetUsedUp``).

        X may show a post out of order, so that the rest of the gap is what lies below the last page as a whole, and
        leave the token out of a page in the middle, so that a page that is full is not believed to be the last; nor is
        a short one of new posts, as nothing says how many there should be. What X shows above a page that has lost its
        token is not asked for again, so that the account's posts are counted anew. If the new ones came in one page
        that was neither full nor out of order, that waits until counting costs little beside what was read.
        """
        others = tuple(other for other in self.gaps if other != gap)
        asked, rest, token, barren = gap, gap, None, 0
        is_plain = gap.until_id is None
        while barren < STALLED_PAGES and (size := self._page_size(gap)):
            try:
                page, is_full = self._ask(asked, token, size)
            except FieldsRefused:
                # By their new names they may cost more.
                continue
            read = read_posts(page)
            sent = [*(post.id for post in read.posts), *filter(None, read.unread)]
            is_new = bool(sent) and not self.known.issuperset(sent)
            is_plain = is_plain and (not is_new or (rest == gap and not is_full and _falls(read)))
            rest, barren = (_below(rest, gap, sent), 0) if is_new else (rest, barren + 1)
            token = page.meta.next_token if page.meta else None
            self._store(read, (*others, rest))
            is_further = is_new or rest != asked
            may_go_on = is_further and (is_full or gap.since_id is not None) and self._room(gap) > 0
            if token is None and not may_go_on:
                if rest == gap or not self._falls_short(gap):
                    self._close(gap, others, is_plain)
                return
            asked = asked if token else rest
        if barren == STALLED_PAGES:
            # X repeats a token, or does not say that the timeline has ended. A gap that gave posts is kept: asking
            # below them without a token may get further, and costs no post twice. One that gave none is dropped, so
            # that it does not cost three requests every night.
            log.warning("@%s: X sent %d pages with no further post; going on without", self._handle, barren)
            if rest == gap:
                self._close(gap, others, is_plain)

    def _close(self, gap: Gap, others: Iterable[Gap], is_plain: bool) -> None:
        """Leave only the others, but count the account first: at once, unless new posts came as most do."""
        if gap.since_id is not None:
            if not is_plain:
                self._count()
            elif self._is_count_due():
                with suppress(BudgetUsedUp):
                    self._count()
        self._store(Read([], {}), others)

    def _count(self) -> None:
        """Look the account up, for the number of its posts; ``BudgetUsedUp`` if that cannot be paid."""
        source = self.source
        if source.affordable(source.config.user_usd) < 1:
            raise BudgetUsedUp(
                f"the budget of ${source.config.budget_usd:g} does not pay for counting the posts of @{self._handle}, "
                "of which X may not have shown all that are new; the next run does"
            )
        count = confirm(source.client, source.user, source.ledger, source.config).count
        if count:
            self.stored = self.stored.recounted(count, source.config.max_posts)

    def _is_count_due(self) -> bool:
        """Whether counting costs little beside the posts that came since the last time: a lost token hides no longer.

        One on a page in order shows in nothing but a count.
        """
        count, config = self.stored.count, self.source.config
        before = datetime.fromisoformat(count.at) if count else NEVER
        number = sum(post.source == "x" and post.created_at > before for post in self.stored.posts)
        return config.user_usd <= COUNTING_SHARE * number * config.post_usd

    def _falls_short(self, gap: Gap) -> bool:
        """Whether history that seems to have ended is asked for once more, in the next run.

        One that gives nothing then is given up: an account may have posts that X never shows.
        """
        return gap.since_id is None and self.stored.missing > 0

    @property
    def known(self) -> set[str]:
        """The posts that X need not send again."""
        return {*(post.id for post in self.stored.posts), *self.stored.unread}

    def _ask(self, gap: Gap, token: str | None, size: int) -> tuple[PostsAnswer, bool]:
        """A page, and whether it holds as many posts as were asked for."""
        source, subject = self.source, f"@{self._handle}"
        with SharedBudget(source.ledger, source.config).reserve(source.page_price, SMALLEST_PAGE, size) as most:
            answer = source.client.posts(source.user.id, gap, token, most, source.ledger, source.config)
        page = parse(PostsAnswer, answer, subject)
        if page.meta is None and not page.data:
            error = account_problem(page.errors[0], self._handle) if page.errors else empty_answer(subject)
            if isinstance(error, AccountNotFound):
                confirm(source.client, source.user, source.ledger, source.config)
            raise error
        return page, len(page.data) >= most

    def _store(self, read: Read, gaps: Iterable[Gap]) -> None:
        # Every update starts with a gap without an upper end; it need not be stored.
        kept = tuple(gap for gap in gaps if gap.until_id)
        if not read.posts and not read.unread and kept == self.gaps:
            return
        self.unread += read.unread
        unread = {identifier: sent for identifier, sent in read.unread.items() if identifier}
        stored = replace(self.stored, unread={**self.stored.unread, **unread})
        merged = stored.merged(read.posts, kept, shown_at=datetime.now(UTC))
        if merged != self.stored:
            save(self.path, merged)
            self.stored, self.gaps = merged, kept
            self.source.stored()
        if len(read.unread) >= SMALLEST_PAGE and not read.posts:
            raise UnexpectedAnswer(
                f"not one of the {len(read.unread)} posts that X sent of @{self._handle} can be understood; they are "
                "kept as sent: look for a newer version of hugtweets"
            )

    def remarks(self) -> list[str]:
        """What is to be said of posts that cannot be understood."""
        if not self.unread:
            return []
        named = ", ".join(identifier or "one without an id" for identifier in self.unread[:NAMED])
        more = f" and {len(self.unread) - NAMED} more" if len(self.unread) > NAMED else ""
        return [f"not understood, and kept as X sent it: {named}{more}; look for a newer version of hugtweets"]

    def _page_size(self, gap: Gap) -> int:
        """Posts to ask for next; 0 if ``max_posts`` is reached."""
        room = self._room(gap)
        if room <= 0:
            return 0
        size = min(room, LARGEST_PAGE)
        if 0 < room - size < SMALLEST_PAGE:
            size = room - SMALLEST_PAGE
        return min(max(size, SMALLEST_PAGE), self._affordable())

    def _room(self, gap: Gap) -> int:
        """Posts that ``max_posts`` still allows.

        A gap without a lower end is history, of which no more is read once ``max_posts`` posts are stored. What is
        newer than the stored posts is always read, at most ``max_posts`` a run.
        """
        source = self.source
        room = source.config.max_posts - source.ledger.spent().posts_read
        if gap.since_id is None:
            stored = sum(post.source == "x" for post in self.stored.posts)
            room = min(room, source.config.max_posts - stored)
        return room

    def _affordable(self) -> int:
        """Posts that the budget still pays for; ``BudgetUsedUp`` if they are fewer than X sends at least."""
        config, spent = self.source.config, self.source.ledger.spent()
        price = self.source.page_price
        number = self.source.affordable(price)
        if number >= SMALLEST_PAGE:
            return int(min(number, LARGEST_PAGE))
        if spent.posts_read:
            raise BudgetUsedUp(
                f"stopped at the budget of ${config.budget_usd:.2f} after {spent.posts_read} posts; "
                "the next run goes on"
            )
        raise BudgetUsedUp(
            f"the budget of ${config.budget_usd:g} does not pay for one page of @{self._handle} "
            f"({SMALLEST_PAGE} posts may cost ${SMALLEST_PAGE * price:g}): raise fetch.budget_usd"
        )

    @property
    def _handle(self) -> str:
        return self.source.user.username


def _upper_end(gap: Gap) -> tuple[bool, tuple[int, str]]:
    return gap.until_id is None, id_order(gap.until_id or "")


def _below(rest: Gap, gap: Gap, page: Sequence[str]) -> Gap:
    """What is left of a gap below a page, whose ids are in the order in which X sent them.

    Only the longest row of falling ids counts: a post that stands out of order says nothing of those between. The rest
    may begin higher than after the page before, whose last post was out of order then.
    """
    inside = [
        post
        for post in page
        if (gap.since_id is None or id_order(gap.since_id) < id_order(post))
        and (gap.until_id is None or id_order(post) < id_order(gap.until_id))
    ]
    return Gap(gap.since_id, _longest_fall(inside)[-1]) if inside else rest


def _falls(read: Read) -> bool:
    """Whether posts are in order, newest first."""
    ids = [post.id for post in read.posts]
    return ids == sorted(ids, key=id_order, reverse=True)


def _longest_fall(ids: Sequence[str]) -> list[str]:
    """The longest falling subsequence; of several, one that ends highest."""
    best: list[list[str]] = []
    for post in ids:
        before = [fall for fall in best if id_order(fall[-1]) > id_order(post)]
        best.append([*max(before, key=_length_and_end, default=[]), post])
    return max(best, key=_length_and_end)


def _length_and_end(fall: Sequence[str]) -> tuple[int, tuple[int, str]]:
    return len(fall), id_order(fall[-1])
