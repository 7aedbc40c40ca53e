"""The store of raw posts: one Parquet file an account, append-only, rewritten atomically, sorted by id.

Next to the posts the file remembers which stretches of the timeline are still to be fetched (:class:`Gap`), in its
schema metadata: posts and gaps change in one rename, so that no crash makes a page be paid for twice. What a night in
which nobody posted needs to know stands there as well (:class:`Summary`), so that no post is read for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.errors import UnreadableSource
from hugtweets.files import replacing
from hugtweets.posts import RAW_SCHEMA, Mention, Post, from_table, merge_posts, to_table

GAPS = b"hugtweets.gaps"
SUMMARY = b"hugtweets.summary"


@dataclass(frozen=True)
class Gap:
    """A stretch still to be read: ids above ``since_id`` and below ``until_id``, both exclusive; None is open."""

    since_id: str | None = None
    until_id: str | None = None


@dataclass(frozen=True)
class Summary:
    """A timeline in short: how many posts, the highest id, the gaps, and the digest of the posts."""

    posts: int
    newest_id: str | None
    gaps: tuple[Gap, ...]
    digest: str


@dataclass(frozen=True)
class Timeline:
    """Posts by id, ascending, and the gaps between them."""

    posts: tuple[Post, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def newest_id(self) -> str | None:
        """The highest id, None if there is no post."""
        return self.posts[-1].id if self.posts else None

    def merged(self, posts: Iterable[Post], gaps: Iterable[Gap] | None = None) -> Timeline:
        """This timeline with posts added (each id once) and, if given, other gaps."""
        by_id = {post.id: post for post in self.posts}
        for post in posts:
            stored = by_id.get(post.id)
            by_id[post.id] = merge_posts(stored, post) if stored else post
        ordered = tuple(sorted(by_id.values(), key=lambda post: order(post.id)))
        return Timeline(ordered, self.gaps if gaps is None else tuple(gaps))

    def digest(self) -> str:
        """Sixteen hexadecimal characters of SHA-256 over the posts; gaps do not count."""
        content = hashlib.sha256()
        for post in self.posts:
            content.update(_encoder.encode({name: getattr(post, name) for name in _FIELDS}).encode())
        return content.hexdigest()[:16]

    def summary(self) -> Summary:
        """What :func:`save` notes of it."""
        return Summary(len(self.posts), self.newest_id, self.gaps, self.digest())


def order(identifier: str) -> tuple[int, str]:
    """Sort key of an id: ids are decimal numbers of any length, kept as strings."""
    return len(identifier), identifier


def load(path: Path) -> Timeline:
    """Read a timeline; a file that does not exist yet is an empty one.

    Raises:
        UnreadableSource: the file is no Parquet, or not one of ours.
    """
    try:
        # Opened once: given a name, pyarrow opens it again and again, and a writer may replace the file in between.
        with path.open("rb") as stored:
            table = pq.read_table(stored)
    except FileNotFoundError:
        return Timeline()
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableSource(
            f"the stored timeline {path} cannot be read ({error}): restore it, or run `hugtweets forget`"
        ) from None
    if not table.schema.equals(RAW_SCHEMA):
        raise UnreadableSource(f"{path} was not written by this version: move it away and fetch again")
    gaps = json.loads((table.schema.metadata or {}).get(GAPS, b"[]"))
    return Timeline(tuple(from_table(table)), tuple(Gap(**gap) for gap in gaps))


def summarise(path: Path) -> Summary:
    """Read the summary of a timeline without its posts; a file that does not exist yet is an empty one.

    Raises:
        UnreadableSource: the file is no Parquet, or not one of ours.
    """
    noted = _noted(path)
    if noted is None:
        return load(path).summary()
    return Summary(**noted | {"gaps": tuple(Gap(**gap) for gap in noted["gaps"])})


def save(path: Path, timeline: Timeline) -> None:
    """Write a timeline atomically: posts, gaps and summary in one rename."""
    summary = asdict(timeline.summary())
    notes = {GAPS: json.dumps(summary["gaps"]), SUMMARY: json.dumps(summary)}
    write_posts(path, to_table(timeline.posts).replace_schema_metadata(notes))


def write_posts(path: Path, table: pa.Table) -> None:
    """Write a Parquet file atomically."""
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def _noted(path: Path) -> dict[str, Any] | None:
    """The summary in a file of ours; None if there is none, or none that may be trusted."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError):
        return None
    noted = (schema.metadata or {}).get(SUMMARY)
    return json.loads(noted) if noted and schema.equals(RAW_SCHEMA) else None


def _plain(value: object) -> object:
    """JSON for what JSON has no form for: a mentioned account, a time."""
    return asdict(value) if isinstance(value, Mention) else str(value)


_FIELDS = tuple(field.name for field in fields(Post))
_encoder = json.JSONEncoder(sort_keys=True, default=_plain)
