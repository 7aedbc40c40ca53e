"""The clean timeline: every post with its text, whether it is kept, why not, its split, and its kind."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hugtweets.cleaning.authorship import by_others, is_retweet, is_superseded, is_truncated
from hugtweets.cleaning.duplicates import repeats_earlier
from hugtweets.cleaning.names import names_in
from hugtweets.cleaning.splits import SPLITS, TRAIN, leaks, split_by_time
from hugtweets.cleaning.texts import CleanTexts, clean_texts, readable
from hugtweets.cleaning.words import has_words, only_points_elsewhere
from hugtweets.config import CleanConfig

REASONS = (
    "deleted",
    "retweet",
    "other_author",
    "superseded",
    "truncated",
    "link_only",
    "private",
    "too_short",
    "duplicate",
    "near_duplicate",
)
SEEN_WHEN_CLEAN = ("too_short", "duplicate")  # decided only once a text is clean
# Sources whose ids do not go on from those of X, which exports have, and mostly files.
OTHER_NETWORKS = ("bluesky", "mastodon")
LONGEST_ID_OF_X = 19  # digits; longer ones were made up for posts that had none

_FIELDS: list[pa.Field[Any]] = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("created_at", pa.timestamp("us", tz="UTC"), nullable=False),
    pa.field("text", pa.string(), nullable=False),
    pa.field("kept", pa.bool_(), nullable=False),
    pa.field("reason", pa.dictionary(pa.int32(), pa.string())),
    pa.field("split", pa.dictionary(pa.int32(), pa.string())),
    pa.field("kind", pa.dictionary(pa.int32(), pa.string())),
]
CLEAN_SCHEMA = pa.schema(_FIELDS)


def clean_table(raw: pa.Table, handle: str, config: CleanConfig) -> pa.Table:
    """Clean a timeline.

    Args:
        raw: posts under :data:`hugtweets.timelines.posts.RAW_SCHEMA`, in any order.
        handle: the account the timeline belongs to.
        config: which rules apply.

    Returns:
        Every post under :data:`CLEAN_SCHEMA`, from old to new. The text of a kept post is cleaned, and so is that of
        one that is too short or repeats another; the text of any other dropped post is as the source sent it.
    """
    posts = _from_old_to_new(raw)
    shown = readable(posts["text"], config)
    reasons = _reasons_before_cleaning(posts, shown, handle, config)
    candidates = pc.is_null(reasons)
    clean = clean_texts(
        shown.filter(candidates),
        pc.cast(pc.indices_nonzero(candidates), pa.int64()),
        names_in(posts, handle),
        config,
    )
    reasons = pc.replace_with_mask(reasons, candidates, _reasons_after_cleaning(clean, config))
    kept = pc.is_null(reasons)
    cleaned = pc.or_(kept, pc.is_in(reasons, pa.array(SEEN_WHEN_CLEAN)))
    texts = pc.replace_with_mask(posts["text"], candidates, clean.texts)
    texts = pc.if_else(cleaned, texts, posts["text"])
    splits = split_by_time(kept, config.validation_share, config.held_out_share)
    leaking = leaks(texts, splits)
    reasons = pc.if_else(leaking, "near_duplicate", reasons)
    splits = pc.if_else(leaking, pa.scalar(None, pa.string()), splits)
    columns = [posts["id"], posts["created_at"], texts, pc.is_null(reasons), reasons, splits, _kinds(posts, handle)]
    return pa.table(columns, names=CLEAN_SCHEMA.names).cast(CLEAN_SCHEMA)


def count(table: pa.Table) -> dict[str, Any]:
    """Numbers of a clean timeline: posts fetched, kept, dropped by reason, in each split, and characters of text."""
    characters = pc.utf8_length(table["text"])
    training = pc.fill_null(pc.equal(table["split"], TRAIN), False)
    reasons = pc.value_counts(table["reason"].cast(pa.string()).drop_null()).to_pylist()
    dropped = {entry["values"]: entry["counts"] for entry in reasons}
    splits = table["split"].cast(pa.string())
    return {
        "fetched": len(table),
        "kept": pc.sum(table["kept"], min_count=0).as_py(),
        "dropped": {reason: dropped[reason] for reason in REASONS if reason in dropped},
        **{split: pc.sum(pc.equal(splits, split), min_count=0).as_py() for split in SPLITS},
        "kept_characters": pc.sum(characters.filter(table["kept"]), min_count=0).as_py(),
        "train_characters": pc.sum(characters.filter(training), min_count=0).as_py(),
    }


def _from_old_to_new(raw: pa.Table) -> pa.RecordBatch:
    """By id, as X numbers posts in the order in which they were written; by time, where there are others'."""
    length = pc.utf8_length(raw["id"])  # ids are numbers of any length, kept as strings
    keys = raw.select(["id", "created_at", "text"]).append_column("length", length)
    names = ("length", "id", "created_at", "text")
    made_up = pc.greater(length, LONGEST_ID_OF_X)
    if not set(OTHER_NETWORKS).isdisjoint(pc.unique(raw["source"]).to_pylist()) or pc.any(made_up).as_py():
        names = ("created_at", "length", "id", "text")
    order = pc.sort_indices(keys, [(name, "ascending") for name in names])
    columns = [raw[name].take(order).combine_chunks() for name in raw.column_names]
    return pa.RecordBatch.from_arrays(columns, schema=raw.schema)


