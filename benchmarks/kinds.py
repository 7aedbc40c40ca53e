"""Do posts learned behind their kind or a few of their key words, or by age, cost anything where neither is asked for?

    OMP_NUM_THREADS=1 python benchmarks/kinds.py --account timeline.jsonl [--account ...] [--posts 300] [--held-out 80]
        [--only default,kinds] [--seeds 1] [--write 8] [--home HOME] [--json]

- ``kinds``: each post stands behind ``post:``, ``reply:`` or ``quote:`` half of the time; the kind is not predicted.
- ``about``: behind ``about WORD WORD:``, up to three of its rarest words, half of the time.
- ``recent-2``, ``recent-8``: the loss of the newest training post counts so many times that of the oldest.

Each is a training of its own, otherwise the default's. Bits per byte of the newest posts, held out: behind nothing, as
the product asks for them, and behind their own kind or key words. ``--write`` prints posts that were asked for.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from datasets import Dataset  # type: ignore[import-untyped]
from torch.nn.functional import cross_entropy
from tried import Lesson, Skipping, Try
from tries import train
from voice_material import Material

from hugtweets.config import SampleConfig, TrainConfig, load_config
from hugtweets.devices.selection import choose_device
from hugtweets.evaluation.bits_per_byte import bits_per_byte
from hugtweets.evaluation.words import words_of
from hugtweets.generation.decoding import continue_rows
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.models.tokens import TextTokenizer
from hugtweets.steps.clean import CLEAN, clean
from hugtweets.steps.fetch import TIMELINE, fetch
from hugtweets.storage.home import Home
from hugtweets.training.collators import IGNORED, PackedPosts

KEY_WORDS = 3


@dataclass(frozen=True)
class Labelled:
    """A cleaned post and its kind."""

    text: str
    kind: str


@dataclass(frozen=True)
class Row:
    """One variant on one account: bits per byte of the held-out posts for each seed."""

    account: str
    variant: str
    plain: list[float]
    asked_for: list[float]


def labelled_posts(timeline: Path, number: int) -> list[Labelled]:
    """The newest kept posts with what the timeline knows of their kind."""
    with tempfile.TemporaryDirectory() as folder:
        home, config = Home(Path(folder)), load_config(None, ["tracking.mode=disabled"])
        request = AccountRequest(handle=timeline.stem, source=f"file:{timeline}", config=config)
        job = Job(home, request, "benchmark")
        raw = fetch(job).reference
        table = pq.read_table(clean(job, raw).file(CLEAN), filters=[("kept", "=", True)]).sort_by("created_at")
        known = pq.read_table(raw.file(TIMELINE), columns=["id", "is_reply", "is_quote"]).to_pylist()
    kinds = {row["id"]: "reply" if row["is_reply"] else "quote" if row["is_quote"] else "post" for row in known}
    rows = table.select(["id", "text"]).to_pylist()
    return [Labelled(row["text"], kinds[row["id"]]) for row in rows[-number:]]


class KeyWords:
    """The words that say most of what a post is about: long ones that few of the training posts have."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._posts = collections.Counter(word for text in texts for word in set(words_of(text)))

    def of(self, text: str) -> list[str]:
        """Up to three, in the order of the text."""
        words = [word for word in dict.fromkeys(words_of(text)) if len(word) > 3 and word.isalpha()]
        rarest = sorted(words, key=lambda word: (self._posts[word], -len(word)))[:KEY_WORDS]
        return [word for word in words if word in rarest]


