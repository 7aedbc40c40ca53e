"""The stored timeline of an account: its raw posts, one Parquet file, sorted by id, rewritten atomically.

The file also holds which account on X it belongs to, which parts are still to be fetched (:class:`Gap`), which deleted
posts are still to be removed from artifacts, which posts could not be understood, how many posts X counted (all in its
schema metadata), and when X last showed each post (a column). All of it changes in one rename, so that no crash makes a
page be paid for twice.
Two that change it at once would undo each other's work, so that whoever does locks it (:mod:`hugtweets.storage.locks`).
A :class:`Summary` in the metadata spares a night in which nobody posted the reading of the posts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.errors import UnreadableSource
from hugtweets.storage.atomic import atomic_file
from hugtweets.timelines.posts import (
    FIELDS,
    LATER,
    RAW_SCHEMA,
    Mention,
    Post,
    from_table,
    merge_posts,
    to_current_schema,
    to_table,
    tombstone,
)

GAPS = b"hugtweets.gaps"
RETRACTED = b"hugtweets.retracted"
SUMMARY = b"hugtweets.summary"
UNREAD = b"hugtweets.unread"
COUNT = b"hugtweets.count"
PROGRESS = b"hugtweets.progress"
SHOWN = pa.field("shown_at", pa.timestamp("us", tz="UTC"))
STORED_SCHEMA = RAW_SCHEMA.append(SHOWN)
# Longer ids are none of X's, which would refuse a whole request for one of them.
LONGEST_ID = 19
# X shows no more of a timeline, however many posts the account has.
SHOWN_AT_MOST = 3200
# Networks whose posts are none of X's.
ELSEWHERE = ("bluesky", "mastodon")
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Gap:
    """A part still to be fetched: ids above ``since_id`` and below ``until_id``, both exclusive; None is open."""

    since_id: str | None = None
    until_id: str | None = None


@dataclass(frozen=True)
class PostCount:
    """How many posts an account had, and when X said so (ISO 8601, UTC).

    ``unshown`` of them lie below what was ever read; None: all but those that X shows at most.
    """

    posts: int
    at: str
    unshown: int | None = None

    @property
    def shown(self) -> int:
        """How many of them X shows."""
        return min(self.posts, SHOWN_AT_MOST) if self.unshown is None else max(0, self.posts - self.unshown)


@dataclass(frozen=True)
class Progress:
    """How far an account was read on a network that sends its posts in pages, newest first.

    ``account`` is its lasting id there, whatever its handle becomes. Below each of the ``positions``, which are the
    network's own names of a place between two posts, a download has still to go on. ``unread`` are posts that could not
    be understood, as JSON like they were sent, by id.
    """

    account: str
    positions: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """A timeline in short: number of posts, highest id, gaps, digest, and what :class:`Timeline` says of the rest."""

    posts: int
    newest_id: str | None
    gaps: tuple[Gap, ...]
    digest: str
    retracted: tuple[str, ...]
    account: str | None = None
    count: int | None = None
    unshown: int | None = None
    missing: int = 0


@dataclass(frozen=True)
class Timeline:
    """Posts by id, ascending, and the gaps between them.

    ``shown`` says when X last answered for a post; ``retracted`` names deleted posts whose text may still be in
    artifacts. ``account`` is the numeric id on X, None as long as nobody looked it up. ``unread`` are posts that could
    not be understood, as JSON like X sent them, by id. ``count`` is what X said when it looked the account up.
    ``progress`` is that of accounts on other networks, by handle with its network (``bluesky:alice.bsky.social``).
    """

    posts: tuple[Post, ...] = ()
    gaps: tuple[Gap, ...] = ()
    shown: Mapping[str, datetime] = field(default_factory=dict)
    retracted: tuple[str, ...] = ()
    account: str | None = None
    unread: Mapping[str, str] = field(default_factory=dict)
    count: PostCount | None = None
    progress: Mapping[str, Progress] = field(default_factory=dict)

    @property
    def newest_id(self) -> str | None:
        """The highest id that came from X, by its API or an export; None if there is none.

        A file may hold ids that somebody made up: X refuses those that are too long, and has nothing above the others.
        """
        known = (post.id for post in reversed(self.posts) if self._is_from_x(post))
        return max(
            [identifier for identifier in (next(known, None), *self.unread) if identifier], key=id_order, default=None
        )

    @property
    def missing(self) -> int:
        """How many posts of those that the account had when it was looked up, and that X can show, are not stored."""
        if not self.count:
            return 0
        return max(0, self.count.shown - self._counted(self.count.at))

    def recounted(self, count: PostCount, wanted: int) -> Timeline:
        """This timeline with a later count: new posts are missing if it grew by more than what was stored since.

        Of history, at most ``wanted`` posts were to be read.
        """
        before = self.count or count
        unshown = before.unshown
        if unshown is None:
            unshown = max(0, before.posts - max(min(before.posts, SHOWN_AT_MOST, wanted), self._counted(before.at)))
        return replace(self, count=replace(count, unshown=unshown))

    def _counted(self, at: str) -> int:
        """How many stored posts were among those that X counted at that time."""
        until = datetime.fromisoformat(at)
        there = (post for post in self.posts if self._is_from_x(post) and post.created_at <= until)
        stored = sum(not post.deleted or self.shown.get(post.id, NEVER) > until for post in there)
        return stored + len(self.unread)

    def _is_from_x(self, post: Post) -> bool:
        came = post.source in (None, "x", "archive") or (post.source == "file" and post.id in self.shown)
        return came and len(post.id) <= LONGEST_ID

    def merged(
        self, posts: Iterable[Post], gaps: Iterable[Gap] | None = None, shown_at: datetime | None = None
    ) -> Timeline:
        """This timeline with posts added (each id once); ``gaps`` replace its own, ``shown_at`` is when X sent them."""
        by_id = {post.id: post for post in self.posts}
        shown = dict(self.shown)
        for post in posts:
            if shown_at:
                shown[post.id] = shown_at
            stored = by_id.get(post.id)
            by_id[post.id] = merge_posts(stored, post) if stored else post
        ordered = tuple(sorted(by_id.values(), key=lambda post: id_order(post.id)))
        unread = {identifier: sent for identifier, sent in self.unread.items() if identifier not in by_id}
        gaps = self.gaps if gaps is None else tuple(gaps)
        return replace(self, posts=ordered, gaps=gaps, shown=shown, unread=unread)

    def due(self, before: datetime) -> list[str]:
        """The posts that X has not shown since ``before``: longest ago (or never) first, of those the newest first."""
        # A file may hold ids that somebody made up.
        known = [post.id for post in self.posts if not post.deleted and post.source not in ("file", *ELSEWHERE)]
        known += list(self.unread)
        waiting = [post for post in reversed(known) if len(post) <= LONGEST_ID and self.shown.get(post, NEVER) < before]
        return sorted(waiting, key=lambda post: self.shown.get(post, NEVER))

    def verified(self, answered: Iterable[str], deleted: Collection[str], at: datetime) -> Timeline:
        """This timeline after X answered for some posts: of those ``deleted``, tombstones are left.

        With the latest version of an edited post, its earlier ones are deleted.
        """
        latest = [post for post in self.posts if post.id in deleted and post.edit_ids and post.id == post.edit_ids[-1]]
        gone = {*deleted, *(version for post in latest for version in post.edit_ids or ())}
        retracted = [post.id for post in self.posts if post.id in gone and not post.deleted]
        posts = tuple(tombstone(post) if post.id in gone and not post.deleted else post for post in self.posts)
        shown = {**self.shown, **dict.fromkeys([*answered, *retracted], at)}
        unread = {identifier: sent for identifier, sent in self.unread.items() if identifier not in gone}
        return replace(self, posts=posts, shown=shown, retracted=(*self.retracted, *retracted), unread=unread)

    def deleted_since(self, time: datetime) -> int:
        """How many posts X reported as deleted since then."""
        deleted = (post for post in self.posts if post.deleted and self.shown.get(post.id, NEVER) >= time)
        return sum(map(self._is_from_x, deleted))

    def digest(self) -> str:
        """Sixteen hexadecimal characters of SHA-256 over the posts; nothing else counts."""
        content = hashlib.sha256()
        for post in self.posts:
            content.update(_encoder.encode(_identity(post)).encode())
        return content.hexdigest()[:16]

    def summary(self) -> Summary:
        """What :func:`save` writes into the metadata."""
        return Summary(
            len(self.posts),
            self.newest_id,
            self.gaps,
            self.digest(),
            self.retracted,
            self.account,
            self.count.posts if self.count else None,
            self.count.unshown if self.count else None,
            self.missing,
        )


def _identity(post: Post) -> dict[str, Any]:
    # Later columns only where they say something, so that what was stored before there were any keeps its digest.
    return {name: value for name in FIELDS if (value := getattr(post, name)) or name not in LATER}


def id_order(identifier: str) -> tuple[int, str]:
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
    shown: dict[str, datetime] = {}
    if SHOWN.name in table.column_names:
        pairs = zip(table["id"].to_pylist(), table[SHOWN.name].to_pylist(), strict=True)
        shown = {identifier: at for identifier, at in pairs if at is not None}
        table = table.drop_columns([SHOWN.name])
    posts = to_current_schema(table)
    if not posts.schema.equals(RAW_SCHEMA):
        raise UnreadableSource(f"{path} was not written by this version: move it away and fetch again")
    metadata = table.schema.metadata or {}
    return Timeline(
        tuple(from_table(posts)),
        tuple(Gap(**gap) for gap in json.loads(metadata.get(GAPS, b"[]"))),
        shown,
        tuple(json.loads(metadata.get(RETRACTED, b"[]"))),
        json.loads(metadata.get(SUMMARY, b"{}")).get("account"),
        json.loads(metadata.get(UNREAD, b"{}")),
        PostCount(**json.loads(metadata[COUNT])) if COUNT in metadata else None,
        _read_progress(metadata.get(PROGRESS, b"{}")),
    )


def _read_progress(stored: bytes) -> dict[str, Progress]:
    return {
        name: Progress(**said | {"positions": tuple(said["positions"])}) for name, said in json.loads(stored).items()
    }


def deleted_ids(path: Path) -> set[str]:
    """The posts of a timeline that are known to be deleted; none if the file does not exist yet."""
    if not path.exists():
        return set()
    posts = to_current_schema(pq.read_table(path))
    return set(posts["id"].filter(pc.fill_null(posts["deleted"], False)).to_pylist())


def summarise(path: Path) -> Summary:
    """Read the summary of a timeline without its posts; for other files as :func:`load`."""
    try:
        schema = pq.read_schema(path)
        summary = (schema.metadata or {}).get(SUMMARY) if _is_stored(schema) else None
    except (pa.ArrowInvalid, OSError):
        summary = None
    stored = json.loads(summary) if summary else {}
    if stored.keys() != {known.name for known in fields(Summary)}:
        # None, or that of an earlier version, which may name an id that is none of X's.
        return load(path).summary()
    gaps = tuple(Gap(**gap) for gap in stored["gaps"])
    return Summary(**stored | {"gaps": gaps, "retracted": tuple(stored["retracted"])})


def _is_stored(schema: pa.Schema) -> bool:
    """Whether a file has the columns of a timeline, or those of an earlier version."""
    lacking = set(STORED_SCHEMA.names) - set(schema.names)
    there = [field for field in STORED_SCHEMA if field.name not in lacking]
    return lacking <= {*LATER} and schema.equals(pa.schema(there))


def save(path: Path, timeline: Timeline) -> None:
    """Write a timeline atomically: posts and all that is known of them in one rename."""
    summary = asdict(timeline.summary())
    metadata = {name: json.dumps(summary[part]) for name, part in ((GAPS, "gaps"), (RETRACTED, "retracted"))}
    metadata[UNREAD] = json.dumps(dict(timeline.unread))
    if timeline.count:
        metadata[COUNT] = json.dumps(asdict(timeline.count))
    metadata[PROGRESS] = json.dumps({name: asdict(progress) for name, progress in timeline.progress.items()})
    shown = pa.array([timeline.shown.get(post.id) for post in timeline.posts], SHOWN.type)
    table = to_table(timeline.posts).append_column(SHOWN, shown)
    write_posts(path, table.replace_schema_metadata(metadata | {SUMMARY: json.dumps(summary)}))


def add_posts(path: Path, posts: Iterable[Post]) -> None:
    """Add posts to a stored timeline; an unchanged one is not written."""
    stored = load(path)
    merged = stored.merged(posts)
    if merged != stored:
        save(path, merged)


def write_posts(path: Path, table: pa.Table) -> None:
    """Write a Parquet file atomically."""
    with atomic_file(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def _to_json(value: object) -> object:
    """JSON for what has no JSON form of its own: a mention, a time."""
    return asdict(value) if isinstance(value, Mention) else str(value)


_encoder = json.JSONEncoder(sort_keys=True, default=_to_json)
