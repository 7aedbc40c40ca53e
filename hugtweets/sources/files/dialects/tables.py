"""Tables whose columns say what our own say, under names that :mod:`plain` knows: one entry for each tool."""

from __future__ import annotations

from collections.abc import Iterable

from hugtweets.sources.files.dialects import plain
from hugtweets.sources.files.dialects.dialect import Dialect
from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells


def _read_get_old_tweets(cells: Cells) -> Iterable[Fields]:
    """``to`` is who is answered; what was shared is not among these posts."""
    found = plain.fields(cells)
    return (found | {"is_reply": answered} if (answered := cells.says("to")) is not None else found,)


def _read_rapidminer(cells: Cells) -> Iterable[Fields]:
    """Who writes is named as readers see it, and who is answered by a number, or -1."""
    found = plain.fields(cells)
    answered = cells.get("to_user_id")
    return (
        found
        | {"author": None, "name": cells.get("from_user"), "author_id": cells.get("from_user_id")}
        | {"is_reply": answered is not None and str(answered) != "-1"},
    )


def _read(cells: Cells) -> Iterable[Fields]:
    return (plain.fields(cells),)


APIFY = Dialect(
    "posts of an Apify scraper", (("twitterUrl", "createdAt"), ("fullText", "retweetCount", "isRetweet")), _read
)
GET_OLD_TWEETS = Dialect(
    "GetOldTweets table",
    (("username", "date", "text", "geo", "permalink"), ("username", "to", "text", "permalink")),
    _read_get_old_tweets,
)
TRUMP_ARCHIVE = Dialect("table of the Trump archive", (("isRetweet", "isDeleted", "device"),), _read)
RTWEET = Dialect("rtweet table", (("status_id", "screen_name", "is_retweet", "is_quote"),), _read)
RAPIDMINER = Dialect(
    "table of RapidMiner", (("created_at", "from_user", "from_user_id", "to_user_id", "text"),), _read_rapidminer
)
TAGS = Dialect("TAGS table", (("id_str", "from_user", "status_url"), ("id_str", "from_user", "entities_str")), _read)
EXPORT_TABLE = Dialect("table of an old account export", (("tweet_id", "timestamp", "expanded_urls"),), _read)
