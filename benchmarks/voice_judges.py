"""The judges that ``voice.py --judges`` asks: those of the scorecard that need a reader, or posts of other accounts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voice_material import Material, kept_posts

Figures = dict[str, float | None]


def judge_writing(
    given: Material, generated: Sequence[str], unseen: Sequence[str], reader: str, home: Path, others: Sequence[Path]
) -> Figures:
    """How posts read, how well a trained reader tells them from real ones, and for whose they are taken.

    Args:
        given: the account whose voice they should have.
        generated: the posts.
        unseen: the account's posts that were not trained on, the newest first.
        reader: a base model as ``train.base_model`` takes it, or ``auto``: Gemma where it may be used, else the row's.
        home: where converted base models are kept.
        others: timeline files of other accounts; without any, posts are attributed to nobody.
    """
    from hugtweets.config import TrainConfig
    from hugtweets.devices.selection import choose_device
    from hugtweets.models.cache import load_tuned
    from hugtweets.models.gemma import GEMMA
    from hugtweets.models.registry import resolve_base_model
    from hugtweets.models.terms import is_at_hand
    from hugtweets.steps.writing import reader_figures
    from hugtweets.storage.home import Home

    if reader != "auto":
        base = resolve_base_model(reader, Home(home))
    else:
        base = resolve_base_model(GEMMA.name, Home(home)) if is_at_hand(Home(home)) else given.base
    model, tokenizer = load_tuned(base, None, choose_device(TrainConfig()))
    figures: Figures = reader_figures(model, tokenizer, generated, unseen, closely=True)
    ours, real = figures["reader_bits_per_byte"], figures["held_out_reader_bits_per_byte"]
    figures["odd"] = 100 * (ours / real - 1) if ours and real else None
    return figures | _attribution(given, generated, unseen, others)


def _attribution(
    given: Material, generated: Sequence[str], unseen: Sequence[str], others: Sequence[Path]
) -> dict[str, Any]:
    """The account's own unseen posts are the ceiling, attributed in the same way."""
    from hugtweets.evaluation.attribution import POSTS, AuthorshipClassifier
    from hugtweets.steps.authorship import attribution_figures

    if not others:
        return {}
    learned = [(other.stem, kept_posts(other)[-POSTS:]) for other in others]
    classifier = AuthorshipClassifier([(given.account, given.train), *learned])
    figures: dict[str, Any] = {}
    for prefix, texts in (("", generated), ("held_out_", unseen)):
        found = attribution_figures(classifier.attribute(texts, given.account))
        figures |= {f"{prefix}{name}": value for name, value in found.items()}
    return figures
