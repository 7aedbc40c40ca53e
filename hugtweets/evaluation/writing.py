"""How a model writes, beside how the account writes: detection, copying, diversity and length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from hugtweets.evaluation.copying import WordCorpus, copied_share
from hugtweets.evaluation.detector import Detection, detect
from hugtweets.evaluation.words import first_words, words_of


def writing_scores(
    generated: list[str], test: list[str], validation: list[str], training: list[str]
) -> dict[str, float | None]:
    """The figures of a scorecard on generated posts; each list of real ones goes from old to new.

    As many of the newest test posts are looked at as there are generated ones. If they are fewer, the detector
    is shown validation posts as well: they too were not trained on. How well it tells them from the newest
    training posts is what a model would reach that writes as the account did when it was learned.
    """
    if not generated:
        return {}
    real, unseen = test[-len(generated) :], newest_first(validation, test)[: len(generated)]
    return (
        {"generated_posts": len(generated)}
        | detection_figures("told_apart", detect(unseen, generated))
        | detection_figures("held_out_told_apart", detect(unseen, newest_first(training)[: len(generated)]))
        | _copying(generated, real, WordCorpus(training))
        | _diversity(generated, real)
    )


def newest_first(*parts: Sequence[str]) -> list[str]:
    """All posts of parts that follow each other in time, the newest post first."""
    return [post for part in reversed(parts) for post in reversed(part)]


def detection_figures(name: str, found: Detection | None) -> dict[str, float | None]:
    """A detector's accuracy and the bounds of its interval; None for too few posts."""
    accuracy, low, high = (None, None, None) if found is None else (round(part, 4) for part in found[:3])
    return {name: accuracy, f"{name}_low": low, f"{name}_high": high}


def distinct_n(texts: Iterable[str], n: int) -> float:
    """Distinct n-grams of words over all n-grams, 0 to 1 (Li et al. 2016, "A Diversity-Promoting Objective Function").

    N-grams do not cross texts; case does not count. 0 if there is none. It falls as more text is compared, so compare
    only equal amounts.
    """
    posts = map(words_of, texts)
    grams = list(chain.from_iterable(zip(*(words[start:] for start in range(n)), strict=False) for words in posts))
    return len(set(grams)) / len(grams) if grams else 0.0


def equal_amounts(some: list[str], others: list[str]) -> tuple[list[str], list[str]]:
    """The first texts of both, the same number of words of each: as many as the shorter side has."""
    number = min(sum(len(words_of(text)) for text in texts) for texts in (some, others))
    return first_words(some, number), first_words(others, number)


def _copying(generated: Sequence[str], real: Sequence[str], corpus: WordCorpus) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for prefix, posts in (("", generated), ("held_out_", real)):
        runs = [corpus.longest_copy(post) for post in posts]
        figures[f"{prefix}copied_share"] = round(copied_share(runs), 4)
        figures[f"{prefix}longest_copied_words"] = max(runs)
    return figures


def _diversity(generated: list[str], real: list[str]) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for prefix, posts in zip(("", "held_out_"), equal_amounts(generated, real), strict=True):
        figures |= {f"{prefix}distinct_{n}": round(distinct_n(posts, n), 4) for n in (1, 2, 3)}
    for prefix, posts in (("", generated), ("held_out_", real)):
        figures[f"{prefix}mean_length"] = round(sum(map(len, posts)) / len(posts), 1)
    return figures
