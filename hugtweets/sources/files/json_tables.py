"""Tables in one JSON object, in each of the ways in which pandas writes one, or under the name of a list."""

from __future__ import annotations

from collections.abc import Mapping

from hugtweets.sources.files.json_wrappers import Writers, is_post
from hugtweets.sources.files.rows import spelled

# The answers of X's two APIs hold their posts so, with more around them: their dialects read them.
_ANSWERS = ("data", "statuses")
_SHORTEST_ID = 9  # digits: no table has so many rows
# Beginnings of names of lists of what others wrote.
LIKED = ("like", "favo", "bookmark", "mention")
# Names of a list of posts that stands beside other things.
_LISTS = ("tweets", "posts", "results", "items", "timeline")
# Lists of the posts of a thread each, beside those; read like them.
_THREADS = "threads"


def rows_within(value: object) -> list[object] | None:
    """The rows of a table; None for any other value."""
    if not isinstance(value, dict) or not value:
        return None
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        return [
            dict(zip(map(str, value["columns"]), row, strict=False)) for row in value["data"] if isinstance(row, list)
        ]
    if "schema" in value and isinstance(value.get("data"), list):
        return list(value["data"])
    if len(value) == 1 and not value.keys() & set(_ANSWERS) and isinstance(only := next(iter(value.values())), list):
        return None if spelled(next(iter(value))).startswith(LIKED) else only
    if isinstance(listed := next(filter(None, map(value.get, _LISTS)), None), list) and not is_post(value):
        threads = value.get(_THREADS)
        writers = Writers().or_beside(value)
        return [writers.signed(row) for row in (*listed, *(threads if isinstance(threads, list) else ()))]
    if all(isinstance(part, dict) and part for part in value.values()):
        return _by_columns(value) or _by_index(value)
    return None


def _by_columns(table: Mapping[str, dict[str, object]]) -> list[object] | None:
    """The rows of ``{"id": {"0": …}, "text": {"0": …}}``."""
    first = next(iter(table.values()))
    if not all(map(str.isdecimal, first)) or any(column.keys() != first.keys() for column in table.values()):
        return None
    return [{name: column[index] for name, column in table.items()} for index in first]


def _by_index(table: Mapping[str, dict[str, object]]) -> list[object] | None:
    """The rows of ``{"0": {"id": …, "text": …}}``, or of ``{"1201506031228084201": {"text": …}}``."""
    if not all(map(str.isdecimal, table)):
        return None
    return [{"id": index} | row if len(index) >= _SHORTEST_ID else row for index, row in table.items()]
