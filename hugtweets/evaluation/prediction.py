"""How well models predict the test posts: the figures of a scorecard in bits per byte."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from hugtweets.evaluation.bits_per_byte import Nats, bits_per_byte
from hugtweets.evaluation.intervals import ratio_interval

Figures = dict[str, float | None]


def prediction_scores(base: Nats, tuned: Nats, byte_counts: Sequence[int]) -> Figures:
    """The figures of a scorecard on base and tuned model, from the nats of each test post."""
    return (
        figure("base_bits_per_byte", base.posts, byte_counts)
        | figure("bits_per_byte", tuned.posts, byte_counts)
        | figure("over_base", _differences(tuned, base), byte_counts)
        | {
            "base_bits_per_byte_without_end": round(bits_per_byte(base.texts, byte_counts), 5),
            "bits_per_byte_without_end": round(bits_per_byte(tuned.texts, byte_counts), 5),
        }
    )


def member_scores(
    base: Nats, tuned: Nats, byte_counts: Sequence[int], authors: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Bits per byte of base and tuned model on the test posts of each author."""
    scores: dict[str, dict[str, float]] = {}
    for author in sorted(set(authors)):
        places = [place for place, found in enumerate(authors) if found == author]
        sizes = [byte_counts[place] for place in places]
        scores[author] = {
            "held_out_posts": len(places),
            "base_bits_per_byte": round(bits_per_byte(base.at(places).posts, sizes), 5),
            "bits_per_byte": round(bits_per_byte(tuned.at(places).posts, sizes), 5),
        }
    return scores


def comparison_scores(
    name: Literal["previous", "best", "generic"], other: Nats, tuned: Nats, byte_counts: Sequence[int]
) -> Figures:
    """The figures on another model beside the tuned one, from the test posts that it has not learned, if any."""
    number: Figures = {f"{name}_held_out_posts": len(other.posts)}
    if not other.posts:
        return number
    return (
        number
        | figure(f"{name}_bits_per_byte", other.posts, byte_counts)
        | figure(f"over_{name}", _differences(tuned, other), byte_counts)
    )


def _differences(some: Nats, others: Nats) -> list[float]:
    return [one - other for one, other in zip(some.posts, others.posts, strict=True)]


def figure(name: str, nats: Sequence[float], byte_counts: Sequence[int]) -> Figures:
    """A figure in bits per byte and the bounds of its interval."""
    interval = ratio_interval([value / math.log(2) for value in nats], byte_counts)
    low, high = (round(interval.low, 5), round(interval.high, 5)) if interval else (None, None)
    return {name: round(bits_per_byte(nats, byte_counts), 5), f"{name}_low": low, f"{name}_high": high}
