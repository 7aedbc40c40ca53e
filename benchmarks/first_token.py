"""How well do base models predict posts that open as in their pretraining, and how well posts that open with the end?

    python benchmarks/first_token.py --account timeline.jsonl [--account ...] [--models packaged FILE.gguf] [--json]

The newest cleaned posts of each account, by every base model as it is: bits per byte with and without the token that
ends a post, which no base model has reason to expect where a post ends. Tokens a byte tell how well it knows the
language.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.parquet as pq

from hugtweets.config import TrainConfig, load_config
from hugtweets.devices.selection import choose_device
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.models.cache import load_tuned
from hugtweets.models.registry import resolve_base_model
from hugtweets.steps.clean import CLEAN, clean
from hugtweets.steps.fetch import fetch
from hugtweets.storage.home import Home


@dataclass(frozen=True)
class Row:
    """One base model on the posts of one account."""

    account: str
    base_model: str
    opens_with: str
    tokens_per_byte: float
    bits_per_byte: float
    without_the_end: float


def newest_posts(timeline: Path, number: int) -> list[str]:
    """The texts of the newest posts that are kept."""
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(None, ["tracking.mode=disabled"])
        request = AccountRequest(handle=timeline.stem, source=f"file:{timeline}", config=config)
        job = Job(Home(Path(folder)), request, "benchmark")
        table = pq.read_table(clean(job, fetch(job).reference).file(CLEAN), filters=[("kept", "=", True)])
    texts: list[str] = table.sort_by("created_at")["text"].to_pylist()
    return texts[-number:]


def measure(spec: str, home: Home, account: str, texts: list[str]) -> list[Row]:
    """Both ways to open a post."""
    base_model = resolve_base_model(spec, home)
    model, tokenizer = load_tuned(base_model, None, choose_device(TrainConfig(device="cpu")))
    documents, sizes = [tokenizer.encode(text) for text in texts], [len(text.encode()) for text in texts]
    rows = []
    for start in dict.fromkeys([tokenizer.start_of_text, tokenizer.end_of_text]):
        whole = post_nats(model, documents, (start, tokenizer.end_of_text))
        # What is left out is the last prediction: the post without its last token is predicted as before, which then
        # stands where the end did.
        unended = [
            post_nats(model, [document[:-1]], (start, document[-1]))[0] for document in documents if len(document) > 1
        ]
        kept = [size for size, document in zip(sizes, documents, strict=True) if len(document) > 1]
        share = round(sum(map(len, documents)) / sum(sizes), 2)
        figures = (share, round(bits_per_byte(whole, sizes), 3), round(bits_per_byte(unended, kept), 3))
        rows.append(Row(account, base_model.name, tokenizer.spell(start), *figures))
    return rows


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", type=Path, action="append", required=True, help="a file source; may be repeated")
    parser.add_argument("--models", nargs="+", default=["packaged"], help="as train.base_model takes them")
    parser.add_argument("--posts", type=int, default=60)
    parser.add_argument("--home", type=Path, default=Path.home() / ".hugtweets", help="where converted models are kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for path in options.account:
        texts = newest_posts(path, options.posts)
        for spec in options.models:
            rows += measure(spec, Home(options.home), path.stem, texts)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    print(
        "| account | base model | opens with | tokens a byte | bits per byte | without the end |\n"
        "| --- | --- | --- | ---: | ---: | ---: |"
    )
    for row in rows:
        print("| " + " | ".join(map(str, asdict(row).values())) + " |")


if __name__ == "__main__":
    main()
