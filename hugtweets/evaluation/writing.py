"""How a model writes, beside how the account writes: detection, copying, diversity and length."""

from __future__ import annotations

from collections.abc import Sequence

from hugtweets.evaluation.copying import WordCorpus, copied_share
from hugtweets.evaluation.detection import share_told_apart
from hugtweets.evaluation.diversity import distinct_n, equal_amounts


def writing_scores(generated: list[str], held_out: list[str], training: list[str]) -> dict[str, float | None]:
    """The figures of a scorecard on generated posts; each list goes from old to new.

    As many of the newest held-out posts are looked at as there are generated ones. If they are fewer, the detector
    is shown the newest training posts as well: they too are the account's.
    """
    if not generated:
        return {}
    real = held_out[-len(generated) :]
    own = [*reversed(held_out), *reversed(training)]
    return (
        {"generated_posts": len(generated), "told_apart": _rounded(share_told_apart(own[: len(generated)], generated))}
        | _copying(generated, real, WordCorpus(training))
        | _diversity(generated, real)
    )


def _copying(generated: Sequence[str], real: Sequence[str], corpus: WordCorpus) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for prefix, posts in (("", generated), ("held_out_", real)):
        runs = [corpus.longest_copy(post) for post in posts]
        figures[f"{prefix}copied_share"] = _rounded(copied_share(runs))
        figures[f"{prefix}longest_copied_words"] = max(runs)
    return figures


def _diversity(generated: list[str], real: list[str]) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for prefix, posts in zip(("", "held_out_"), equal_amounts(generated, real), strict=True):
        figures |= {f"{prefix}distinct_{n}": _rounded(distinct_n(posts, n)) for n in (1, 2, 3)}
    for prefix, posts in (("", generated), ("held_out_", real)):
        figures[f"{prefix}mean_length"] = round(sum(map(len, posts)) / len(posts), 1)
    return figures


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 4)
