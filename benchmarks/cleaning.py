"""How many posts a second one core cleans: this package, tweet-preprocessor, and the original's rules post by post.

    python benchmarks/cleaning.py [--corpus tweets.txt.gz] [--repeats 5] [--json]

The corpus is a text file, plain or gzipped, of one post a line. Every method gets the same posts in one process pinned
to one core, by turns, so that whatever else the machine does meets all of them. Wall time is what counts; processor
time is shown beside it, since on a busy machine it says what the core could have done.
"""

from __future__ import annotations

import argparse
import gzip
import html
import json
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

from hugtweets.cleaning.table import clean_table
from hugtweets.config import CleanConfig
from hugtweets.timelines.posts import Post, to_table

CORPUS = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "corpus" / "tweets.txt.gz"
FIRST = datetime(2017, 1, 1, tzinfo=UTC)
TARGET = 50_000  # posts a second

Cleaner = Callable[[], int]  # cleans the corpus and says how many posts are kept


def main() -> int:
    """Measure, print a table or JSON, and fail if the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.corpus.exists():
        print(f"{options.corpus} does not exist: give a file of one post a line with --corpus", file=sys.stderr)
        return 2
    core = pin_to_one_core()
    lines = read_lines(options.corpus)
    methods, skipped = cleaners(lines)
    report = {
        "corpus": str(options.corpus),
        "posts": len(lines),
        "core": core,
        "repeats": options.repeats,
        "python": platform.python_version(),
        "pyarrow": pa.__version__,
        "results": measure(methods, len(lines), options.repeats),
        "skipped": skipped,
    }
    print(json.dumps(report, indent=2) if options.json else as_table(report))
    return 0 if report["results"][0]["posts_per_second"] >= TARGET else 1


def pin_to_one_core() -> int | None:
    """Bind this process and Arrow's kernels to the last core it may use; None where the system cannot."""
    pa.set_cpu_count(1)
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def read_lines(path: Path) -> list[str]:
    """The posts of a text file, one a line."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode("utf-8").rstrip("\n").split("\n")


def cleaners(lines: list[str]) -> tuple[dict[str, Cleaner], dict[str, str]]:
    """The methods to compare, and why any is missing."""
    posts = [Post(str(10**17 + n), FIRST + timedelta(seconds=n), text) for n, text in enumerate(lines)]
    raw = to_table(posts)
    config = CleanConfig()
    methods: dict[str, Cleaner] = {
        "hugtweets, stored timeline": lambda: sum(clean_table(raw, "somebody", config)["kept"].to_pylist()),
        "hugtweets, from Post objects": lambda: sum(
            clean_table(to_table(posts), "somebody", config)["kept"].to_pylist()
        ),
        "original's rules, post by post": lambda: sum(original(text) is not None for text in lines),
    }
    if find_spec("preprocessor") is None:
        return methods, {"tweet-preprocessor": "not installed: pip install 'hugtweets[bench]'"}
    preprocessor = import_module("preprocessor")
    methods["tweet-preprocessor 0.6.0"] = lambda: sum(bool(preprocessor.clean(text)) for text in lines)
    return methods, {}


def measure(methods: dict[str, Cleaner], posts: int, repeats: int) -> list[dict[str, Any]]:
    """Every method by turns, repeated; medians."""
    wall: dict[str, list[float]] = {name: [] for name in methods}
    processor: dict[str, list[float]] = {name: [] for name in methods}
    kept: dict[str, int] = {}
    for _ in range(repeats):
        for name, clean in methods.items():
            started, started_processor = time.perf_counter(), time.process_time()
            kept[name] = clean()
            wall[name].append(time.perf_counter() - started)
            processor[name].append(time.process_time() - started_processor)
    return [
        {
            "method": name,
            "posts_per_second": round(posts / statistics.median(wall[name])),
            "posts_per_processor_second": round(posts / statistics.median(processor[name])),
            "first_seconds": round(wall[name][0], 3),
            "seconds": [round(seconds, 3) for seconds in sorted(wall[name])],
            "kept": kept[name],
        }
        for name in methods
    ]


def as_table(report: dict[str, Any]) -> str:
    """The report for people."""
    about = f"{report['posts']:,} posts, core {report['core']}, median of {report['repeats']}"
    versions = f"Python {report['python']}, pyarrow {report['pyarrow']}"
    head = f"{'method':32}{'posts/s':>10}{'per CPU s':>11}{'median s':>10}{'first s':>9}{'kept':>9}"
    lines = [f"{about}, {versions}", "", head, *map(_line, report["results"])]
    lines += [f"{name:32}skipped, {reason}" for name, reason in report["skipped"].items()]
    return "\n".join(lines)


def _line(result: dict[str, Any]) -> str:
    speeds = f"{result['posts_per_second']:>10,}{result['posts_per_processor_second']:>11,}"
    seconds = f"{statistics.median(result['seconds']):>10.2f}{result['first_seconds']:>9.2f}"
    return f"{result['method']:32}{speeds}{seconds}{result['kept']:>9,}"


LINK = re.compile(r"https?://\S+")
MENTION = re.compile(r"@(\w{1,15})")
OPENING = re.compile(r"^(?:@\w{1,15}\s+)+")
CLOSING = re.compile(r"(?:\s*#\w+)+\s*$")
HASHTAG = re.compile(r"#(\w+)")
CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
BLANKS = re.compile(r"\s+")


def original(text: str) -> str | None:
    """The rules as first described, written as anybody would: one post at a time, by Python's regular expressions.

    Retweets go, entities are unescaped, links go, mentions that open a reply go and others become names (here: the
    handle), hashtags at the end go and others are split at their capitals; fewer than three words are too few.
    """
    if text.startswith("RT @"):
        return None
    text = LINK.sub("", html.unescape(text))
    text = CLOSING.sub("", OPENING.sub("", text))
    text = MENTION.sub(r"\1", text)
    text = HASHTAG.sub(lambda tag: CAPITALS.sub(" ", tag[1]), text)
    text = BLANKS.sub(" ", text).strip()
    return text if len(text.split()) >= 3 else None


if __name__ == "__main__":
    sys.exit(main())
