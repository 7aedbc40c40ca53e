r"""The names of the files that are opened in an export, wherever in it they lie.

A file is called here what it is called below ``data/``, where X has put it since 2020: ``data/tweets.js`` of the zip,
``tweets.js`` of somebody who unpacked only ``data``, and ``my-export\data\tweets.js`` of a zip that was packed again
on Windows are all ``tweets.js``. Posts that were written for a circle have a file of their own, which has no name here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

_PART = r"(?:-part[0-9]{1,4})?"
POSTS = re.compile(rf"tweets?{_PART}\.js")
COMMUNITY_POSTS = re.compile(rf"community-tweets?{_PART}\.js")
DELETED_POSTS = re.compile(rf"deleted-tweets?{_PART}\.js")
NOTES = re.compile(rf"note-tweets?{_PART}\.js")
# The layout of 2012 to 2018, as a table and a script a month.
MONTHS = re.compile(r"js/tweets/[0-9]{4}_[0-9]{2}\.js")
TABLE = "tweets.csv"
ACCOUNT, USER_DETAILS, MANIFEST = "account.js", "js/user_details.js", "manifest.js"
EARLIER_HANDLES = "screen-name-change.js"

_WITH_POSTS = "|".join([*(kind.pattern for kind in (POSTS, COMMUNITY_POSTS, DELETED_POSTS, MONTHS)), re.escape(TABLE)])
_OTHERS = "|".join([NOTES.pattern, *map(re.escape, (ACCOUNT, USER_DETAILS, MANIFEST, EARLIER_HANDLES))])
_PLACE = re.compile(rf"((?:[^/]+/)*?)(data/)?(({_WITH_POSTS})|{_OTHERS})")
# What macOS adds to a zip.
_BESIDE = "__MACOSX/"

# The first characters of a file tell what it is, whatever it was renamed to.
_BEGINNINGS = (
    (re.compile(r"\s*window\.YTD\.tweets?\.part"), "tweets.js"),
    (re.compile(r"\s*window\.YTD\.community_tweets?\.part"), "community-tweet.js"),
    (re.compile(r"\s*window\.YTD\.deleted_tweets?\.part"), "deleted-tweets.js"),
    (re.compile(r"\s*Grailbird\.data\.tweets_[0-9_]+\s*="), "js/tweets/0000_00.js"),
    (re.compile(r'"?tweet_id"?,'), "tweets.csv"),
)

Member = TypeVar("Member")


def find_exports(members: Iterable[tuple[str, Member]]) -> dict[str, dict[str, list[Member]]]:
    """The exports among the members of a zip or folder: by folder, and in it by name, all that have this name.

    A path that leads out of its zip is nobody's; a folder without posts is no export.
    """
    found: defaultdict[str, defaultdict[str, list[tuple[bool, Member]]]] = defaultdict(lambda: defaultdict(list))
    with_posts: set[str] = set()
    for path, member in members:
        place = _PLACE.fullmatch(_plain(path))
        if place and not place[1].startswith(_BESIDE):
            found[place[1]][place[3]].append((bool(place[2]), member))
            if place[4]:
                with_posts.add(place[1])
    return {
        folder: {name: _preferred(claims) for name, claims in names.items()}
        for folder, names in found.items()
        if folder in with_posts
    }


def below_data(path: str) -> str:
    """What a file is called here that the export itself calls by its whole path."""
    return _plain(path).removeprefix("data/")


def name_by_beginning(beginning: str) -> str | None:
    """What a file with posts would be called in an export, by its first characters; None for every other file."""
    return next((name for pattern, name in _BEGINNINGS if pattern.match(beginning)), None)


def whole_exports(exports: Mapping[str, Mapping[str, object]]) -> list[str]:
    """The folders among which a person would have to choose: those that say whose they are, or else all."""
    named = [folder for folder, names in exports.items() if ACCOUNT in names or USER_DETAILS in names]
    return named or list(exports)


def _plain(path: str) -> str:
    """The path with slashes and without dots; one that leads elsewhere stays one that matches nothing."""
    parts = [part for part in path.replace("\\", "/").split("/") if part != "."]
    return "" if ".." in parts else "/".join(parts)


def _preferred(claims: list[tuple[bool, Member]]) -> list[Member]:
    below = [member for is_below_data, member in claims if is_below_data]
    return below or [member for _, member in claims]
