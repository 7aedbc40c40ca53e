"""The scorecard of a model: every figure by which it is judged, and what each of them means."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

Figure = float | None


class MemberScore(BaseModel):
    """How a model of several accounts predicts the test posts of one of them."""

    model_config = ConfigDict(frozen=True)

    held_out_posts: int
    base_bits_per_byte: float
    bits_per_byte: float


class Scorecard(BaseModel):
    """``scores.json`` of an evaluate artifact, and the metrics of a run; None is what could not be measured.

    Bits per byte are those of test posts, lower is better: see :mod:`hugtweets.evaluation.bits_per_byte`. ``low``
    and ``high`` bound the 95 % interval over posts: see :mod:`hugtweets.evaluation.intervals`. ``previous`` is the
    model that was the account's current one when this one was made, ``best`` the best of the last ones that were, and
    ``generic`` one that learned posts of other accounts of this home alone: what it gains is not the person.

    What is said of generated posts holds for posts without a prompt, and is compared with as many real posts. In
    the names ``held_out`` are the test posts, ``told_apart`` is the detector's accuracy and ``taken_for_author``
    the attribution accuracy: scores of earlier versions are stored under these names.
    """

    model_config = ConfigDict(frozen=True)

    on_test_posts: bool = Field(
        False, description="whether they are test posts; before there were any, the training was chosen by them too"
    )
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

    base_bits_per_byte_without_end: Figure = Field(None, description="of the base model, the end of a post not counted")
    bits_per_byte_without_end: Figure = Field(None, description="of the model, the end of a post not counted")

    generic_accounts: int = Field(0, description="other accounts whose posts the generic model learned; 0 without one")
    generic_bits_per_byte: Figure = Field(None, description="of the generic model")
    generic_bits_per_byte_low: Figure = None
    generic_bits_per_byte_high: Figure = None
    over_generic: Figure = Field(None, description="bits per byte of the model less those of the generic one")
    over_generic_low: Figure = None
    over_generic_high: Figure = None

    previous_held_out_posts: int | None = Field(
        None, description="test posts that the previous model has not learned; None without one that can be used"
    )
    previous_bits_per_byte: Figure = Field(None, description="of the previous model, on those posts")
    previous_bits_per_byte_low: Figure = None
    previous_bits_per_byte_high: Figure = None
    over_previous: Figure = Field(None, description="bits per byte of the model less those of the previous, on those")
    over_previous_low: Figure = None
    over_previous_high: Figure = None

    best_held_out_posts: int | None = Field(
        None, description="the same of the best of the last models that were current, if that is not the previous"
    )
    best_bits_per_byte: Figure = None
    best_bits_per_byte_low: Figure = None
    best_bits_per_byte_high: Figure = None
    over_best: Figure = None
    over_best_low: Figure = None
    over_best_high: Figure = None

    generated_posts: int = Field(0, description="posts that the model drew without a prompt")
    chosen_of: int = Field(1, description="posts that were written for each of these, which the reader chose")
    told_apart: Figure = Field(None, description="see :func:`hugtweets.evaluation.detector.detect`")
    told_apart_low: Figure = None
    told_apart_high: Figure = None
    held_out_told_apart: Figure = Field(None, description="how well unseen real posts are told from learned ones")
    held_out_told_apart_low: Figure = None
    held_out_told_apart_high: Figure = None
    told_apart_by_model: Figure = Field(None, description="see :func:`hugtweets.training.detector.detect_by_model`")
    told_apart_by_model_low: Figure = None
    told_apart_by_model_high: Figure = None

    reader_is_base: bool | None = Field(None, description="whether the reader is the base model that was trained")
    reader_bits_per_byte: Figure = Field(None, description="of the generated posts, by a model that never saw any")
    reader_bits_per_byte_low: Figure = None
    reader_bits_per_byte_high: Figure = None
    held_out_reader_bits_per_byte: Figure = Field(None, description="of the test posts, by the same model")
    held_out_reader_bits_per_byte_low: Figure = None
    held_out_reader_bits_per_byte_high: Figure = None
    mauve: Figure = Field(None, description="see :func:`hugtweets.evaluation.mauve.mauve`")

    copied_share: Figure = Field(None, description="see :func:`hugtweets.evaluation.copying.copied_share`")
    copied_share_before: Figure = Field(None, description="the same with the copies that the sampler did not keep")
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
    """``authorship.json`` of an authorship artifact: for whose the posts are taken.

    Each figure is there of the account's own test posts (``held_out``, the ceiling), its model's (ours), and the base
    model's (the floor). ``taken_for_author`` and ``log_odds`` are those of an
    :class:`hugtweets.evaluation.attribution.Attribution`, ``verified`` is what
    :class:`hugtweets.evaluation.verification.Verifier` says.
    """

    model_config = ConfigDict(frozen=True)

    authors: int = Field(description="accounts to choose from")
    taken_for_author: Figure = Field(None, description="share of the sets of 20 posts that are attributed to it")
    held_out_taken_for_author: Figure = None
    base_taken_for_author: Figure = None
    log_odds: Figure = Field(None, description="bits that a post speaks for the account rather than for everybody else")
    log_odds_low: Figure = None
    log_odds_high: Figure = None
    held_out_log_odds: Figure = None
    held_out_log_odds_low: Figure = None
    held_out_log_odds_high: Figure = None
    base_log_odds: Figure = None
    base_log_odds_low: Figure = None
    base_log_odds_high: Figure = None
    verified: Figure = Field(None, description="how often its posts are nearer to the account's than any imposter's")
    held_out_verified: Figure = None
    base_verified: Figure = None
