"""The store of raw posts: one Parquet file an account, append-only, rewritten atomically, sorted by id.

Next to the posts the file remembers which stretches of the timeline are still to be fetched (:class:`Gap`) and which
deleted posts are still to be removed from artifacts, in its schema metadata, and when X last showed each post, in a
column: all of it changes in one rename, so that no crash makes a page be paid for twice. What a night in which nobody
posted needs to know stands in the metadata as well (:class:`Summary`), so that no post is read for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from filelock import FileLock

from hugtweets.errors import UnreadableSource
from hugtweets.storage.atomic import atomic_file
from hugtweets.timelines.posts import RAW_SCHEMA, Mention, Post, blank, complete, from_table, merge_posts, to_table

GAPS = b"hugtweets.gaps"
RETRACTED = b"hugtweets.retracted"
SUMMARY = b"hugtweets.summary"
SHOWN = pa.field("shown_at", pa.timestamp("us", tz="UTC"))
STORED_SCHEMA = RAW_SCHEMA.append(SHOWN)
# Longer ids are none of X's, which would refuse a whole request for one of them.
LONGEST_ID = 19
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Gap:
    """A stretch still to be read: ids above ``since_id`` and below ``until_id``, both exclusive; None is open."""

    since_id: str | None = None
    until_id: str | None = None


@dataclass(frozen=True)
class Summary:
    """A timeline in short: how many posts, the highest id, gaps, the digest, and :attr:`Timeline.retracted`."""

    posts: int
    newest_id: str | None
    gaps: tuple[Gap, ...]
    digest: str
    retracted: tuple[str, ...]


@dataclass(frozen=True)
class Timeline:
    """Posts by id, ascending, and the gaps between them.

    ``shown`` tells when X last answered for a post; ``retracted`` names deleted posts whose text may still be in
    artifacts.
    """

    posts: tuple[Post, ...] = ()
    gaps: tuple[Gap, ...] = ()
    shown: Mapping[str, datetime] = field(default_factory=dict)
    retracted: tuple[str, ...] = ()

    @property
    def newest_id(self) -> str | None:
        """The highest id, None if there is no post."""
        return self.posts[-1].id if self.posts else None

    def merged(
        self, posts: Iterable[Post], gaps: Iterable[Gap] | None = None, shown_at: datetime | None = None
    ) -> Timeline:
        """This timeline with posts added (each id once) and, if given, other gaps, and when X showed the posts."""
        by_id = {post.id: post for post in self.posts}
        shown = dict(self.shown)
        for post in posts:
            if shown_at:
                shown[post.id] = shown_at
            stored = by_id.get(post.id)
            by_id[post.id] = merge_posts(stored, post) if stored else post
        ordered = tuple(sorted(by_id.values(), key=lambda post: order(post.id)))
        return replace(self, posts=ordered, gaps=self.gaps if gaps is None else tuple(gaps), shown=shown)

    def due(self, before: datetime) -> list[str]:
        """The posts that X has not shown since ``before``: those it never did, then longest ago, then newest first."""
        posts = [post.id for post in self.posts if _is_known_to_x(post)]
        waiting = [post for post in reversed(posts) if self.shown.get(post, NEVER) < before]
        return sorted(waiting, key=lambda post: self.shown.get(post, NEVER))

    def verified(self, answered: Iterable[str], deleted: Collection[str], at: datetime) -> Timeline:
        """This timeline after X answered for some posts: those ``deleted`` are blank from now on.

        With the latest version of an edited post, its earlier ones are deleted.
        """
        latest = [post for post in self.posts if post.id in deleted and post.edit_ids and post.id == post.edit_ids[-1]]
        gone = {*deleted, *(version for post in latest for version in post.edit_ids or ())}
        news = [post.id for post in self.posts if post.id in gone and not post.deleted]
        posts = tuple(blank(post) if post.id in gone and not post.deleted else post for post in self.posts)
        shown = {**self.shown, **dict.fromkeys([*answered, *news], at)}
        return replace(self, posts=posts, shown=shown, retracted=(*self.retracted, *news))

    def deleted_since(self, time: datetime) -> int:
        """How many posts X was asked for since then, and said that they are deleted."""
        return sum(post.deleted and self.shown.get(post.id, NEVER) >= time for post in self.posts)

    def digest(self) -> str:
        """Sixteen hexadecimal characters of SHA-256 over the posts; nothing else counts."""
        content = hashlib.sha256()
        for post in self.posts:
            content.update(_encoder.encode(_identity(post)).encode())
        return content.hexdigest()[:16]

    def summary(self) -> Summary:
        """What :func:`save` notes of it."""
        return Summary(len(self.posts), self.newest_id, self.gaps, self.digest(), self.retracted)


def _is_known_to_x(post: Post) -> bool:
    """Whether X can be asked for it: a file may hold ids that somebody made up."""
    return not post.deleted and post.source != "file" and len(post.id) <= LONGEST_ID


def _identity(post: Post) -> dict[str, Any]:
    # Named only where it holds: what was stored before there were deletions keeps its digest, and all made from it.
    return {name: getattr(post, name) for name in _FIELDS if name != "deleted" or post.deleted}


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
    posts = complete(table.drop_columns([SHOWN.name] if SHOWN.name in table.column_names else []))
    if not posts.schema.equals(RAW_SCHEMA):
        raise UnreadableSource(f"{path} was not written by this version: move it away and fetch again")
    metadata = table.schema.metadata or {}
    return Timeline(
        tuple(from_table(posts)),
        tuple(Gap(**gap) for gap in json.loads(metadata.get(GAPS, b"[]"))),
        _shown(table),
        tuple(json.loads(metadata.get(RETRACTED, b"[]"))),
    )


def _shown(table: pa.Table) -> dict[str, datetime]:
    if SHOWN.name not in table.column_names:
        return {}
    pairs = zip(table["id"].to_pylist(), table[SHOWN.name].to_pylist(), strict=True)
    return {identifier: at for identifier, at in pairs if at is not None}


def deleted_ids(path: Path) -> set[str]:
    """The posts of a timeline that are known to be deleted; of a file that does not exist yet, none."""
    if not path.exists():
        return set()
    posts = complete(pq.read_table(path))
    return set(posts["id"].filter(pc.fill_null(posts["deleted"], False)).to_pylist())


def summarise(path: Path) -> Summary:
    """Read the summary of a timeline without its posts; a file that does not exist yet is an empty one.

    Raises:
        UnreadableSource: the file is no Parquet, or not one of ours.
    """
    noted = _noted(path)
    if noted is None:
        return load(path).summary()
    gaps = tuple(Gap(**gap) for gap in noted["gaps"])
    return Summary(**noted | {"gaps": gaps, "retracted": tuple(noted["retracted"])})


def save(path: Path, timeline: Timeline) -> None:
    """Write a timeline atomically: posts and all that is known of them in one rename."""
    summary = asdict(timeline.summary())
    notes = {name: json.dumps(summary[part]) for name, part in ((GAPS, "gaps"), (RETRACTED, "retracted"))}
    shown = pa.array([timeline.shown.get(post.id) for post in timeline.posts], SHOWN.type)
    table = to_table(timeline.posts).append_column(SHOWN, shown)
    write_posts(path, table.replace_schema_metadata(notes | {SUMMARY: json.dumps(summary)}))


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep other processes from changing a timeline while the block lasts: two at once would undo each other's work."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        yield


def write_posts(path: Path, table: pa.Table) -> None:
    """Write a Parquet file atomically."""
    with atomic_file(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def _noted(path: Path) -> dict[str, Any] | None:
    """The summary in a file of ours; None if there is none, or none that may be trusted."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError):
        return None
    noted = (schema.metadata or {}).get(SUMMARY)
    return json.loads(noted) if noted and schema.equals(STORED_SCHEMA) else None


def _plain(value: object) -> object:
    """JSON for what JSON has no form for: a mentioned account, a time."""
    return asdict(value) if isinstance(value, Mention) else str(value)


_FIELDS = tuple(field.name for field in fields(Post))
_encoder = json.JSONEncoder(sort_keys=True, default=_plain)
