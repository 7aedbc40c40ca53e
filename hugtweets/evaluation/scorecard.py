"""The scorecard of a model: every figure by which it is judged, what each of them means, and how people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Figure = float | None
Metrics = Mapping[str, Figure]


class MemberScore(BaseModel):
    """How a model of several accounts predicts the validation posts of one of them."""

    model_config = ConfigDict(frozen=True)

    held_out_posts: int
    base_bits_per_byte: float
    bits_per_byte: float


class Scorecard(BaseModel):
    """``scores.json`` of an evaluate artifact, and the metrics of a run; None is what could not be measured.

    Bits per byte are those of validation posts, lower is better: see :mod:`hugtweets.evaluation.bits_per_byte`. ``low``
    and ``high`` bound the 95 % interval over posts: see :mod:`hugtweets.evaluation.intervals`. ``previous`` is the
    model that was the account's current one when this one was made.

    What is said of generated posts holds for posts without a prompt, and is compared with as many real posts. In
    the names ``held_out`` are the validation posts, ``told_apart`` is the detector's accuracy and ``taken_for_author``
    the attribution accuracy: scores of earlier versions are stored under these names.
    """

    model_config = ConfigDict(frozen=True)

    held_out_posts: int = Field(description="real posts that the model was not trained on")
    held_out_bytes: int = Field(description="their text in UTF-8")

    base_bits_per_byte: float = Field(description="of the base model")
    base_bits_per_byte_low: Figure = None
    base_bits_per_byte_high: Figure = None
    bits_per_byte: float = Field(description="of the model")
    bits_per_byte_low: Figure = None
    bits_per_byte_high: Figure = None
    over_base: float = Field(description="bits per byte of the model less those of the base, post by post")
    over_base_low: Figure = None
    over_base_high: Figure = None

    previous_held_out_posts: int = Field(0, description="validation posts that the previous model was not trained on")
    previous_bits_per_byte: Figure = Field(None, description="of the previous model, on those posts")
    previous_bits_per_byte_low: Figure = None
    previous_bits_per_byte_high: Figure = None
    over_previous: Figure = Field(None, description="bits per byte of the model less those of the previous, on those")
    over_previous_low: Figure = None
    over_previous_high: Figure = None

    generated_posts: int = Field(0, description="posts that the model drew without a prompt")
    told_apart: Figure = Field(None, description="see :func:`hugtweets.evaluation.classifiers.detector_accuracy`")
    copied_share: Figure = Field(None, description="see :func:`hugtweets.evaluation.copying.copied_share`")
    held_out_copied_share: Figure = None
    longest_copied_words: int | None = Field(None, description="longest run shared with one training post, in words")
    held_out_longest_copied_words: int | None = None
    longest_copy: int | None = Field(None, description="longest run of a generated post, in characters")
    copies_replaced: int = Field(0, description="copies that the sampler drew again, of all posts of the model")
    distinct_1: Figure = Field(None, description="see :func:`hugtweets.evaluation.writing.distinct_n`")
    held_out_distinct_1: Figure = None
    distinct_2: Figure = None
    held_out_distinct_2: Figure = None
    distinct_3: Figure = None
    held_out_distinct_3: Figure = None
    mean_length: Figure = Field(None, description="characters of a generated post")
    held_out_mean_length: Figure = None

    members: dict[str, MemberScore] = Field(default_factory=dict, description="of a mix: each account by itself")

    def figures(self) -> dict[str, float | None]:
        """All figures by name; those of an account of a mix are called ``bits_per_byte/alice``."""
        figures: dict[str, float | None] = self.model_dump(exclude={"members"})
        for member, score in self.members.items():
            figures |= {f"{name}/{member}": value for name, value in score.model_dump().items()}
        return figures


class Authorship(BaseModel):
    """``authorship.json`` of an authorship artifact: the attribution accuracy, over random sets of 20 posts.

    It is the share of sets that :class:`hugtweets.evaluation.classifiers.AuthorshipClassifier` attributes to the
    account: of its own validation posts (the ceiling), its model's (ours), and the base model's (the floor).
    """

    model_config = ConfigDict(frozen=True)

    authors: int = Field(description="accounts to choose from")
    taken_for_author: Figure = Field(None, description="of sets of generated posts")
    held_out_taken_for_author: Figure = Field(None, description="of sets of the account's validation posts")
    base_taken_for_author: Figure = Field(None, description="of sets of posts by the base model")


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
    posts = f"{card.held_out_posts:,} validation post{'s' * (card.held_out_posts != 1)}"
    line = f"bits per byte on {posts}: base {base:.3f} → tuned {tuned:.3f} ({change})"
    if card.bits_per_byte_low is None or card.bits_per_byte_high is None:
        return line
    return f"{line}, 95 % interval {card.bits_per_byte_low:.3f} to {card.bits_per_byte_high:.3f}"


def members(metrics: Metrics) -> list[str]:
    """How a mix predicts the validation posts of each of its accounts; none for a single account."""
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
