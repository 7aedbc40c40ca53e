"""Does a model write more like the author once it was shown its own posts beside real ones? DPO on a tuned adapter.

    OMP_NUM_THREADS=1 python benchmarks/preferences.py --account timeline.jsonl [--account ...] [--reader FILE.gguf]
        [--settings 5e-5x20 2e-4x20] [--pairs 160] [--seeds 0 1] [--posts 80] [--keep FOLDER] [--home HOME] [--json]

Posts are dealt out, and models trained, as in ``decoding.py``, whose ``--keep`` folder may be given. Each training post
is put beside one that the model wrote behind the same first two words; the model then learns to prefer the real one to
its own more than it did, for so many steps of eight pairs at a rate: direct preference optimization (Rafailov et al.
2023, equation 7) with pairs as those of DITTO (Shaikh et al. 2024). The loss is ours rather than that of ``trl``: it
takes few lines on our rows of posts, and a trial is no reason for a dependency.

Everything is judged by the 80 validation posts. Columns: *bits per byte* of them; *preferred*, how often the real one
of 80 pairs behind validation posts' first words gained more than the model's own did; the others as in ``decoding.py``,
*gap* being how much likelier or less likely than the author's validation posts the reader finds the posts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from decoders import ARMS, Arm
from decoding import CPU, Account, Reader, table, told_apart
from torch.nn.functional import cross_entropy, logsigmoid

from hugtweets.config import SampleConfig
from hugtweets.devices.selection import choose_device
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.evaluation.writing import distinct_n, equal_amounts
from hugtweets.generation.sampler import GenerationRequest, generate
from hugtweets.models.cache import load_tuned, load_weights
from hugtweets.models.registry import resolve_base_model
from hugtweets.models.tokens import TextTokenizer
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home
from hugtweets.training.collators import IGNORED, PackedPosts
from hugtweets.training.lora import save_adapter

BETA = 0.1
PAIRS_A_STEP = 8
WORDS_GIVEN = 2
# Pairs that are written at once, and kept.
BLOCK = 80

Documents = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Pair:
    """A real post, and one that the model wrote behind the same first words."""

    real: str
    own: str


@dataclass(frozen=True)
class Setting:
    """How far a model is led: a rate, and a number of steps."""

    rate: float
    steps: int

    @classmethod
    def of(cls, text: str) -> Setting:
        """As it is written on the command line: ``5e-5x20``."""
        rate, _, steps = text.partition("x")
        return cls(float(rate), int(steps))

    @property
    def name(self) -> str:
        """What files of it are called."""
        return f"preferred-{self.rate:g}-{self.steps}"


@dataclass(frozen=True)
class Row:
    """One setting on one account; writing over all seeds."""

    account: str
    setting: str
    bits_per_byte: float
    preferred: float | None
    detector: float
    reader: float
    gap: str
    spread: float
    distinct_2: float
    copied: float
    characters: float
    seconds: float


def pairs_of(account: Account, name: str, texts: Sequence[str]) -> list[Pair]:
    """A post of the model's own beside each of some real ones, from the folder if they were written before."""
    pairs = []
    for start in range(0, len(texts), BLOCK):
        path = account.folder / f"pairs-{name}-{start}.json"
        if not path.is_file():
            written = [asdict(pair) for pair in _write_pairs(account, texts[start : start + BLOCK], seed=1000 + start)]
            write_text(path, json.dumps(written, ensure_ascii=False, indent=1))
        pairs += [Pair(**pair) for pair in json.loads(path.read_text(encoding="utf-8"))]
    return pairs


def _write_pairs(account: Account, texts: Sequence[str], seed: int) -> list[Pair]:
    """In bfloat16 if the processor multiplies it, as in ``hugtweets play``: nobody compares these posts."""
    choice = choose_device(CPU)
    choice = replace(choice, dtype="bfloat16") if choice.autocast else choice
    model, tokenizer = load_tuned(account.base, account.weights, choice)
    starts = [" ".join(text.split()[:WORDS_GIVEN]) for text in texts]
    # A request each: what is left out as a copy leaves its pair out, and no other.
    requests = [
        GenerationRequest([start], 1, account.train, seed + place, scored=False) for place, start in enumerate(starts)
    ]
    written = generate(model, tokenizer, requests, SampleConfig(batch_size=BLOCK))
    return [Pair(text, posts[0].text) for text, posts in zip(texts, written, strict=True) if posts]


def log_probabilities(model: Any, documents: Documents, ends: tuple[int, int]) -> torch.Tensor:
    """The natural log of each post's probability, its end included; all of them in one row."""
    batch = PackedPosts(ends)([{"input_ids": document} for document in documents])
    logits = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits
    nats = cross_entropy(logits[0, :-1].float(), batch["labels"][0, 1:], reduction="none", ignore_index=IGNORED)
    post = (batch["position_ids"][0] == 0).cumsum(0) - 1
    return -torch.zeros(len(documents)).index_add(0, post[1:], nats)


