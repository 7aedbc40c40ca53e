"""Our own columns, also under the names that most tables of posts have; every other dialect begins with them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.dialects import originals, translations
from hugtweets.sources.files.dialects.dialect import Dialect, Sample
from hugtweets.sources.files.post_row import Fields, bare_id, has_telling_id
from hugtweets.sources.files.rows import Cells, spelled

# For each of our columns the names it goes by; of several, the first that says something counts. The text of an id is
# asked before its number, which a program may have rounded.
NAMES = {
    # Beside them, `id` may count rows.
    "id": ("id_str", "tweet_id_str", "status_id_str", "tweet_id", "status_id", "id", "post_id",
           *translations.IDS),
    # What can only be the time of the post comes before what may be the time at which a tool read it.
    "created_at": ("created_at", "tweet_created_at", "tweet_date", "posted_at", "published_at", "date_posted",
                   "publish_date", "post_date", "sent_at", "pub_date", "datetime", "date", "timestamp", "time",
                   "date_time", "created_time", "utc_time", "creation_date", "creation_time", "created", "date_created",
                   "created_on", "created_date", "tweet_time", "post_time", "posted", *translations.TIMES,
                   *translations.CLOCKS),
    "text": ("full_text", "text", "tweet_text", "raw_content", "content", "tweet", "body", "message",
             "post_text", "post_content", "tweet_content", "description", "post_message", "tweets",
             "post", "opening_text", "hit_sentence", *translations.TEXTS),
    # What can only be a handle comes before what may be a display name.
    "author": ("author.username", "author.screen_name", "tweet_by.username", "author_user.username", "author.handle",
               "user.handle", "author_handle", "account_handle", "twitter_handle", "tweeter_handle", "twitter_username",
               "screen_name", "sender_screen_name", "from_user_name", "user.screen_name", "user.username",
               "author", "username", "from_user", "handle", "user", "tweet_author", "post_author",
               "user_posted", "account", "twitter_account", "twitter_user", "tweet_user", "posted_by", "tweeted_by",
               "tweeter", "poster", "sender", "by", "author_profile", "author_url", "user_url", "profile_url",
               *translations.AUTHORS),
    "name": ("author.name", "tweet_by.full_name", "name", "display_name", "profile_name", "fullname",
             "user.displayname", "user.name"),
    "lang": ("lang", "language"),
    "is_retweet": ("is_retweet", "is_retweeted"),
    "is_reply": ("is_reply", "is_reply_to"),
    "is_quote": ("is_quote", "is_quote_status", "is_quoted", "is_quote_tweet"),
    "truncated": ("truncated", "is_truncated"),
    "deleted": ("is_deleted", "deleted"),
    "mentions": ("mentions", "mentioned_users", "mentions_screen_name", "entities.user_mentions", "entities.mentions"),
    "edit_ids": ("edit_ids",),
    "author_id": ("author_id", "user_id_str", "user_id", "user.id_str", "user.id", "author.id_str", "author.id"),
}  # fmt: skip
REQUIRED = ("id", "created_at", "text")
# Words that a column has alone, if it says what a post is, or, if it holds numbers, how often others made one of it.
MARKS = ("retweet", "repost", "rt", "reply", "quote")
_WHOSE = (
    "id",
    "id_str",
    "author",
    "author_id",
    "handle",
    "name",
    "screen_name",
    "user",
    "user_id",
    "user_id_str",
    "username",
    "status",
    "status_id",
    "status_id_str",
    "post",
    "post_id",
    "tweet",
    "tweet_id",
    "tweet_tweetid",
)


def _names(heads: Iterable[str], *others: str) -> frozenset[str]:
    """Columns that hold another post, its number or its author: the heads alone, and with what is asked of the post."""
    whose = (f"{head}_{of}" for head, of in itertools.product(heads, _WHOSE))
    return frozenset(map(spelled, (*whose, *others)))


# Columns that hold the post a post repeats, answers or quotes, or its number, or whose it is.
REFERENCES = {
    "is_retweet": _names(
        ("retweeted", "retweet", "reposted", "repost", "rt"), "retweeted_status.id", "retweet_from", "retweeted_from",
        "repost_from", "reposted_from", "retweeted_by", "reposted_by", "rt_source", "rt_of", "retweet_of", "retweet",
        "repost", "rt", "is_rt", "is_repost"),
    "is_reply": _names(
        ("in_reply_to", "reply_to", "replied_to", "replying_to", "replied"), "in_reply_to", "reply_to", "replying_to",
        "to_user", "to_user_id", "to_username", "to_userid", "to_tweetid", "reply_to_sn",
        "reply_to_sid", "reply_to_uid", "reply_user_id", "reply_user", "reply"),
    "is_quote": _names(
        ("quoted", "quote"), "quote_source", "quote_url", "quoted_status_permalink", "quoted_status_permalink.url",
        "quote"),
}  # fmt: skip
# Columns that hold the id of the post that a post answers.
_REPLIED_TO = ("replied_to", "in_reply_to_status_id_str", "in_reply_to_status_id", "in_reply_to_tweet_id",
               "reply_to_status_id", "reply_to_tweet_id", "replied_to_id", "reply_to_sid", "to_tweetid",
               "in_reply_to_id", "referenced_tweets.replied_to.id")  # fmt: skip
# Columns that say in one word what a post is, and the words.
_KIND = ("tweet_type", "post_type", "message_type", "sourcetweet_type", "thread_entry_type", "status_type",
         "content_type", "tweet_category", "type", "kind", "category", *translations.KINDS)  # fmt: skip
_WORDS = {
    "is_retweet": ("retweet", "retweeted", "repost", "reposted", "rt", "share", *translations.RETWEETS),
    "is_reply": ("reply", "replied", "repliedto", *translations.REPLIES),
    "is_quote": ("quote", "quoted", "quotetweet", "quotepost", *translations.QUOTES),
}
_LINKS = ("permalink", "url", "link", "tweet_url", "status_url", "tweet_link", "permanent_url", "tweet_permalink",
          "post_url", "post_link", "post_permalink", "service_link", "tweet_website",
          *translations.LINKS)  # fmt: skip
_KNOWN = frozenset(map(spelled, itertools.chain(_LINKS, *(NAMES[column] for column in (*REQUIRED, "author")))))
_ELSE = frozenset().union(
    *REFERENCES.values(),
    map(spelled, itertools.chain(_KIND, *(NAMES[column] for column in NAMES if column not in ("author", "name")))),
)
# Columns of whom a post is written to, and parts of names of columns that hold whom or what it names.
_ADDRESSED = frozenset({"to", "touser", "tousername", "tohandle", "recipient", "recipients", "target", "tags"})
_NAMED = ("mention", "hashtag", "tagged", "replyto", "repliedto")
_KINDS = frozenset().union(
    *REFERENCES.values(), map(spelled, itertools.chain(_KIND, *(NAMES[column] for column in (*REFERENCES, "deleted"))))
)
# Of X or of a server that shows its posts; some tables leave the server out.
_LINK = re.compile(
    r"""\s*(?:=HYPERLINK\("|\[[^\]]*\]\()?(?:(?:https?://)?[\w.-]+)?/(?:i(?:/web)?|(\w{1,20}))/status(?:es)?/(\d{1,20})\b.*"""
)
# What a table numbers its rows by; a number with a fraction or an exponent is a rounded one.
_NUMBERED_BY_ITSELF = re.compile(r"\d{1,8}|.*[^\d.,eE+].*", re.DOTALL)
_DAY = re.compile(
    r"\d+[-/.]\w+[-/.]\d+|\d{8}|\d{4}年\d\d?月\d\d?日"
    r"|(?:[^\W\d]+,? )?(?:[^\W\d]+\.? \d{1,2},? \d{4}|\d{1,2}\.? [^\W\d]+\.?,? \d{4})"
)
_CLOCKS = ("time", "tweet_time", "post_time", *translations.CLOCKS)
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?[+-]\d\d:?\d\d)?")
_ODD_CLOCK = re.compile(r"(\d{1,2})(?:[h.時]?)(\d\d)分?([0-5]\d)?")


