"""What the overview says of an account: a few figures, which its page leaves beside itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from hugtweets.evaluation.promotion import read_promotions
from hugtweets.storage.artifacts import references
from hugtweets.storage.handles import is_mix
from hugtweets.storage.home import Home

# Of a training curve that stands among three hundred.
CURVE_POINTS = 24


class Night(BaseModel):
    """One model of an account: when it was judged, how well it predicts, and whether it became the current one."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    model: str
    base_bits_per_byte: float
    bits_per_byte: float
    promoted: bool
    reason: str = ""
    by: str = ""


class Figures(BaseModel):
    """``<handle>.json`` of a report artifact. What the account did not get to is empty, or None.

    ``known`` is the :func:`hugtweets.report.chain.fingerprint` that the page was made from, ``report`` the artifact.
    """

    model_config = ConfigDict(frozen=True)

    handle: str
    known: str
    report: str
    made: datetime = Field(description="when the newest of the artifacts was made")
    fetched: int = 0
    kept: int | None = None
    kept_characters: int | None = None
    metrics: dict[str, float | None] = Field(default_factory=dict)
    is_current: bool = False
    verdict: str | None = None
    curve: tuple[tuple[float, float], ...] = Field((), description="training step, loss in nats per token, smoothed")
    nights: tuple[Night, ...] = ()
    prompts: dict[str, str] = Field(default_factory=dict, description="prompt to the likeliest generated post")

    @property
    def gain(self) -> float | None:
        """Bits per byte of the model less those of the base, as a share of the latter: -0.25 is a quarter less."""
        base, tuned = self.metrics.get("base_bits_per_byte"), self.metrics.get("bits_per_byte")
        return (tuned - base) / base if base and tuned else None

    @property
    def is_mix(self) -> bool:
        """Whether they are of several accounts together."""
        return is_mix(self.handle)

    @property
    def post(self) -> str | None:
        """One generated post."""
        return next(iter(self.prompts.values()), None)


def find_nights(home: Home, handle: str) -> tuple[Night, ...]:
    """Every model that was judged, oldest first."""
    promotions = read_promotions(home, handle)
    nights: dict[str, Night] = {}
    for scores in references(home, handle, "evaluate"):
        manifest = scores.manifest()
        decided = promotions.of(manifest.inputs["finetune"])
        nights.setdefault(
            manifest.inputs["finetune"],
            Night(
                at=manifest.created,
                model=manifest.inputs["finetune"],
                base_bits_per_byte=manifest.counts["base_bits_per_byte"],
                bits_per_byte=manifest.counts["bits_per_byte"],
                promoted=bool(decided) and decided[0].promoted,
                reason=decided[0].reason if decided else "",
                by=decided[0].by if decided else "",
            ),
        )
    return tuple(nights.values())


def smooth(history: Sequence[Mapping[str, float]], points: int = CURVE_POINTS) -> tuple[tuple[float, float], ...]:
    """The training loss as means over stretches of equal length, each at its middle step: one step is mostly noise."""
    losses = [(row["step"], row["train/loss"]) for row in history if "train/loss" in row]
    length = max(1, -(-len(losses) // points))
    stretches = [losses[start : start + length] for start in range(0, len(losses), length)]
    return tuple((round(_mean(s, 0), 1), round(_mean(s, 1), 4)) for s in stretches)


def _mean(pairs: Sequence[tuple[float, float]], place: int) -> float:
    return sum(pair[place] for pair in pairs) / len(pairs)
