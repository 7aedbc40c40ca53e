"""An account's page and the CSV files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hugtweets.evaluation.scorecard import prediction, writing_rows
from hugtweets.report.csv_files import to_csv
from hugtweets.report.figures import Figures, smooth
from hugtweets.report.habits import LENGTH_STEP, Habits
from hugtweets.report.plots import Line, bars, lines, over_time
from hugtweets.report.story import Story
from hugtweets.report.templating import render
from hugtweets.report.wording import change, percent


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


def account_files(story: Story) -> dict[str, str]:
    """Every file of an account by name: ``<handle>.html``, ``<handle>.json``, and its CSV files."""
    handle, metrics = story.figures.handle, story.figures.metrics
    page = render(
        "account.html",
        story=story,
        headline=list(_headline(story.figures)),
        prediction=prediction(metrics) if metrics else "",
        scorecard=writing_rows(metrics) if metrics else [],
        plots={"curve": _curve(story), "nights": _nights(story.figures)} | _habits(handle, story.habits),
    )
    tables = {f"{handle}.{name}.csv": to_csv(columns, rows) for name, (columns, rows) in _tables(story).items()}
    return {**tables, f"{handle}.html": page, f"{handle}.json": story.figures.model_dump_json(indent=1) + "\n"}


def _headline(figures: Figures) -> Iterator[Headline]:
    yield Headline("Posts fetched", f"{figures.fetched:,}")
    if figures.kept is not None:
        yield Headline("Posts kept", f"{figures.kept:,}", f"{figures.kept_characters or 0:,} characters")
    metrics = figures.metrics
    if metrics:
        yield Headline("Bits per byte", change(figures), "base → tuned; lower is better")
        yield Headline("Gain", percent(figures.gain, signed=True), "of the base model's bits")
        yield Headline("Taken for the author's", percent(metrics.get("taken_for_author")), "sets of 20 posts")
        yield Headline("Copied", percent(metrics.get("copied_share")), "posts with 8 words from one real post")


def _curve(story: Story) -> Plot | None:
    if not story.history:
        return None
    held_out = [(row["step"], row["held_out/loss"]) for row in story.history if "held_out/loss" in row]
    every = [(row["step"], row["train/loss"]) for row in story.history if "train/loss" in row]
    svg = lines(
        [Line(every, "faint", width=1), Line(smooth(story.history)), Line(held_out, "base", dots=True)],
        "training step",
        "loss, nats per token",
        f"Training curve: the loss on held-out posts goes from {held_out[0][1]:.2f} to {held_out[-1][1]:.2f}."
        if held_out
        else "Training curve.",
    )
    note = "Thin: each training step; thick: smoothed; with dots: held-out posts."
    return Plot(svg, "Training curve", f"{story.figures.handle}.curve.csv", note)


def _nights(figures: Figures) -> Plot | None:
    if len(figures.nights) < 2:
        return None
    times = [night.at for night in figures.nights]
    tuned = [(0.0, night.bits_per_byte) for night in figures.nights]
    base = [(0.0, night.base_bits_per_byte) for night in figures.nights]
    svg = over_time(
        [(Line(base, "base", dots=True), times), (Line(tuned, "tuned", dots=True), times)],
        "bits per byte",
        f"Held-out bits per byte of {len(times)} models, the newest {tuned[-1][1]:.3f}.",
    )
    return Plot(svg, "Night after night", f"{figures.handle}.models.csv", "Base model above, tuned below.")


def _habits(handle: str, habits: Habits | None) -> dict[str, Plot | None]:
    if habits is None or not habits.posts:
        return {"lengths": None, "hours": None}
    labels = _length_labels(habits)
    often = labels[habits.lengths.index(max(habits.lengths))]
    hour = habits.hours.index(max(habits.hours))
    lengths = bars(habits.lengths, labels, 3, "characters", "posts", f"Lengths of posts: most have {often} characters.")
    hours = bars(
        habits.hours,
        [str(hour) for hour in range(24)],
        3,
        "hour of the day, UTC",
        "posts",
        f"Posts by the hour of the day: most in the hour from {hour}:00 UTC.",
    )
    return {
        "lengths": Plot(lengths, "How long", f"{handle}.lengths.csv"),
        "hours": Plot(hours, "When", f"{handle}.hours.csv"),
    }


def _length_labels(habits: Habits) -> list[str]:
    starts = [place * LENGTH_STEP for place in range(len(habits.lengths))]
    return [*(str(start) for start in starts[:-1]), f"{starts[-1]}+"]


Table = tuple[Sequence[str], Sequence[Sequence[object]]]


def _tables(story: Story) -> Mapping[str, Table]:
    keys = sorted({key for row in story.history for key in row if key != "step"})
    tables: dict[str, Table] = {
        "curve": (["step", *keys], [[row["step"], *(row.get(key, "") for key in keys)] for row in story.history]),
        "generated": (
            ["generated", "prompt", "text", "log_prob", "longest_copy"],
            [[True, post.prompt, post.text, post.log_prob, post.longest_copy] for post in story.generated],
        ),
        "models": (
            ["judged", "model", "base_bits_per_byte", "bits_per_byte", "promoted", "reason"],
            [
                [night.at, night.model, night.base_bits_per_byte, night.bits_per_byte, night.promoted, night.reason]
                for night in story.figures.nights
            ],
        ),
    }
    return tables | (_counts(story.habits) if story.habits else {})


def _counts(habits: Habits) -> dict[str, Table]:
    kinds = {"word": habits.words, "hashtag": habits.hashtags, "emoji": habits.emoji, "language": habits.languages}
    return {
        "lengths": (["characters_from", "posts"], [*zip(_length_labels(habits), habits.lengths, strict=True)]),
        "hours": (["hour_utc", "posts"], list(enumerate(habits.hours))),
        "words": (["kind", "item", "number"], [[kind, *pair] for kind, pairs in kinds.items() for pair in pairs]),
    }
