"""The text of a file: its encoding, whether it is compressed, and its lines, none of which may fill the memory."""

from __future__ import annotations

import codecs
import gzip
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from charset_normalizer import CharsetMatches, from_bytes

from hugtweets.errors import UnreadableSource

MAX_BYTES = 2**30  # the busiest accounts have a million posts, of less than a kilobyte each
MAX_LINE = 2**24  # characters; the largest pages of the X API, with the people and posts they mention, have a third
COMPRESSED = ".gz"
BLOCK = 2**20
# How files begin that are none of posts, whatever their names end in, and what to do with them.
_OTHER_FORMATS = {
    rb"PK\x03\x04": "is a zip or a spreadsheet's own format: save it as CSV, or unpack it",
    rb"\x1f\x8b": "is compressed: let its name end in .gz as well",
    rb"PAR1": "is Parquet: let its name end in .parquet",
    rb"\xd0\xcf\x11\xe0": "is an old spreadsheet: save it as CSV",
    rb"\s*<(?i:!doctype|html|\?xml|table|body|div|rss)": "is a web page and no table: save the data that it shows",
    rb"%PDF-": "is a PDF: save the data that it shows as CSV",
    rb"SQLite format 3": "is a database: export its table of posts as CSV",
    rb"\s*window\.YTD\.": "is a script of an account export: read it with --source archive:PATH",
}
_JUDGED = 2**16  # bytes with letters beyond ASCII are enough to know an encoding by

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16 does
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What spreadsheets write where they do not write Unicode; of several that fit as well, the first is the likeliest.
_LEGACY = ["cp1252", "cp932", "cp949", "gb18030", "big5", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256"]
_LEGACY += ["cp1257", "mac_roman"]
_SURROGATE_BYTES = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
# What is judged of a file that is not UTF-8: ids and times only make every encoding look alike.
_WORDS = re.compile(rb"[\x40-\xff]*[\x80-\xff][\x40-\xff]*")
# What the error handler `surrogateescape` makes of bytes that are none in an encoding.
UNDECODED = re.compile("[\udc80-\udcff]")


# An error handler of codecs: bytes that are no UTF-8 are letters of Windows, and those that it lacks as above.
_ELSE_WINDOWS = "else_windows"
# Quotation marks and dashes of UTF-8 that were taken for letters of Windows, as a Mac saves them.
_GARBLED_MARKS = "â€".encode("mac_roman")
_GARBLED_SHARE = 0.1  # of words that are no ASCII
_MOSTLY = 0.5  # of the letters beyond ASCII, then a few wrong ones are damage
_UTF8_SHARE = 0.2  # of the letters beyond ASCII in a file of two encodings; in one of another they are a rare chance


@dataclass(frozen=True)
class Encoding:
    """How bytes are characters; ``is_guessed`` if nothing in the file says so, ``is_doubtful`` if nothing fits well.

    ``errors`` is the codec's handler.
    """

    name: str
    errors: str = "surrogateescape"
    is_guessed: bool = False
    is_doubtful: bool = False

    @property
    def flaw(self) -> str:
        """What is wrong with a row that it does not explain."""
        return f"is not {'UTF-8' if self.name.startswith('utf-8') else self.name}"

    @property
    def is_mixed(self) -> bool:
        """Whether a part of the file is read in another one."""
        return self.errors == _ELSE_WINDOWS


def find_encoding(path: Path) -> Encoding:
    """The encoding of a text file: what its byte order mark says, else UTF-8, else the likeliest one.

    Bytes that are none in it cost the rows that hold them, not the file. A file may have two encodings, as programs
    append to what others have written, or letters that were damaged before, so that no encoding explains them.

    Raises:
        UnreadableSource: it is of another format, no encoding fits, or the file is too large once unpacked.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, start, beyond = True, b"", b""
    with _open_bytes(path) as file:
        for number, block in enumerate(_bounded_blocks(file, path)):
            start = start if number else block[:4096]
            if len(beyond) < _JUDGED and not block.isascii():
                beyond += b"".join(line for line in block.splitlines(True) if not line.isascii())[:_JUDGED]
            try:
                is_utf8 and decoder.decode(block)
            except UnicodeDecodeError:
                is_utf8 = False
    _refuse_other_formats(start, path)
    for mark, name in _BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return Encoding(name, "surrogateescape" if name == "utf-8-sig" else "surrogatepass")
    if wide := _utf16_without_mark(start):
        return Encoding(wide, "surrogatepass", is_guessed=True)
    if is_utf8 or _utf8_share(beyond) >= _MOSTLY:
        return Encoding("utf-8", "surrogateescape")
    return _legacy(beyond, path)


def _refuse_other_formats(start: bytes, path: Path) -> None:
    for beginning, advice in _OTHER_FORMATS.items():
        if re.match(beginning, start.removeprefix(codecs.BOM_UTF8)):
            raise UnreadableSource(f"{path} {advice}")


def _utf16_without_mark(start: bytes) -> str | None:
    """UTF-16, if every other byte is mostly zero, as it is in the names of columns."""
    low, high = start[0::2].count(0), start[1::2].count(0)
    half = len(start) // 2
    if half < 8 or max(low, high) < half * 0.8 or min(low, high) > half * 0.2:
        return None
    return "utf-16-be" if low > high else "utf-16-le"


def _utf8_share(beyond: bytes) -> float:
    """How many of the letters beyond ASCII are right as UTF-8, or are emoji that were written as two halves."""
    text = _SURROGATE_BYTES.sub(b"", beyond).decode("utf-8", "surrogateescape")
    letters = sum(not character.isascii() for character in text)
    return 1 - len(UNDECODED.findall(text)) / letters if letters else 1


def _legacy(beyond: bytes, path: Path) -> Encoding:
    found = _WORDS.findall(beyond)
    words = b" ".join(found)
    if words.count(_GARBLED_MARKS) > _GARBLED_SHARE * len(found):
        return Encoding("mac_roman", is_guessed=True)
    if fitting := _likeliest(from_bytes(words, cp_isolation=_LEGACY)):
        return Encoding(fitting, is_guessed=True)
    if _utf8_share(beyond) > _UTF8_SHARE:
        return Encoding("utf-8", _ELSE_WINDOWS, is_guessed=True)
    if best := _likeliest(from_bytes(words, cp_isolation=_LEGACY, threshold=1)):
        return Encoding(best, is_guessed=True, is_doubtful=True)
    raise UnreadableSource(f"{path} is not UTF-8: save it in that encoding")


def _likeliest(matches: CharsetMatches) -> str | None:
    best = matches.best()
    if best is None:
        return None
    alike = [match for match in matches if (match.chaos, -match.coherence) <= (best.chaos, -best.coherence)]
    names = {name for match in alike for name in (match.encoding, *match.could_be_from_charset)}
    return next((name for name in _LEGACY if name in names), best.encoding)


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "surrogateescape"), error.end


codecs.register_error(_ELSE_WINDOWS, _as_windows)


@contextmanager
def open_text(path: Path, encoding: Encoding) -> Iterator[TextIO]:
    """The characters of a file, its line ends as they are."""
    with (
        _open_bytes(path) as file,
        io.TextIOWrapper(file, encoding.name, errors=encoding.errors, newline="") as text,
    ):
        yield text


def bounded_lines(file: TextIO, path: Path) -> Iterator[str]:
    """The lines of a file; one that would fill the memory is refused."""
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise UnreadableSource(f"{path} has a line of over {MAX_LINE} characters: write one post a line")
        yield line


def _open_bytes(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix.lower() == COMPRESSED else path.open("rb")


def _bounded_blocks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    size = 0
    while block := file.read(BLOCK):
        size += len(block)
        if size > MAX_BYTES:
            raise UnreadableSource(f"{path} unpacks to more than {MAX_BYTES // 2**20} MiB: split it")
        yield block
