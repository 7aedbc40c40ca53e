"""How close to the author, how soon: the original's recipe, transformers' own script, our default, and variants.

    python benchmarks/voice.py --account timeline.jsonl [--account ...] [--seeds 3] [--on validation] [--posts 600]
        [--held-out 60] [--variant NAME:train.lr=1e-4,train.epochs=2] [--run-clm run_clm.py] [--rows FILE.jsonl]
        [--judges] [--reader gemma-3-270m] [--other timeline.jsonl ...] [--json FILE]

Every row is trained in a process of its own on the same posts of a timeline file. The newest ``--held-out`` posts are
test posts, as many before them validation posts: each training keeps the weights that predict the validation posts
best, and rows show figures of ``--on`` test or validation posts. Choose between variants on validation posts, and
report on the test posts of accounts that nothing was chosen by. Seconds are those of training alone.

- ``original``: the recipe of huggingtweets as its author described it: all posts joined by end-of-text, four shuffled
  epochs in one stream, blocks of 1,024 tokens, one block a step, AdamW at 1.372e-4, cosine without warm-up, every
  weight in float32, attention across posts.
- ``run_clm``: the script of transformers with its defaults, if ``--run-clm`` says where it is;
  ``--variant run_clm:block_size=1024`` with an option.
- ``default``: what ``hugtweets run`` does.
- ``author``, if ``--only`` names it: nothing is trained, and the newest learned posts stand where those of
  a model would. What judges say of it is the limit: nobody writes more like the author, but subjects change with time.
- further ``--variant``: our own training and sampling with other options, also from another ``train.base_model``.

``--judges`` adds what a scorecard says with ``evaluate.scorecard=full``, minutes a row: bits per byte of the written
posts and of the author's unseen ones to ``--reader``, a base model that learned neither, and by how many per cent the
first are more; a detector that is trained from the reader, with its 95 % interval; how many bits a post speaks for the
account rather than for the other ``--account`` and ``--other`` files, beside the author's own unseen posts; and MAUVE
where there are 200 posts a side: ``--generated 200 --held-out 120``, since what is like a learned post is left out.
``--shuffled`` holds out posts by chance instead of the newest, so that no judge tells posts by what time has changed.
With ``--rows`` a run that was broken off goes on where it was: give every choice of sizes and judges a file of its own.

In the tables each figure is the mean over seeds, ± half of its range. *Over default* is the difference in bits per byte
to ``default`` on the same posts, with the 95 % interval over posts; the last table is the same over accounts.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from voice_judges import judge_writing
from voice_material import Material, material
from voice_recipes import Trained, train_nothing, train_original, train_ours, train_run_clm

Figures = dict[str, float | None]


@dataclass
class Measured:
    """One row: a variant on an account with a seed; ``nats`` are those of each judged post of so many ``bytes``."""

    account: str
    variant: str
    seed: int
    judged_on: str
    nats: list[float]
    bytes: list[int]
    curve: list[tuple[float, float]]
    figures: Figures = field(default_factory=dict)


COLUMNS: dict[str, tuple[str, str]] = {
    "base_bits_per_byte": ("base", ".3f"),
    "bits_per_byte": ("bits per byte", ".3f"),
    "bits_per_byte_without_end": ("without ends", ".3f"),
    "seconds": ("s", ".0f"),
    "cpu_seconds": ("CPU s", ".0f"),
    "tokens_per_second": ("tokens/s", ".0f"),
    "peak_gib": ("peak GiB", ".2f"),
    "megabytes": ("MB", ".1f"),
    "told_apart": ("detector", ".2f"),
    "copied_share": ("copied", ".2f"),
    "copied_share_before": ("copied before", ".2f"),
    "held_out_copied_share": ("copied, real", ".2f"),
    "distinct_2": ("distinct-2", ".2f"),
    "held_out_distinct_2": ("distinct-2, real", ".2f"),
    "mean_length": ("length", ".0f"),
    "held_out_mean_length": ("length, real", ".0f"),
}
# With their 95 % intervals, where they have some.
JUDGES: dict[str, tuple[str, str]] = {
    "told_apart_by_model": ("trained detector", ".2f"),
    "reader_bits_per_byte": ("to the reader", ".3f"),
    "held_out_reader_bits_per_byte": ("to the reader, real", ".3f"),
    "odd": ("odd, %", "+.1f"),
    "log_odds": ("bits for the account", "+.0f"),
    "held_out_log_odds": ("bits for the account, real", "+.0f"),
    "mauve": ("MAUVE", ".2f"),
}


def judge(given: Material, trained: Trained, options: argparse.Namespace, config: Any) -> Measured:
    """How the trained model predicts the judged posts, and what it writes."""
    from hugtweets.evaluation.copying import copied_share_before
    from hugtweets.evaluation.prediction import prediction_scores
    from hugtweets.evaluation.writing import newest_first, writing_scores
    from hugtweets.models.tokens import TextTokenizer
    from hugtweets.steps.predicting import predict

    judged = list(given.test if options.on == "test" else given.validation)
    tokenizer = TextTokenizer.of(given.base)
    documents, sizes = [tokenizer.encode(text) for text in judged], [len(text.encode()) for text in judged]
    base = predict(given.base, None, documents, config.train)
    tuned = predict(given.base, trained.weights, documents, config.train)
    figures: Figures = prediction_scores(base, tuned, sizes)
    # What is chosen on validation posts must not see a test post, not even through the detector.
    unseen = list(given.validation) if options.on == "test" else []
    generated, copies = write(given, trained, config, options.generated)
    figures |= writing_scores(generated, judged, unseen, list(given.train))
    if generated:
        before = copied_share_before(figures["copied_share"] or 0.0, len(generated), *copies)
        figures["copied_share_before"] = round(before, 4)
    if generated and options.judges:
        newest, others = newest_first(unseen, judged), options.other
        figures |= judge_writing(given, generated, newest, options.reader, options.home, others)
    size = sum(path.stat().st_size for path in trained.weights.glob("*.safetensors")) if trained.weights else 0
    figures |= {"seconds": trained.seconds, "cpu_seconds": trained.cpu_seconds}
    figures |= {"tokens_per_second": trained.tokens_per_second, "megabytes": size / 1e6}
    return Measured(given.account, "", options.seed, options.on, tuned.posts, sizes, trained.curve, figures)


def write(given: Material, trained: Trained, config: Any, number: int) -> tuple[list[str], tuple[int, int]]:
    """Posts without a prompt; how many of them were written again for a copy, and how many left out for one.

    Where nothing was trained, the newest learned posts.
    """
    from hugtweets.devices.selection import choose_device
    from hugtweets.generation.sampler import GenerationRequest, generate
    from hugtweets.models.cache import load_tuned

    if not number or trained.weights is None:
        return list(given.train[len(given.train) - number :]), (0, 0)
    model, tokenizer = load_tuned(given.base, trained.weights, choose_device(config.train))
    request = GenerationRequest(("",), number, given.train, config.sample.seed)
    samples = generate(model, tokenizer, [request], config.sample)[0]
    again = sum(sample.replaced > 0 for sample in samples)
    return [sample.text for sample in samples], (again, number - len(samples))


def child(options: argparse.Namespace, variant: str) -> None:
    """Train one variant on one account with one seed, and print it as JSON."""
    from hugtweets.config import Config

    name, _, assignments = variant.partition(":")
    chosen = {} if name == "run_clm" else parse_options(assignments)
    config = Config().override({"sample": {"seed": options.seed}}).override(chosen)
    base = chosen.get("train", {}).get("base_model", options.base)
    sizes = (options.posts, options.held_out, base, options.home, options.held_out)
    with material(options.account[0], *sizes, shuffled=options.shuffled) as given:
        if name == "original":
            trained = train_original(given, options.seed)
        elif name == "run_clm":
            trained = train_run_clm(given, options.run_clm, assignments, options.seed)
        elif name == "author":
            trained = train_nothing()
        else:
            trained = train_ours(given, chosen, options.seed)
        measured = judge(given, trained, options, config)
    measured.variant = named(variant)
    trainers = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    measured.figures["peak_gib"] = max(resource.getrusage(who).ru_maxrss for who in trainers) / 2**20
    print(json.dumps(asdict(measured)))


def named(variant: str) -> str:
    """What a variant is called in tables."""
    name = variant.partition(":")[0]
    return variant if name == "run_clm" else name


def parse_options(assignments: str) -> dict[str, Any]:
    """``train.lr=1e-4,train.epochs=2`` as nested options."""
    from hugtweets.config import merge, parse_assignment

    found: dict[str, Any] = {}
    for assignment in filter(None, assignments.split(",")):
        found = merge(found, parse_assignment(assignment))
    return found


def measure(options: argparse.Namespace, account: Path, variant: str, seed: int) -> Measured:
    """One row, in a process of its own."""
    command = [sys.executable, __file__, f"--account={account}", "--child", variant, f"--home={options.home}"]
    command += [f"--posts={options.posts}", f"--held-out={options.held_out}", f"--base={options.base}"]
    command += [f"--on={options.on}", f"--seed={seed}", f"--generated={options.generated}"]
    if options.judges:
        others = [other for other in [*options.account, *options.other] if other != account]
        command += ["--judges", f"--reader={options.reader}", *(f"--other={other}" for other in others)]
    command += ["--run-clm", str(options.run_clm)] if options.run_clm else []
    command += ["--shuffled"] if options.shuffled else []
    environment = os.environ | {"TQDM_DISABLE": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    loaded = json.loads(done.stdout.splitlines()[-1])
    if options.rows:
        with options.rows.open("a", encoding="utf-8") as file:
            file.write(json.dumps(loaded) + "\n")
    return Measured(**loaded)


def measured_before(rows: Path | None) -> list[Measured]:
    """The rows that a run before has left."""
    if not rows or not rows.is_file():
        return []
    return [Measured(**json.loads(line)) for line in rows.read_text(encoding="utf-8").splitlines()]


def table(rows: Sequence[Measured]) -> str:
    """The rows of one account as Markdown, a line for each variant."""
    variants = list(dict.fromkeys(row.variant for row in rows))
    default = [row for row in rows if row.variant == "default"]
    judges = JUDGES if any("odd" in row.figures for row in rows) else {}
    titles = [title for title, _ in (*COLUMNS.values(), *judges.values())]
    head = ["variant", *titles, "over default"]
    lines = [f"**{rows[0].account}**, {len(rows[0].nats)} {rows[0].judged_on} posts", "", _line(head)]
    lines.append("|" + " --- |" * len(head))
    for variant in variants:
        own = [row for row in rows if row.variant == variant]
        cells = [_spread([row.figures.get(name) for row in own], shape) for name, (_, shape) in COLUMNS.items()]
        cells += [_spread_between(own, name, shape) for name, (_, shape) in judges.items()]
        lines.append(_line([variant, *cells, "" if variant == "default" else over_default(own, default)]))
    return "\n".join(lines)


def over_default(own: Sequence[Measured], default: Sequence[Measured]) -> str:
    """The difference in bits per byte, each post as the mean over the seeds of both."""
    from hugtweets.evaluation.intervals import ratio_interval

    if not default:
        return ""
    sides = [[fmean(nats) for nats in zip(*(row.nats for row in rows), strict=True)] for rows in (own, default)]
    bits = [(one - other) / math.log(2) for one, other in zip(*sides, strict=True)]
    found, sizes = ratio_interval(bits, own[0].bytes), own[0].bytes
    bounds = f" ({found.low:+.3f} to {found.high:+.3f})" if found else " (too few posts)"
    return f"{sum(bits) / sum(sizes):+.3f}{bounds}"


def over_accounts(rows: Sequence[Measured]) -> str:
    """The mean over accounts of each variant's bits per byte over the default's, as a share of the latter."""
    from hugtweets.evaluation.intervals import mean_interval

    accounts = list(dict.fromkeys(row.account for row in rows))
    lines = ["**all accounts**", "", "| variant | over default, % of its bits per byte | 95 % interval over accounts |"]
    lines.append("| --- | --- | --- |")
    for variant in dict.fromkeys(row.variant for row in rows):
        bits = [[_bits(rows, account, name) for account in accounts] for name in (variant, "default")]
        if variant == "default" or any(math.isnan(each) for each in bits[1]):
            continue
        shares = [100 * (own / default - 1) for own, default in zip(*bits, strict=True)]
        found = mean_interval(shares)
        bounds = f"{found.low:+.1f} to {found.high:+.1f}" if found else "takes three accounts"
        lines.append(_line([variant, f"{fmean(shares):+.1f}", bounds]))
    return "\n".join(lines)


def _bits(rows: Sequence[Measured], account: str, variant: str) -> float:
    found = [row.figures["bits_per_byte"] or 0.0 for row in rows if (row.account, row.variant) == (account, variant)]
    return fmean(found) if found else math.nan


def _spread(values: Sequence[float | None], shape: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    half = (max(known) - min(known)) / 2
    margin = f" ± {half:{shape}}" if len(known) > 1 and float(f"{half:{shape}}") else ""
    return f"{fmean(known):{shape}}{margin}"


def _spread_between(rows: Sequence[Measured], name: str, shape: str) -> str:
    """With the interval over posts, its bounds as means over seeds."""
    lows, highs = ([row.figures.get(f"{name}_{end}") for row in rows] for end in ("low", "high"))
    bounds = f" ({_mean(lows, shape)} to {_mean(highs, shape)})" if any(low is not None for low in lows) else ""
    return _spread([row.figures.get(name) for row in rows], shape) + bounds


def _mean(values: Sequence[float | None], shape: str) -> str:
    return f"{fmean(value for value in values if value is not None):{shape}}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def parse_arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", type=Path, action="append", required=True, metavar="FILE.jsonl")
    parser.add_argument("--on", choices=("validation", "test"), default="test", help="which posts the figures are of")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each row, with seeds from 0 on")
    parser.add_argument("--posts", type=int, default=600, help="posts trained on")
    parser.add_argument("--held-out", type=int, default=60, help="test posts, and as many validation posts")
    parser.add_argument("--shuffled", action="store_true", help="held-out posts are of the same months as learned ones")
    parser.add_argument("--generated", type=int, default=40, help="posts written without a prompt; 0 writes none")
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--variant", action="append", default=[], metavar="NAME:KEY=VALUE,…")
    parser.add_argument("--run-clm", type=Path, metavar="run_clm.py")
    parser.add_argument("--only", help="comma-separated variants to measure", metavar="NAMES")
    parser.add_argument("--home", type=Path, help="where the converted base model is kept")
    parser.add_argument("--judges", action="store_true", help="ask those as well that take minutes")
    parser.add_argument(
        "--reader", default="auto", help="base model that reads posts; auto is Gemma where it may be used"
    )
    parser.add_argument("--other", type=Path, action="append", default=[], metavar="FILE.jsonl", help="whose posts too")
    parser.add_argument(
        "--rows", type=Path, metavar="FILE.jsonl", help="each row, as it is measured; read if it is there"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every row, with each post's figure, as JSON")
    for name, kind in (("--child", str), ("--seed", int)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure every variant on every account with every seed."""
    options = parse_arguments()
    if options.child:
        child(options, options.child)
        return
    variants = ["original", *(["run_clm"] if options.run_clm else []), "default", *options.variant]
    wanted = options.only.split(",") if options.only else [variant.partition(":")[0] for variant in variants]
    variants = [each for each in [*variants, "author"] if each.partition(":")[0] in wanted]
    known = {(row.account, row.variant, row.seed): row for row in measured_before(options.rows)}
    rows: list[Measured] = []
    with tempfile.TemporaryDirectory() as temporary:
        options.home = options.home or Path(temporary)
        for account in options.account:
            for variant in variants:
                for seed in range(options.seeds):
                    found = known.get((account.stem, named(variant), seed))
                    rows.append(found or measure(options, account, variant, seed))
            print(table([row for row in rows if row.account == account.stem]) + "\n", flush=True)
    print(over_accounts(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
