"""How fast are posts read in each dialect of files and layout of exports, and does damage end in more than a refusal?

    PYTHONPATH=. python benchmarks/readers.py [--posts 10000] [--mutations 100000] [--seed 1] [--json]

The files are invented, and written as each tool writes them. Each is read in a process of its own, for its peak memory.
Then files of a few posts are damaged at random, read, and what came of them is cleaned: each must give posts or an
``UnreadableSource``, every row must be a post or be counted, and memory must not grow. The exit code is 1 if a dialect
takes 2 seconds of processor time or 300 MB, or if a damaged file breaks a promise; it is then shown, and kept.

Another reader is one more entry in ``READERS``: what writes its input, and what reads it.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hugtweets.cleaning.table import clean_table
from hugtweets.config import CleanConfig
from hugtweets.errors import UnreadableSource
from hugtweets.sources.archive.reading import read_export
from hugtweets.sources.files.reading import read_posts_file
from hugtweets.timelines.posts import Mention, Post, to_table
from tests.fixtures.export_layouts import LAYOUTS
from tests.fixtures.exports import zipped
from tests.fixtures.post_files import WRITERS, Writer

MOST_SECONDS = 2.0
MOST_MB = 300
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
WORDS = [
    "harbour",
    "kettle",
    "gull",
    "ferry",
    "soup",
    "Sunday",
    "boots",
    "café",
    "波",
    "🐙",
    "&amp;",
    "https://t.co/Ab3",
]
CLEANED_TOGETHER = 200  # damaged files
SPECIAL = (
    b"\x00", b'"', b"'", b"[", b"]", b"{", b"}", b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\\", b"\\ud83c",
    b"\\u0000", b"\xed\xa0\xbd", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe9", b"\xf0\x9f", b"NaN", b"null", b"true",
    b"1e999", b"-1", b"9" * 5000, b"[" * 3000, b'{"a":' * 1500, b"1.25E+18", b"0000-00-00",
    b"9999-12-31T23:59:59-14:00", b"(" * 300, b"@" * 50,
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of a file: its posts, its rows, and how many of these were passed over or repeated a post."""

    posts: list[Post]
    rows: int
    passed_over: int
    repeated: int


@dataclass(frozen=True)
class Reader:
    """A kind of input: the end of its name, what writes it and what reads it; ``by_line`` if a line is one row."""

    suffix: str
    save: Writer
    read: Callable[[Path], Outcome]
    by_line: bool


@dataclass(frozen=True)
class Speed:
    """Reading one file of many posts."""

    reader: str
    posts: int
    file_mb: float
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


def read_file(path: Path) -> Outcome:
    """Read a file of posts."""
    file = read_posts_file(path)
    return Outcome(file.posts, file.passed_over.rows, file.passed_over.number, file.repeated)


def read_archive(path: Path) -> Outcome:
    """Read an export of the invented account."""
    export = read_export(path, "bo")
    return Outcome(export.posts, export.passed_over.rows, export.passed_over.number, 0)


def save_export(layout: str) -> Writer:
    """What writes a zip of a layout."""

    def save(path: Path, posts: Sequence[Post]) -> None:
        zipped(path, LAYOUTS[layout](posts))

    return save


def save_one_file(layout: str, name: str) -> Writer:
    """What writes a file of a layout alone: damage to it is not noticed before it is read."""

    def save(path: Path, posts: Sequence[Post]) -> None:
        path.write_text(LAYOUTS[layout](posts)[name], encoding="utf-8")

    return save


def save_without(missing: str) -> Writer:
    """What writes a table that lacks the ids or the times."""

    def save(path: Path, posts: Sequence[Post]) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            columns = [column for column in ("id", "created_at", "text") if column != missing]
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows([getattr(post, column) for column in columns] for post in posts)

    return save


READERS = {
    tool: Reader(suffix, save, read_file, suffix == ".jsonl" and "answers" not in tool)
    for tool, (suffix, save, _) in WRITERS.items()
}
READERS |= {f"without {name}": Reader(".csv", save_without(name), read_file, False) for name in ("id", "created_at")}
READERS |= {f"export {layout}": Reader(".zip", save_export(layout), read_archive, False) for layout in LAYOUTS}
READERS |= {
    f"{name} alone": Reader(Path(name).suffix, save_one_file(layout, name), read_archive, False)
    for layout, name in (("2020", "data/tweet.js"), ("tweets.csv", "tweets.csv"))
}


def invented(number: int, rng: random.Random) -> list[Post]:
    """So many posts of one account, a third of them retweets, replies or quotes."""
    posts = []
    for index in range(number):
        kind = rng.choice(["retweet", "reply", "quote", *[""] * 6])
        posts.append(
            Post(
                id=str(1201506031228084201 + index * 4_194_307),
                created_at=FIRST + timedelta(minutes=index),
                text=" ".join(rng.choices(WORDS, k=rng.randint(4, 40))),
                author="bo",
                name="Bo",
                lang="en",
                is_retweet=kind == "retweet",
                is_reply=kind == "reply",
                is_quote=kind == "quote",
                truncated=False,
                mentions=(Mention("ada", "Ada"),) if index % 3 == 0 else (),
            )
        )
    return posts


