"""Safe reading of an account export: a zip or its unpacked folder, neither of which is trusted.

Nothing is ever unpacked to disk. A file is opened by its exact name only, so that what else an export holds (direct
messages, contacts, addresses) stays closed. A zip bomb is refused by its declared sizes, and by its true ones where the
declared ones are false. Most files are JavaScript: one assignment each, whose right-hand side is JSON.
"""

from __future__ import annotations

import json
import re
import stat
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from hugtweets.errors import UnreadableSource

# A post takes about 2 kB of an export and packs to a tenth of that; deflate cannot go beyond a thousandth.
MAX_BYTES = 2**30
MAX_RATIO = 200
MAX_FILES = 1_000_000  # pictures and films are a file each
FOLDERS = ("", "data/")
MANIFEST = "data/manifest.js"

_ASSIGNMENT = re.compile(r"\s*window\.[\w.]{1,100}\s*=\s*")
_BETWEEN = re.compile(r"[\s,]*")
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, EOFError, ValueError, OSError)


class ExportFiles(ABC):
    """The files of an export by their names in it, such as ``data/tweets.js``.

    Whatever is wrong with them is an ``UnreadableSource`` that says what to do.
    """

    def __init__(self, path: Path, names: frozenset[str]) -> None:
        self.path = path
        self.names = names
        self._read_so_far = 0

    def read(self, name: str) -> str:
        """The text of a file, if it is a regular one, whole, UTF-8, and not too large."""
        if name not in self.names:
            raise UnreadableSource(f"{self.path} is incomplete ({name} is missing): download the export again")
        try:
            with self._open(name) as file:
                content = file.read(MAX_BYTES - self._read_so_far + 1)
            text = content.decode("utf-8-sig")
        except _DAMAGED as error:
            raise UnreadableSource(
                f"{name} in {self.path} is damaged ({_why(error)}): download the export again"
            ) from None
        self._read_so_far += len(content)
        if self._read_so_far > MAX_BYTES:
            raise UnreadableSource(f"{self.path} holds more than {MAX_BYTES // 2**20} MiB of posts: it is no X export")
        return text

    def listed(self, kinds: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
        """Names of the files that hold data of some kind: those that the manifest lists, else those that match exactly.

        The manifest comes with the export and is no more trusted than it: a name that does not match is never opened.
        """
        names = self._listed_in_manifest(kinds) if MANIFEST in self.names else []
        for name in names:
            if not (isinstance(name, str) and pattern.fullmatch(name)):
                raise UnreadableSource(
                    f"the manifest in {self.path} lists {ascii(name)[:100]} among the posts, which it cannot be: "
                    "download the export again"
                )
        return names or sorted(name for name in self.names if pattern.fullmatch(name))

    def items(self, name: str) -> Iterator[object]:
        """The elements of the list that a script assigns, one at a time: an export can be as large as the memory."""
        script = self.read(name)
        position = _end(_ASSIGNMENT, script, 0)
        if not script.startswith("[", position):
            raise self._damaged(name)
        decoder = json.JSONDecoder()
        position = _end(_BETWEEN, script, position + 1)
        while not script.startswith("]", position):
            try:
                item, position = decoder.raw_decode(script, position)
            except (ValueError, RecursionError):
                raise self._damaged(name) from None
            yield item
            position = _end(_BETWEEN, script, position)

    def _listed_in_manifest(self, kinds: Sequence[str]) -> list[Any]:
        script = self.read(MANIFEST)
        try:
            manifest = json.JSONDecoder().raw_decode(script, _end(_ASSIGNMENT, script, 0))[0]
        except (ValueError, RecursionError):
            raise self._damaged(MANIFEST) from None
        types = manifest.get("dataTypes") if isinstance(manifest, dict) else None
        found = [types[kind] for kind in kinds if isinstance(types, dict) and isinstance(types.get(kind), dict)]
        entries = [entry for kind in found if isinstance(kind.get("files"), list) for entry in kind["files"]]
        return [entry.get("fileName") if isinstance(entry, dict) else entry for entry in entries]

    def _damaged(self, name: str) -> UnreadableSource:
        return UnreadableSource(f"{name} in {self.path} breaks off or is damaged: download the export again")

    @abstractmethod
    def _open(self, name: str) -> IO[bytes]: ...


class ZipFiles(ExportFiles):
    """An export as it was downloaded."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._root = _common_folder(archive.namelist())
        super().__init__(path, frozenset(name.removeprefix(self._root) for name in archive.namelist()))

    def _open(self, name: str) -> IO[bytes]:
        member = self._archive.getinfo(self._root + name)
        if member.flag_bits & 0x1:
            raise UnreadableSource(f"{self.path} is protected by a password: unpack it and give the folder")
        if member.file_size > max(MAX_RATIO * member.compress_size, 2**20) or member.file_size > MAX_BYTES:
            raise UnreadableSource(
                f"{name} in {self.path} would unpack to {member.file_size} bytes, which no post file does: "
                "download the export again"
            )
        return self._archive.open(member)


class FolderFiles(ExportFiles):
    """An export that was unpacked."""

    def __init__(self, path: Path) -> None:
        self._root = path
        folders = [folder for folder in FOLDERS if (path / folder).is_dir()]
        names = (folder + entry.name for folder in folders for entry in (path / folder).iterdir())
        super().__init__(path, frozenset(names))

    def _open(self, name: str) -> IO[bytes]:
        real = self._root.resolve() / name
        if real.resolve() != real:
            raise UnreadableSource(f"{name} in {self.path} is a symbolic link, which no export has: remove it")
        if not stat.S_ISREG(real.stat().st_mode):
            raise UnreadableSource(f"{name} in {self.path} is no regular file: unpack the export again")
        return real.open("rb")


@contextmanager
def open_export(path: Path) -> Iterator[ExportFiles]:
    """Open an export, given as its zip or as its unpacked folder."""
    with ExitStack() as stack:
        try:
            if not path.exists():
                raise UnreadableSource(
                    f"there is no export at {path}: give the zip that X sent, or its unpacked folder"
                )
            if path.is_dir():
                files: ExportFiles = FolderFiles(path)
            else:
                files = ZipFiles(path, stack.enter_context(_zip(path)))
        except _DAMAGED as error:
            raise UnreadableSource(f"{path} cannot be opened ({_why(error)}): download the export again") from None
        yield files


def _zip(path: Path) -> zipfile.ZipFile:
    # A pipe would be waited for without end.
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise UnreadableSource(f"{path} is no whole zip file: download the export again")
    archive = zipfile.ZipFile(path)
    if len(archive.infolist()) > MAX_FILES:
        raise UnreadableSource(f"{path} holds more than {MAX_FILES} files: it is no X export")
    return archive


def _common_folder(names: list[str]) -> str:
    """The one folder that everything is in, as in a zip that was packed again; empty if there is none."""
    first = {name.partition("/")[0] for name in names if not name.startswith("__MACOSX/")}
    folder = f"{first.pop()}/" if len(first) == 1 else ""
    return folder if folder not in FOLDERS and folder.removesuffix("/") not in names else ""


def _end(pattern: re.Pattern[str], script: str, position: int) -> int:
    """Where what matches at a position ends; that position if nothing does."""
    found = pattern.match(script, position)
    return found.end() if found else position


def _why(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
