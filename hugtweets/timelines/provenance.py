"""Where the posts of timelines came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

# What people call the values of the column ``source``.
NAMES = {"x": "X", "bluesky": "Bluesky", "mastodon": "Mastodon", "archive": "an export from X", "file": "a file"}
UNKNOWN = "unknown"


def count_sources(*timelines: Path) -> dict[str, int]:
    """How many posts of timelines, stored or in artifacts, each source brought, most first.

    Posts that earlier versions stored are ``unknown``; of a file that is not there or damaged nothing is counted.
    """
    # pyarrow takes a moment to import: `hugtweets --help` must not wait for it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    counts: Counter[str] = Counter()
    for path in timelines:
        try:
            counts.update(pq.read_table(path, columns=["source"])["source"].fill_null(UNKNOWN).to_pylist())
        except (OSError, pa.ArrowException):
            continue
    return dict(counts.most_common())


def describe_sources(counts: Mapping[str, int]) -> str:
    """``Bluesky``, or, of several sources, ``X (1,200 posts), Bluesky (1 post)``."""
    if len(counts) == 1:
        return ", ".join(map(name_source, counts))
    posts = ((name_source(source), f"{number:,} post{'s' * (number != 1)}") for source, number in counts.items())
    return ", ".join(f"{name} ({number})" for name, number in posts)


def name_source(source: str) -> str:
    """``X`` for ``x``, ``an export from X`` for ``archive``."""
    return NAMES.get(source, "an unknown source")