def _reasons_before_cleaning(
    posts: pa.RecordBatch, shown: pa.StringArray, handle: str, config: CleanConfig
) -> pa.StringArray:
    masks = {
        "deleted": pc.fill_null(posts["deleted"], False),
        "superseded": is_superseded(posts["id"], posts["edit_ids"]),
        "link_only": only_points_elsewhere(shown),
    }
    if not config.keep_retweets:
        masks["retweet"] = is_retweet(shown, posts["is_retweet"])
        masks["other_author"] = by_others(posts["author"], handle)
    if not config.keep_truncated:
        masks["truncated"] = is_truncated(shown, posts["truncated"])
    return _first_reason(masks, len(posts))


def _reasons_after_cleaning(clean: CleanTexts, config: CleanConfig) -> pa.StringArray:
    short = pc.or_(pc.invert(has_words(clean.own, config.min_words)), pc.equal(clean.texts, ""))
    masks = {"retweet": pc.and_(short, clean.cut), "too_short": short}
    if config.private == "drop":
        masks["private"] = clean.private
    if config.drop_duplicates:
        enough = pc.invert(short)
        # Of a cross-post either the words beside the names are the same, or all of them, the names included: who is
        # mentioned on one network may only be named on another.
        repeated = [repeats_earlier(texts.filter(enough)) for texts in (clean.own, clean.texts)]
        masks["duplicate"] = pc.replace_with_mask(short, enough, pc.or_(*repeated))
    return _first_reason(masks, len(short))


def _kinds(posts: pa.RecordBatch, handle: str) -> pa.StringArray:
    """One of :data:`hugtweets.cleaning.kinds.KINDS` each; what begins with a name is a reply if the source did not say.

    Whoever answers a post of his own goes on with it, and speaks to nobody else.
    """
    is_reply = pc.fill_null(posts["is_reply"], pc.starts_with(posts["text"], "@"))
    is_quote = pc.fill_null(posts["is_quote"], False)
    own = posts["id"].filter(pc.invert(by_others(posts["author"], handle)))
    goes_on = pc.is_in(posts["replied_to"], own, skip_nulls=True)
    others = pc.if_else(is_reply, "reply", pc.if_else(is_quote, "quote", "post"))
    return pc.if_else(goes_on, "thread", others)


def _first_reason(masks: dict[str, pa.BooleanArray], rows: int) -> pa.StringArray:
    """The first of :data:`REASONS` whose mask holds, null where none does."""
    nothing = pa.nulls(rows, pa.string())
    given = [pc.if_else(masks[reason], reason, nothing) for reason in REASONS if reason in masks]
    return pc.coalesce(nothing, *given)
