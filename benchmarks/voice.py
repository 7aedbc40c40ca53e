"""How close to the author, how soon: the original's recipe, transformers' own script, our default, and variants.

    python benchmarks/voice.py --account timeline.jsonl [--account ...] [--posts 600] [--held-out 120]
        [--variant NAME:train.lr=1e-4,train.epochs=2] [--run-clm run_clm.py] [--json]

Every row is trained in a process of its own on the same posts of a timeline file, and evaluated on the same newest
posts, which none of them has seen. Seconds are those of training; loading and evaluations are not counted.

- ``original``: the recipe of huggingtweets as its author described it: all posts joined by end-of-text, four shuffled
  epochs in one stream, blocks of 1,024 tokens, one block a step, AdamW at 1.372e-4, cosine without warm-up, every
  weight in float32, attention across posts.
- ``run_clm``: the script of transformers with its defaults, if ``--run-clm`` says where it is;
  ``--variant run_clm:block_size=1024`` with an option.
- ``default``: what ``hugtweets run`` does.
- further ``--variant``: our own training with other options.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BLOCK = 1024
ORIGINAL_EPOCHS = 4
ORIGINAL_LR = 1.372e-4


@dataclass
class Measured:
    """One row; ``curve`` holds (training seconds, held-out bits per byte), the base model first."""

    account: str
    variant: str
    curve: list[tuple[float, float]]
    seconds: float
    tokens_per_second: float
    megabytes: float
    distinct_2: float
    mean_longest_copy: float
    peak_gib: float = 0.0

    @property
    def best(self) -> float:
        """The lowest bits per byte after training."""
        return min(score for _, score in self.curve[1:])

    def seconds_to(self, score: float) -> float | None:
        """Training seconds until the held-out posts are predicted as well as that, None if they never are."""
        return next((seconds for seconds, reached in self.curve if reached <= score), None)


@dataclass(frozen=True)
class Material:
    """The posts of one account, and the base model to start from."""

    account: str
    train: Sequence[str]
    held_out: Sequence[str]
    base: Any
    folder: Path

    @property
    def tokens(self) -> Path:
        """A token file as the tokenise step writes it."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        from hugtweets.config import TrainConfig
        from hugtweets.models.tokens import tokenise

        texts = [*self.train, *self.held_out]
        splits = ["train"] * len(self.train) + ["validation"] * len(self.held_out)
        ids = [str(number) for number in range(len(texts))]
        table = pa.table({"id": ids, "split": splits, "text": texts, "kept": [True] * len(texts)})
        path = self.folder / "tokens.parquet"
        pq.write_table(tokenise(table, self.base, TrainConfig()), path)
        return path


@contextlib.contextmanager
def material(account: Path, posts: int, held_out: int, base: str, home: Path) -> Iterator[Material]:
    """The newest kept posts of a timeline file, the very newest held out."""
    from hugtweets.cleaning.table import clean_table
    from hugtweets.config import CleanConfig
    from hugtweets.models.registry import resolve_base_model
    from hugtweets.sources.files.source import read_posts
    from hugtweets.storage.home import Home
    from hugtweets.timelines import timeline
    from hugtweets.timelines.posts import to_table

    table = clean_table(to_table(read_posts(account)), account.stem, CleanConfig())
    rows = table.filter(table["kept"]).select(["id", "text"]).to_pylist()
    texts = [row["text"] for row in sorted(rows, key=lambda row: timeline.id_order(row["id"]))][-posts - held_out :]
    with tempfile.TemporaryDirectory() as folder:
        found = resolve_base_model(base, Home(home))
        yield Material(account.stem, texts[:-held_out], texts[-held_out:], found, Path(folder))


def train_ours(given: Material, options: Mapping[str, Any]) -> Measured:
    """Our own training, with options put over the defaults."""
    from hugtweets.config import Config
    from hugtweets.training.trainer import finetune

    config = Config().override(options)
    weights = given.folder / "weights"
    result = finetune(given.base, given.tokens, weights, config.train)
    curve = [
        (row["train/seconds"], row["held_out/bits_per_byte"])
        for row in result.history
        if "held_out/bits_per_byte" in row
    ]
    return _evaluated(given, weights, curve, result.tokens_per_second)


