"""What stands around a post in JSON: an object that holds it, its author beside it, lines of an Elasticsearch bulk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hugtweets.sources.files.dialects.handles import HANDLES, is_username
from hugtweets.sources.files.dialects.plain import NAMES, fields, tells_kind
from hugtweets.sources.files.rows import Cells, Row, spelled

# Exports and tweepy write each post as an object with only this.
_ALONE = ("tweet", "_json")
_AROUND = (*_ALONE, "status", "node", "_source", "doc")
_PRIVATE_ID = "_id"
# A description may be a person's.
_TEXTS = frozenset(map(spelled, NAMES["text"])) - {"description"}
_NUMBERS = frozenset(map(spelled, (*NAMES["id"], *NAMES["created_at"])))
_WRITERS = ("user", "author", "account", "profile", "username", "user_name", "screen_name", "handle")
_PEOPLE = ("users", "authors", "accounts", "profiles")
_BULK = ("index", "create", "update")


@dataclass(frozen=True)
class Writers:
    """Who wrote posts that name no author: ``one`` person, or ``people`` by their numbers; each as the key to add."""

    one: dict[str, Any] = field(default_factory=dict)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)

    def or_beside(self, value: dict[str, Any]) -> Writers:
        """The same, with those that an object names by their handles, who count more."""
        cells = Cells(value)
        people = (person for name in _PEOPLE for person in cells.listed(name) if isinstance(person, dict))
        known = {str(number): person for person in people if (number := Cells(person).get("id_str", "id", "user_id"))}
        return Writers(
            next(filter(None, (_writer(cells.get(name)) for name in _WRITERS)), self.one),
            self.people | {number: writer for number, person in known.items() if (writer := _writer(person))},
        )

    def signed(self, value: Any) -> Any:
        """A post, or what holds posts, with its writer, unless it names one itself."""
        if not isinstance(value, dict) or not (self.one or self.people):
            return value
        said = fields(Cells(unwrapped(value) or value))
        return value if said["author"] is not None else value | self.people.get(str(said.get("author_id")), self.one)


def _writer(person: object) -> dict[str, Any]:
    """The key that names a person by a handle; empty for anything else."""
    if isinstance(person, dict):
        return {"user": person} if is_username(Cells(person).get(*HANDLES)) else {}
    return {"username": person} if is_username(person) and not str(person).isdecimal() else {}


def is_post(value: object) -> bool:
    """Whether an object has a text, which may be missing, and the number or the time of a post."""
    if not isinstance(value, dict):
        return False
    names = {spelled(name): inner for name, inner in value.items()}
    has_text = any(name in _TEXTS and (inner is None or isinstance(inner, str)) for name, inner in names.items())
    return has_text and not names.keys().isdisjoint(_NUMBERS)


def unwrapped(value: object) -> dict[str, Any] | None:
    """The post that an object holds, with what stands beside it and tells whose or of what kind it is.

    None for any other value, also for an object that is a post itself.
    """
    if not isinstance(value, dict):
        return None
    held = [name for name in _AROUND if isinstance(value.get(name), dict)]
    if len(held) != 1 or is_post(value):
        return None
    post: dict[str, Any] = value[held[0]]
    if len(value) == 1 and held[0] in _ALONE:
        return post
    if not is_post(post):
        return None
    beside = {name: inner for name, inner in value.items() if name == _PRIVATE_ID or tells_kind(name)}
    # Of two spellings of one name, the post's own comes first and counts.
    signed: dict[str, Any] = Writers().or_beside(value).signed({**post, **beside, **post})
    return signed


def without_actions(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows without the lines of a bulk that say only under which id the next line is stored."""
    identifier: dict[str, Any] = {}
    for row in rows:
        if (action := _action(row.value)) is not None:
            identifier = {_PRIVATE_ID: action[_PRIVATE_ID]} if _PRIVATE_ID in action else {}
            continue
        yield replace(row, value=identifier | row.value) if identifier and isinstance(row.value, dict) else row
        identifier = {}


def _action(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((name, action),) = value.items()
    is_action = name in _BULK and isinstance(action, dict) and all(key.startswith("_") for key in action)
    return action if is_action else None
