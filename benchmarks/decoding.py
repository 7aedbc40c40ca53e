"""Which way of sampling writes most like the author? One model an account, trained once, and every arm samples from it.

    OMP_NUM_THREADS=1 python benchmarks/decoding.py --account timeline.jsonl [--account ...] [--reader FILE.gguf]
        [--arms default,pure] [--seeds 0 1] [--posts 80] [--keep FOLDER] [--home HOME] [--trained] [--json]

The newest cleaned posts of a timeline are dealt out at random, so that all parts are of the same months: 400 to train
on, 80 for validation, which the fitted arms fit, and 100 to compare with. ``--keep`` holds the models and all posts
that were sampled, so that a run that was broken off, or is asked for more arms, goes on from there.

Columns: *detector*, how often a classifier on n-grams tells them from the author's (0.5 is never), and *trained*, how
often the reader does once it is trained to (with ``--trained``: minutes an arm; of the first seed's posts); *bits per
byte under the reader*, an untuned base model, of the posts and in the first row of the author's; *spread*, the standard
deviation over posts of that; *distinct-2*, of as many words; *copied*, the share of posts that were a copy and sampled
again; characters a post; and processor seconds a post. Detector and reader are means over seeds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from decoders import ARMS, Arm
from first_token import newest_posts

from hugtweets.config import SampleConfig, TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.evaluation.detector import LEAST, MOST, detect
from hugtweets.evaluation.writing import distinct_n, equal_amounts
from hugtweets.generation.choice import spread_as
from hugtweets.generation.sampler import GenerationRequest, generate
from hugtweets.models.cache import load_adapters, load_tuned
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home

TRAIN, VALIDATION, TEST = 400, 80, 100
CPU = TrainConfig(device="cpu")
# Arms that choose among the default's posts, by the base model itself or by the reader that judges as well.
BEST_BY = "best-by-"
BEST = (f"{BEST_BY}base", f"{BEST_BY}reader")
# What trained detectors said, each of which takes minutes.
TRAINED = "trained.json"


@dataclass(frozen=True)
class Written:
    """What one arm wrote with one seed; ``chosen_from`` counts the posts that it chose these from."""

    texts: list[str]
    replaced: int
    seconds: float
    settings: str
    chosen_from: int = 0


@dataclass(frozen=True)
class Row:
    """One arm on one account, over all seeds."""

    account: str
    arm: str
    settings: str
    detector: float
    trained: float | None
    reader: float
    spread: float
    distinct_2: float
    copied: float
    characters: float
    seconds: float


class Account:
    """The posts of one account dealt out, and its model."""

    def __init__(self, timeline: Path, base: BaseModel, keep: Path) -> None:
        self.name, self.base, self.folder = timeline.stem, base, keep / timeline.stem
        self.folder.mkdir(parents=True, exist_ok=True)
        texts = self._dealt(timeline)
        self.test, self.validation = texts[:TEST], texts[TEST : TEST + VALIDATION]
        self.train = texts[TEST + VALIDATION :]

    def _dealt(self, timeline: Path) -> list[str]:
        """The posts as they were dealt out when the model was trained, whatever cleaning does today."""
        path = self.folder / "posts.json"
        if not path.is_file():
            texts = newest_posts(timeline, TRAIN + VALIDATION + TEST)
            random.Random(0).shuffle(texts)
            write_text(path, json.dumps(texts, ensure_ascii=False))
        return list(json.loads(path.read_text(encoding="utf-8")))

    @cached_property
    def weights(self) -> Path:
        """What was trained, once."""
        folder = self.folder / "weights"
        if not (folder / "adapter_config.json").is_file():
            from hugtweets.training.trainer import finetune

            result = finetune(self.base, self._tokens(), folder, CPU)
            print(f"{self.name}: {result.start_bits_per_byte} → {result.bits_per_byte}, {result.seconds} s", flush=True)
        return folder

    def written(self, arm: Arm, seed: int, number: int, weights: Path | None = None) -> Written:
        """What an arm writes, from the folder if it was written before; with other weights than those trained."""
        path = self.folder / f"{arm.name}-{number}-{seed}.json"
        if not path.is_file():
            written = self._write(arm, seed, number, weights or self.weights)
            write_text(path, json.dumps(asdict(written), ensure_ascii=False, indent=1))
        return Written(**json.loads(path.read_text(encoding="utf-8")))

    def _write(self, arm: Arm, seed: int, number: int, weights: Path) -> Written:
        model, tokenizer, names = load_adapters(self.base, [weights], choose_device(CPU))
        model.set_adapter(names[0], inference_mode=True)
        documents = list(map(tokenizer.encode, self.validation))
        decoder, options, settings = arm.prepare(model, tokenizer, names[0], documents)
        started = time.process_time()
        request = GenerationRequest([""], number, self.train, seed)
        config = SampleConfig(batch_size=number, **options)
        samples = generate(decoder, tokenizer, [request], config)[0]
        seconds = (time.process_time() - started) / number
        return Written([each.text for each in samples], sum(each.replaced for each in samples), seconds, settings)

    def _tokens(self) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from hugtweets.models.tokens import tokenise

        texts = [*self.train, *self.validation]
        splits = ["train"] * len(self.train) + ["validation"] * len(self.validation)
        ids = [str(number) for number in range(len(texts))]
        table = pa.table({"id": ids, "split": splits, "text": texts, "kept": [True] * len(texts)})
        path = self.folder / "tokens.parquet"
        pq.write_table(tokenise(table, self.base, CPU), path)
        return path


class Reader:
    """A base model that reads posts; what it said is kept in a file."""

    def __init__(self, base: BaseModel, keep: Path) -> None:
        self.base, self._path = base, keep / f"read-by-{base.name}.json"
        self._known: dict[str, float] = json.loads(self._path.read_text()) if self._path.is_file() else {}

    def bits(self, texts: Sequence[str]) -> list[float]:
        """Bits per byte of each post."""
        fresh = list(dict.fromkeys(text for text in texts if text not in self._known))
        if fresh:
            model, tokenizer = load_tuned(self.base, None, choose_device(CPU))
            nats = post_nats(model, list(map(tokenizer.encode, fresh)), tokenizer.ends)
            sizes = [len(text.encode()) for text in fresh]
            self._known |= {
                text: bits_per_byte([nat], [size]) for text, nat, size in zip(fresh, nats, sizes, strict=True)
            }
            write_text(self._path, json.dumps(self._known))
        return [self._known[text] for text in texts]

    def bits_per_byte(self, texts: Sequence[str]) -> float:
        """Of all of them together."""
        sizes = [len(text.encode()) for text in texts]
        return sum(bits * size for bits, size in zip(self.bits(texts), sizes, strict=True)) / sum(sizes)


def best_of(account: Account, reader: Reader, seeds: Sequence[int], number: int) -> Written:
    """Of the default's posts with all seeds those that a reader finds as likely as the validation posts."""
    pools = [account.written(ARMS["default"], seed, number) for seed in seeds]
    texts = [text for pool in pools for text in pool.texts]
    chosen = spread_as(reader.bits(account.validation), reader.bits(texts), number)
    return Written(
        [texts[place] for place in chosen],
        sum(pool.replaced for pool in pools),
        sum(pool.seconds for pool in pools),
        f"{number} of {len(texts)}, by {reader.base.name}",
        len(texts),
    )


