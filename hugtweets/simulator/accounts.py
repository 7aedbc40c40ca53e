"""The accounts a simulator serves: one ``<handle>.jsonl`` each, and what ``accounts.json`` says of them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from hugtweets.errors import ConfigurationError, InvalidHandle
from hugtweets.sources.files.source import read_posts
from hugtweets.storage.handles import Handle
from hugtweets.timelines.posts import Post

# A hidden account asks Bluesky or Mastodon not to show it to everybody; X knows no such wish.
AccountState = Literal["ok", "suspended", "protected", "hidden"]

# As X documents it; the longer handles of its oldest accounts cannot be asked for.
USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")


class AccountEntry(BaseModel):
    """What ``accounts.json`` says of one handle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: AccountState = "ok"
    name: str | None = None
    moved_to: str | None = None


@dataclass(frozen=True)
class Account:
    """One account; ``timeline`` is None where ``accounts.json`` names it but no file holds its posts.

    On Mastodon ``moved_to`` is the one that it was left for.
    """

    handle: str
    state: AccountState = "ok"
    name: str | None = None
    timeline: Path | None = None
    moved_to: str | None = None

    @property
    def id(self) -> str:
        """The account's number on the simulated X."""
        return user_id(self.handle)


class Accounts:
    """The accounts of a folder; files are read when first asked for, and again when they have changed.

    Raises:
        ConfigurationError: there is no such folder, nothing in it to serve, or ``accounts.json`` is malformed.
        UnreadableSource: later, if the file of an account is damaged.
    """

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise ConfigurationError(f"there is no folder {directory}: give the folder that holds the timelines")
        self._directory = directory
        self._read: dict[Path, tuple[tuple[int, int], dict[str, Post]]] = {}
        self._lock = Lock()
        if not self._by_name():
            raise ConfigurationError(f"{directory} holds no timeline: put files named <handle>.jsonl there")

    def named(self, username: str) -> Account | None:
        """The account of that handle, whatever its case."""
        return self._by_name().get(username.casefold())

    def numbered(self, identifier: str) -> Account | None:
        """The account of that id."""
        return next((account for account in self._by_name().values() if account.id == identifier), None)

    def all(self) -> list[Account]:
        """Every account."""
        return list(self._by_name().values())

    def posts(self, account: Account) -> tuple[Post, ...]:
        """The account's posts, newest first; only those of others have an ``author``."""
        return tuple(self._posts_by_id(account).values())

    def find(self, identifier: str) -> tuple[Account, Post] | None:
        """The post of that id, and whose timeline holds it; None if no file does, which is how a post is deleted."""
        for account in self._by_name().values():
            if post := self._posts_by_id(account).get(identifier):
                return account, post
        return None

    def _posts_by_id(self, account: Account) -> dict[str, Post]:
        path = account.timeline
        if path is None:
            return {}
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        with self._lock:
            if path not in self._read or self._read[path][0] != stamp:
                newest_first = reversed(read_posts(path))
                self._read[path] = stamp, {post.id: _without_own_author(post, account) for post in newest_first}
            return self._read[path][1]

    def _by_name(self) -> dict[str, Account]:
        entries = _read_entries(self._directory / "accounts.json")
        accounts = {name.casefold(): Account(name, **entry.model_dump()) for name, entry in entries.items()}
        for path in sorted(self._directory.glob("*.jsonl")):
            if _is_handle(path.stem):
                said = accounts.get(path.stem.casefold(), Account(path.stem))
                accounts[path.stem.casefold()] = replace(said, handle=path.stem, timeline=path)
        return accounts


def _is_handle(name: str) -> bool:
    try:
        return Handle.parse(name).name == name
    except InvalidHandle:
        return False


def user_id(handle: str) -> str:
    """A made-up account number, the same for a handle at any time and in any case."""
    return _number(handle.casefold())


def post_id(seed: str) -> str:
    """A made-up number for a post that no file holds."""
    return _number(f"post {seed}")


def _without_own_author(post: Post, account: Account) -> Post:
    own = post.author is not None and post.author.removeprefix("@").casefold() == account.handle.casefold()
    return replace(post, author=None) if own else post


def _number(seed: str) -> str:
    return str(10**17 + int.from_bytes(hashlib.sha256(seed.encode()).digest()[:7]))


def _read_entries(path: Path) -> dict[str, AccountEntry]:
    if not path.exists():
        return {}
    try:
        return TypeAdapter(dict[str, AccountEntry]).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        raise ConfigurationError(
            f'{path} is malformed: write {{"handle": {{"state": "suspended", "protected" or "hidden", "name": "..."}}}}'
        ) from None
