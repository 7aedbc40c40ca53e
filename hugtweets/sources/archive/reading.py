"""Everything that is read of an account export: its posts, and whose it is."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hugtweets.errors import UnreadableSource
from hugtweets.sources.archive import circles
from hugtweets.sources.archive.accounts import Account, check_account, find_account
from hugtweets.sources.archive.files import WHAT_TO_GIVE, ExportFiles, open_export
from hugtweets.sources.archive.manifest import Manifest
from hugtweets.sources.archive.names import (
    COMMUNITY_POSTS,
    DELETED_POSTS,
    MONTHS,
    NOTES,
    POSTS,
    TABLE,
)
from hugtweets.sources.archive.notes import Notes
from hugtweets.sources.archive.posts import join_versions
from hugtweets.sources.archive.records import Records
from hugtweets.sources.passed_over import PassedOver
from hugtweets.timelines.posts import Post

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Export:
    """The posts of an export, in its order, and what its reader has to know of them."""

    posts: list[Post]
    passed_over: PassedOver
    remarks: list[str]


def read_export(path: Path, handle: str, deleted: bool = False) -> Export:
    """Read an export: long posts whole, every version of an edited one, ``deleted`` ones only if asked for.

    Raises:
        UnreadableSource: it is no export, a damaged one, one of another account, or one made to do harm.
    """
    with open_export(path) as files:
        manifest = Manifest(files)
        account = find_account(files, manifest.owner)
        renamed = check_account(files, account, handle) if account else None
        records = Records(files)
        name = account.display_name if account else None
        kinds = (POSTS, COMMUNITY_POSTS, *[DELETED_POSTS] * deleted)
        posts = [replace(post, author=handle, name=name) for post in _posts(files, manifest, records, kinds)]
        records.posts.check()
        remarks = [*filter(None, [renamed]), *records.remarks(), *_remarks(files, account, posts)]
        if lacking := manifest.lacking((*kinds, NOTES)):
            remarks.append(
                f"{path} lacks {', '.join(lacking[:3])}, which its manifest lists: long posts may stay cut, and others "
                "be missing"
            )
        if (missing := manifest.count_of(kinds) - records.posts.rows) > 0:
            remarks.append(
                f"{missing:,} posts that {path} counts in its manifest are not there: unless somebody took them out, "
                "download the export again"
            )
        return Export(posts, records.posts, remarks)


def _remarks(files: ExportFiles, account: Account | None, posts: list[Post]) -> Iterator[str]:
    if len(files.names) == 1:
        [only] = files.names
        what = "one month" if MONTHS.fullmatch(only) else only
        yield (
            f"{files.path} is less than an export, {what} alone: whose it is it does not say, long posts stay cut, and "
            "posts written in communities are not there"
        )
    elif account is None:
        yield f"{files.path} does not say whose export it is, and was believed to be this account's"
    if circle_warning := circles.warning(circles.count_posts(posts)):
        yield circle_warning


def _posts(
    files: ExportFiles, manifest: Manifest, records: Records, kinds: Iterable[re.Pattern[str]]
) -> Iterator[Post]:
    """The posts of whichever layout it is, in its order."""
    scripts = [name for kind in kinds for name in manifest.files_of(kind)]
    note_scripts = manifest.files_of(NOTES) if scripts else []
    months = sorted(name for name in files.names if MONTHS.fullmatch(name))
    if scripts or (months and TABLE not in files.names):
        _announce(files, [*scripts, *note_scripts] or months)
        notes = Notes(note for name in note_scripts for note in records.notes(name))
        tweets = (tweet for name in scripts or months for tweet in records.tweets(name))
        return join_versions(notes.complete(tweet.post()) for tweet in tweets)
    if TABLE in files.names:
        _announce(files, [TABLE])
        return (Notes().complete(row.post()) for row in records.rows(TABLE))
    if manifest.files_of(DELETED_POSTS):
        raise UnreadableSource(
            f"{files.path} holds only posts that were deleted: give fetch.deleted_posts=true to learn from them too"
        )
    raise UnreadableSource(
        f"{files.path} holds no posts (no data/tweets.js, data/tweet.js, tweet.js, tweets.csv or data/js/tweets): "
        f"{WHAT_TO_GIVE}"
    )


def _announce(files: ExportFiles, opened: list[str]) -> None:
    shown = ", ".join(opened[:3]) + (f" and {len(opened) - 3} more" if len(opened) > 3 else "")
    log.info("%s is read as an export of X, since it holds %s", files.path, shown)
