"""What people read of a scorecard."""

from __future__ import annotations

from typing import Any

from hugtweets.evaluation.reading import prediction, score_lines

FIGURES: dict[str, Any] = {
    "on_test_posts": True,
    "held_out_posts": 30,
    "held_out_bytes": 3000,
    "base_bits_per_byte": 2.0,
    "bits_per_byte": 1.5,
    "bits_per_byte_low": 1.4,
    "bits_per_byte_high": 1.6,
    "over_base": -0.5,
}


def test_the_headline_says_by_which_posts_and_how_sure_it_is() -> None:
    assert prediction(FIGURES) == (
        "bits per byte on 30 test posts: base 2.000 → tuned 1.500 (-25 %, the person's part of it unknown; lower is "
        "better), 95 % interval 1.400 to 1.600"
    )


def test_what_other_peoples_posts_would_have_taught_is_not_the_person() -> None:
    other = FIGURES | {"generic_accounts": 5, "generic_bits_per_byte": 1.76, "over_generic": -0.26}
    assert "(-25 %, of which 13 is the person; lower is better)" in prediction(other)
    assert "(-25 %, of which 0 is the person;" in prediction(other | {"over_generic": 0.1})
    assert "the same of 5 other accounts                                   1.760  what other people's" in table(other)


def table(metrics: dict[str, Any]) -> str:
    """What a terminal shows."""
    return "\n".join(score_lines(metrics))


def test_each_figure_stands_beside_what_is_perfect_and_what_is_worthless_and_says_what_it_means() -> None:
    written = dict.fromkeys(("copied_share", "held_out_copied_share", "distinct_1", "held_out_distinct_1"), 0.5)
    lengths = {"mean_length": 80.0, "held_out_mean_length": 90.0, "longest_copied_words": 4}
    shown = table(FIGURES | written | lengths | {"generated_posts": 40, "told_apart": 0.75})
    assert (
        "bits per byte                              1.500               2.000  how much the account's newest" in shown
    )
    assert "detector accuracy                           75 %     50 %      100 %  how many a program finds out" in shown
    rows = [line for line in shown.splitlines() if "posts without a prompt" not in line]
    assert max(map(len, rows)) <= 120


WRITTEN: dict[str, Any] = {
    "generated_posts": 40,
    "mean_length": 80.0,
    "held_out_mean_length": 90.0,
    "copied_share": 0.0,
    "copied_share_before": 0.1,
    "held_out_copied_share": 0.0,
}
JUDGED: dict[str, Any] = {
    "told_apart": 0.6125,
    "told_apart_low": 0.503,
    "told_apart_high": 0.712,
    "held_out_told_apart": 0.56,
    "told_apart_by_model": 0.8,
    "reader_is_base": False,
    "reader_bits_per_byte": 1.32,
    "held_out_reader_bits_per_byte": 1.2,
    "mauve": 0.71,
    "authors": 5,
    "taken_for_author": 0.5,
    "log_odds": 12.3,
    "log_odds_low": 4.0,
    "log_odds_high": 21.0,
    "held_out_log_odds": 15.0,
    "base_log_odds": -30.0,
    "verified": 0.9,
    "held_out_verified": 0.95,
    "base_verified": 0.0,
}


def test_every_judge_is_shown_with_its_interval_in_lines_that_fit() -> None:
    shown = table(FIGURES | WRITTEN | JUDGED)
    for words in (
        "detector accuracy                           61 %     56 %      100 %  how many a program",
        "how many a program finds out (50 to 71 %)",
        "detector that reads                         80 %     50 %",
        "bits per byte to another reader            1.320    1.200             how odd they read: +10 % beside real",
        "MAUVE                                       0.71",
        "bits for the account                         +12      +15        -30  what a post says",
        "what a post says for the account (+4 to +21)",
        "nearer to it than any imposter              90 %     95 %        0 %",
        "before copies were written again            10 %",
    ):
        assert words in shown
    assert max(map(len, shown.splitlines())) <= 120


def test_where_an_account_has_too_few_test_posts_to_compare_with_it_says_so() -> None:
    whose = {"held_out_taken_for_author": None, "base_taken_for_author": 0.0, "held_out_verified": None}
    shown = table(FIGURES | WRITTEN | JUDGED | whose)
    assert "20 posts taken for its own; too few test posts" in shown
    assert "if it could be the account; too few test posts" in shown
    assert "too few" not in table(FIGURES | WRITTEN | JUDGED | dict.fromkeys(whose, 0.5))
    assert max(map(len, shown.splitlines())) <= 120


def test_a_reader_that_is_no_stronger_than_the_writer_is_said_to_see_little() -> None:
    assert "bits per byte to its base (sees little)" in table(FIGURES | WRITTEN | JUDGED | {"reader_is_base": True})


def test_of_a_few_posts_it_says_that_they_are_too_few() -> None:
    few = FIGURES | {"held_out_posts": 9, "bits_per_byte_low": None, "bits_per_byte_high": None}
    assert prediction(few).endswith("too few posts to say how sure that is (20 are needed)")


def test_scores_from_before_there_were_test_posts_are_shown_as_such() -> None:
    old = {name: value for name, value in FIGURES.items() if name != "on_test_posts"}
    assert "on 30 validation posts: base 2.000 → tuned 1.500" in prediction(old)
    assert "not comparable with scores on those" in prediction(old)


def test_a_full_scorecard_of_too_few_posts_for_mauve_says_how_many_it_takes() -> None:
    unmeasured = table(FIGURES | WRITTEN | JUDGED | {"mauve": None})
    assert (
        "MAUVE                                          –     1.00       0.00  200 posts of both kinds are"
        in unmeasured
    )
    assert "MAUVE" not in table(FIGURES | WRITTEN | JUDGED | {"mauve": None, "told_apart_by_model": None})