def told_apart(real: Sequence[str], written: Sequence[str]) -> float:
    """Share of posts that the detector judges rightly; not a number for too few."""
    found = detect(real, written)
    return found.accuracy if found else float("nan")


def told_apart_by(reader: Reader, real: Sequence[str], written: Sequence[str], kept: Path) -> float | None:
    """The same of a detector that the reader is trained to be, in bfloat16 if the processor multiplies it.

    As :func:`hugtweets.training.detector.detect_by_model`, but what each fold came to is kept in a file.
    """
    from hugtweets.training.detector import FOLDS, right_in_fold

    number = min(len(real), len(written), MOST)
    if number < LEAST:
        return None
    texts = [*real[:number], *written[:number]]
    key = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
    known: dict[str, list[int]] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    right = known.setdefault(key, [])
    while len(right) < FOLDS:
        choice = choose_device(CPU)
        choice = replace(choice, dtype="bfloat16") if choice.autocast else choice
        model, tokenizer = load_tuned(reader.base, None, choice)
        start, end = tokenizer.ends
        right.append(right_in_fold(model, [[start, *tokenizer.encode(text), end] for text in texts], len(right)))
        write_text(kept, json.dumps(known))
    return round(sum(right) / len(texts), 3)


def row(account: Account, arm: str, written: Sequence[Written], reader: Reader, trained: bool) -> Row:
    """The figures of one arm."""
    detected = [told_apart(account.test, each.texts) for each in written]
    bits = [reader.bits_per_byte(each.texts) for each in written]
    posts = [text for each in written for text in each.texts]
    sampled = sum(each.chosen_from or len(each.texts) for each in written)
    return Row(
        account=account.name,
        arm=arm,
        settings=written[0].settings,
        detector=round(statistics.mean(detected), 3),
        trained=told_apart_by(reader, account.test, written[0].texts, account.folder / TRAINED) if trained else None,
        reader=round(statistics.mean(bits), 3),
        spread=round(statistics.stdev(reader.bits(posts)), 3),
        distinct_2=round(
            statistics.mean(distinct_n(equal_amounts(each.texts, account.test)[0], 2) for each in written), 3
        ),
        copied=round(sum(each.replaced for each in written) / sampled, 3),
        characters=round(sum(map(len, posts)) / len(posts), 1),
        seconds=round(statistics.mean(each.seconds for each in written), 2),
    )