def fields(cells: Cells) -> Fields:
    """What a row says of a post under any of the usual names."""
    found = {column: value for column, names in NAMES.items() if (value := cells.get(*names)) is not None}
    if "author_id" not in found and (number := next(filter(None, _inside(cells, "author_id")), None)):
        found["author_id"] = number
    # Some tables have the day and the time of day in two columns.
    if _DAY.fullmatch(day := str(found.get("created_at"))) and (clock := _clock(cells.get(*_CLOCKS))):
        found["created_at"] = f"{day} {clock}"
    if "text" not in found and cells.is_blank(*NAMES["text"]):
        found["text"] = ""
    for column in ("author", "name"):
        found[column] = next(filter(None, _inside(cells, column)), None)
    if found["name"] == found["author"]:
        # `username` is the handle, where no other column is.
        found["name"] = None
    kind = spelled(str(cells.get(*_KIND))).removeprefix("twitter")
    for column, names in REFERENCES.items():
        says = True if kind in _WORDS[column] else cells.says_one_of(names)
        if column not in found and says is not None:
            found[column] = says
    found["replied_to"] = cells.get(*_REPLIED_TO)
    if "mentions" not in found:
        found["mentions"] = cells.at("entities", "user_mentions") or cells.at("entities", "mentions")
    is_numbered_by_itself = _NUMBERED_BY_ITSELF.fullmatch(str(bare_id(found.get("id")))) is not None
    if found["author"] is None or is_numbered_by_itself:
        _fill_from_link(found, cells, is_numbered_by_itself)
    _fill_from_original(found, cells)
    return found


