"""The entries of an export's files, checked one by one: one that cannot be used is counted and passed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from hugtweets.sources.archive.files import ExportFiles
from hugtweets.sources.archive.grailbird import GrailbirdRow, grailbird_rows
from hugtweets.sources.archive.notes import Note
from hugtweets.sources.archive.posts import Tweet
from hugtweets.sources.fields import explain
from hugtweets.sources.passed_over import PassedOver

Record = TypeVar("Record", bound=BaseModel)


class Records:
    """Reads the posts and notes of an export; ``posts`` counts those that were passed over."""

    def __init__(self, files: ExportFiles) -> None:
        self._files = files
        self.posts = PassedOver(files.path, "posts", "give the zip as X sent it")
        self._notes = PassedOver(files.path, "whole texts of long posts")
        self._odd_mentions = 0

    def tweets(self, name: str) -> Iterator[Tweet]:
        """The posts of a script."""
        for tweet in _checked(self._entries(name, "tweet"), Tweet, name, self.posts):
            self._odd_mentions += tweet.odd_mentions
            yield tweet

    def rows(self, name: str) -> Iterator[GrailbirdRow]:
        """The posts of a table."""
        try:
            yield from _checked(grailbird_rows(self._files.read(name)), GrailbirdRow, name, self.posts)
        except ValueError:
            raise self._files.damaged(name) from None

    def notes(self, name: str) -> Iterator[Note]:
        """The whole texts of long posts."""
        return _checked(self._entries(name, "noteTweet"), Note, name, self._notes)

    def remarks(self) -> Iterator[str]:
        """What was passed over."""
        for passed_over in (self.posts, self._notes):
            if passed_over.number:
                yield f"of {self._files.path}, {passed_over}"
        if self._odd_mentions:
            mentions = "1 mention" if self._odd_mentions == 1 else f"{self._odd_mentions:,} mentions"
            yield f"of {self._files.path}, {mentions} without a name passed over"

    def _entries(self, name: str, wrapper: str) -> Iterator[object]:
        return (unwrapped(entry, wrapper) for entry in self._files.items(name))


def unwrapped(entry: object, wrapper: str) -> object:
    """What is in the wrapper that came in 2020, if the entry has it."""
    return entry.get(wrapper, entry) if isinstance(entry, dict) else entry


def _checked(entries: Iterable[object], model: type[Record], name: str, passed_over: PassedOver) -> Iterator[Record]:
    for number, entry in enumerate(entries, start=1):
        passed_over.rows += 1
        try:
            record = model.model_validate(entry)
        except ValidationError as error:
            passed_over.add(f"entry {number:,} of {name}", explain(error))
        else:
            yield record
