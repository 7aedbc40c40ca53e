"""How people read a scorecard: its figures as sentences and as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hugtweets.evaluation.intervals import FEWEST_POSTS
from hugtweets.evaluation.scorecard import Authorship, Figure, Scorecard

Metrics = Mapping[str, Figure]
# Why there is no figure of the account's own posts to compare with.
TOO_FEW = "too few test posts"


class Row(NamedTuple):
    """One line: a figure of the model, what would be perfect and what worthless, and in a sentence what it means.

    Perfect are real posts, as many as were generated, or what a reader could not do better than guess; worthless is
    the base model, or the worst that can be.
    """

    label: str
    model: str = ""
    perfect: str = ""
    worthless: str = ""
    meaning: str = ""


def prediction(metrics: Metrics) -> str:
    """Bits per byte of the base and of the tuned model on posts that neither has seen."""
    card = Scorecard.model_validate(metrics)
    base, tuned = card.base_bits_per_byte, card.bits_per_byte
    change = f"{100 * (tuned - base) / base:+.0f} %, {part_of_the_person(metrics)}; lower is better"
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


def score_lines(metrics: Metrics) -> list[str]:
    """The scorecard for a terminal, one line a figure."""
    return [
        f"{row.label:<40}{row.model:>8}{row.perfect:>9}{row.worthless:>11}  {row.meaning}".rstrip()
        for row in score_rows(metrics)
    ]


def score_rows(metrics: Metrics) -> list[Row]:
    """The scorecard as a table, its head first."""
    return [*_prediction_rows(Scorecard.model_validate(metrics), judged_by(metrics)), *writing_rows(metrics)]


def _prediction_rows(card: Scorecard, posts: str) -> list[Row]:
    rows = [
        Row(
            f"predicting {card.held_out_posts:,} {posts} post{'s' * (card.held_out_posts != 1)}",
            "model",
            "perfect",
            "worthless",
        ),
        Row(
            "bits per byte",
            f"{card.bits_per_byte:.3f}",
            "",
            f"{card.base_bits_per_byte:.3f}",
            "how much the account's newest posts surprise it",
        ),
    ]
    if card.bits_per_byte_without_end is not None and card.base_bits_per_byte_without_end is not None:
        base, tuned = card.base_bits_per_byte_without_end, card.bits_per_byte_without_end
        rows.append(
            Row(
                "the same without the ends of posts",
                f"{tuned:.3f}",
                "",
                f"{base:.3f}",
                "their words, not where they stop",
            )
        )
    if card.generic_bits_per_byte is not None:
        label, generic = f"the same of {card.generic_accounts} other accounts", f"{card.generic_bits_per_byte:.3f}"
        rows.append(Row(label, "", "", generic, "what other people's posts alone would have taught"))
    return rows


def writing_rows(metrics: Metrics) -> list[Row]:
    """How the model writes; none if no posts were generated to see it."""
    card = Scorecard.model_validate(metrics)
    if not card.generated_posts:
        return []
    chosen = f", each chosen from {card.chosen_of}" if card.chosen_of > 1 else ""
    head = Row(f"writing {card.generated_posts} posts without a prompt{chosen}")
    return [head, *_authorship(metrics), *_detection(card), *_reader(card), *_copies(card), *_variety(card)]


def _detection(card: Scorecard) -> list[Row]:
    real = 0.5 if card.held_out_told_apart is None else card.held_out_told_apart
    meaning = "how many a program finds out"
    rows = [
        Row(
            "detector accuracy",
            _share(card.told_apart),
            _share(real),
            "100 %",
            meaning + _between(card.told_apart_low, card.told_apart_high),
        )
    ]
    if card.told_apart_by_model is not None:
        sure = _between(card.told_apart_by_model_low, card.told_apart_by_model_high)
        meaning = "how many a trained reader finds out"
        rows.append(Row("detector that reads", _share(card.told_apart_by_model), "50 %", "100 %", meaning + sure))
    return rows


def _reader(card: Scorecard) -> list[Row]:
    ours, real = card.reader_bits_per_byte, card.held_out_reader_bits_per_byte
    if ours is None or real is None:
        return []
    # A model rarely finds odd what one of its own kind wrote.
    reader = "its base (sees little)" if card.reader_is_base else "another reader"
    if card.chosen_of > 1:
        # What it finds is what it chose by.
        reader = "the reader that chose"
    meaning = f"how odd they read: {100 * (ours / real - 1):+.0f} % beside real ones"
    return [Row(f"bits per byte to {reader}", f"{ours:.3f}", f"{real:.3f}", "", meaning), *_mauve(card)]


def _mauve(card: Scorecard) -> list[Row]:
    """Of a full scorecard also if it could not be measured: it was asked for."""
    # It imports what takes long.
    from hugtweets.evaluation.mauve import FEWEST

    if card.mauve is not None:
        return [Row("MAUVE", f"{card.mauve:.2f}", "1.00", "0.00", "how much both write the same kinds of posts")]
    if card.told_apart_by_model is not None:
        return [Row("MAUVE", "–", "1.00", "0.00", f"{FEWEST} posts of both kinds are needed to measure it")]
    return []


def _copies(card: Scorecard) -> list[Row]:
    real = _share(card.held_out_copied_share)
    rows = [Row("with 8 words in a row from one post", _share(card.copied_share), real, "100 %", "mere copies")]
    if card.copied_share_before is not None:
        before = _share(card.copied_share_before)
        rows.append(Row("before copies were written again", before, real, "100 %", "what the model itself would copy"))
    longest, theirs = f"{card.longest_copied_words}", f"{card.held_out_longest_copied_words}"
    return [*rows, Row("longest copy, words", longest, theirs, "", "the longest part of a learned post")]


def _variety(card: Scorecard) -> list[Row]:
    varied = "how seldom it repeats itself"
    distinct = [
        ("distinct words", card.distinct_1, card.held_out_distinct_1),
        ("distinct pairs of words", card.distinct_2, card.held_out_distinct_2),
        ("distinct triples of words", card.distinct_3, card.held_out_distinct_3),
    ]
    rows = [Row(label, _share(model), _share(real), "0 %", varied) for label, model, real in distinct]
    return [
        *rows,
        Row("characters a post", f"{card.mean_length:.0f}", f"{card.held_out_mean_length:.0f}", "", "its length"),
    ]


def part_of_the_person(metrics: Metrics) -> str:
    """How much of what the model gains over its base a model of other people's posts does not gain."""
    base, over = metrics.get("base_bits_per_byte"), metrics.get("over_generic")
    if not base or over is None:
        return "the person's part of it unknown"
    return f"of which {max(0.0, -100 * over / base):.0f} is the person"