def peak_mb() -> float:
    """The most memory that this process has had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def read_once(tool: str, path: Path) -> Speed:
    """Read a file in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = READERS[tool].read(path)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    megabytes = round(path.stat().st_size / 1e6, 1)
    return Speed(tool, len(outcome.posts), megabytes, round(wall, 2), round(cpu, 2), round(peak_mb()))


def measure(tool: str, posts: Sequence[Post], folder: Path) -> Speed:
    """Read a file of many posts in a process of its own."""
    path = folder / f"posts{READERS[tool].suffix}"
    READERS[tool].save(path, posts)
    command = [sys.executable, __file__, "--read", tool, str(path)]
    return Speed(**json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The bytes of a file with one to four changes: cut, repeated, moved, overwritten or with something put in."""
    for _ in range(rng.randint(1, 4)):
        start, end, other = sorted(rng.randrange(len(content) + 1) for _ in range(3))
        end = min(end, start + rng.choice([1, 3, 30, 3000]))
        before, part, rest = content[:start], content[start:end], content[end:]
        new = rng.choice([b"", part * 2, rng.choice(SPECIAL), rng.choice(SPECIAL) + part, rng.randbytes(len(part) % 5)])
        change = rng.choice(["replace", "replace", "replace", "cut", "move"])
        if change == "replace":
            content = before + new + rest
        elif change == "cut":
            content = before
        else:
            content = before + content[end:other] + part + content[other:]
    return content


def broken_promise(reader: Reader, path: Path, content: bytes, posts: list[Post]) -> str | None:
    """What a damaged file does that none may; its posts are added to those to be cleaned."""
    try:
        outcome = reader.read(path)
    except UnreadableSource as refusal:
        return None if "\n" not in str(refusal) else f"a refusal of several lines: {refusal}"
    except Exception:  # whatever it is, it is what is looked for
        return traceback.format_exc()
    if outcome.rows != len(outcome.posts) + outcome.passed_over + outcome.repeated:
        return f"{outcome.rows} rows, of which {len(outcome.posts)} became posts and {outcome.passed_over} are counted"
    lines = sum(bool(line.strip()) for line in re.split(rb"\r\n|\r|\n", content))
    if reader.by_line and content.isascii() and not content.lstrip().startswith(b"[") and outcome.rows < lines:
        return f"{lines} lines, but {outcome.rows} rows"
    posts += outcome.posts
    return None


def clean_all(posts: list[Post]) -> str | None:
    """Clean posts of many damaged files; what went wrong, if anything did."""
    try:
        table = clean_table(to_table(posts), "bo", CleanConfig())
    except Exception:  # whatever it is, it is what is looked for
        return traceback.format_exc()
    finally:
        expected = len(posts)
        posts.clear()
    return None if len(table) == expected else f"{expected} posts, of which {len(table)} were cleaned"


def attack(number: int, seed: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """Read so many damaged files: how many were read or refused, and which promises were broken."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    broken: list[str] = []
    whole: dict[str, bytes] = {}
    posts: list[Post] = []
    for tool, reader in READERS.items():
        path = folder / f"whole{reader.suffix}"
        reader.save(path, invented(4, rng))
        whole[tool] = gzip.decompress(path.read_bytes()) if reader.suffix.endswith(".gz") else path.read_bytes()
    tools = list(READERS)
    for index in range(number):
        reader = READERS[tools[index % len(tools)]]
        content = mutated(whole[tools[index % len(tools)]], rng)
        path = folder / f"damaged{reader.suffix}"
        path.write_bytes(gzip.compress(content, 1) if reader.suffix.endswith(".gz") else content)
        before = len(posts)
        problem = broken_promise(reader, path, content, posts)
        counts["read" if len(posts) > before else "refused or empty"] += 1
        if index % CLEANED_TOGETHER == 0 or index == number - 1:
            problem = problem or clean_all(posts)
        if problem:
            kept = folder / f"broken-{index}{reader.suffix}"
            path.replace(kept)
            broken.append(f"{kept}: {problem}")
    return counts, broken


def as_table(speeds: Sequence[Speed]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| dialect | posts | file MB | wall s | CPU s | peak MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [f"| {' | '.join(str(value) for value in asdict(speed).values())} |" for speed in speeds]
    return "\n".join(lines)


def main() -> int:
    """Measure, damage, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--read", nargs=2, metavar=("DIALECT", "PATH"), help="read one file in this process")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.read:
        print(json.dumps(asdict(read_once(options.read[0], Path(options.read[1])))))
        return 0
    folder = Path(tempfile.mkdtemp(prefix="readers-"))
    posts = invented(options.posts, random.Random(options.seed))
    speeds = [measure(tool, posts, folder) for tool in READERS] if options.posts else []
    before, began = peak_mb(), time.process_time()
    counts, broken = attack(options.mutations, options.seed, folder)
    memory = {
        "before_mb": round(before),
        "peak_mb": round(peak_mb()),
        "cpu_seconds": round(time.process_time() - began),
    }
    report = {"speeds": [asdict(speed) for speed in speeds], "damaged": dict(counts), **memory, "broken": broken}
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print(as_table(speeds), dict(counts), memory, *broken, sep="\n")
    slow = any(speed.cpu_seconds >= MOST_SECONDS or speed.peak_mb >= MOST_MB for speed in speeds)
    return int(slow or bool(broken))


if __name__ == "__main__":
    sys.exit(main())
