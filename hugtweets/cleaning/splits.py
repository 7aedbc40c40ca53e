"""Which kept posts are trained on, which ones choose, and which ones a model is reported by."""

from __future__ import annotations

from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from hugtweets.cleaning.duplicates import repeats_one_of

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
TRAIN, VALIDATION, TEST = SPLITS


def split_by_time(kept: pa.BooleanArray, validation_share: float, test_share: float) -> pa.StringArray:
    """``test`` for the newest share of the kept posts, ``validation`` for the share before, ``train`` for the others.

    Rows come from old to new. At least one post is in ``test`` if two are kept, since a model is measured on it, and
    one in ``validation`` if three are and any are asked for.
    """
    total = pc.sum(kept, min_count=0).as_py()
    test = min(max(1, round(total * test_share)), total - 1) if total > 1 else 0
    left = total - test
    validation = min(max(1, round(total * validation_share)), left - 1) if validation_share and left > 1 else 0
    rank = pc.cumulative_sum(pc.cast(kept, pa.int64()))
    older = pc.if_else(pc.greater(rank, left - validation), VALIDATION, TRAIN)
    splits = pc.if_else(pc.greater(rank, left), TEST, older)
    return pc.if_else(kept, splits, pa.scalar(None, pa.string()))


def leaks(texts: pa.StringArray, splits: pa.StringArray) -> pa.BooleanArray:
    """The validation and test posts that nearly repeat a training post: who remembers that one predicts them too."""
    training = pc.fill_null(pc.equal(splits, TRAIN), False)
    held_out = pc.and_(pc.is_valid(splits), pc.invert(training))
    found = repeats_one_of(texts.filter(held_out), texts.filter(training))
    return pc.replace_with_mask(pc.and_(held_out, False), held_out, found)
