"""A store that all machines reach: any URL of fsspec, ``s3://bucket/folder`` or a shared folder.

``HUGTWEETS_STORE`` names it; without it, everything stays in the home of this machine. Keys are relative paths with
slashes, the same as below the home. A reader never sees half an object, and sees a folder when its last file has
arrived. Credentials are those of the file system's own environment variables, such as ``AWS_ACCESS_KEY_ID`` and
``AWS_ENDPOINT_URL``. Whatever asks the store asks again for half a minute, and then raises ``StoreUnavailable`` if it
does not answer.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from hugtweets.errors import ConfigurationError, StoreUnavailable
from hugtweets.storage.atomic import atomic_file

VARIABLE = "HUGTWEETS_STORE"
# Here an object appears when it is complete. In any other file system it is written under a temporary name first.
OBJECT_STORES = {"abfs", "abfss", "az", "gcs", "gs", "memory", "s3", "s3a"}
# Half a minute in all; a store that is silent for longer is from then on asked once, until it answers.
WAIT_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
SAYS_NO = (
    FileNotFoundError,
    PermissionError,
    NotADirectoryError,
    IsADirectoryError,
    ValueError,
    TypeError,
    ImportError,
)
PARTIAL = ".partial-"
ABOUT = "about.txt"

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

_silent: set[str] = set()


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

        def ask() -> str | None:
            try:
                return str(self._files.ukey(self._path(key)))
            except FileNotFoundError:
                return None

        return self._asking(ask)

    def names(self, prefix: str) -> list[str]:
        """What lies directly below a prefix, sorted."""

        def ask() -> Sequence[str]:
            try:
                return list(self._files.ls(self._path(prefix), detail=False))
            except FileNotFoundError:
                return []

        found = self._asking(ask)
        names = {path.rstrip("/").rpartition("/")[2] for path in found}
        return sorted(name for name in names if PARTIAL not in name)

    def sizes(self, prefix: str) -> dict[str, int]:
        """Every object below a prefix, and its bytes."""
        found: Mapping[str, Any] = self._asking(lambda: self._files.find(self._path(prefix), detail=True))
        root = self._path("")
        sizes = {path[len(root) :].lstrip("/"): int(details["size"]) for path, details in found.items()}
        return {key: size for key, size in sizes.items() if PARTIAL not in key}

    def read(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The content of several objects, fetched at once where the file system can."""
        paths = {self._path(key): key for key in keys}
        if not paths:
            return {}
        content: Mapping[str, bytes] = self._asking(lambda: self._files.cat(list(paths)))
        return {paths[path]: read for path, read in content.items()}

    def write(self, key: str, content: bytes) -> None:
        """Write an object."""

        def ask() -> None:
            with self._writing(key) as path:
                self._files.pipe_file(path, content)

        self._asking(ask)

    def send(self, file: Path, key: str) -> None:
        """Copy a file into the store."""

        def ask() -> None:
            with self._writing(key) as path:
                self._files.put_file(str(file), path)

        self._asking(ask)

    def receive(self, key: str, file: Path) -> None:
        """Copy an object here, atomically."""
        with atomic_file(file) as unfinished:
            self._asking(lambda: self._files.get_file(self._path(key), str(unfinished)))

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

        def ask(key: str) -> None:
            with suppress(FileNotFoundError):
                self._files.rm_file(self._path(key))

        for key in keys:
            self._asking(partial(ask, key))

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

    def _asking(self, ask: Callable[[], Answer]) -> Answer:
        """What the file system answers; asked again, after growing waits, as long as that can help.

        Raises:
            StoreUnavailable: for whatever it raises then: each file system has its own errors.
        """
        waits = iter(() if self.url in _silent else WAIT_SECONDS)
        while True:
            try:
                answer = ask()
                _silent.discard(self.url)
                return answer
            except ConfigurationError:
                raise
            except Exception as error:
                reason = " ".join(str(error).split())[:200] or type(error).__name__
                wait = next(waits, None) if _can_pass(error) else None
                if wait is None:
                    if _can_pass(error):
                        _silent.add(self.url)
                    raise StoreUnavailable(
                        f"the store {self.shown} cannot be used ({reason}): check {VARIABLE}, its credentials and the "
                        "network, then run the same command again"
                    ) from error
            logger.warning("The store %s does not answer (%s): asking again in %g s.", self.shown, reason, wait)
            time.sleep(wait)


def _can_pass(error: Exception) -> bool:
    """Whether the same question may be answered a little later: not if the store has said no."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return False
    # botocore's own error has this name; it is there only with the extra.
    return not isinstance(error, SAYS_NO) and type(error).__name__ != "NoCredentialsError"