def measure(account: Account, options: argparse.Namespace, readers: Mapping[str, Reader]) -> list[Row]:
    """Every arm on one account, the author's own posts first."""
    judge = readers["reader"]
    own = Written(account.test, 0, 0.0, "")
    rows = [row(account, "the author", [own], judge, trained=False)]
    # Told from other posts of the author's own, as a detector that nothing deceives would be.
    number = min(options.posts, VALIDATION)
    ceiling = told_apart(account.test, account.validation[:number])
    rows[0] = Row(**asdict(rows[0]) | {"detector": round(ceiling, 3)})
    for name in options.arms:
        if name in BEST:
            chooser = readers[name.removeprefix(BEST_BY)]
            written = [best_of(account, chooser, options.seeds, options.posts)]
        else:
            written = [account.written(ARMS[name], seed, options.posts) for seed in options.seeds]
        rows.append(row(account, name, written, judge, options.trained))
    return rows


def table(rows: Sequence[Any]) -> str:
    """The rows as Markdown."""
    head = list(asdict(rows[0]))
    lines = ["| " + " | ".join(head) + " |", "| --- | --- | --- |" + " ---: |" * (len(head) - 3)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, asdict(each).values())) + " |" for each in rows)])


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", type=Path, action="append", required=True, metavar="FILE.jsonl")
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--reader", default="packaged", help="the base model that judges, as train.base_model takes it")
    every = [*ARMS, *BEST]
    parser.add_argument("--arms", type=lambda text: text.split(","), default=every, help=", ".join(every))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--posts", type=int, default=80)
    parser.add_argument("--keep", type=Path, help="where models and posts are kept")
    parser.add_argument("--home", type=Path, default=Path.home() / ".hugtweets", help="where converted models are kept")
    parser.add_argument("--trained", action="store_true", help="train the reader as a detector of each arm")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        keep, home = options.keep or Path(temporary), Home(options.home)
        base = resolve_base_model(options.base, home)
        for timeline in options.account:
            account = Account(timeline, base, keep)
            readers = {
                name: Reader(found, account.folder)
                for name, found in (("base", base), ("reader", resolve_base_model(options.reader, home)))
            }
            rows = measure(account, options, readers)
            print(json.dumps([asdict(each) for each in rows]) if options.json else table(rows), flush=True)


if __name__ == "__main__":
    main()
