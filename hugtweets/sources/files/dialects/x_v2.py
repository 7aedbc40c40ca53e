"""The second API of X: its answers as twarc 2 stores them, one a line; flattened to a post a line; and twarc-csv."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping

from hugtweets.sources.files.dialects import plain
from hugtweets.sources.files.dialects.dialect import Dialect, Sample
from hugtweets.sources.files.literals import structured
from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells, is_something

_KINDS = {"is_retweet": "retweeted", "is_reply": "replied_to", "is_quote": "quoted"}
_TYPE = re.compile(r"\btype=(\w+)")


def _read_answer(cells: Cells) -> Iterable[Fields]:
    """The posts that were asked for; those that they refer to are other people's, and stand in ``includes``."""
    data = structured(cells.get("data"))
    # Some programs that join pages leave `includes` out.
    people = (*cells.listed("includes", "users"), *cells.listed("users"))
    users = [Cells(user) for user in people if isinstance(user, dict)]
    posts = data if isinstance(data, list) else [data]
    return [_fields(Cells(post), users) if isinstance(post, dict) else {} for post in posts]


def _read_post(cells: Cells) -> Iterable[Fields]:
    return (_fields(cells, ()),)


def _read_encoded(cells: Cells) -> Iterable[Fields]:
    fields = _fields(cells, ())
    return (fields | {"text": _decoded(fields.get("text"))},)


def _fields(cells: Cells, users: Iterable[Cells]) -> Fields:
    by_id = {user.get("id"): user for user in users}
    names = {str(user.get("username")).casefold(): user.get("name") for user in by_id.values()}
    found = plain.fields(cells)
    writer = by_id.get(cells.get("author_id"))
    for column, key in (("author", "username"), ("name", "name")):
        found[column] = writer.get(key) if writer else cells.at("author", key) or found[column]
    note = cells.at("note_tweet", "text")
    entities = ("note_tweet", "entities", "mentions") if note is not None else ("entities", "mentions")
    references = _references(cells)
    for column, kind in _KINDS.items():
        in_table = any(is_something(cells.get(f"referenced_tweets.{kind}.{key}")) for key in ("id", "text"))
        found[column] = kind in references or in_table or is_something(found.get(column))
    versions = cells.listed("edit_history_tweet_ids")
    if answered := references.get("replied_to"):
        found["replied_to"] = answered
    return found | {
        "text": found.get("text") if note is None else note,
        "mentions": [_with_name(mention, names) for mention in cells.listed(*entities)],
        # X names an unedited post as its own only version.
        "edit_ids": versions if len(versions) > 1 else None,
        "truncated": note is None and _is_cut(cells, found),
    }


def _references(cells: Cells) -> dict[object, object]:
    """How a post refers to which others; of a list that Python printed by its class, only the words are there."""
    referenced = structured(cells.get("referenced_tweets"))
    if isinstance(referenced, list):
        return {found.get("type"): found.get("id") for found in referenced if isinstance(found, dict)}
    return dict.fromkeys(_TYPE.findall(referenced)) if isinstance(referenced, str) else {}


def _with_name(mention: object, names: Mapping[str, object]) -> object:
    if not isinstance(mention, dict):
        return mention
    return {"name": names.get(str(mention.get("username")).casefold())} | mention


def _is_cut(cells: Cells, found: Fields) -> bool:
    """Whether X cut the text: a retweet at 140 characters; any other then ends in a link to the post itself."""
    if found["is_retweet"]:
        return str(found.get("text")).endswith("…")
    links = [link.get("expanded_url") for link in cells.listed("entities", "urls") if isinstance(link, dict)]
    return any(str(link).endswith(f"/status/{found.get('id')}") for link in links)


def _decoded(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _is_answer(sample: Sample) -> bool:
    """Whether `data` holds posts, not, as in answers to X's own pages, what leads to them."""
    found = (structured(row.get("data")) for row in sample.rows)
    posts = itertools.chain.from_iterable(data if isinstance(data, list) else [data] for data in found)
    return any(isinstance(post, dict) and Cells(post).get("id", "text") is not None for post in posts)


def _is_encoded(sample: Sample) -> bool:
    """Whether each text is a string of JSON; one post in quotation marks could be meant so."""
    texts = [row.get("text") for row in sample.rows if row.get("text")]
    return sample.is_table and bool(texts) and all(isinstance(text, str) and text != _decoded(text) for text in texts)


_TWARC_CSV = (
    ("author.username", "author_id"),
    ("author.username", "referenced_tweets.replied_to.id"),
    ("referenced_tweets.retweeted.id",),
)
X_V2_ANSWERS = Dialect("answers of the X API v2 (twarc2)", (("data", "includes"), ("data",)), _read_answer, _is_answer)
TWARC_CSV_ENCODED = Dialect("twarc2 CSV with JSON-encoded texts", _TWARC_CSV, _read_encoded, _is_encoded)
TWARC_CSV = Dialect("twarc2 CSV", _TWARC_CSV, _read_post, lambda sample: sample.is_table)
X_V2_POSTS = Dialect(
    "posts of the X API v2 (twarc2 flatten)",
    (("author_id", "referenced_tweets"), ("author_id", "conversation_id"), ("author_id", "author"),
     ("edit_history_tweet_ids",), ("author_id",), ("referenced_tweets",)),
    _read_post,
    lambda sample: not sample.is_table or sample.spelling("referenced_tweets") is not None,
)  # fmt: skip
