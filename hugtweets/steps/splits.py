"""The rows of one split of a clean or token table."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

Split = Literal["train", "validation"]


def of_split(table: pa.Table, split: Split) -> pa.Table:
    """The posts that are trained on, or those held out, in the table's order."""
    return table.filter(pc.field("split").cast(pa.string()) == split)
