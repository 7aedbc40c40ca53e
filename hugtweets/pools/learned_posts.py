"""Which posts a pooled base model has learned: ``learned.parquet`` beside its weights.

Whoever evaluates such a model on posts of an account must know, or would praise it for what it remembers. A post is
known by its account and id, and by a digest of its text: a corpus may hold the same words without either. What asks for
a pool that may be in the store raises StoreUnavailable if it does not answer.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.cleaning.duplicates import fingerprint
from hugtweets.storage.artifacts import Reference, exists
from hugtweets.storage.handles import members_of
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import deleted_ids

LEARNED = "learned.parquet"
_COLUMNS: list[pa.Field[Any]] = [
    pa.field("handle", pa.string()),
    pa.field("id", pa.string(), nullable=False),
    pa.field("essence", pa.string(), nullable=False),
]
# ``handle`` is null where nobody knows whose words they are; ``essence`` is 64 bits of the SHA-256 of the post's
# fingerprint, in hexadecimal.
LEARNED_SCHEMA = pa.schema(_COLUMNS)


def to_learned(posts: pa.Table) -> pa.Table:
    """Posts with ``handle``, ``id`` and cleaned ``text``, as they are remembered: without their words."""
    return pa.table([posts["handle"], posts["id"], _digests(posts["text"])], schema=LEARNED_SCHEMA)


def has_learned(base_model: Path, handle: str, posts: pa.Table) -> pa.ChunkedArray:
    """Which of the cleaned posts of an account, or of a mix, the base model in a folder has learned.

    None, if it is no pool. ``posts`` has columns ``id`` and ``text``.
    """
    path = base_model / LEARNED
    if not path.is_file():
        return pa.chunked_array([pa.repeat(False, len(posts))])
    learned = pq.read_table(path)
    authors = pa.array([member.lower() for member in members_of(handle)])
    own = learned.filter(pc.is_in(pc.utf8_lower(learned["handle"]), value_set=authors))
    by_id = pc.is_in(posts["id"], value_set=own["id"].combine_chunks())
    return pc.or_(by_id, pc.is_in(_digests(posts["text"]), value_set=learned["essence"].combine_chunks()))


def learned_of(home: Home, pool: Reference, handle: str) -> pa.Table:
    """What a pool has learned of one account."""
    learned = _read(home, pool)
    return learned.filter(pc.equal(pc.utf8_lower(learned["handle"]), handle.lower()))


def deleted_meanwhile(home: Home, pool: Reference) -> dict[str, int]:
    """How many of the posts that a pool has learned are deleted by now, for each account with any."""
    learned, known = _read(home, pool), home.spellings()
    authors = {handle.casefold() for handle in pc.unique(learned["handle"]).to_pylist() if handle}
    counts = {}
    for handle in sorted(known[author] for author in authors if author in known):
        own = learned["id"].filter(pc.equal(pc.utf8_lower(learned["handle"]), handle.lower())).to_pylist()
        counts[handle] = len(deleted_ids(home.timeline(handle)).intersection(own))
    return {handle: number for handle, number in counts.items() if number}


def _read(home: Home, pool: Reference) -> pa.Table:
    """What a pool has learned, here or in the store."""
    path = pool.file(LEARNED)
    if home.store is None or exists(pool):
        return pq.read_table(path)
    key = home.key(path)
    return pq.read_table(pa.BufferReader(home.store.read([key])[key]))


def _digests(texts: pa.ChunkedArray) -> pa.Array:
    fingerprints = fingerprint(texts).to_pylist()
    return pa.array([hashlib.sha256(text.encode()).hexdigest()[:16] for text in fingerprints], pa.string())
