"""Safe reading of an account export: a zip, its unpacked folder, or one file of it, none of which is trusted.

Nothing is ever unpacked to disk. Only files of the names in :mod:`.names` are opened, so that what else an export holds
(direct messages, contacts, addresses, posts for a circle) stays closed. A zip bomb is refused by its declared sizes,
and by its true ones where the declared ones are false.
"""

from __future__ import annotations

import codecs
import os
import stat
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, TypeVar

from hugtweets.errors import UnreadableSource
from hugtweets.sources.archive import scripts
from hugtweets.sources.archive.names import find_exports, name_by_beginning, whole_exports

# A post takes about 2 kB of an export and packs to a tenth of that; deflate cannot go beyond a thousandth.
MAX_BYTES = 2**30
MAX_RATIO = 200
MAX_FILES = 1_000_000  # pictures and films are a file each
PIECE = 2**20  # bytes
READABLE_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ENCRYPTED = 0x1
INNER_FOLDERS = ("data", "js", "tweets")
_TABLES = (".json", ".jsonl", ".csv", ".tsv", ".parquet")
WHAT_TO_GIVE = "give the zip that X sent, or its unpacked folder"

_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, EOFError, ValueError, OSError)

Member = TypeVar("Member")


class ExportFiles(ABC):
    """The files of an export by the names of :mod:`.names`, such as ``tweets.js``.

    Whatever is wrong with them is an ``UnreadableSource`` that says what to do.
    """

    def __init__(self, path: Path, names: Collection[str]) -> None:
        self.path = path
        self.names = frozenset(names)
        self._read_so_far = 0

    def read(self, name: str) -> str:
        """The text of a file."""
        return "".join(self._pieces(name))

    def items(self, name: str) -> Iterator[object]:
        """The entries of the list that a script assigns, one at a time."""
        try:
            with closing(self._pieces(name)) as pieces:
                yield from scripts.items(pieces)
        except ValueError:
            raise self.damaged(name) from None

    def value(self, name: str) -> object:
        """What a small script assigns."""
        try:
            return scripts.value(self.read(name))
        except ValueError:
            raise self.damaged(name) from None

    def damaged(self, name: str) -> UnreadableSource:
        """The error of a file that does not end where it should."""
        return UnreadableSource(f"{name} in {self.path} breaks off or is damaged: download the export again")

    def _pieces(self, name: str) -> Generator[str, None, None]:
        """The text of a file, if it is a regular one, whole, UTF-8, and not too large."""
        if name not in self.names:
            raise UnreadableSource(f"{self.path} is incomplete ({name} is missing): download the export again")
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        try:
            with self._open(name) as file:
                while content := file.read(PIECE):
                    self._read_so_far += len(content)
                    if self._read_so_far > MAX_BYTES:
                        raise UnreadableSource(
                            f"{self.path} holds more than {MAX_BYTES // 2**20} MiB of posts, which no X export does: "
                            f"{WHAT_TO_GIVE}"
                        )
                    yield decoder.decode(content)
                yield decoder.decode(b"", final=True)
        except PermissionError as error:
            raise _forbidden(self.path, error) from None
        except _DAMAGED as error:
            raise UnreadableSource(
                f"{name} in {self.path} is damaged ({_why(error)}): download the export again"
            ) from None

    @abstractmethod
    def _open(self, name: str) -> IO[bytes]: ...


