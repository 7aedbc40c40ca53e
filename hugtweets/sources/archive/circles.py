"""Twitter Circle: from August 2022 to November 2023, exports held posts for chosen readers among the public ones.

Nothing in an export tells them apart, so that whoever publishes what learned from such posts must look.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from hugtweets.timelines.posts import Post

FIRST, END = datetime(2022, 8, 1, tzinfo=UTC), datetime(2023, 12, 1, tzinfo=UTC)


def count_posts(posts: Iterable[Post]) -> int:
    """How many posts of an export are from that time, retweets aside."""
    return len({post.id for post in posts if FIRST <= post.created_at < END and not post.is_retweet})


def count_stored(table: pa.Table) -> int:
    """How many stored posts came from an export and are from that time, retweets aside."""
    from_export = pc.equal(table["source"], "archive")
    then = pc.and_(pc.greater_equal(table["created_at"], FIRST), pc.less(table["created_at"], END))
    own = pc.invert(pc.fill_null(table["is_retweet"], False))
    return int(pc.sum(pc.and_(pc.and_(pc.fill_null(from_export, False), then), own)).as_py() or 0)


def warning(number: int) -> str | None:
    """What to say of so many posts; None of none."""
    if not number:
        return None
    posts, are = ("1 post", "is") if number == 1 else (f"{number:,} posts", "are")
    return (
        f"{posts} of an export {are} from August 2022 to November 2023, when exports held posts for a Twitter Circle "
        "among the public ones: look through them before you publish a model"
    )
