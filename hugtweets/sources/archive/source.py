"""Posts from the official account export of X: the zip, or the folder it unpacks to.

    tweets.csv              2012 to 2018, and the same as a script a month in data/js/tweets
    tweet.js                2018 and 2019
    data/tweet.js           2020 to spring 2022
    data/tweets.js          since then, with data/tweets-part1.js and so on, and long posts in data/note-tweet.js

Besides, ``community-tweet.js`` holds what was written in communities, and ``deleted-tweets.js`` what was deleted
lately. ``manifest.js`` lists the files where it exists, ``account.js`` names the account, and
``screen-name-change.js`` its earlier handles. Nothing else is opened: an export also holds direct messages, addresses,
contacts, and posts for a circle of readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hugtweets.sources.archive.reading import read_export
from hugtweets.timelines.timeline import add_posts


@dataclass(frozen=True)
class ArchiveSource:
    """The posts of one account, from its export; ``deleted`` ones only if asked for."""

    path: Path
    handle: str
    deleted: bool = False

    def update(self, timeline: Path) -> str | None:
        """Add the export's posts to the stored timeline, and return what there is to remark.

        Raises:
            UnreadableSource: as :func:`~hugtweets.sources.archive.reading.read_export` does.
        """
        export = read_export(self.path, self.handle, self.deleted)
        add_posts(timeline, export.posts)
        return "; ".join(export.remarks) or None