def _clock(written: object) -> str | None:
    """A time of day with colons; None for anything else."""
    text = str(written)
    if _CLOCK.fullmatch(text):
        return text
    match = _ODD_CLOCK.fullmatch(text)
    return ":".join(filter(None, match.groups())) if match else None


def address(value: object) -> tuple[str | None, str] | None:
    """Whose post an address on X is of, if it tells, and the post's id; None for anything else."""
    match = _LINK.fullmatch(str(value))
    return (match[1], match[2]) if match else None


def is_known(name: str) -> bool:
    """Whether a column of this name tells of a post what every post has."""
    return spelled(name) in _KNOWN


def check_columns(sample: Sample, path: Path) -> list[str]:
    """Which of our columns the file has under other names, such as ``date is created_at``.

    Raises:
        UnreadableSource: there is no text, or neither a time nor an id that tells it.
    """
    known = {column: [s for name in NAMES[column] if (s := sample.spelling(name))] for column in NAMES}
    if not known["id"] and any(address(row.get(*_LINKS)) for row in sample.rows):
        known["id"] = [s for name in _LINKS if (s := sample.spelling(name))]
    missing = [column for column in REQUIRED if not known[column]]
    # A time and a text make an id, and an id of X tells the time.
    told = missing == ["id"] or (missing == ["created_at"] and any(map(has_telling_id, map(fields, sample.rows))))
    if missing and not told:
        there = ", ".join(repr(name[:30]) for name in itertools.islice(sample.columns.values(), 20)) or "none"
        noun = "column" if sample.is_table else "key"
        advice = f"rename or add {'it' if len(missing) == 1 else 'them'}"
        if missing == ["id", "created_at"]:
            advice = "rename or add one of them"
        if sample.is_table and not any(known.values()):
            advice = "its first line must name the columns"
        raise UnreadableSource(f"{path} has no {noun} {', '.join(missing)} (found {there}): {advice}")
    if known["name"][:1] == known["author"][:1]:
        known["name"] = []
    return [f"{names[0]} is {column}" for column, names in known.items() if names and names[0] != column]


def tells_else(name: str) -> bool:
    """Whether a column of this name tells something other of a post than whose it is, such as whom it names."""
    bare = spelled(name)
    return bare in _ELSE or bare in _ADDRESSED or any(part in bare for part in _NAMED)


def tells_kind(name: str) -> bool:
    """Whether a column of this name tells what a post repeats, answers or quotes, or that it was deleted."""
    return spelled(name) in _KINDS


def _inside(cells: Cells, column: str) -> Iterator[str | None]:
    """The words under each name of a column, also where the author is an object in one cell."""
    return (_word(cells.at(*name.split("."))) for name in NAMES[column])


def _word(value: object) -> str | None:
    """A name, also one that a program took for a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _fill_from_link(found: Fields, cells: Cells, is_numbered_by_itself: bool) -> None:
    """Whose post it is and its number, where only its address tells them; that of another post tells nothing."""
    if told := address(cells.get(*_LINKS)) or address(found.get("id")):
        author, identifier = told
        if is_numbered_by_itself:
            found["id"] = identifier
        if author and found["author"] is None and str(bare_id(found["id"])) == identifier:
            found["author"] = author


def _fill_from_original(found: Fields, cells: Cells) -> None:
    """What columns say of an original or a parent, where none says plainly what the post is."""
    if parent := originals.parent(cells, found):
        found["replied_to"] = found["replied_to"] or parent
        if cells.get(*NAMES["is_reply"]) is None:
            found["is_reply"] = True
    if cells.get(*NAMES["is_retweet"]) is None and originals.repeats(cells, found):
        found["is_retweet"] = True


def silent_columns(sample: Sample) -> frozenset[str]:
    """Columns that seem to tell what posts repeat or answer, and do not, by their letters."""
    if not originals.has_any(sample):
        return frozenset()
    return originals.silent_columns(sample, [fields(row) for row in sample.rows])


def _read(cells: Cells) -> Iterable[Fields]:
    return (fields(cells),)


PLAIN = Dialect("table of posts", ((),), _read)
