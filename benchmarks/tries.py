"""Tries for which the product has no option: what does each do to held-out bits per byte and to the time of a step?

    OMP_NUM_THREADS=1 python benchmarks/tries.py --account timeline.jsonl [--account ...] [--posts 300] [--held-out 80]
        [--only DoRA,compiled] [--seeds 2] [--home HOME] [--json]

Every row is a process of its own, with the posts, the order and the adapters of the default, and differs from it in one
thing (`benchmarks/tried.py`); `compiled` needs a C++ compiler. It is trained once with each seed: bits per byte are the
mean, the change is given with its standard error over seeds, and each seed is listed. The newest posts are held out.
Time is the processor's, since others may use the machine. `--home` keeps the converted base model.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice_material import Material, material

if TYPE_CHECKING:
    from tried import Try

    from hugtweets.training.callbacks import ValidationPosts

# How a post is judged as the rest of a prompt: without its first tokens.
PROMPT = 3


@dataclass
class Row:
    """One try on one account; for each seed bits per byte, and those of posts without their first three tokens.

    ``seconds`` are the processor's for the steps of one training, ``step_ms`` the median of all steps.
    """

    account: str
    name: str
    scores: list[float]
    scores_after: list[float]
    seconds: float
    step_ms: float
    megabytes: float
    peak_gib: float

    def change(self, default: Row) -> tuple[float, float]:
        """Per cent against the default with the same seed: the mean, and its standard error over seeds."""
        changes = [100 * (mine / its - 1) for mine, its in zip(self.scores, default.scores, strict=True)]
        error = statistics.stdev(changes) / math.sqrt(len(changes)) if len(changes) > 1 else math.nan
        return statistics.mean(changes), error


def train(given: Material, attempt: Try, seed: int) -> tuple[Any, ValidationPosts, list[float]]:
    """The trained model, the held-out posts, and the processor seconds of each step."""
    from transformers import set_seed
    from tried import Lesson

    from hugtweets.config import TrainConfig
    from hugtweets.devices.selection import choose_device, training_format
    from hugtweets.models.cache import CACHE, load_base
    from hugtweets.models.tokens import TextTokenizer, load_split
    from hugtweets.training.callbacks import EvaluationCallback, ValidationPosts
    from hugtweets.training.lora import adapter_options
    from hugtweets.training.rates import choose_rate
    from hugtweets.training.trainer import make_trainer

    config = TrainConfig.model_validate({"seed": seed, **attempt.options})
    rate, ends = choose_rate(config, given.base).value, TextTokenizer.of(given.base).ends
    choice = training_format(choose_device(config), config)
    base = load_base(given.base, choice)
    set_seed(config.seed)
    model = attempt.adapted(base, adapter_options(base, config))
    CACHE.attach(model)
    posts = attempt.documents(load_split(given.tokens, "train"))
    # No validation posts for the callback: evaluation is done here, post by post.
    callback = EvaluationCallback(model, ValidationPosts([], [], ends), lambda: None, config.patience)
    trainer = make_trainer(model, posts, attempt.collator(ends), callback, given.folder, choice, config, rate)
    attempt.prepare(Lesson(trainer, config, rate))
    clock = _clock()
    trainer.add_callback(clock)
    trainer.train()
    return model, ValidationPosts.of(given.tokens, ends), clock.seconds


def _clock() -> Any:
    """A callback that keeps the processor seconds of each step, those of a compiler included."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.seconds: list[float] = []
            self._began = 0.0

        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self._began = _processor_seconds()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.seconds.append(_processor_seconds() - self._began)

    return Clock()


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def evaluate(model: Any, validation: ValidationPosts) -> tuple[float, float]:
    """Bits per byte of the held-out posts, and of what follows their first tokens, over all bytes as well."""
    import torch

    from hugtweets.evaluation.bits_per_byte import bits_per_byte

    model.eval()
    whole, after = [], []
    for document in validation.documents:
        ids = torch.tensor([[validation.ends[0], *document, validation.ends[1]]])
        with torch.no_grad():
            logits = model(input_ids=ids[:, :-1], use_cache=False).logits[0].float()
        nats = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none").double()
        whole.append(float(nats.sum()))
        after.append(float(nats[PROMPT:].sum()))
    return bits_per_byte(whole, validation.byte_counts), bits_per_byte(after, validation.byte_counts)


