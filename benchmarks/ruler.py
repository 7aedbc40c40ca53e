"""Does each judge say of constructed authors what they deserve?

    OMP_NUM_THREADS=2 python benchmarks/ruler.py file:timeline.jsonl file:other.jsonl file:third.jsonl [...]
        [--posts 100] [--reader MODEL] [--full] [--models FOLDER] [--write docs/scores.md] [--json]

Of each account the newest posts are set aside: every second one is the real posts, the others are those of a perfect
forger. A copier takes training posts, a shuffler mixes the words of the forger's, a generic writer takes posts of the
other accounts. Each is judged as a model of the account would be, and read by the base model that `--reader` names.
`--full` adds the detector that is fine-tuned, minutes for each author. `--write` puts the table between the marks of a
document. `--models` is where a converted base model is kept.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from hugtweets.config import Config, load_config
from hugtweets.devices.selection import choose_device
from hugtweets.evaluation.attribution import AuthorshipClassifier
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.evaluation.verification import Verifier, choose_imposters
from hugtweets.evaluation.writing import writing_scores
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.models.cache import load_tuned
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.steps.clean import clean, texts_of
from hugtweets.steps.fetch import fetch
from hugtweets.storage.home import Home
from hugtweets.training.detector import detect_by_model

SEED = 0
MOST_LEARNED = 1_000
BEGIN, END = "<!-- ruler: made by benchmarks/ruler.py -->", "<!-- /ruler -->"
COLUMNS = {
    "taken_for_author": "attribution",
    "log_odds": "bits for the account",
    "verified": "nearer than imposters",
    "told_apart": "detector",
    "told_apart_by_model": "detector that reads",
    "odd": "odd to a reader",
    "copied_share": "copies",
    "distinct_2": "distinct pairs",
}
Figures = Mapping[str, float]


def constructed(learned: Sequence[str], aside: Sequence[str], others: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """The real posts, and as many of each constructed author, from what is set aside of an account."""
    rng = random.Random(SEED)
    real, forged = list(aside[0::2]), list(aside[1::2])
    return {
        "the account itself": real,
        "perfect forger": forged,
        "copier": rng.sample(learned, len(real)),
        "shuffler of words": [" ".join(rng.sample(words := post.split(), len(words))) for post in forged],
        "generic writer": [rng.choice(rng.choice(others)) for _ in real],
    }


class Ruler:
    """Judges texts as those of a model of one of some accounts."""

    def __init__(
        self, posts: Mapping[str, Sequence[str]], number: int, reader: BaseModel, config: Config, full: bool
    ) -> None:
        self._aside = {handle: texts[-2 * number :] for handle, texts in posts.items()}
        self._learned = {handle: list(texts[: -2 * number][-MOST_LEARNED:]) for handle, texts in posts.items()}
        self._classifier = AuthorshipClassifier(self._learned.items())
        self._model, self._tokenizer = load_tuned(reader, None, choose_device(config.train))
        self._full = full

    def judge(self, handle: str) -> dict[str, Figures]:
        """The figures of each constructed author of an account."""
        learned = self._learned[handle]
        others = [posts for other, posts in self._learned.items() if other != handle]
        authors = constructed(learned, self._aside[handle], others)
        imposters = [self._learned[other] for other in choose_imposters(self._learned, handle)]
        verifier, real = Verifier(learned, imposters), authors["the account itself"]
        figures = {name: self._figures(handle, posts, real, verifier) for name, posts in authors.items()}
        surprises = {name: self._surprise(posts) for name, posts in authors.items()}
        odd = {name: surprise / surprises["the account itself"] - 1 for name, surprise in surprises.items()}
        return {name: {**found, "odd": odd[name]} for name, found in figures.items()}

    def _figures(self, handle: str, posts: list[str], real: list[str], verifier: Verifier) -> Figures:
        learned, found = self._learned[handle], self._classifier.attribute(posts, handle)
        # Nobody is told from himself: the account's own posts are compared with those learned last, as in a scorecard.
        compared = learned[: -len(posts) - 1 : -1] if posts is real else posts
        written = writing_scores(compared, real, [], learned)
        figures: dict[str, float | None] = {
            "taken_for_author": found.accuracy if found else None,
            "log_odds": found.log_odds if found else None,
            "verified": verifier.verify(posts),
            "told_apart": written["told_apart"],
        }
        own = writing_scores(posts, real, [], learned)
        figures |= {name: own[name] for name in ("copied_share", "distinct_2")}
        if self._full:
            ours, theirs = (list(map(self._tokenizer.encode, texts)) for texts in (real, compared))
            detected = detect_by_model(self._model, ours, theirs, self._tokenizer.ends)
            figures["told_apart_by_model"] = detected.accuracy if detected else None
        return {name: value for name, value in figures.items() if value is not None}

    def _surprise(self, posts: Sequence[str]) -> float:
        nats = post_nats(self._model, list(map(self._tokenizer.encode, posts)), self._tokenizer.ends)
        return bits_per_byte(nats, [len(post.encode()) for post in posts])


def read_posts(sources: Sequence[str], home: Home, config: Config) -> dict[str, list[str]]:
    """The kept posts of each source, from old to new, by the name of its file."""
    posts = {}
    for source in sources:
        handle = Path(source).stem
        request = AccountRequest(handle=handle, source=source, config=config)
        job = Job(home, request, "benchmark")
        cleaned = clean(job, fetch(job).reference)
        posts[handle] = [text for split in ("train", "validation", "test") for text in texts_of(cleaned, split)]
    return posts


def table(found: Sequence[Mapping[str, Figures]]) -> str:
    """The means over accounts as Markdown."""
    names = [name for name in COLUMNS if name in next(iter(found[0].values()))]
    heads = ["author", *(COLUMNS[name] for name in names)]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * len(names)}"]
    for author in found[0]:
        cells = [_cell(name, fmean(judged[author][name] for judged in found)) for name in names]
        lines.append(f"| {' | '.join([author, *cells])} |")
    return "\n".join(lines)


def _cell(name: str, value: float) -> str:
    if name == "log_odds":
        return f"{value:+.0f}"
    return f"{100 * value:+.0f} %" if name == "odd" else f"{100 * value:.0f} %"


def write_between_marks(document: Path, text: str) -> None:
    """Put a table in the place of the one before."""
    written = document.read_text(encoding="utf-8")
    fresh = re.sub(f"{BEGIN}.*?{END}", f"{BEGIN}\n{text}\n{END}", written, flags=re.DOTALL)
    document.write_text(fresh, encoding="utf-8")


def main() -> None:
    """Judge constructed authors of some accounts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--posts", type=int, default=100)
    parser.add_argument("--reader", default="auto", help="as in train.base_model")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    config = load_config(None, ["tracking.mode=disabled"])
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.models.mkdir()
        for kept in options.models.resolve().iterdir() if options.models else ():
            (home.models / kept.name).symlink_to(kept)
        posts = read_posts(options.sources, home, config)
        ruler = Ruler(posts, options.posts, resolve_base_model(options.reader, home), config, options.full)
        found = {handle: ruler.judge(handle) for handle in posts}
    means = table(list(found.values()))
    if options.write:
        write_between_marks(options.write, means)
    print(json.dumps(found, indent=1) if options.json else means)


if __name__ == "__main__":
    main()
