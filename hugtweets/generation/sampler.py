"""Draws new posts from a model: in batches, up to the end of text, within the length that X allows."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hugtweets.cleaning.length import shorten, x_length
from hugtweets.config import SampleConfig
from hugtweets.errors import ConfigurationError
from hugtweets.evaluation.bits_per_byte import post_nats
from hugtweets.evaluation.copying import Corpus, longest_copy
from hugtweets.generation.decoding import continue_rows
from hugtweets.models.tokens import TextTokenizer

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


@dataclass(frozen=True)
class Voice:
    """What to draw from one of the adapters that a model wears, or from the model itself.

    ``prompts`` begin ``per_prompt`` posts each, an empty one leaves the beginning to the model; ``training_texts`` must
    not be copied.
    """

    prompts: Sequence[str]
    per_prompt: int
    training_texts: Sequence[str]
    seed: int
    adapter: str | None = None


@dataclass(frozen=True)
class Heard:
    """A post while it is drawn: the ``index``-th of its voice, its text so far, and whether it will stay like that.

    A post that is drawn again begins again.
    """

    voice: Voice
    index: int
    text: str
    finished: bool


Hear = Callable[[Heard], None]


def draw(
    model: Any,
    tokenizer: TextTokenizer,
    prompts: Sequence[str],
    training_texts: Sequence[str],
    config: SampleConfig,
    progress: Progress | None = None,
) -> list[Sample]:
    """Draw posts from one model; see :func:`draw_together`.

    Args:
        model: as :func:`hugtweets.models.cache.load_tuned` returns it.
        tokenizer: the model's.
        prompts: how the posts begin.
        training_texts: posts that must not be copied.
        config: how to draw; its own prompts are not looked at.
        progress: told posts drawn, posts in all, and a note for people.

    Raises:
        ConfigurationError: a prompt leaves no room for a post.
    """
    voice = Voice(prompts, config.per_prompt, training_texts, config.seed)
    return draw_together(model, tokenizer, [voice], config, progress)[0]


def draw_together(
    model: Any,
    tokenizer: TextTokenizer,
    voices: Sequence[Voice],
    config: SampleConfig,
    progress: Progress | None = None,
) -> list[list[Sample]]:
    """Draw the posts of all voices, ``batch_size`` of them at once, whosever they are.

    Same arguments on the same machine, same posts. Each post has random numbers of its own, so that it is the same
    whatever is drawn beside it, up to rounding in the model. A post without a word of its own, or with too much copied
    from a training post, is drawn again a few times.

    Args:
        model: as :func:`hugtweets.models.cache.load_tuned` or :func:`hugtweets.models.cache.load_adapters` returns it.
        tokenizer: the model's.
        voices: what is drawn; all of them name an adapter, or none does.
        config: how to draw; what a voice says itself is not looked at here.
        progress: told posts drawn, posts in all, and a note for people.

    Raises:
        ConfigurationError: a prompt leaves no room for a post.
    """
    drafts = [draft for voice in voices for draft in _blank(voice, config)]
    _draw_until_good(model, tokenizer, drafts, config, progress)
    return [_weighed(model, tokenizer, voice, [draft for draft in drafts if draft.voice is voice]) for voice in voices]


def draw_aloud(model: Any, tokenizer: TextTokenizer, voices: Sequence[Voice], config: SampleConfig, hear: Hear) -> None:
    """Draw as :func:`draw_together` does, for somebody who reads along: ``hear`` is told of every token of every post.

    What ``hear`` raises ends the drawing.

    Raises:
        ConfigurationError: a prompt leaves no room for a post.
    """
    drafts = [draft for voice in voices for draft in _blank(voice, config)]
    _draw_until_good(model, tokenizer, drafts, config, hear=hear)


def beginning_of(prompt: str, config: SampleConfig) -> str:
    """How a post with this prompt begins: the prompt as one line.

    Raises:
        ConfigurationError: the prompt leaves no room for a post.
    """
    beginning = _one_line(prompt)
    if x_length(beginning) >= config.max_characters:
        raise ConfigurationError(f"the prompt {beginning[:40]!r} fills {config.max_characters} characters: shorten it")
    return beginning


@dataclass
class _Draft:
    """A post of one voice, drawn until it will do; ``place`` counts the posts of the voice."""

    voice: Voice
    corpus: Corpus
    place: int
    sample: Sample

    def draw_again(self, text: str, config: SampleConfig) -> None:
        """Put a new text in the place of the one before."""
        replaced = self.sample.replaced + (bool(self.sample.text) and _is_copy(self.sample, config))
        copied = longest_copy(text, self.corpus)
        self.sample = replace(self.sample, text=text, longest_copy=copied, replaced=replaced)

    def will_do(self, config: SampleConfig) -> bool:
        """Whether the post says something, and something of its own."""
        return not (_is_empty(self.sample) or _is_copy(self.sample, config))


def _blank(voice: Voice, config: SampleConfig) -> list[_Draft]:
    beginnings = [beginning_of(prompt, config) for prompt in voice.prompts]
    corpus = Corpus(voice.training_texts)
    blank = [
        Sample(beginning, "", voice.seed, index, 0.0, 0, 0)
        for beginning in beginnings
        for index in range(voice.per_prompt)
    ]
    return [_Draft(voice, corpus, place, sample) for place, sample in enumerate(blank)]


def _draw_until_good(
    model: Any,
    tokenizer: TextTokenizer,
    drafts: Sequence[_Draft],
    config: SampleConfig,
    progress: Progress | None = None,
    hear: Hear | None = None,
) -> None:
    """Draw all posts, and again those that will not do."""
    wanted = list(drafts)
    for round_number in range(ROUNDS):
        for start in range(0, len(wanted), config.batch_size):
            _draw_batch(model, tokenizer, wanted[start : start + config.batch_size], config, round_number, hear)
        wanted = [draft for draft in wanted if not draft.will_do(config)]
        if progress:
            note = f"{len(wanted)} to be drawn again" if wanted else ""
            progress(len(drafts) - len(wanted), len(drafts), note)
        if not wanted:
            break


def _draw_batch(
    model: Any,
    tokenizer: TextTokenizer,
    batch: Sequence[_Draft],
    config: SampleConfig,
    round_number: int,
    hear: Hear | None,
) -> None:
    """Each post drawn once (again), all in one batch."""
    import numpy as np

    rows = [[tokenizer.end_of_text, *tokenizer.encode(draft.sample.prompt)] for draft in batch]
    room = int(getattr(model.config, "max_position_embeddings", 0) or 2**20) - max(map(len, rows))
    # A character that weighs 2 takes at most four tokens; what is too long is finished far earlier.
    most = max(1, min(4 * config.max_characters, room))

    def is_finished(row: int, drawn: list[int]) -> bool:
        # What is too long is cut anyway: a model that goes on and on costs no more.
        ended = (
            drawn[-1] in tokenizer.special
            or len(drawn) == most
            or x_length(tokenizer.decode(rows[row] + drawn)) > config.max_characters
        )
        draft = batch[row]
        if ended:
            draft.draw_again(shorten(_text(tokenizer, rows[row], drawn), config.max_characters), config)
        if hear:
            text = draft.sample.text if ended else _text(tokenizer, rows[row], drawn)
            finished = ended and (draft.will_do(config) or round_number == ROUNDS - 1)
            hear(Heard(draft.voice, draft.place, text, finished))
        return ended

    continue_rows(
        model,
        rows,
        tokenizer.end_of_text,
        config.temperature,
        config.top_p,
        most,
        is_finished,
        [np.random.default_rng([draft.voice.seed, draft.place, round_number]) for draft in batch],
        [draft.voice.adapter for draft in batch if draft.voice.adapter is not None],
    )


def _weighed(model: Any, tokenizer: TextTokenizer, voice: Voice, drafts: Sequence[_Draft]) -> list[Sample]:
    """The posts of one voice, each with its probability."""
    if voice.adapter is not None:
        model.set_adapter(voice.adapter, inference_mode=True)
    documents = [tokenizer.encode(draft.sample.text) for draft in drafts]
    nats = post_nats(model, documents, tokenizer.end_of_text)
    return [replace(draft.sample, log_prob=-value) for draft, value in zip(drafts, nats, strict=True)]


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
