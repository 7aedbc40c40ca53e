"""Tweets first, then the person: what does a base model that was adapted to other people's posts bring?

    python benchmarks/pretraining.py --pool POOLED.jsonl [--pool ...] --account PERSON.jsonl [--account ...]
        [--pool-posts 150] [--posts 150] [--held-out 40] [--base packaged] [--way "full 5e-5"] [--json]

The newest posts of each pooled account are learned together, once for each way of learning (``--way``, or all), and
merged with the base by each share. Then each person, none of whose posts was pooled, is learned from the base and
from each of these models with the default options; the newest posts are held out, the same for all. Seconds are those
of the processor, with evaluations. ``--home`` keeps the converted base model.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.cleaning.table import clean_table
from hugtweets.config import CleanConfig, TrainConfig
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.models.tokens import tokenise
from hugtweets.sources.files.source import read_posts
from hugtweets.storage.home import Home
from hugtweets.timelines import timeline
from hugtweets.timelines.posts import to_table
from hugtweets.training.averaging import average
from hugtweets.training.trainer import finetune

# Way of learning: its training options, and the shares of the way from the base to what it learned.
WAYS: dict[str, tuple[TrainConfig, tuple[float, ...]]] = {
    "lora 2e-3": (TrainConfig(method="lora"), (1.0, 0.5)),
    "full 2e-4": (TrainConfig(method="full"), (1.0, 0.3)),
    "full 5e-5": (TrainConfig(method="full", lr=5e-5), (1.0,)),
}


@dataclass(frozen=True)
class Row:
    """One person, learned from one base; ``pool_seconds`` is what that base cost, once for everybody."""

    account: str
    base: str
    pool_seconds: float
    zero_shot: float
    tuned: float
    seconds: float


def newest(path: Path, number: int) -> list[str]:
    """The newest kept posts of a timeline file, from old to new."""
    table = clean_table(to_table(read_posts(path)), path.stem, CleanConfig())
    rows = table.filter(table["kept"]).select(["id", "text"]).to_pylist()
    return [row["text"] for row in sorted(rows, key=lambda row: timeline.id_order(row["id"]))][-number:]


def write_tokens(texts: Sequence[str], held_out: int, base: BaseModel, path: Path) -> Path:
    """A token file as the tokenise step writes it; the last texts are held out."""
    train = len(texts) - held_out
    columns = {
        "id": [str(number) for number in range(len(texts))],
        "split": ["train"] * train + ["validation"] * held_out,
        "text": list(texts),
        "kept": [True] * len(texts),
    }
    pq.write_table(tokenise(pa.table(columns), base, TrainConfig()), path)
    return path


@contextmanager
def bases(options: argparse.Namespace, base: BaseModel, home: Home) -> Iterator[Iterator[tuple[str, float, BaseModel]]]:
    """The base, then each model that learned the pool, with the processor seconds that it took."""
    with tempfile.TemporaryDirectory() as folder:
        texts = [text for path in options.pool for text in newest(path, options.pool_posts)]
        yield _bases(texts, options.way or list(WAYS), base, home, Path(folder))


def _bases(
    texts: Sequence[str], ways: Sequence[str], base: BaseModel, home: Home, folder: Path
) -> Iterator[tuple[str, float, BaseModel]]:
    yield "base", 0.0, base
    tokens = write_tokens(texts, 0, base, folder / "pool.parquet")
    for way in ways:
        config, shares = WAYS[way]
        started = time.process_time()
        finetune(base, tokens, folder / way, config)
        seconds = time.process_time() - started
        for share in shares:
            average(base, folder / way, share, folder / f"{way} {share:g}", config)
            yield f"{way}, share {share:g}", seconds, resolve_base_model(str(folder / f"{way} {share:g}"), home)


def measure(options: argparse.Namespace, home: Home) -> Iterator[Row]:
    """Every person from every base."""
    people = {path.stem: newest(path, options.posts + options.held_out) for path in options.account}
    packaged = resolve_base_model(options.base, home)
    with bases(options, packaged, home) as found, tempfile.TemporaryDirectory() as folder:
        for name, pool_seconds, base in found:
            for account, texts in people.items():
                tokens = write_tokens(texts, options.held_out, base, Path(folder) / "tokens.parquet")
                started = time.process_time()
                result = finetune(base, tokens, Path(folder) / "weights", TrainConfig())
                seconds = round(time.process_time() - started, 1)
                zero_shot, tuned = result.start_bits_per_byte or 0.0, result.bits_per_byte or 0.0
                yield Row(account, name, round(pool_seconds, 1), round(zero_shot, 4), round(tuned, 4), seconds)


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown; the change is that of the learned model against the one learned from the plain base."""
    plain = {row.account: row for row in rows if row.base == "base"}
    lines = ["| account | learned from | pool, CPU s | zero-shot | learned | change | CPU s |", "|" + " --- |" * 7]
    for row in rows:
        change = 100 * (row.tuned / plain[row.account].tuned - 1)
        numbers = (
            f"{row.pool_seconds:.0f} | {row.zero_shot:.3f} | {row.tuned:.3f} | {change:+.1f} % | {row.seconds:.0f}"
        )
        lines.append(f"| {row.account} | {row.base} | {numbers} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=Path, action="append", required=True, metavar="FILE.jsonl")
    parser.add_argument("--account", type=Path, action="append", required=True, metavar="FILE.jsonl")
    parser.add_argument("--pool-posts", type=int, default=150)
    parser.add_argument("--posts", type=int, default=150)
    parser.add_argument("--held-out", type=int, default=40)
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--way", action="append", choices=list(WAYS), help="learn the pool so only, not in every way")
    parser.add_argument("--home", type=Path, help="where the converted base model is kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = Home(options.home or Path(temporary))
        rows = []
        for row in measure(options, home):
            print(json.dumps(asdict(row)), file=sys.stderr, flush=True)
            rows.append(row)
        print(json.dumps([asdict(row) for row in rows]) if options.json else table(rows))


if __name__ == "__main__":
    main()