class Preference:
    """Pairs as token ids, and what the model gave each post before it learned to prefer any."""

    def __init__(self, model: Any, tokenizer: TextTokenizer, pairs: Sequence[Pair]) -> None:
        self._model, self._ends = model, tokenizer.ends
        self._posts = [(tokenizer.encode(pair.real), tokenizer.encode(pair.own)) for pair in pairs]
        with torch.no_grad():
            self._before = torch.cat([self._log_ratios(places) for places in self.batches()])

    def batches(self) -> list[list[int]]:
        """The places of all pairs, a step's at a time."""
        places = list(range(len(self._posts)))
        return [places[start : start + PAIRS_A_STEP] for start in range(0, len(places), PAIRS_A_STEP)]

    def margins(self, places: Sequence[int]) -> torch.Tensor:
        """How much more the log of the real post's probability has grown than that of the model's own."""
        return self._log_ratios(places) - self._before[list(places)]

    def _log_ratios(self, places: Sequence[int]) -> torch.Tensor:
        posts = [post for place in places for post in self._posts[place]]
        real, own = log_probabilities(self._model, posts, self._ends).view(-1, 2).unbind(1)
        return real - own


def prefer(account: Account, setting: Setting, learned: Sequence[Pair], judged: Sequence[Pair]) -> Mapping[str, float]:
    """Train a copy of the account's adapter, written beside it; what it came to, from its folder if it is there."""
    folder = account.folder / setting.name
    path = folder / "figures.json"
    if not path.is_file():
        model = load_weights(account.base, account.weights, choose_device(CPU), trainable=True).eval()
        tokenizer = TextTokenizer.of(account.base)
        lesson, held_out = Preference(model, tokenizer, learned), Preference(model, tokenizer, judged)
        started = time.process_time()
        _train(model, lesson, setting)
        seconds = time.process_time() - started
        with torch.no_grad():
            margins = torch.cat([held_out.margins(places) for places in held_out.batches()])
        save_adapter(model, account.base, folder)
        figures = {"preferred": float((margins > 0).float().mean()), "seconds": seconds}
        write_text(path, json.dumps(figures))
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _train(model: Any, lesson: Preference, setting: Setting) -> None:
    """So many steps, in pass after pass over the pairs."""
    optimiser = torch.optim.AdamW([weights for weights in model.parameters() if weights.requires_grad], setting.rate)
    batches = lesson.batches()
    for step in range(setting.steps):
        margins = lesson.margins(batches[step % len(batches)])
        loss = -logsigmoid(BETA * margins).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        print(f"step {step + 1}: loss {loss.item():.4f}, margin {margins.mean().item():+.2f} nats", flush=True)


def validation_bits(account: Account, weights: Path) -> float:
    """Bits per byte of the validation posts under an adapter."""
    model, tokenizer = load_tuned(account.base, weights, choose_device(CPU))
    nats = post_nats(model, list(map(tokenizer.encode, account.validation)), tokenizer.ends)
    return bits_per_byte(nats, [len(text.encode()) for text in account.validation])


def row(account: Account, setting: Setting | None, options: argparse.Namespace, reader: Reader) -> Row:
    """The figures of one setting; of the model as it was without any."""
    figures: Mapping[str, float] = {}
    weights, arm = account.weights, ARMS["default"]
    if setting:
        learned = pairs_of(account, "train", account.train[: options.pairs])
        judged = pairs_of(account, "validation", account.validation)
        figures = prefer(account, setting, learned, judged)
        weights, arm = account.folder / setting.name, Arm(setting.name)
    written = [account.written(arm, seed, options.posts, weights) for seed in options.seeds]
    real, author = account.validation, reader.bits_per_byte(account.validation)
    posts = [text for each in written for text in each.texts]
    read = statistics.mean(reader.bits_per_byte(each.texts) for each in written)
    return Row(
        account=account.name,
        setting=setting.name if setting else "before",
        bits_per_byte=round(validation_bits(account, weights), 4),
        preferred=round(figures["preferred"], 3) if figures else None,
        detector=round(statistics.mean(told_apart(real, each.texts) for each in written), 3),
        reader=round(read, 3),
        gap=f"{100 * (read / author - 1):+.1f} %",
        spread=round(statistics.stdev(reader.bits(posts)), 3),
        distinct_2=round(statistics.mean(distinct_n(equal_amounts(each.texts, real)[0], 2) for each in written), 3),
        copied=round(sum(each.replaced for each in written) / len(posts), 3),
        characters=round(statistics.mean(map(len, posts)), 1),
        seconds=round(figures.get("seconds", 0.0), 1),
    )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", type=Path, action="append", required=True, metavar="FILE.jsonl")
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--reader", default="packaged", help="the base model that judges, as train.base_model takes it")
    parser.add_argument("--settings", type=Setting.of, nargs="+", default=[Setting(5e-5, 20), Setting(2e-4, 20)])
    parser.add_argument("--pairs", type=int, default=160)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--posts", type=int, default=80)
    parser.add_argument("--keep", type=Path, help="where models and posts are kept")
    parser.add_argument("--home", type=Path, default=Path.home() / ".hugtweets", help="where converted models are kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        keep, home = options.keep or Path(temporary), Home(options.home)
        base, judge = (resolve_base_model(spec, home) for spec in (options.base, options.reader))
        for timeline in options.account:
            account = Account(timeline, base, keep)
            rows = [
                row(account, setting, options, Reader(judge, account.folder)) for setting in (None, *options.settings)
            ]
            print(json.dumps([asdict(each) for each in rows]) if options.json else table(rows), flush=True)


if __name__ == "__main__":
    main()
