"""What came of a sweep: a row for each point and account, and how the points compare over the accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel

from hugtweets.evaluation.intervals import mean_interval
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.csv_files import to_csv
from hugtweets.storage.home import Home
from hugtweets.sweeps.points import Point

Figure = float | None
# What a person compares, and the names it goes by in tables.
FIGURES = {
    "training_posts": "posts trained on",
    "validation_posts": "validation",
    "base_bits_per_byte": "base",
    "bits_per_byte": "bits per byte",
    "train_seconds": "train s",
    "copied_share": "copied",
    "distinct_2": "distinct-2",
}


class TrialOutcome(BaseModel):
    """One account at one point.

    Bits per byte are those of validation posts, before the training and at its best: they choose, and the test posts of
    the scorecard report. Copies and diversity are figures of the scorecard. ``train_seconds`` are those of the training
    when it was done, perhaps by an earlier run; ``seconds`` what this run took for all steps.
    """

    point: int
    handle: str
    status: Literal["completed", "skipped", "failed"] = "completed"
    reason: str | None = None
    training_posts: int | None = None
    validation_posts: int | None = None
    validation_bytes: int | None = None
    base_bits_per_byte: Figure = None
    bits_per_byte: Figure = None
    train_seconds: Figure = None
    copied_share: Figure = None
    distinct_2: Figure = None
    model: str | None = None
    seconds: float = 0.0

    @classmethod
    def of(cls, place: int, account: AccountOutcome, home: Home, seconds: float) -> TrialOutcome:
        """What came of an account at the point of that place."""
        figures: dict[str, Any] = {name: account.metrics.get(name) for name in ("copied_share", "distinct_2")}
        if "evaluate" in account.steps:
            figures |= _of_training(account.reference("tokenise", home), account.reference("finetune", home))
        return cls(
            point=place,
            handle=account.handle,
            status="completed" if account.status == "unchanged" else account.status,
            reason=account.reason,
            model=account.steps["finetune"].digest if "finetune" in account.steps else None,
            seconds=round(seconds, 3),
            **figures,
        )

    @property
    def judged_by(self) -> tuple[int | None, int | None]:
        """Which validation posts the model was judged by, as far as figures can tell."""
        return self.validation_posts, self.validation_bytes


class PointOutcome(BaseModel):
    """A point over all accounts; ``difference`` is to the first point, account by account, in bits per byte.

    ``low`` and ``high`` bound its 95 % interval over accounts. A point that lacks an account, or was judged by other
    validation posts than the first, is not ``compared``.
    """

    label: str
    options: dict[str, Any]
    accounts: int
    compared: bool
    bits_per_byte: Figure = None
    difference: Figure = None
    low: Figure = None
    high: Figure = None


class SweepOutcome(BaseModel):
    """A whole sweep; ``best`` is the place in ``points`` of the lowest mean over the accounts, if there is one."""

    status: Literal["completed", "failed"]
    sweep: str
    csv: str
    points: list[PointOutcome]
    best: int | None
    trials: list[TrialOutcome]

    @classmethod
    def of(cls, sweep: str, csv: str, points: Sequence[Point], trials: Sequence[TrialOutcome]) -> SweepOutcome:
        """Compare the points; the first is the one that the others are compared with."""
        compared = _compare(points, trials)
        means = {
            place: point.bits_per_byte
            for place, point in enumerate(compared)
            if point.compared and point.bits_per_byte is not None
        }
        failed = any(trial.status == "failed" for trial in trials)
        return cls(
            status="failed" if failed else "completed",
            sweep=sweep,
            csv=csv,
            points=compared,
            best=min(means, key=lambda place: means[place], default=None),
            trials=list(trials),
        )

    def failure(self) -> str | None:
        """``2/6 trials failed: alice at train.lr=0.1, …``, or None."""
        failed = [f"{t.handle} at {self.points[t.point].label}" for t in self.trials if t.status == "failed"]
        return f"{len(failed)}/{len(self.trials)} trials failed: {', '.join(failed)}" if failed else None

    def describe(self) -> str:
        """The best point in one sentence."""
        if self.best is None:
            return f"{self.sweep}: no point can be compared"
        best = self.points[self.best]
        accounts = f"{best.accounts} account{'s' * (best.accounts != 1)}"
        sentence = f"best of {len(self.points)} points by the mean over {accounts}: {best.label}"
        if best.bits_per_byte is not None:
            sentence += f", {best.bits_per_byte:.3f} bits per byte"
        if self.best and best.difference is not None:
            sentence += f", {best.difference:+.3f} against {self.points[0].label}"
            if best.low is not None:
                sentence += f" (95 % interval over accounts {best.low:+.3f} to {best.high:+.3f})"
            else:
                sentence += " (an interval takes three accounts)"
        return sentence

    def rows(self) -> list[dict[str, Any]]:
        """The one table: a row for each point and account."""
        return [
            {"point": self.points[trial.point].label, "account": trial.handle}
            | {title: getattr(trial, name) for name, title in FIGURES.items()}
            | {"status": trial.status, "reason": trial.reason or ""}
            for trial in self.trials
        ]

    def to_csv(self) -> str:
        """The same rows with the varied options in columns of their own."""
        names = list(dict.fromkeys(name for point in self.points for name in point.options))
        fields = [name for name in TrialOutcome.model_fields if name != "point"]
        trials = [(self.points[trial.point], trial) for trial in self.trials]
        rows = [
            [point.label, *map(point.options.get, names), *(getattr(trial, field) for field in fields)]
            for point, trial in trials
        ]
        return to_csv(["point", *names, *fields], rows)


def _of_training(tokens: Reference, model: Reference) -> dict[str, Any]:
    # pyarrow takes a moment to import: `hugtweets --help` must not wait for it.
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from hugtweets.steps.clean import of_split
    from hugtweets.steps.tokenise import TOKENS

    posts, training = tokens.manifest().counts, model.manifest().counts
    sizes = of_split(pq.read_table(tokens.file(TOKENS), columns=["bytes", "split"]), "validation")["bytes"]
    return {
        "training_posts": posts["train"],
        "validation_posts": posts["validation"],
        "validation_bytes": pc.sum(sizes, min_count=0).as_py(),
        "base_bits_per_byte": _rounded(training["start_bits_per_byte"]),
        "bits_per_byte": _rounded(training["bits_per_byte"]),
        "train_seconds": training["seconds"],
    }


def _rounded(bits: Figure) -> Figure:
    return None if bits is None else round(bits, 5)


def _compare(points: Sequence[Point], trials: Sequence[TrialOutcome]) -> list[PointOutcome]:
    by_point: list[dict[str, TrialOutcome]] = [{} for _ in points]
    for trial in trials:
        if trial.bits_per_byte is not None:
            by_point[trial.point][trial.handle] = trial
    everybody = {handle for scored in by_point for handle in scored}
    return [_summarise(point, scored, by_point[0], everybody) for point, scored in zip(points, by_point, strict=True)]


def _summarise(
    point: Point, scored: Mapping[str, TrialOutcome], first: Mapping[str, TrialOutcome], everybody: set[str]
) -> PointOutcome:
    outcome = PointOutcome(label=point.label, options=point.options, accounts=len(scored), compared=False)
    if not scored:
        return outcome
    tuned = {handle: trial.bits_per_byte or 0.0 for handle, trial in scored.items()}
    outcome.bits_per_byte = round(sum(tuned.values()) / len(tuned), 5)
    same = all(trial.judged_by == first[handle].judged_by for handle, trial in scored.items() if handle in first)
    outcome.compared = same and set(scored) == everybody
    if outcome.compared and set(first) == everybody:
        differences = [tuned[handle] - (first[handle].bits_per_byte or 0.0) for handle in sorted(tuned)]
        outcome.difference = round(sum(differences) / len(differences), 5)
        interval = mean_interval(differences)
        if interval:
            outcome.low, outcome.high = round(interval.low, 5), round(interval.high, 5)
    return outcome
