"""The summary of an account: the few figures that the overview shows, which its page leaves beside itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field

from hugtweets.evaluation.promotion import read_promotions
from hugtweets.storage.artifacts import references
from hugtweets.storage.handles import is_mix
from hugtweets.storage.home import Home

# Of a training curve that stands among three hundred.
CURVE_POINTS = 24
JUDGED_COLUMNS = ("judged", "model", "base_bits_per_byte", "bits_per_byte", "promoted", "on_test_posts")


class JudgedModel(BaseModel):
    """One model of an account: when it was judged, how well it predicts, and whether it became the current one."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    model: str
    base_bits_per_byte: float
    bits_per_byte: float
    promoted: bool
    on_test_posts: bool = False
    reason: str = ""
    by: str = ""

    @property
    def cells(self) -> list[object]:
        """What tables of models show, under :data:`JUDGED_COLUMNS`."""
        figures = [self.base_bits_per_byte, self.bits_per_byte]
        return [self.at, self.model, *figures, self.promoted, self.on_test_posts]


class AccountSummary(BaseModel):
    """``<handle>.json`` of a report artifact. What the account did not get to is empty, or None.

    ``known`` is the :func:`hugtweets.report.artifacts.fingerprint` that the page was made from, ``report`` the
    artifact; ``nights`` are all models that were judged, oldest first; ``sources`` tells how many posts each brought.
    """

    model_config = ConfigDict(frozen=True)

    handle: str
    known: str
    report: str
    made: datetime = Field(description="when the newest of the artifacts was made")
    fetched: int = 0
    sources: dict[str, int] = Field(default_factory=dict)
    kept: int | None = None
    kept_characters: int | None = None
    metrics: dict[str, float | None] = Field(default_factory=dict)
    is_current: bool = False
    verdict: str | None = None
    curve: tuple[tuple[float, float], ...] = Field((), description="training step, loss in nats per token, smoothed")
    nights: tuple[JudgedModel, ...] = ()
    prompts: dict[str, str] = Field(default_factory=dict, description="prompt to the likeliest generated post")

    @property
    def gain(self) -> float | None:
        """Bits per byte of the model less those of the base, as a share of the latter: -0.25 is a quarter less."""
        base, tuned = self.metrics.get("base_bits_per_byte"), self.metrics.get("bits_per_byte")
        return (tuned - base) / base if base and tuned else None

    @property
    def change(self) -> str:
        """``2.129 → 1.626``: bits per byte of the base and of the tuned model; a dash without a model."""
        if not self.metrics:
            return "–"
        change = f"{self.metrics['base_bits_per_byte']:.3f} → {self.metrics['bits_per_byte']:.3f}"
        return change if self.metrics.get("on_test_posts") else f"{change} (on validation posts, not comparable)"

    @property
    def comparable(self) -> list[JudgedModel]:
        """The models that were judged by test posts, oldest first; earlier ones by posts that were chosen by, too."""
        return [judged for judged in self.nights if judged.on_test_posts]

    @property
    def is_mix(self) -> bool:
        """Whether they are of several accounts together."""
        return is_mix(self.handle)

    @property
    def post(self) -> str | None:
        """One generated post."""
        return next(iter(self.prompts.values()), None)


def find_judged_models(home: Home, handle: str) -> tuple[JudgedModel, ...]:
    """Every model that was judged, oldest first."""
    promotions = read_promotions(home, handle)
    found: dict[str, JudgedModel] = {}
    for scores in references(home, handle, "evaluate"):
        manifest = scores.manifest()
        model = manifest.inputs["finetune"]
        decision = next(iter(promotions.of(model)), None)
        judged = JudgedModel(
            at=manifest.created,
            model=model,
            base_bits_per_byte=manifest.counts["base_bits_per_byte"],
            bits_per_byte=manifest.counts["bits_per_byte"],
            promoted=decision is not None and decision.promoted,
            on_test_posts=manifest.counts.get("on_test_posts", False),
            reason=decision.reason if decision else "",
            by=decision.by if decision else "",
        )
        found.setdefault(model, judged)
    return tuple(found.values())


def smooth(history: Sequence[Mapping[str, float]], points: int = CURVE_POINTS) -> tuple[tuple[float, float], ...]:
    """The training loss as means over stretches of equal length, each at its middle step: one step is mostly noise."""
    losses = [(row["step"], row["train/loss"]) for row in history if "train/loss" in row]
    length = max(1, -(-len(losses) // points))
    stretches = [losses[start : start + length] for start in range(0, len(losses), length)]
    means = ((fmean(step for step, _ in stretch), fmean(loss for _, loss in stretch)) for stretch in stretches)
    return tuple((round(step, 1), round(loss, 4)) for step, loss in means)
