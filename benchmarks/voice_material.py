"""The posts of a timeline file, split as accounts are, for benchmarks that train on them."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Material:
    """The posts of one account from old to new, and the base model to start from.

    ``validation`` is what a training stops by, and ``test`` what is reported; neither nearly repeats a training post.
    """

    account: str
    train: Sequence[str]
    validation: Sequence[str]
    test: Sequence[str]
    base: Any
    folder: Path

    @property
    def tokens(self) -> Path:
        """A token file as the tokenise step writes it."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        from hugtweets.cleaning.splits import SPLITS
        from hugtweets.config import TrainConfig
        from hugtweets.models.tokens import tokenise

        parts = (self.train, self.validation, self.test)
        texts = [text for part in parts for text in part]
        splits = [split for split, part in zip(SPLITS, parts, strict=True) for _ in part]
        ids = [str(number) for number in range(len(texts))]
        table = pa.table({"id": ids, "split": splits, "text": texts, "kept": [True] * len(texts)})
        path = self.folder / "tokens.parquet"
        pq.write_table(tokenise(table, self.base, TrainConfig()), path)
        return path


@contextlib.contextmanager
def material(
    account: Path, posts: int, held_out: int, base: str, home: Path, test: int = 0, shuffled: bool = False
) -> Iterator[Material]:
    """The newest kept posts of a timeline file.

    The ``test`` newest are test posts, the ``held_out`` before them validation posts, and ``posts`` are trained on. If
    they are ``shuffled``, chance says which are which, so that all three are of the same months.
    """
    from hugtweets.models.registry import resolve_base_model
    from hugtweets.storage.home import Home

    texts = kept_posts(account)[-posts - held_out - test :]
    if shuffled:
        random.Random(0).shuffle(texts)
    end = len(texts) - test
    train, validation, newest = texts[: end - held_out], texts[end - held_out : end], texts[end:]
    with tempfile.TemporaryDirectory() as folder:
        found = resolve_base_model(base, Home(home))
        validation, newest = _unlike(validation, train), _unlike(newest, train)
        yield Material(account.stem, train, validation, newest, found, Path(folder))


def kept_posts(account: Path) -> list[str]:
    """All kept posts from old to new."""
    from hugtweets.cleaning.table import clean_table
    from hugtweets.config import CleanConfig
    from hugtweets.sources.files.source import read_posts
    from hugtweets.timelines.posts import to_table

    # Nothing is held out here: how much is held out is the benchmark's to say.
    rules = CleanConfig(held_out_share=0.0, validation_share=0.0)
    table = clean_table(to_table(read_posts(account)), account.stem, rules)
    return list(table.filter(table["kept"])["text"].to_pylist())


def _unlike(texts: Sequence[str], learned: Sequence[str]) -> list[str]:
    """Those that do not nearly repeat a training post."""
    import pyarrow as pa

    from hugtweets.cleaning.duplicates import repeats_one_of

    found = repeats_one_of(pa.array(texts, pa.string()), pa.array(learned, pa.string())).to_pylist()
    return [text for text, repeats in zip(texts, found, strict=True) if not repeats]
