"""Which format a file has: by the end of its name, or, where that is wrong, by how it begins."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.csv_rows import begins_as_table, read_csv
from hugtweets.sources.files.json_rows import read_json
from hugtweets.sources.files.parquet_rows import read_parquet
from hugtweets.sources.files.rows import Rows
from hugtweets.sources.files.text import COMPRESSED, Encoding, find_encoding, open_text

_JSON = (".jsonl", ".ndjson", ".json")
_CSV = (".csv", ".tsv")
_PARQUET = ".parquet"
_JSON_BEGINS = re.compile(r'\s*(?:\[\s*)?\{\s*"')
_BEGINNING = 2**12  # characters
_SPREADSHEET = "is a spreadsheet's own format: save it as CSV, with its ids as text"
_PAGE = "is a page or a feed and no table: save the data that it shows as JSON or CSV"
_ADVICE = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), _SPREADSHEET),
    **dict.fromkeys((".html", ".htm", ".mhtml", ".xml", ".rss", ".atom"), _PAGE),
    ".zip": "is a zip: unpack it and name a file in it, or, if X sent it to you, read it with --source archive:PATH",
    ".js": "is a script of an account export: read it with --source archive:PATH",
}


def open_rows(path: Path) -> tuple[Rows, Encoding | None]:
    """The rows of a file, and the encoding of its text if it is text.

    Raises:
        UnreadableSource: its name ends as that of no format that is read, or it is damaged.
    """
    name = path.with_suffix("") if path.suffix.lower() == COMPRESSED else path
    suffix = name.suffix.lower()
    if suffix == _PARQUET and name == path:
        return read_parquet(path), None
    if suffix not in (*_JSON, *_CSV):
        known = f"has no known format: give a file that ends in {', '.join((*_JSON, *_CSV))} or {_PARQUET}"
        raise UnreadableSource(f"{path} {_ADVICE.get(suffix, known)}")
    encoding = find_encoding(path)
    is_named_json = suffix in _JSON
    is_json = _is_json(path, encoding, is_named_json)
    rows = (read_json if is_json else read_csv)(path, encoding)
    if is_json != is_named_json:
        note = f"{path} was read as {rows.kind}, whatever its name ends in, since it begins so"
        rows = replace(rows, notes=(note, *rows.notes))
    return rows, encoding


def _is_json(path: Path, encoding: Encoding, is_named_json: bool) -> bool:
    """Whether a text is JSON; what begins neither as that nor as a table is what its name says."""
    with open_text(path, encoding) as file:
        beginning = file.read(_BEGINNING).lstrip("\ufeff")
    if _JSON_BEGINS.match(beginning):
        return True
    return is_named_json and not begins_as_table(beginning)