def _authorship(metrics: Metrics) -> list[Row]:
    # There is no other account, or they are several authors together.
    whose = Authorship.model_validate({"authors": 1, **metrics})
    if whose.authors == 1:
        return [Row("attribution accuracy (not compared)", "–")]
    shares = (whose.taken_for_author, whose.held_out_taken_for_author, whose.base_taken_for_author)
    few = f"; {TOO_FEW}" if whose.held_out_taken_for_author is None else ""
    meaning = f"20 posts taken for its own{few}"
    rows = [_three(f"attribution accuracy, {whose.authors} accounts", map(_share, shares), meaning)]
    if whose.log_odds is not None:
        odds = (whose.log_odds, whose.held_out_log_odds, whose.base_log_odds)
        sure = _between(whose.log_odds_low, whose.log_odds_high, "{:+.0f}")
        shown = ("–" if each is None else f"{each:+.0f}" for each in odds)
        rows.append(_three("bits for the account", shown, f"what a post says for the account{sure}"))
    if whose.verified is not None:
        shares = (whose.verified, whose.held_out_verified, whose.base_verified)
        meaning = "whether it could be the account"
        if whose.held_out_verified is None:
            meaning = f"if it could be the account; {TOO_FEW}"
        rows.append(_three("nearer to it than any imposter", map(_share, shares), meaning))
    return rows


def _three(label: str, figures: Iterable[str], meaning: str) -> Row:
    """A figure of the model's posts, of real ones and of the base model's."""
    model, real, base = figures
    return Row(label, model, real, base, meaning)


def _between(low: Figure, high: Figure, number: str = "{:.0%}") -> str:
    """`` (52 to 71 %)``: where a figure surely is; nothing if nobody knows."""
    if low is None or high is None:
        return ""
    return f" ({number.format(low)} to {number.format(high)})".replace("%", " %").replace(" % to", " to")


def _share(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
