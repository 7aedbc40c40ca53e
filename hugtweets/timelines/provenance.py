"""Where the posts of timelines came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from hugtweets.storage.artifacts import Reference

# What people call the values of the column ``source``.
NAMES = {"x": "X", "bluesky": "Bluesky", "mastodon": "Mastodon", "archive": "an export from X", "file": "a file"}
UNKNOWN = "unknown"


def count_sources(*timelines: Path, order: Iterable[str] = ()) -> dict[str, int]:
    """How many posts of timelines, stored or in artifacts, each source brought, in an order, others after, most first.

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
    return in_order(counts, order)


def in_order(counts: Mapping[str, int], order: Iterable[str]) -> dict[str, int]:
    """The numbers of posts by source in the order that is configured, and those of other sources after, most first."""
    others = sorted(counts, key=lambda source: -counts[source])
    return {source: counts[source] for source in dict.fromkeys([*order, *others]) if source in counts}


def order_of(fetched: Iterable[Reference]) -> list[str]:
    """The order in which the sources were configured when these raw timelines were copied."""
    return [source for reference in fetched for source in reference.manifest().counts.get("sources", ())]


def describe_sources(counts: Mapping[str, int]) -> str:
    """``Bluesky``, or, of several sources, ``X (1,200 posts), Bluesky (1 post)``."""
    if len(counts) == 1:
        return ", ".join(map(name_source, counts))
    posts = ((name_source(source), f"{number:,} post{'s' * (number != 1)}") for source, number in counts.items())
    return ", ".join(f"{name} ({number})" for name, number in posts)


def name_source(source: str) -> str:
    """``X`` for ``x``, ``an export from X`` for ``archive``."""
    return NAMES.get(source, "an unknown source")
