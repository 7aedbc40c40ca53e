"""Tries for which the product has no option: what does each do to held-out bits per byte and to the time of a step?

    OMP_NUM_THREADS=1 python benchmarks/tries.py --account timeline.jsonl [--account ...] [--posts 300] [--held-out 80]
        [--only default,DoRA] [--home HOME] [--json]

Every row is trained in a process of its own, with the posts, the order and the adapters of the default, and differs
from it in one thing (`benchmarks/tried.py`); `compiled` needs a C++ compiler. The newest posts are held out, and the
change is given with its standard error over them: of each post, what it costs more or less than under the default.
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

from voice import Material, material

if TYPE_CHECKING:
    from tried import Try

# How a post is judged as the rest of a prompt: without its first tokens.
PROMPT = 3


@dataclass
class Row:
    """One training; ``nats`` are those of each held-out post, ``nats_after`` without its first three tokens.

    Seconds are the processor's, ``step_ms`` the median of the steps.
    """

    account: str
    name: str
    nats: list[float]
    nats_after: list[float]
    sizes: list[int]
    seconds: float
    step_ms: float
    megabytes: float
    peak_gib: float

    @property
    def bits_per_byte(self) -> float:
        """Of the held-out posts."""
        return math.fsum(self.nats) / (math.log(2) * sum(self.sizes))

    def change(self, default: Row) -> tuple[float, float]:
        """Per cent of the default's bits, and its standard error over posts."""
        differences = [mine - its for mine, its in zip(self.nats, default.nats, strict=True)]
        error = statistics.stdev(differences) * math.sqrt(len(differences))
        whole = math.fsum(default.nats) / 100
        return math.fsum(differences) / whole, error / whole


def train(given: Material, attempt: Try) -> tuple[Any, Any, list[float]]:
    """The trained model, the held-out posts, and the processor seconds of each step."""
    from peft import LoraConfig
    from transformers import set_seed
    from tried import Lesson

    from hugtweets.coach import Coach, HeldOut
    from hugtweets.config import TrainConfig
    from hugtweets.devices import choose_device
    from hugtweets.loading import load_base
    from hugtweets.tokens import TextTokenizer, load_split
    from hugtweets.training import adapter_options, make_trainer, training_format

    config = TrainConfig.model_validate(attempt.options)
    end_of_text = TextTokenizer.of(given.base).end_of_text
    choice = training_format(choose_device(config), config)
    base = load_base(given.base, choice)
    set_seed(config.seed)
    usual: LoraConfig = adapter_options(base, config)
    model = attempt.adapted(base, usual)
    posts = attempt.documents(load_split(given.tokens, "train"))
    # Nothing is held out from the coach: examinations are made here, post by post.
    coach = Coach(model, HeldOut([], [], end_of_text), lambda: None, config.patience)
    trainer = make_trainer(model, posts, attempt.collator(end_of_text), coach, given.folder, choice, config)
    attempt.prepare(Lesson(trainer, config))
    clock = _clock()
    trainer.add_callback(clock)
    trainer.train()
    return model, HeldOut.of(given.tokens, end_of_text), clock.seconds


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


def examine(model: Any, documents: Sequence[Sequence[int]], end_of_text: int) -> tuple[list[float], list[float]]:
    """Nats of each post, as :func:`hugtweets.evaluation.bits_per_byte.post_nats`, and without its first tokens."""
    import torch

    model.eval()
    whole, after = [], []
    for document in documents:
        ids = torch.tensor([[end_of_text, *document, end_of_text]])
        with torch.no_grad():
            logits = model(input_ids=ids[:, :-1], use_cache=False).logits[0].float()
        nats = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none").double()
        whole.append(float(nats.sum()))
        after.append(float(nats[PROMPT:].sum()))
    return whole, after


def child(options: argparse.Namespace, name: str) -> None:
    """Train one try on one account and print it as JSON."""
    from tried import TRIES

    with material(options.account[0], options.posts, options.held_out, options.base, options.home) as given:
        model, held_out, steps = train(given, TRIES[name])
        nats, after = examine(model, held_out.documents, held_out.end_of_text)
    learned = sum(weights.numel() for weights in model.parameters() if weights.requires_grad)
    row = Row(
        account=given.account,
        name=name,
        nats=nats,
        nats_after=after,
        sizes=list(held_out.byte_counts),
        seconds=round(sum(steps), 1),
        step_ms=round(1000 * statistics.median(steps)),
        megabytes=round(4 * learned / 1e6, 1),
        peak_gib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    )
    print(json.dumps(asdict(row)))


def measure(options: argparse.Namespace, account: Path, name: str) -> Row:
    """One row, in a process of its own."""
    command = [sys.executable, __file__, "--account", str(account), "--child", name, "--home", str(options.home)]
    command += [f"--posts={options.posts}", f"--held-out={options.held_out}", f"--base={options.base}"]
    # What is compiled is compiled in this process and for this row, so that it is counted.
    environment = os.environ | {"TQDM_DISABLE": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    with tempfile.TemporaryDirectory() as cache:
        environment["TORCHINDUCTOR_CACHE_DIR"] = cache
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def table(rows: Sequence[Row]) -> str:
    """The rows of one account as Markdown; the first is the default."""
    head = (
        "| account | what differs | bits per byte | change | after three tokens | CPU s | ms a step | MB | peak GiB |"
    )
    lines = [head, "| --- | --- |" + " ---: |" * 7]
    for row in rows:
        change, error = row.change(rows[0])
        after = 100 * (math.fsum(row.nats_after) / math.fsum(rows[0].nats_after) - 1)
        cells = [row.account, row.name, f"{row.bits_per_byte:.3f}", f"{change:+.1f} ± {error:.1f} %", f"{after:+.1f} %"]
        cells += [f"{row.seconds:.0f}", f"{row.step_ms:.0f}", f"{row.megabytes:.1f}", f"{row.peak_gib:.2f}"]
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
