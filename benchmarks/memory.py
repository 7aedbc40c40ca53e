"""The memory that a training takes on this processor, beside what its plan said: one training a process.

    python benchmarks/memory.py --base packaged --posts 40 --tokens 60 120 --precision float32 bfloat16 [--accounts 4]

With `--accounts` so many learn in one batch, of which nothing is computed twice.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from itertools import product
from pathlib import Path
from typing import Any

WAYS = ("never", "always")


def main() -> None:
    """Print a table, a row a training."""
    options = _options()
    if options.one:
        _measure(options)
        return
    print("| base | precision | accounts | tokens a row | saved | planned MiB | measured MiB | planned / measured |")
    print("| --- | --- | ---: | ---: | --- | ---: | ---: | ---: |")
    ways = WAYS if options.accounts == 1 else WAYS[:1]
    for precision, tokens, way in product(options.precision, options.tokens, ways):
        command = [sys.executable, __file__, "--one", "--base", options.base, "--posts", str(options.posts)]
        command += ["--accounts", str(options.accounts)]
        command += [
            "--precision",
            precision,
            "--tokens",
            str(tokens),
            "--way",
            way,
            "--held-out",
            str(options.held_out),
        ]
        subprocess.run(command, check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--posts", type=int, default=40, help="posts to train on")
    parser.add_argument("--tokens", type=int, nargs="+", default=[60, 200], help="tokens of each post")
    parser.add_argument("--precision", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--accounts", type=int, default=1, help="how many learn in one batch")
    parser.add_argument("--held-out", type=int, default=0, help="posts to evaluate with, of each account")
    parser.add_argument("--way", default="never")
    parser.add_argument("--one", action="store_true")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> None:
    # Libraries count for nothing here: they are read before the process is looked at.
    from hugtweets.config import TrainConfig
    from hugtweets.devices.gathering import Group
    from hugtweets.models.registry import resolve_base_model
    from hugtweets.storage.home import Home
    from hugtweets.training.adapter_task import AdapterTask
    from hugtweets.training.multi_adapter import finetune_together
    from hugtweets.training.trainer import finetune

    precision, tokens = options.precision[0], options.tokens[0]
    base_model = resolve_base_model(options.base, Home.from_environment())
    config = TrainConfig(device="cpu", precision=precision, save_memory=options.way)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "tokens.parquet"
        _write_posts(file, options.posts, options.held_out, tokens)
        tasks = [AdapterTask(str(place), file, Path(scratch) / str(place), config) for place in range(options.accounts)]
        accounts = Group[AdapterTask, Any](tasks)
        planned = _planned(base_model, accounts)
        with _Peak() as peak:
            if options.accounts == 1:
                finetune(base_model, file, tasks[0].output, config)
            else:
                finetune_together(base_model, accounts)
                [member.outcome.result(0) for member in accounts.members]
    row = [base_model.name, precision, options.accounts, 4 * (tokens + 2), options.way]
    print(
        "|", " | ".join(map(str, row)), f"| {planned:.0f} | {peak.grown:.0f} | {planned / peak.grown:.2f} |", flush=True
    )


def _write_posts(file: Path, trained: int, held_out: int, tokens: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from hugtweets.models.tokens import TOKENS_SCHEMA

    number = trained + held_out
    posts = {
        "id": [str(place) for place in range(number)],
        "split": ["train"] * trained + ["validation"] * held_out,
        "input_ids": [[5 + (post + place) % 90 for place in range(tokens)] for post in range(number)],
        "bytes": [3 * tokens] * number,
    }
    pq.write_table(pa.table(posts, schema=TOKENS_SCHEMA), file)


def _planned(base_model: Any, accounts: Any) -> float:
    """MiB, by the plan that the training makes as well."""
    from hugtweets.devices.selection import choose_device, training_format
    from hugtweets.models.shape import Shape
    from hugtweets.models.tokens import load_split
    from hugtweets.training.places import plan_places
    from hugtweets.training.plan import PostLengths, hardware_to_plan_with, plan_memory

    first = accounts.members[0].item
    shape, lengths = Shape.of(base_model), PostLengths.of(load_split(first.tokens, "train"), first.tokens)
    hardware, choice = hardware_to_plan_with(first.config), choose_device(first.config)
    if len(accounts.members) == 1:
        return plan_memory(shape, lengths, hardware, choice, first.config).needed / 2**20
    found = [(lengths, first.config)] * len(accounts.members)
    return plan_places(shape, found, hardware, training_format(choice, first.config)).needed / 2**20


class _Peak:
    """How many megabytes the process grew by, at the most, looked at every five milliseconds."""

    grown = 0.0

    def __enter__(self) -> _Peak:
        import psutil  # type: ignore[import-untyped]

        self._process: Any = psutil.Process()
        self._before = self._process.memory_info().rss
        self._going = True
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._going = False
        self._thread.join()

    def _watch(self) -> None:
        while self._going:
            self.grown = max(self.grown, (self._process.memory_info().rss - self._before) / 2**20)
            time.sleep(0.005)


if __name__ == "__main__":
    main()
