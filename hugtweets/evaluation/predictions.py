"""How well models predict held-out posts, each with its interval, and each beside the others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hugtweets.evaluation.bits_per_byte import bits_per_byte
from hugtweets.evaluation.intervals import ratio_interval


def prediction_scores(
    base: Sequence[float], tuned: Sequence[float], byte_counts: Sequence[int]
) -> dict[str, float | None]:
    """The figures of a scorecard on base and tuned model, from the nats of each held-out post."""
    return (
        _figure("base_bits_per_byte", base, byte_counts)
        | _figure("bits_per_byte", tuned, byte_counts)
        | _figure("over_base", _differences(tuned, base), byte_counts)
    )


def member_scores(
    base: Sequence[float], tuned: Sequence[float], byte_counts: Sequence[int], authors: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Bits per byte of base and tuned model on the held-out posts of each author."""
    scores: dict[str, dict[str, float]] = {}
    for author in sorted(set(authors)):
        places = [place for place, found in enumerate(authors) if found == author]
        sizes = [byte_counts[place] for place in places]
        scores[author] = {
            "held_out_posts": len(places),
            "base_bits_per_byte": round(bits_per_byte([base[place] for place in places], sizes), 5),
            "bits_per_byte": round(bits_per_byte([tuned[place] for place in places], sizes), 5),
        }
    return scores


def previous_scores(
    previous: Sequence[float], tuned: Sequence[float], byte_counts: Sequence[int]
) -> dict[str, float | None]:
    """The figures on the previous model, from the held-out posts that it was not trained on, if there are any."""
    if not previous:
        return {}
    return (
        {"previous_held_out_posts": len(previous)}
        | _figure("previous_bits_per_byte", previous, byte_counts)
        | _figure("over_previous", _differences(tuned, previous), byte_counts)
    )


def _differences(some: Sequence[float], others: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(some, others, strict=True)]


def _figure(name: str, nats: Sequence[float], byte_counts: Sequence[int]) -> dict[str, float | None]:
    """A figure in bits per byte and the bounds of its interval."""
    interval = ratio_interval([value / math.log(2) for value in nats], byte_counts)
    low, high = (round(interval.low, 5), round(interval.high, 5)) if interval else (None, None)
    return {name: round(bits_per_byte(nats, byte_counts), 5), f"{name}_low": low, f"{name}_high": high}
