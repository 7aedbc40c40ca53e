"""An account's page and the CSV files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hugtweets.evaluation.reading import part_of_the_person, prediction, score_rows
from hugtweets.report.account_data import AccountData
from hugtweets.report.plots import Line, bars, lines, over_time
from hugtweets.report.post_statistics import PostStatistics
from hugtweets.report.summary import JUDGED_COLUMNS, AccountSummary, smooth
from hugtweets.report.templating import percent, render
from hugtweets.storage.csv_files import Table, to_csv
from hugtweets.storage.handles import folder_of
from hugtweets.timelines.provenance import describe_sources


@dataclass(frozen=True)
class Plot:
    """A plot in a page, which stands there unescaped, and the file that has its data."""

    svg: str
    title: str
    file: str
    note: str = ""


@dataclass(frozen=True)
class Headline:
    """A figure at the top of the page."""

    label: str
    value: str
    note: str = ""


def account_files(account: AccountData) -> dict[str, str]:
    """Every file of an account by name: ``<folder>.html``, ``<folder>.json``, and its CSV files."""
    stem, metrics = folder_of(account.summary.handle), account.summary.metrics
    page = render(
        "account.html",
        account=account,
        headline=list(_headline(account.summary)),
        prediction=prediction(metrics) if metrics else "",
        scorecard=score_rows(metrics) if metrics else [],
        plots={"curve": _curve(account), "models": _judged_models(account.summary)}
        | _lengths_and_hours(stem, account.statistics),
    )
    tables = {f"{stem}.{name}.csv": to_csv(columns, rows) for name, (columns, rows) in _tables(account).items()}
    return {**tables, f"{stem}.html": page, f"{stem}.json": account.summary.model_dump_json(indent=1) + "\n"}


def _headline(summary: AccountSummary) -> Iterator[Headline]:
    came_from = f"from {describe_sources(summary.sources)}" if summary.sources else ""
    yield Headline("Posts fetched", f"{summary.fetched:,}", came_from)
    if summary.kept is not None:
        yield Headline("Posts kept", f"{summary.kept:,}", f"{summary.kept_characters or 0:,} characters")
    metrics = summary.metrics
    if metrics:
        yield Headline("Bits per byte", summary.change, "base → tuned; lower is better")
        yield Headline(
            "Gain", percent(summary.gain, signed=True), f"of the base model's bits, {part_of_the_person(metrics)}"
        )
        yield Headline("Attribution accuracy", percent(metrics.get("taken_for_author")), "over sets of 20 posts")
        yield Headline("Copied", percent(metrics.get("copied_share")), "posts with 8 words from one real post")


def _curve(account: AccountData) -> Plot | None:
    if not account.history:
        return None
    every = [(row["step"], row["train/loss"]) for row in account.history if "train/loss" in row]
    validation = [(row["step"], row["held_out/loss"]) for row in account.history if "held_out/loss" in row]
    says = "Training curve."
    if validation:
        says = f"Training curve: the validation loss goes from {validation[0][1]:.2f} to {validation[-1][1]:.2f}."
    drawn = [Line(every, "faint", width=1), Line(smooth(account.history)), Line(validation, "base", dots=True)]
    svg = lines(drawn, "training step", "loss, nats per token", says)
    note = "Thin: each training step; thick: smoothed; with dots: validation posts."
    return Plot(svg, "Training curve", f"{folder_of(account.summary.handle)}.curve.csv", note)


def _judged_models(summary: AccountSummary) -> Plot | None:
    if len(summary.comparable) < 2:
        return None
    base = [(judged.at, judged.base_bits_per_byte) for judged in summary.comparable]
    tuned = [(judged.at, judged.bits_per_byte) for judged in summary.comparable]
    says = f"Bits per byte on test posts of {len(tuned)} models, the newest {tuned[-1][1]:.3f}."
    svg = over_time([Line(base, "base", dots=True), Line(tuned, "tuned", dots=True)], "bits per byte", says)
    return Plot(svg, "Models over time", f"{folder_of(summary.handle)}.models.csv", "Base model above, tuned below.")


def _lengths_and_hours(stem: str, statistics: PostStatistics | None) -> dict[str, Plot | None]:
    if statistics is None or not statistics.posts:
        return {"lengths": None, "hours": None}
    often = statistics.length_labels[statistics.lengths.index(max(statistics.lengths))]
    says = f"Lengths of posts: most have {often} characters."
    lengths = bars(statistics.lengths, statistics.length_labels, 3, "characters", "posts", says)
    hour = statistics.hours.index(max(statistics.hours))
    says = f"Posts by the hour of the day: most in the hour from {hour}:00 UTC."
    hours = bars(statistics.hours, list(map(str, range(24))), 3, "hour of the day, UTC", "posts", says)
    return {
        "lengths": Plot(lengths, "How long", f"{stem}.lengths.csv"),
        "hours": Plot(hours, "When", f"{stem}.hours.csv"),
    }


def _tables(account: AccountData) -> Mapping[str, Table]:
    keys = sorted({key for row in account.history for key in row if key != "step"})
    tables: dict[str, Table] = {
        "curve": (["step", *keys], [[row["step"], *(row.get(key, "") for key in keys)] for row in account.history]),
        "generated": (
            ["generated", "prompt", "text", "log_prob", "longest_copy"],
            [[True, post.prompt, post.text, post.log_prob, post.longest_copy] for post in account.generated],
        ),
        "models": (
            [*JUDGED_COLUMNS, "reason"],
            [[*judged.cells, judged.reason] for judged in account.summary.nights],
        ),
    }
    return tables | (_counts(account.statistics) if account.statistics else {})


def _counts(found: PostStatistics) -> dict[str, Table]:
    kinds = {"word": found.words, "hashtag": found.hashtags, "emoji": found.emoji, "language": found.languages}
    return {
        "lengths": (["characters_from", "posts"], [*zip(found.length_labels, found.lengths, strict=True)]),
        "hours": (["hour_utc", "posts"], list(enumerate(found.hours))),
        "words": (["kind", "item", "number"], [[kind, *pair] for kind, pairs in kinds.items() for pair in pairs]),
    }
