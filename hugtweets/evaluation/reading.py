"""How people read a scorecard: its figures as sentences and as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hugtweets.evaluation.intervals import FEWEST_POSTS
from hugtweets.evaluation.scorecard import Authorship, Figure, Scorecard

Metrics = Mapping[str, Figure]


class Row(NamedTuple):
    """One line: a figure of the model's posts, of as many real posts, and of the base model's."""

    label: str
    model: str
    real: str = ""
    base: str = ""


def prediction(metrics: Metrics) -> str:
    """Bits per byte of the base and of the tuned model on posts that neither has seen."""
    card = Scorecard.model_validate(metrics)
    base, tuned = card.base_bits_per_byte, card.bits_per_byte
    change = f"{100 * (tuned - base) / base:+.0f} %; lower is better"
    posts = f"{card.held_out_posts:,} {judged_by(metrics)} post{'s' * (card.held_out_posts != 1)}"
    line = f"bits per byte on {posts}: base {base:.3f} → tuned {tuned:.3f} ({change})"
    if not card.on_test_posts:
        line = f"{line}, scored before there were test posts and not comparable with scores on those"
    if card.bits_per_byte_low is None or card.bits_per_byte_high is None:
        return f"{line}, too few posts to say how sure that is ({FEWEST_POSTS} are needed)"
    return f"{line}, 95 % interval {card.bits_per_byte_low:.3f} to {card.bits_per_byte_high:.3f}"


def judged_by(metrics: Metrics) -> str:
    """Which posts the figures are about: before there were test posts, validation posts."""
    return "test" if metrics.get("on_test_posts") else "validation"


def members(metrics: Metrics) -> list[str]:
    """How a mix predicts the held-out posts of each of its accounts; none for a single account."""
    tuned = {name.partition("/")[2]: value for name, value in metrics.items() if name.startswith("bits_per_byte/")}
    return [
        f"on those of {member}: base {metrics[f'base_bits_per_byte/{member}']:.3f} → tuned {value:.3f}"
        for member, value in tuned.items()
    ]


def writing(metrics: Metrics) -> list[str]:
    """How the model writes, one line a figure; none if no posts were generated to see it."""
    return [f"{row.label:<40}{row.model:>8}{row.real:>8}{row.base:>8}".rstrip() for row in writing_rows(metrics)]


def writing_rows(metrics: Metrics) -> list[Row]:
    """The same as a table, its head first."""
    card = Scorecard.model_validate(metrics)
    if not card.generated_posts:
        return []
    return [
        Row(f"{card.generated_posts} posts without a prompt", "model", "real", "base"),
        _authorship(metrics),
        Row("detector accuracy", _share(card.told_apart), _share(0.5)),
        Row("with 8 words in a row from one post", _share(card.copied_share), _share(card.held_out_copied_share)),
        Row("longest copy, words", f"{card.longest_copied_words}", f"{card.held_out_longest_copied_words}"),
        Row("distinct words", _share(card.distinct_1), _share(card.held_out_distinct_1)),
        Row("distinct pairs of words", _share(card.distinct_2), _share(card.held_out_distinct_2)),
        Row("distinct triples of words", _share(card.distinct_3), _share(card.held_out_distinct_3)),
        Row("characters a post", f"{card.mean_length:.0f}", f"{card.held_out_mean_length:.0f}"),
    ]


def _authorship(metrics: Metrics) -> Row:
    # There is no other account, or they are several authors together.
    whose = Authorship.model_validate({"authors": 1, **metrics})
    if whose.authors == 1:
        return Row("attribution accuracy (not compared)", "–")
    shares = (whose.taken_for_author, whose.held_out_taken_for_author, whose.base_taken_for_author)
    return Row(f"attribution accuracy, {whose.authors} accounts", *map(_share, shares))


def _share(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
