r"""Texts that a program wrote as Python prints bytes: ``b'caf\xc3\xa9'`` for ``café``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from hugtweets.sources.files.post_row import Fields

# What `repr` gives, and nothing else.
_ESCAPE = r"""\\(?:[\\'nrt]|x[0-9a-f]{2})"""
_PRINTED = re.compile(rf"""b(?:'(?:[ -&(-\[\]-~]|{_ESCAPE})*'|"(?:[ !#-\[\]-~]|{_ESCAPE})*")""")
_SHARE = 0.1  # of the texts of a file; nobody writes every tenth post so
_COLUMNS = ("text", "author", "name")


def are_printed(rows: Iterable[Fields]) -> bool:
    """Whether so many texts are bytes in print that a program must have written them."""
    texts = [text for fields in rows if isinstance(text := fields.get("text"), str)]
    return sum(map(_is_printed, texts)) > _SHARE * len(texts)


def decoded(fields: Fields) -> Fields:
    """The fields with what was printed as the letters that it stands for; what is no UTF-8 stays as it is."""
    return fields | {name: _decoded(fields[name]) for name in _COLUMNS if _is_printed(fields.get(name))}


def _is_printed(value: object) -> bool:
    return isinstance(value, str) and value.startswith("b") and _PRINTED.fullmatch(value) is not None


def _decoded(printed: str) -> str:
    content = ast.literal_eval(printed)
    try:
        return content.decode() if isinstance(content, bytes) else printed
    except UnicodeDecodeError:
        return printed
