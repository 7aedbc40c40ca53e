"""Draws new posts from a model: in batches, up to the end of text, within the length that X allows."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hugtweets.characters import shorten, x_length
from hugtweets.config import SampleConfig
from hugtweets.decoding import continue_rows
from hugtweets.errors import ConfigurationError
from hugtweets.evaluation.bits_per_byte import post_nats
from hugtweets.evaluation.copying import Corpus, longest_copy
from hugtweets.tokens import TextTokenizer

# How often an empty post or a copy is drawn again before what came last is taken.
ROUNDS = 5

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Sample:
    """A generated post, marked with all that is known of it.

    ``text`` begins with ``prompt`` and is one line; ``seed`` is that of the draw and ``index`` counts the posts of one
    prompt; ``log_prob`` is the natural log of the whole post's probability, its end included; ``longest_copy`` counts
    characters shared verbatim with one training post; ``replaced`` copies were drawn before this post.
    """

    prompt: str
    text: str
    seed: int
    index: int
    log_prob: float
    longest_copy: int
    replaced: int


def draw(
    model: Any,
    tokenizer: TextTokenizer,
    prompts: Sequence[str],
    training_texts: Sequence[str],
    config: SampleConfig,
    progress: Progress | None = None,
) -> list[Sample]:
    """Draw ``per_prompt`` posts for each prompt; same arguments on the same machine, same posts.

    A post without a word of its own, or with too much copied from a training post, is drawn again a few times.

    Args:
        model: as :func:`hugtweets.loading.load_tuned` returns it.
        tokenizer: the model's.
        prompts: how the posts begin; an empty prompt leaves the beginning to the model.
        training_texts: posts that must not be copied.
        config: how to draw; its own prompts are not looked at.
        progress: told posts drawn, posts in all, and a note for people.

    Raises:
        ConfigurationError: a prompt leaves no room for a post.
    """
    beginnings = [_one_line(prompt) for prompt in prompts]
    for beginning in beginnings:
        if x_length(beginning) >= config.max_characters:
            raise ConfigurationError(
                f"the prompt {beginning[:40]!r} fills {config.max_characters} characters: shorten it"
            )
    corpus = Corpus(training_texts)
    blank = [
        Sample(beginning, "", config.seed, index, 0.0, 0, 0)
        for beginning in beginnings
        for index in range(config.per_prompt)
    ]
    drawn = dict(enumerate(blank))
    wanted = list(drawn)
    for round_number in range(ROUNDS):
        drawn |= _draw_round(model, tokenizer, {place: drawn[place] for place in wanted}, corpus, config, round_number)
        wanted = [place for place in wanted if _is_empty(drawn[place]) or _is_copy(drawn[place], config)]
        if progress:
            progress(len(drawn) - len(wanted), len(drawn), f"{len(wanted)} to be drawn again" if wanted else "")
        if not wanted:
            break
    documents = [tokenizer.encode(sample.text) for sample in drawn.values()]
    nats = post_nats(model, documents, tokenizer.end_of_text)
    return [replace(sample, log_prob=-value) for sample, value in zip(drawn.values(), nats, strict=True)]


def _draw_round(
    model: Any,
    tokenizer: TextTokenizer,
    wanted: dict[int, Sample],
    corpus: Corpus,
    config: SampleConfig,
    round_number: int,
) -> dict[int, Sample]:
    """Each sample drawn once (again)."""
    import numpy as np
    import torch

    fresh: dict[int, Sample] = {}
    places = list(wanted)
    for start in range(0, len(places), config.batch_size):
        batch = places[start : start + config.batch_size]
        seed = np.random.SeedSequence([config.seed, round_number, start]).generate_state(1)[0]
        torch.manual_seed(int(seed))
        continued = _continue(model, tokenizer, [wanted[place].prompt for place in batch], config)
        for place, text in zip(batch, continued, strict=True):
            before = wanted[place]
            replaced = before.replaced + (bool(before.text) and _is_copy(before, config))
            fresh[place] = replace(before, text=text, longest_copy=longest_copy(text, corpus), replaced=replaced)
    return fresh


def _continue(model: Any, tokenizer: TextTokenizer, prompts: Sequence[str], config: SampleConfig) -> list[str]:
    """One post for each prompt, in one batch."""
    rows = [[tokenizer.end_of_text, *tokenizer.encode(prompt)] for prompt in prompts]
    room = int(getattr(model.config, "max_position_embeddings", 0) or 2**20) - max(map(len, rows))

    def is_finished(row: int, drawn: list[int]) -> bool:
        # What is too long is cut anyway: a model that goes on and on costs no more.
        return drawn[-1] in tokenizer.special or x_length(tokenizer.decode(rows[row] + drawn)) > config.max_characters

    # A character that weighs 2 takes at most four tokens; what is too long is finished far earlier.
    most = max(1, min(4 * config.max_characters, room))
    drawn = continue_rows(model, rows, tokenizer.end_of_text, config.temperature, config.top_p, most, is_finished)
    texts = [_text(tokenizer, row, tokens) for row, tokens in zip(rows, drawn, strict=True)]
    return [shorten(text, config.max_characters) for text in texts]


def _text(tokenizer: TextTokenizer, prompt: Sequence[int], continuation: Sequence[int]) -> str:
    end = next((place for place, token in enumerate(continuation) if token in tokenizer.special), len(continuation))
    return _one_line(tokenizer.decode([*prompt, *continuation[:end]]))


def _one_line(text: str) -> str:
    """White space and control characters become single spaces; what was no UTF-8 goes."""
    visible = (" " if unicodedata.category(character) == "Cc" else character for character in text)
    return " ".join("".join(visible).replace("\ufffd", "").split())


def _is_empty(sample: Sample) -> bool:
    return not any(character.isalnum() for character in sample.text[len(sample.prompt) :])


def _is_copy(sample: Sample, config: SampleConfig) -> bool:
    return sample.longest_copy >= config.copy_share * len(sample.text)
