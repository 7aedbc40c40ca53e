"""Whether a new model becomes the account's current one: what its scores must show, and the sentence that says why."""

from __future__ import annotations

from typing import NamedTuple

from hugtweets.evaluation.intervals import FEWEST_POSTS
from hugtweets.evaluation.scorecard import Scorecard

# Share of an earlier model's bits per byte by which a new one may be worse, as far as its test posts can tell. It has
# learned newer posts, which they do not show.
TOLERANCE = 0.02
BEST_OF = 10


class Verdict(NamedTuple):
    """Whether a model becomes current, and why or why not."""

    promoted: bool
    reason: str


class Comparison(NamedTuple):
    """A new model against an earlier one on test posts that neither has learned, in bits per byte."""

    name: str
    posts: int
    earlier: float | None
    over: float | None
    low: float | None
    high: float | None


def verdict(scores: Scorecard) -> Verdict:
    """It must beat its base with 95 %, and be worse than no earlier model that it is compared with.

    Of too few posts nobody can tell, and then the earlier model stays. Where there is none, the base is better than
    nothing only if it predicts better, so that a model which beats it becomes current.
    """
    base_and_tuned = f"{scores.base_bits_per_byte:.3f} → {scores.bits_per_byte:.3f} bits per byte"
    if scores.bits_per_byte >= scores.base_bits_per_byte:
        return Verdict(False, f"not promoted: it does not beat its base, {base_and_tuned}")
    if scores.over_base_high is not None and scores.over_base_high >= 0:
        highest = f"the 95 % interval of the difference ends at {scores.over_base_high:+.3f}"
        return Verdict(False, f"not promoted: it may be no better than its base, {base_and_tuned}, {highest}")
    earlier = _comparisons(scores)
    for comparison in earlier:
        if objection := _objection(comparison):
            return Verdict(False, f"kept the previous: {objection}")
    if earlier:
        return Verdict(True, f"promoted: {_change(earlier[0])} is not worse than {earlier[0].name}")
    unsure = "" if scores.over_base_high is not None else f", though {_too_few(scores.held_out_posts, 'test posts')}"
    return Verdict(True, f"promoted: it beats its base, {base_and_tuned}{unsure}")


def _comparisons(scores: Scorecard) -> list[Comparison]:
    """With the previous model, and with the best of the last ones if that is another."""
    previous = Comparison(
        "the previous",
        scores.previous_held_out_posts or 0,
        scores.previous_bits_per_byte,
        scores.over_previous,
        scores.over_previous_low,
        scores.over_previous_high,
    )
    best = Comparison(
        f"the best of the last {BEST_OF}",
        scores.best_held_out_posts or 0,
        scores.best_bits_per_byte,
        scores.over_best,
        scores.over_best_low,
        scores.over_best_high,
    )
    numbers = (scores.previous_held_out_posts, scores.best_held_out_posts)
    return [found for found, posts in zip((previous, best), numbers, strict=True) if posts is not None]


def _objection(found: Comparison) -> str | None:
    """Why a model does not take the place of an earlier one, if so."""
    if found.earlier is None or found.over is None or found.low is None or found.high is None:
        return _too_few(found.posts, f"test posts that neither it nor {found.name} has learned")
    if found.low > 0:
        return f"{_change(found)} is clearly worse than {found.name}"
    if found.over > 0 and found.high > TOLERANCE * found.earlier:
        return f"{_change(found)} may be worse than {found.name} by more than {100 * TOLERANCE:.0f} %"
    return None


def _change(found: Comparison) -> str:
    """``1.500 → 1.400 ± 0.020 bits per byte``, the margin being half of the 95 % interval of the difference."""
    earlier, margin = found.earlier or 0.0, ((found.high or 0.0) - (found.low or 0.0)) / 2
    return f"{earlier:.3f} → {earlier + (found.over or 0.0):.3f} ± {margin:.3f} bits per byte"


def _too_few(number: int, what: str) -> str:
    return f"{number:,} {what} are too few to tell, {FEWEST_POSTS} are needed"
