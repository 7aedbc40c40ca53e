"""Posts from the official account export of X: the zip, or the folder it unpacks to.

    tweets.csv              2012 to 2018
    tweet.js                2018 and 2019
    data/tweet.js           2020 to spring 2022
    data/tweets.js          since then, with data/tweets-part1.js and so on, and long posts in data/note-tweet.js

``data/manifest.js`` lists the files where it exists, ``account.js`` names the account. Nothing else is opened: an
export also holds direct messages, addresses and contacts.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from hugtweets.errors import UnreadableSource
from hugtweets.sources.archive.files import ExportFiles, open_export
from hugtweets.sources.archive.notes import Note, Notes
from hugtweets.sources.archive.posts import GrailbirdRow, Tweet, grailbird_rows, join_versions
from hugtweets.sources.fields import Text, Words, explain
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import add_posts

TWEETS = re.compile(r"data/tweets?(-part[0-9]{1,4})?\.js")
NOTES = re.compile(r"data/note-tweets?(-part[0-9]{1,4})?\.js")

Record = TypeVar("Record", bound=BaseModel)


class Account(BaseModel):
    """Whose export it is; nothing else of ``account.js`` is read."""

    username: Text
    accountDisplayName: Words = None  # noqa: N815 - X's name


@dataclass(frozen=True)
class ArchiveSource:
    """The posts of one account, from its export."""

    path: Path
    handle: str

    def update(self, timeline: Path) -> str | None:
        """Add the export's posts to the stored timeline; raises what :func:`read_export` does."""
        add_posts(timeline, read_export(self.path, self.handle))
        return None


def read_export(path: Path, handle: str) -> list[Post]:
    """The posts of an export, in its order; long ones whole, every version of an edited one.

    Raises:
        UnreadableSource: it is no export, a damaged one, one of another account, or one made to do harm.
    """
    with open_export(path) as files:
        account = _account(files)
        if account and account.username.casefold() != handle.casefold():
            raise UnreadableSource(
                f"{path} is the export of @{ascii(account.username)[1:-1]}, not of @{handle}: "
                "give that account's own export"
            )
        name = account.accountDisplayName if account else None
        return [replace(post, author=handle, name=name) for post in _posts(files)]


def _account(files: ExportFiles) -> Account | None:
    for name in ("data/account.js", "account.js"):
        if name in files.names:
            for account in _records(files, name, "account", Account):
                return account
    return None


def _posts(files: ExportFiles) -> Iterator[Post]:
    scripts = files.listed(("tweets", "tweet"), TWEETS) or [name for name in ("tweet.js",) if name in files.names]
    if scripts:
        note_scripts = files.listed(("noteTweet",), NOTES)
        notes = Notes(note for name in note_scripts for note in _records(files, name, "noteTweet", Note))
        tweets = (tweet for name in scripts for tweet in _records(files, name, "tweet", Tweet))
        return join_versions(notes.complete(tweet.post()) for tweet in tweets)
    if "tweets.csv" in files.names:
        return _grailbird_posts(files)
    raise UnreadableSource(
        f"{files.path} holds no posts (no data/tweets.js, data/tweet.js, tweet.js or tweets.csv): "
        "give the zip that X sent, or its unpacked folder"
    )


def _grailbird_posts(files: ExportFiles) -> Iterator[Post]:
    notes = Notes()
    try:
        for number, row in enumerate(grailbird_rows(files.read("tweets.csv")), start=1):
            yield notes.complete(_checked(row, GrailbirdRow, f"post {number} of tweets.csv in {files.path}").post())
    except (csv.Error, ValueError):
        raise UnreadableSource(
            f"tweets.csv in {files.path} breaks off or is damaged: download the export again"
        ) from None


def _records(files: ExportFiles, name: str, wrapper: str, model: type[Record]) -> Iterator[Record]:
    """The records of a script, with or without the wrapper that came in 2020."""
    for number, item in enumerate(files.items(name), start=1):
        inner = item.get(wrapper, item) if isinstance(item, dict) else item
        yield _checked(inner, model, f"entry {number} of {name} in {files.path}")


def _checked(value: object, model: type[Record], where: str) -> Record:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise UnreadableSource(f"{where} cannot be used ({explain(error)}): download the export again") from None
