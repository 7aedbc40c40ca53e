"""Which posts are held out."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

TRAIN, VALIDATION = "train", "validation"


def split_newest(kept: pa.BooleanArray, held_out_share: float) -> pa.StringArray:
    """``validation`` for the newest share of the kept posts (rows from old to new), ``train`` for the others.

    One post at least is held out where there are two, since every later step is measured on it; null is not kept.
    """
    total = pc.sum(kept, min_count=0).as_py()
    held_out = min(max(1, round(total * held_out_share)), total - 1) if total > 1 else 0
    rank = pc.cumulative_sum(pc.cast(kept, pa.int64()))
    return pc.if_else(
        kept, pc.if_else(pc.greater(rank, total - held_out), VALIDATION, TRAIN), pa.scalar(None, pa.string())
    )
