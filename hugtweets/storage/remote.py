"""A store that all machines reach: any URL of fsspec, ``s3://bucket/folder`` or a shared folder.

``HUGTWEETS_STORE`` names it; without it, everything stays in the home of this machine. Keys are relative paths with
slashes, the same as below the home. A reader never sees half an object, and sees a folder when its last file has
arrived. Credentials are those of the file system's own environment variables, such as ``AWS_ACCESS_KEY_ID`` and
``AWS_ENDPOINT_URL``. Whatever asks the store raises ``StoreUnavailable`` if it does not answer.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from hugtweets.errors import ConfigurationError, StoreUnavailable
from hugtweets.storage.atomic import atomic_file

VARIABLE = "HUGTWEETS_STORE"
# Here an object appears when it is complete. In any other file system it is written under a temporary name first.
OBJECT_STORES = {"abfs", "abfss", "az", "gcs", "gs", "memory", "s3", "s3a"}
PARTIAL = ".partial-"
ABOUT = "about.txt"


@dataclass(frozen=True)
class Store:
    """The store of one URL."""

    url: str

    @classmethod
    def from_environment(cls) -> Store | None:
        """What ``HUGTWEETS_STORE`` names; None if it is not set."""
        url = os.environ.get(VARIABLE)
        return cls(url) if url else None

    @property
    def shown(self) -> str:
        """The URL without a password."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def check(self) -> None:
        """Find out, before any work, whether the store can be written.

        Raises:
            ConfigurationError: it cannot.
        """
        about = b"A store of hugtweets: timelines, ledgers and artifacts, as docs/machines.md describes.\n"
        try:
            self.write(ABOUT, about)
        except StoreUnavailable as error:
            raise ConfigurationError(str(error)) from error

    def has(self, key: str) -> bool:
        """Whether there is such an object."""
        return self.version(key) is not None

    def version(self, key: str) -> str | None:
        """What changes whenever the object does; None if there is none."""
        with self._translating():
            try:
                found: str = self._files.ukey(self._path(key))
            except FileNotFoundError:
                return None
        return found

    def names(self, prefix: str) -> list[str]:
        """What lies directly below a prefix, sorted."""
        with self._translating():
            try:
                found: Sequence[str] = self._files.ls(self._path(prefix), detail=False)
            except FileNotFoundError:
                return []
        names = {path.rstrip("/").rpartition("/")[2] for path in found}
        return sorted(name for name in names if PARTIAL not in name)

    def sizes(self, prefix: str) -> dict[str, int]:
        """Every object below a prefix, and its bytes."""
        with self._translating():
            found: Mapping[str, Any] = self._files.find(self._path(prefix), detail=True)
        root = self._path("")
        sizes = {path[len(root) :].lstrip("/"): int(details["size"]) for path, details in found.items()}
        return {key: size for key, size in sizes.items() if PARTIAL not in key}

    def read(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The content of several objects, fetched at once where the file system can."""
        paths = {self._path(key): key for key in keys}
        if not paths:
            return {}
        with self._translating():
            content: Mapping[str, bytes] = self._files.cat(list(paths))
        return {paths[path]: read for path, read in content.items()}

    def write(self, key: str, content: bytes) -> None:
        """Write an object."""
        with self._translating(), self._writing(key) as path:
            self._files.pipe_file(path, content)

    def send(self, file: Path, key: str) -> None:
        """Copy a file into the store."""
        with self._translating(), self._writing(key) as path:
            self._files.put_file(str(file), path)

    def receive(self, key: str, file: Path) -> None:
        """Copy an object here, atomically."""
        with atomic_file(file) as partial, self._translating():
            self._files.get_file(self._path(key), str(partial))

    def send_folder(self, folder: Path, key: str, last: str) -> None:
        """Copy a folder; the file named ``last`` is copied last, so that whoever sees it sees all of them."""
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        for path in sorted(files, key=lambda path: path.name == last):
            self.send(path, f"{key}/{path.relative_to(folder).as_posix()}")

    def receive_folder(self, key: str, folder: Path) -> None:
        """Copy a folder here, file by file, into a folder that exists."""
        for name in self.sizes(key):
            self.receive(name, folder / name.removeprefix(f"{key}/"))

    def remove(self, keys: Sequence[str]) -> None:
        """Delete objects, in this order."""
        with self._translating():
            for key in keys:
                self._files.rm_file(self._path(key))

    @contextmanager
    def _writing(self, key: str) -> Iterator[str]:
        """Yield where to write: the object itself, or a name beside it which then takes its place."""
        path = self._path(key)
        if urlsplit(self.url).scheme in OBJECT_STORES:
            yield path
            return
        folder, _, name = path.rpartition("/")
        partial = f"{folder}/{PARTIAL}{secrets.token_hex(4)}-{name}"
        self._files.makedirs(folder, exist_ok=True)
        yield partial
        self._files.mv(partial, path)

    def _path(self, key: str) -> str:
        root: str = self._files._strip_protocol(self.url)
        return f"{root.rstrip('/')}/{key}" if key else root.rstrip("/")

    @property
    def _files(self) -> Any:
        """The file system; fsspec keeps one for each URL."""
        # Takes a moment to import, and a home without a store never needs it.
        from fsspec.core import url_to_fs

        try:
            # Other machines change what a listing of a minute ago says.
            return url_to_fs(self.url, use_listings_cache=False)[0]
        except (ValueError, ImportError) as error:
            advice = "for s3:// install the extra: pip install 'hugtweets[s3]'"
            raise ConfigurationError(f"{VARIABLE} {self.shown} cannot be opened ({error}): {advice}") from None

    @contextmanager
    def _translating(self) -> Iterator[None]:
        """Raise StoreUnavailable for whatever a file system raises: each has its own errors."""
        try:
            yield
        except ConfigurationError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise StoreUnavailable(
                f"the store {self.shown} cannot be used ({reason}): check {VARIABLE}, its credentials and the network, "
                "then run the same command again"
            ) from error