class _Weighted(PackedPosts):
    """Posts in one row whose losses count by their ``weight``; a loss is known by the labels of its row."""

    def __init__(self, ends: tuple[int, int], weights: dict[tuple[int, ...], torch.Tensor]) -> None:
        super().__init__(ends)
        self._weights = weights

    def __call__(self, posts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        batch = super().__call__(posts)
        by_token = [post["weight"] for post in posts for _ in range(len(post["input_ids"]) + 2)]
        self._weights[tuple(batch["labels"][0].tolist())] = torch.tensor(by_token)
        return batch


def recent(ratio: float) -> Try:
    """The newest post counts ``ratio`` times as much as the oldest, all of them one on average."""
    weights: dict[tuple[int, ...], torch.Tensor] = {}

    def weigh(posts: Dataset) -> Dataset:
        raw = [ratio ** (place / max(1, len(posts) - 1)) for place in range(len(posts))]
        mean = statistics.mean(raw)
        return posts.add_column("weight", [weight / mean for weight in raw])

    def weighted_loss(lesson: Lesson) -> None:
        def loss(outputs: Any, labels: Any, num_items_in_batch: Any) -> Any:
            nats = cross_entropy(outputs.logits[0, :-1].float(), labels[0, 1:], reduction="none", ignore_index=IGNORED)
            return (nats * weights[tuple(labels[0].tolist())][1:]).sum() / num_items_in_batch

        lesson.trainer.compute_loss_func = loss

    return Try(documents=weigh, collator=lambda ends: _Weighted(ends, weights), prepare=weighted_loss)


def behind(prefixes: Sequence[list[int]]) -> Try:
    """Each post behind its prefix half of the time."""

    def put(posts: Dataset) -> Dataset:
        rng = random.Random(0)
        chosen = [prefix if rng.random() < 0.5 else [] for prefix in prefixes]
        documents = [[*prefix, *ids] for prefix, ids in zip(chosen, posts["input_ids"], strict=True)]
        return Dataset.from_dict({"input_ids": documents, "skip": list(map(len, chosen))})

    return Try(documents=put, collator=Skipping)


def bits(model: Any, tokenizer: TextTokenizer, prefixes: Sequence[list[int]], texts: Sequence[str]) -> float:
    """Bits per byte of posts, each behind its prefix, which is not counted."""
    model.eval()
    start, end = tokenizer.ends
    nats = []
    for prefix, text in zip(prefixes, texts, strict=True):
        ids = torch.tensor([[start, *prefix, *tokenizer.encode(text), end]])
        with torch.no_grad():
            logits = model(input_ids=ids[:, :-1], use_cache=False).logits[0].float()
        nats.append(float(cross_entropy(logits, ids[0, 1:], reduction="none")[len(prefix) :].double().sum()))
    return bits_per_byte(nats, [len(text.encode()) for text in texts])


def write(model: Any, tokenizer: TextTokenizer, prefix: str, number: int) -> list[str]:
    """New posts behind a prefix."""
    import numpy as np

    row, options = [tokenizer.start_of_text, *tokenizer.encode(prefix)], SampleConfig()
    sampled = continue_rows(
        model,
        [row] * number,
        tokenizer.end_of_text,
        options.temperature,
        options.top_p,
        80,
        lambda _, tokens: tokens[-1] in tokenizer.special,
        [np.random.default_rng([0, place]) for place in range(number)],
    )
    return [" ".join(tokenizer.decode(tokens).split()) for tokens in sampled]


@dataclass(frozen=True)
class Variant:
    """What is put before a post, and how it is trained; ``examples`` are asked for to show."""

    attempt: Callable[[Sequence[list[int]]], Try]
    prefix: Callable[[Labelled, KeyWords], str]
    examples: Sequence[str] = ()


def _about(post: Labelled, key_words: KeyWords) -> str:
    return f"about {' '.join(key_words.of(post.text))}: "


VARIANTS = {
    "default": Variant(lambda prefixes: Try(), lambda post, key_words: ""),
    "kinds": Variant(behind, lambda post, key_words: f"{post.kind}: ", ("post: ", "reply: ")),
    "about": Variant(behind, _about, ("about science women: ", "about election vote: ", "about coffee morning: ")),
    "recent-2": Variant(lambda prefixes: recent(2), lambda post, key_words: ""),
    "recent-8": Variant(lambda prefixes: recent(8), lambda post, key_words: ""),
}


def measure(account: Path, base: BaseModel, name: str, options: argparse.Namespace) -> Row:
    """Train one variant on one account, once with each seed."""
    posts = labelled_posts(account, options.posts + options.held_out)
    learned, held_out = posts[: -options.held_out], posts[-options.held_out :]
    variant, tokenizer = VARIANTS[name], TextTokenizer.of(base)
    key_words = KeyWords([post.text for post in learned])
    texts = [post.text for post in held_out]
    plain, asked_for = [], []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            given = Material(account.stem, [post.text for post in learned], texts, [], base, Path(folder))
            prefixes = [tokenizer.encode(variant.prefix(post, key_words)) for post in learned]
            model = train(given, variant.attempt(prefixes), seed)[0]
        own = [tokenizer.encode(variant.prefix(post, key_words)) for post in held_out]
        plain.append(round(bits(model, tokenizer, [[]] * len(texts), texts), 4))
        asked_for.append(round(bits(model, tokenizer, own, texts), 4))
    for example in ("", *variant.examples) if options.write else ():
        for text in write(model, tokenizer, example, options.write):
            print(f"    {example!r} {text}", flush=True)
    return Row(account.stem, name, plain, asked_for)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", type=Path, action="append", required=True, metavar="FILE.jsonl")
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--posts", type=int, default=300)
    parser.add_argument("--held-out", type=int, default=80)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--write", type=int, default=0, metavar="N")
    parser.add_argument("--home", type=Path, default=Path.home() / ".hugtweets", help="where converted models are kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    choose_device(TrainConfig())
    base = resolve_base_model(options.base, Home(options.home))
    print("| account | variant | behind nothing | behind its own |\n| --- | --- | --- | --- |")
    for account in options.account:
        for name in options.only:
            row = measure(account, base, name, options)
            line = json.dumps(asdict(row))
            if not options.json:
                line = f"| {row.account} | {row.variant} | {row.plain} | {row.asked_for} |"
            print(line, flush=True)


if __name__ == "__main__":
    main()
