"""Bits per byte: how many bits a model needs for a byte of text it has not seen.

Unlike the loss per token it is comparable across tokenisers and accounts (Gao et al. 2020, "The Pile", section 3.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hugtweets.evaluation.intervals import ratio_interval

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Logits held at once: 64 MB in float32, whatever the vocabulary.
LOGITS = 2**24


def post_nats(
    model: PreTrainedModel, documents: Sequence[Sequence[int]], ends: tuple[int, int], most_logits: int = LOGITS
) -> list[float]:
    """Negative natural log of each post's probability under the model, its end included; summed, not averaged.

    A post is predicted from the token that opens it alone; posts do not see each other.

    Args:
        model: any causal language model; it is left in the mode it was in.
        documents: token ids of the posts, without end-of-text.
        ends: the token that stands before a post, and the one that must be predicted after it.
        most_logits: how many are held at once, if a single post does not need more.
    """
    import torch

    training = model.training
    model.eval()  # type: ignore[no-untyped-call]
    nats = [0.0] * len(documents)
    most = max(1, most_logits // int(model.config.get_text_config().vocab_size))
    with torch.no_grad():
        for batch in _batches([len(document) + 1 for document in documents], most):
            sums = _batch_nats(model, [documents[number] for number in batch], ends)
            for number, value in zip(batch, sums, strict=True):
                nats[number] = value
    model.train(training)
    return nats


def bits_per_byte(nats: Sequence[float], byte_counts: Sequence[int]) -> float:
    """Sum of nats as bits, over the UTF-8 bytes of the same posts: ``sum(nats) / (ln 2 * sum(bytes))``."""
    return math.fsum(nats) / (math.log(2) * sum(byte_counts))


def prediction_scores(
    base: Sequence[float], tuned: Sequence[float], byte_counts: Sequence[int]
) -> dict[str, float | None]:
    """The figures of a scorecard on base and tuned model, from the nats of each test post."""
    return (
        _figure("base_bits_per_byte", base, byte_counts)
        | _figure("bits_per_byte", tuned, byte_counts)
        | _figure("over_base", _differences(tuned, base), byte_counts)
    )


def member_scores(
    base: Sequence[float], tuned: Sequence[float], byte_counts: Sequence[int], authors: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Bits per byte of base and tuned model on the test posts of each author."""
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
    """The figures on the previous model, from the test posts that it was not trained on, if there are any."""
    if not previous:
        return {}
    return (
        {"previous_held_out_posts": len(previous)}
        | _figure("previous_bits_per_byte", previous, byte_counts)
        | _figure("over_previous", _differences(tuned, previous), byte_counts)
    )


def _batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Indices of posts of similar length, longest first; at most ``most`` tokens with padding, at least one post."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _batch_nats(model: PreTrainedModel, documents: Sequence[Sequence[int]], ends: tuple[int, int]) -> list[float]:
    """Padded on the right: what comes after a token never changes it, so that no mask is needed."""
    import torch
    from torch.nn.functional import cross_entropy

    width, (start, end) = max(map(len, documents)) + 1, ends
    rows = [[start, *document] + [end] * (width - len(document) - 1) for document in documents]
    targets = [[*document, end] + [-100] * (width - len(document) - 1) for document in documents]
    logits = model(input_ids=torch.tensor(rows, device=model.device), use_cache=False).logits
    losses = cross_entropy(
        logits.flatten(0, 1).float(), torch.tensor(targets, device=model.device).flatten(), reduction="none"
    )
    sums: list[float] = losses.view(len(rows), width).cpu().double().sum(dim=1).tolist()
    return sums


def _differences(some: Sequence[float], others: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(some, others, strict=True)]


def _figure(name: str, nats: Sequence[float], byte_counts: Sequence[int]) -> dict[str, float | None]:
    """A figure in bits per byte and the bounds of its interval."""
    interval = ratio_interval([value / math.log(2) for value in nats], byte_counts)
    low, high = (round(interval.low, 5), round(interval.high, 5)) if interval else (None, None)
    return {name: round(bits_per_byte(nats, byte_counts), 5), f"{name}_low": low, f"{name}_high": high}