def child(options: argparse.Namespace, name: str) -> None:
    """Train one try on one account and print it as JSON."""
    from tried import TRIES

    scores, scores_after, steps = [], [], []
    with material(options.account[0], options.posts, options.held_out, options.base, options.home) as given:
        for seed in range(options.seeds):
            model, validation, seconds = train(given, TRIES[name], seed)
            whole, after = evaluate(model, validation)
            scores.append(round(whole, 4))
            scores_after.append(round(after, 4))
            steps += seconds
    learned = sum(weights.numel() for weights in model.parameters() if weights.requires_grad)
    row = Row(
        account=given.account,
        name=name,
        scores=scores,
        scores_after=scores_after,
        seconds=round(sum(steps) / options.seeds, 1),
        step_ms=round(1000 * statistics.median(steps)),
        megabytes=round(4 * learned / 1e6, 1),
        peak_gib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    )
    print(json.dumps(asdict(row)))


def measure(options: argparse.Namespace, account: Path, name: str) -> Row:
    """One row, in a process of its own."""
    command = [sys.executable, __file__, "--account", str(account), "--child", name, "--home", str(options.home)]
    command += [f"--posts={options.posts}", f"--held-out={options.held_out}", f"--base={options.base}"]
    command += [f"--seeds={options.seeds}"]
    # What is compiled is compiled in this process and for this row, so that it is counted.
    environment = os.environ | {"TQDM_DISABLE": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    with tempfile.TemporaryDirectory() as cache:
        environment["TORCHINDUCTOR_CACHE_DIR"] = cache
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def table(rows: Sequence[Row]) -> str:
    """The rows of one account as Markdown; the first is the default."""
    head = "| account | what differs | bits per byte | change | by seed | after three tokens | CPU s | ms a step | MB "
    lines = [head + "| peak GiB |", "| --- | --- |" + " ---: |" * 8]
    for row in rows:
        change, error = row.change(rows[0])
        after = 100 * (sum(row.scores_after) / sum(rows[0].scores_after) - 1)
        cells = [row.account, row.name, f"{statistics.mean(row.scores):.3f}", f"{change:+.1f} ± {error:.1f} %"]
        cells += [", ".join(f"{score:.3f}" for score in row.scores), f"{after:+.1f} %", f"{row.seconds:.0f}"]
        cells += [f"{row.step_ms}", f"{row.megabytes:.1f}", f"{row.peak_gib:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure every try on every account."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", type=Path, action="append", required=True, metavar="FILE.jsonl")
    parser.add_argument("--posts", type=int, default=300)
    parser.add_argument("--held-out", type=int, default=80)
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--only", help="comma-separated tries to measure beside the default", metavar="NAMES")
    parser.add_argument("--seeds", type=int, default=2, help="how often each is trained")
    parser.add_argument("--home", type=Path, help="where the converted base model is kept")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options, options.child)
        return
    from tried import TRIES

    wanted = options.only.split(",") if options.only else [name for name in TRIES if name != "default"]
    with tempfile.TemporaryDirectory() as temporary:
        options.home = options.home or Path(temporary)
        for account in options.account:
            rows = []
            for name in ["default", *wanted]:
                rows.append(measure(options, account, name))
                print(table([rows[0], rows[-1]]).splitlines()[-1], file=sys.stderr, flush=True)
            print(json.dumps([asdict(row) for row in rows]) if options.json else table(rows), flush=True)


if __name__ == "__main__":
    main()