def train_original(given: Material) -> Measured:
    """The original's recipe on the same base model."""
    import torch

    from hugtweets.config import TrainConfig
    from hugtweets.devices.selection import choose_device
    from hugtweets.models.cache import load_tuned

    choice = choose_device(TrainConfig())
    model, tokenizer = load_tuned(given.base, None, choice)
    model.requires_grad_(True).float()
    blocks = _stream(given, tokenizer.encode, tokenizer.end_of_text)
    optimiser = torch.optim.AdamW(model.parameters(), lr=ORIGINAL_LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, len(blocks))
    evaluate = _evaluator(given, model, tokenizer)
    curve, seconds, each = [(0.0, evaluate())], 0.0, max(1, len(blocks) // (2 * ORIGINAL_EPOCHS))
    for number, block in enumerate(blocks, 1):
        started = time.monotonic()
        model.train()
        ids = torch.tensor([block], device=model.device)
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        seconds += time.monotonic() - started
        if number % each == 0 or number == len(blocks):
            curve.append((round(seconds, 1), evaluate()))
    model.save_pretrained(given.folder / "weights")
    return _evaluated(given, given.folder / "weights", curve, sum(map(len, blocks)) / seconds)


def train_run_clm(given: Material, script: Path, options: str) -> Measured:
    """The script of transformers as a process of its own; its curve has the end only.

    Its blocks are as long as the base model's context by default, and only whole ones are trained on.
    """
    for name, texts in (("train", given.train), ("validation", given.held_out)):
        (given.folder / f"{name}.txt").write_text("\n".join(texts), encoding="utf-8")
    weights = given.folder / "weights"
    command = [sys.executable, str(script), "--model_name_or_path", given.base.path, "--do_train"]
    command += ["--train_file", str(given.folder / "train.txt"), "--validation_file"]
    command += [str(given.folder / "validation.txt"), "--output_dir", str(weights), "--report_to", "none"]
    command += ["--include_num_input_tokens_seen", *(f"--{option}" for option in filter(None, options.split(",")))]
    subprocess.run(command, check=True, stdout=sys.stderr)
    state = json.loads((weights / "trainer_state.json").read_text(encoding="utf-8"))
    seconds = state["log_history"][-1]["train_runtime"]
    return _evaluated(given, weights, [(seconds, math.nan)], state["num_input_tokens_seen"] / seconds)


def _stream(given: Material, encode: Callable[[str], list[int]], end_of_text: int) -> list[list[int]]:
    """Four shuffled epochs as one stream of tokens, cut into blocks; what does not fill the last one is left out."""
    order, stream = random.Random(0), list[int]()
    for _ in range(ORIGINAL_EPOCHS):
        for text in order.sample(list(given.train), len(given.train)):
            stream += [*encode(text), end_of_text]
    return [stream[start : start + BLOCK] for start in range(0, len(stream) - BLOCK + 1, BLOCK)]


def _evaluator(given: Material, model: Any, tokenizer: Any) -> Callable[[], float]:
    from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats

    documents = [tokenizer.encode(text) for text in given.held_out]
    sizes = [len(text.encode()) for text in given.held_out]
    return lambda: round(bits_per_byte(post_nats(model, documents, tokenizer.ends), sizes), 4)


def _evaluated(given: Material, weights: Path, curve: list[tuple[float, float]], speed: float) -> Measured:
    """What the trained model writes, and how large it is on disk."""
    from hugtweets.config import SampleConfig, TrainConfig
    from hugtweets.devices.selection import choose_device
    from hugtweets.evaluation.writing import distinct_n
    from hugtweets.generation.sampler import GenerationRequest, generate
    from hugtweets.models.cache import load_tuned

    choice = choose_device(TrainConfig())
    if math.isnan(curve[-1][1]):
        ends = [_evaluator(given, *load_tuned(given.base, output, choice))() for output in (None, weights)]
        curve = [(0.0, ends[0]), (curve[-1][0], ends[1])]
    model, tokenizer = load_tuned(given.base, weights, choice)
    options = SampleConfig(per_prompt=4)
    request = GenerationRequest(options.prompts, options.per_prompt, given.train, options.seed)
    drawn = generate(model, tokenizer, [request], options)[0]
    return Measured(
        account=given.account,
        variant="",
        curve=curve,
        seconds=curve[-1][0],
        tokens_per_second=round(speed, 1),
        megabytes=round(sum(path.stat().st_size for path in weights.glob("*.safetensors")) / 1e6, 1),
        distinct_2=round(distinct_n([sample.text for sample in drawn], 2), 3),
        mean_longest_copy=round(sum(sample.longest_copy for sample in drawn) / len(drawn), 1),
    )


def child(options: argparse.Namespace, variant: str) -> None:
    """Train one variant on one account and print it as JSON."""
    name, _, assignments = variant.partition(":")
    home = options.home
    with material(options.account[0], options.posts, options.held_out, options.base, home) as given:
        if name == "original":
            measured = train_original(given)
        elif name == "run_clm":
            measured = train_run_clm(given, options.run_clm, assignments)
        else:
            measured = train_ours(given, parse_options(assignments))
    measured.variant = variant if name == "run_clm" else name
    trainers = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    measured.peak_gib = round(max(resource.getrusage(who).ru_maxrss for who in trainers) / 2**20, 2)
    print(json.dumps(asdict(measured)))


def parse_options(assignments: str) -> dict[str, Any]:
    """``train.lr=1e-4,train.epochs=2`` as nested options."""
    from hugtweets.config import merge, parse_assignment

    found: dict[str, Any] = {}
    for assignment in filter(None, assignments.split(",")):
        found = merge(found, parse_assignment(assignment))
    return found


def measure(options: argparse.Namespace, account: Path, variant: str) -> Measured:
    """One row, in a process of its own."""
    command = [sys.executable, __file__, "--account", str(account), "--child", variant, "--home", str(options.home)]
    command += [f"--posts={options.posts}", f"--held-out={options.held_out}", f"--base={options.base}"]
    command += ["--run-clm", str(options.run_clm)] if options.run_clm else []
    environment = os.environ | {"TQDM_DISABLE": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    loaded = json.loads(done.stdout.splitlines()[-1])
    return Measured(**{**loaded, "curve": [tuple(point) for point in loaded["curve"]]})


def table(rows: Sequence[Measured]) -> str:
    """The rows of one account as Markdown; the fourth column is the time to the original's best score."""
    original = next((row for row in rows if row.variant == "original"), None)
    head = "| account | variant | bits per byte: base → best (last) | s to the original's best | s | tokens/s "
    lines = [head + "| peak GiB | MB | distinct-2 | longest copy |", "|" + " --- |" * 10]
    for row in rows:
        reached = row.seconds_to(original.best) if original else None
        cells = [
            row.account,
            row.variant,
            f"{row.curve[0][1]:.3f} → {row.best:.3f} ({row.curve[-1][1]:.3f})",
            "never" if reached is None else f"{reached:.0f}",
            f"{row.seconds:.0f}",
            f"{row.tokens_per_second:.0f}",
            f"{row.peak_gib:.2f}",
            f"{row.megabytes:.1f}",
            f"{row.distinct_2:.3f}",
            f"{row.mean_longest_copy:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure every variant on every account."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", type=Path, action="append", required=True, metavar="FILE.jsonl")
    parser.add_argument("--posts", type=int, default=600)
    parser.add_argument("--held-out", type=int, default=120)
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--variant", action="append", default=[], metavar="NAME:KEY=VALUE,…")
    parser.add_argument("--run-clm", type=Path, metavar="run_clm.py")
    parser.add_argument("--only", help="comma-separated variants to measure", metavar="NAMES")
    parser.add_argument("--home", type=Path, help="where the converted base model is kept")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options, options.child)
        return
    variants = ["original", *(["run_clm"] if options.run_clm else []), "default", *options.variant]
    wanted = options.only.split(",") if options.only else [variant.partition(":")[0] for variant in variants]
    with tempfile.TemporaryDirectory() as temporary:
        options.home = options.home or Path(temporary)
        for account in options.account:
            rows = [measure(options, account, each) for each in variants if each.partition(":")[0] in wanted]
            print(json.dumps([asdict(row) for row in rows]) if options.json else table(rows), flush=True)


if __name__ == "__main__":
    main()
