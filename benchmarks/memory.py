"""The memory that a training takes on this processor, beside what its plan said: one training a process.

python benchmarks/memory.py --base packaged --posts 40 --tokens 60 120 --precision float32 bfloat16
"""

from __future__ import annotations

import argparse
import logging
import re
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
    print("| base | precision | tokens a row | saved | planned MB | measured MB | measured / planned |")
    print("| --- | --- | ---: | --- | ---: | ---: | ---: |")
    for precision, tokens, way in product(options.precision, options.tokens, WAYS):
        command = [sys.executable, __file__, "--one", "--base", options.base, "--posts", str(options.posts)]
        command += ["--precision", precision, "--tokens", str(tokens), "--way", way]
        subprocess.run(command, check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--posts", type=int, default=40, help="posts to train on")
    parser.add_argument("--tokens", type=int, nargs="+", default=[60, 200], help="tokens of each post")
    parser.add_argument("--precision", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--way", default="never")
    parser.add_argument("--one", action="store_true")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from hugtweets.config import TrainConfig
    from hugtweets.models.registry import resolve_base_model
    from hugtweets.models.tokens import TOKENS_SCHEMA
    from hugtweets.storage.home import Home
    from hugtweets.training.trainer import finetune

    precision, tokens = options.precision[0], options.tokens[0]
    base_model = resolve_base_model(options.base, Home.from_environment())
    posts = {
        "id": [str(number) for number in range(options.posts)],
        "split": ["train"] * options.posts,
        "input_ids": [[5 + (number + place) % 90 for place in range(tokens)] for number in range(options.posts)],
        "bytes": [3 * tokens] * options.posts,
    }
    config = TrainConfig(device="cpu", precision=precision, save_memory=options.way)
    told = _Told()
    logging.getLogger("hugtweets.training.trainer").addHandler(told)
    logging.getLogger("hugtweets.training.trainer").setLevel(logging.INFO)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "tokens.parquet"
        pq.write_table(pa.table(posts, schema=TOKENS_SCHEMA), file)
        with _Peak() as peak:
            finetune(base_model, file, Path(scratch) / "weights", config)
    ratio = peak.grown / told.planned
    row = [base_model.name, precision, 4 * (tokens + 2), options.way, f"{told.planned:.0f}", f"{peak.grown:.0f}"]
    print("|", " | ".join(map(str, [*row, f"{ratio:.2f}"])), "|", flush=True)


class _Told(logging.Handler):
    """Megabytes of the plan, as it is told."""

    planned = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"about ([\d.]+) (GiB|MiB)", record.getMessage())
        if found:
            self.planned = float(found[1]) * (1024 if found[2] == "GiB" else 1)


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