class ZipFiles(ExportFiles):
    """An export as it was downloaded, or packed again by whatever program."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        exports = find_exports((member.filename, member) for member in archive.infolist())
        self._members = _the_one(path, exports)
        inner = next((name for name in archive.namelist() if name.lower().endswith(".zip")), None)
        if inner and not self._members:
            raise UnreadableSource(f"{path} holds another zip, {ascii(inner)[:100]}: unpack it, and give that one")
        super().__init__(path, self._members)

    def _open(self, name: str) -> IO[bytes]:
        member, *others = self._members[name]
        if others:
            raise UnreadableSource(f"{self.path} holds {name} more than once, which no X export does: {WHAT_TO_GIVE}")
        if member.flag_bits & ENCRYPTED:
            raise UnreadableSource(f"{self.path} is protected by a password: unpack it and give the folder")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UnreadableSource(f"{name} in {self.path} is a symbolic link, which no X export has: {WHAT_TO_GIVE}")
        if member.compress_type not in READABLE_METHODS:
            raise UnreadableSource(
                f"{self.path} is packed by a method that Python cannot read ({member.compress_type}): unpack it and "
                "give the folder"
            )
        if member.file_size > max(MAX_RATIO * member.compress_size, 2**20) or member.file_size > MAX_BYTES:
            raise UnreadableSource(
                f"{name} in {self.path} would unpack to {member.file_size} bytes, which no post file does: "
                f"{WHAT_TO_GIVE}"
            )
        return self._archive.open(member)


class FolderFiles(ExportFiles):
    """An export that was unpacked: its folder, the ``data`` in it, or a folder around it."""

    def __init__(self, path: Path) -> None:
        self._members = _the_one(path, find_exports(_walk(path)))
        inner = None if self._members else next(path.glob("*.[zZ][iI][pP]"), None)
        if inner:
            raise UnreadableSource(f"{path} holds a zip, {ascii(inner.name)[:100]}: give that one")
        super().__init__(path, self._members)

    def _open(self, name: str) -> IO[bytes]:
        real = self.path.resolve() / self._members[name][0]
        if real.resolve() != real:
            raise UnreadableSource(f"{name} in {self.path} is a symbolic link, which no export has: remove it")
        return _open_regular(self.path, name, real)


class OneFile(ExportFiles):
    """A single file of an export, whose first characters tell which one it is."""

    def __init__(self, path: Path) -> None:
        with _open_regular(path, path.name, path) as file:
            beginning = file.read(200).decode("utf-8-sig", "replace")
        if not beginning:
            raise UnreadableSource(f"{path} is empty: download the export again")
        name = name_by_beginning(beginning)
        if name is None:
            is_table = path.suffix in _TABLES or beginning.lstrip().startswith(("[", "{"))
            other = ", or read a file of posts with --source file:PATH" if is_table else ""
            raise UnreadableSource(
                f"{path} is no zip, and no file of an export that holds posts: {WHAT_TO_GIVE}{other}"
            )
        super().__init__(path, {name})

    def _open(self, name: str) -> IO[bytes]:
        return _open_regular(self.path, name, self.path)


@contextmanager
def open_export(path: Path) -> Iterator[ExportFiles]:
    """Open an export, given as its zip, as its unpacked folder, or as the one file with the posts."""
    with ExitStack() as stack:
        try:
            if not path.exists():
                raise UnreadableSource(f"there is no export at {path}: {WHAT_TO_GIVE}")
            if path.is_dir():
                files: ExportFiles = FolderFiles(path)
            elif _is_zip(path):
                files = ZipFiles(path, stack.enter_context(_zip(path)))
            else:
                files = OneFile(path)
        except PermissionError as error:
            raise _forbidden(path, error) from None
        except _DAMAGED as error:
            raise UnreadableSource(f"{path} cannot be opened ({_why(error)}): {WHAT_TO_GIVE}") from None
        yield files


def _is_zip(path: Path) -> bool:
    """Whether it is one, or was before it broke off."""
    with _open_regular(path, path.name, path) as file:
        return file.read(2) == b"PK" or zipfile.is_zipfile(file)


def _zip(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise UnreadableSource(f"{path} is no whole zip file ({_why(error)}): download the export again") from None
    if len(archive.infolist()) > MAX_FILES:
        raise UnreadableSource(f"{path} holds more than {MAX_FILES} files, which no X export does: {WHAT_TO_GIVE}")
    return archive


def _walk(folder: Path, inside: str = "") -> Iterator[tuple[str, str]]:
    """The files of a folder and of one below it, as far down as the layouts go, each by its path twice."""
    with os.scandir(folder / inside) as entries:
        for entry in entries:
            path = f"{inside}{entry.name}"
            if entry.is_dir():
                if (entry.name in INNER_FOLDERS and path.count("/") <= len(INNER_FOLDERS)) or not inside:
                    yield from _walk(folder, f"{path}/")
            else:
                yield path, path


def _the_one(path: Path, exports: Mapping[str, Mapping[str, list[Member]]]) -> Mapping[str, list[Member]]:
    """The files of the only export that is there; empty if there is none."""
    folders = whole_exports(exports)
    if len(folders) > 1:
        names = ", ".join(ascii(folder or ".") for folder in sorted(folders)[:3])
        raise UnreadableSource(f"{path} holds {len(folders)} exports ({names}): give one of them")
    return exports[folders[0]] if folders else {}


def _open_regular(path: Path, name: str, real: Path) -> IO[bytes]:
    # A pipe would be waited for without end.
    if not stat.S_ISREG(real.stat().st_mode):
        raise UnreadableSource(f"{name} in {path} is no regular file: {WHAT_TO_GIVE}")
    return real.open("rb")


def _forbidden(path: Path, error: PermissionError) -> UnreadableSource:
    return UnreadableSource(f"{path} cannot be read ({error.strerror}): allow it, or copy the export elsewhere")


def _why(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
