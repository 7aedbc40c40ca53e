"""Corpus files: texts of any number of authors."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugtweets.config import CleanConfig
from hugtweets.errors import UnreadableSource
from hugtweets.sources.corpora import read_corpus


@pytest.mark.parametrize(("name", "content"), [("corpus.txt", "\n"), ("corpus.json", "[]")])
def test_a_corpus_without_texts_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableSource, match=rf"{name} holds no posts: give another file"):
        read_corpus(tmp_path / name, CleanConfig())
