"""How fast does training go when something else is running on the same cores?

    python benchmarks/contention.py --source timeline.jsonl [--posts 60] [--json]

Fine-tunes the packaged model on a few posts in a process of its own, for one and two threads of OpenMP that spin or
sleep at their barriers, on quiet cores and beside one busy process. A row that takes longer than --limit is cut off.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BUSY = "while True: pass"


def train(source: Path, posts: int, home: Path) -> float:
    """Tokens a second of one training."""
    import pyarrow.parquet as pq

    from hugtweets.cleaning.table import clean_table
    from hugtweets.config import Config
    from hugtweets.models.registry import resolve_base_model
    from hugtweets.models.tokens import tokenise
    from hugtweets.sources.files.source import read_posts
    from hugtweets.storage.home import Home
    from hugtweets.timelines.posts import to_table
    from hugtweets.training.trainer import finetune

    config = Config().override({"train": {"max_posts": posts, "device": "cpu"}})
    base_model = resolve_base_model("packaged", Home(home))
    clean = clean_table(to_table(read_posts(source)), source.stem, config.clean)
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens.parquet"
        pq.write_table(tokenise(clean, base_model, config.train), tokens)
        return finetune(base_model, tokens, Path(folder) / "weights", config.train).tokens_per_second


def measure(options: argparse.Namespace, home: Path, threads: int, waiting: str, busy: bool) -> dict[str, Any]:
    """One row, in a process of its own, since OpenMP reads its variables once."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": waiting, "TQDM_DISABLE": "1"}
    command = [sys.executable, __file__, "--source", options.source, f"--posts={options.posts}", f"--child={home}"]
    other = subprocess.Popen([sys.executable, "-c", BUSY]) if busy else None
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=options.limit, check=True
        )
        speed: float | None = float(done.stdout.split()[-1])
    except subprocess.TimeoutExpired:
        speed = None
    finally:
        if other:
            other.kill()
    return {"threads": threads, "waiting": waiting, "beside a busy process": busy, "tokens/s": speed}


def main() -> None:
    """Measure every combination."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--posts", type=int, default=60)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds after which a row is cut off")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(train(Path(options.source), options.posts, options.child))
        return
    with tempfile.TemporaryDirectory() as home:
        train(Path(options.source), options.posts, Path(home))  # converts the base model once
        cases = itertools.product((1, 2), ("ACTIVE", "PASSIVE"), (False, True))
        rows = [measure(options, Path(home), *case) for case in cases]
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("| threads | OpenMP threads wait | beside a busy process | tokens/s |\n| --- | --- | --- | --- |")
    for row in rows:
        speed = f"{row['tokens/s']:.0f}" if row["tokens/s"] else f"cut off after {options.limit:.0f} s"
        waiting = {"ACTIVE": "spinning", "PASSIVE": "sleeping"}[row["waiting"]]
        print(f"| {row['threads']} | {waiting} | {'yes' if row['beside a busy process'] else 'no'} | {speed} |")


if __name__ == "__main__":
    main()
