"""Samples new posts from a model: in batches, up to the end of text, within the length that X allows."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import groupby, product, takewhile
from typing import Any

from hugtweets.cleaning.kinds import Kind, opening
from hugtweets.cleaning.length import shorten, x_length
from hugtweets.cleaning.private import count_placeholders, mask
from hugtweets.config import SampleConfig
from hugtweets.errors import ConfigurationError
from hugtweets.evaluation.bits_per_byte import post_nats
from hugtweets.evaluation.copying import Corpus, longest_copy
from hugtweets.generation.decoding import continue_rows
from hugtweets.models.cache import BARE, context_length
from hugtweets.models.fitness import mixes_adapters
from hugtweets.models.tokens import TextTokenizer

# How often a post is sampled while it is empty or a copy: then what came last is taken, unless it is a copy.
ROUNDS = 5

log = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Sample:
    """A generated post, marked with all that is known of it.

    ``text`` begins with ``prompt`` and is one line; ``seed`` is that of the request and ``index`` counts the posts of
    one prompt; ``log_prob`` is the natural log of the whole post's probability, its end included, None if the request
    did not ask for it; ``longest_copy`` counts characters shared verbatim with one training post; ``replaced`` copies
    were sampled before this post. What looks private in it is masked, whether it is somebody's or made up; ``masked``
    counts that.
    """

    prompt: str
    text: str
    seed: int
    index: int
    log_prob: float | None
    longest_copy: int
    replaced: int
    masked: int = 0


@dataclass(frozen=True)
class GenerationRequest:
    """What to sample from one of the adapters that are attached to a model, or from the model itself.

    ``prompts`` begin ``per_prompt`` posts each, an empty one leaves the beginning to the model; ``training_texts`` must
    not be copied. That a post is ``scored``, with its probability, takes one more pass of the model over it. Only
    models that were taught kinds are asked for a ``kind``.
    """

    prompts: Sequence[str]
    per_prompt: int
    training_texts: Sequence[str]
    seed: int
    adapter: str | None = None
    scored: bool = True
    kind: Kind | None = None


@dataclass(frozen=True)
class PartialPost:
    """The ``index``-th post of a request with its text so far, and whether it will stay like that.

    A post that is sampled again begins again.
    """

    request: GenerationRequest
    index: int
    text: str
    finished: bool


Callback = Callable[[PartialPost], None]


def generate(
    model: Any,
    tokenizer: TextTokenizer,
    requests: Sequence[GenerationRequest],
    config: SampleConfig,
    progress: Progress | None = None,
) -> list[list[Sample]]:
    """The posts of each request, sampled ``batch_size`` at once, whosever they are.

    Same arguments on the same machine, same posts. Each post has random numbers of its own, so that it is the same
    whatever is sampled beside it, up to rounding in the model. A post without a word of its own, or with too much
    copied from a training post, is sampled again a few times. One that is a copy in the end too is left out, so that
    there can be fewer posts than were asked for.

    Args:
        model: as :func:`hugtweets.models.cache.load_tuned` or :func:`hugtweets.models.cache.load_adapters` returns it.
        tokenizer: the model's.
        requests: all of them name an adapter, or none does.
        config: how to sample; prompts, their number and the seed are those of the requests.
        progress: told posts sampled, posts in all, and a note for people.

    Raises:
        ConfigurationError: a prompt leaves no room for a post.
    """
    sampler = _Sampler(model, tokenizer, config)
    drafts = sampler.sample(requests, progress=progress)
    kept = [draft for draft in drafts if not draft.is_copy(config)]
    if len(kept) < len(drafts):
        left_out = "%d of %d posts were copies of training posts each of the %d times and are left out."
        log.warning(left_out, len(drafts) - len(kept), len(drafts), ROUNDS)
    return [
        sampler.with_probabilities(request, [draft.sample for draft in kept if draft.request is request])
        for request in requests
    ]


def stream(
    model: Any,
    tokenizer: TextTokenizer,
    requests: Sequence[GenerationRequest],
    config: SampleConfig,
    callback: Callback,
) -> None:
    """Sample as :func:`generate` does, for somebody who reads along: every token of every post calls ``callback``.

    What ``callback`` raises ends the sampling. A post that is a copy in the end too becomes empty and never finishes.

    Raises:
        ConfigurationError: a prompt leaves no room for a post.
    """
    _Sampler(model, tokenizer, config).sample(requests, callback=callback)


def beginning_of(prompt: str, config: SampleConfig) -> str:
    """How a post with this prompt begins: the prompt as one line, without private things.

    Raises:
        ConfigurationError: the prompt leaves no room for a post.
    """
    beginning = mask(_one_line(prompt))
    if x_length(beginning) >= config.max_characters:
        raise ConfigurationError(f"the prompt {beginning[:40]!r} fills {config.max_characters} characters: shorten it")
    return beginning


@dataclass
class _Draft:
    """A post of a request, sampled until it is acceptable; ``place`` counts the posts of the request."""

    request: GenerationRequest
    corpus: Corpus
    place: int
    sample: Sample

    def put(self, text: str, config: SampleConfig) -> None:
        """Put a new text in the place of the one before, private things masked."""
        public = mask(text)
        masked = count_placeholders(public) - count_placeholders(text)
        text = shorten(public, config.max_characters)
        replaced = self.sample.replaced + (bool(self.sample.text) and self.is_copy(config))
        copied = longest_copy(text, self.corpus)
        self.sample = replace(self.sample, text=text, longest_copy=copied, replaced=replaced, masked=masked)

    def is_acceptable(self, config: SampleConfig) -> bool:
        """Whether the post says something, and something of its own."""
        said = self.sample.text.removeprefix(self.sample.prompt)
        return any(map(str.isalnum, said)) and not self.is_copy(config)

    def is_copy(self, config: SampleConfig) -> bool:
        """Whether too much of the post is copied from one training post."""
        return self.sample.longest_copy >= config.copy_share * len(self.sample.text)


@dataclass(frozen=True)
class _Sampler:
    """Samples the posts of some requests, all from one model."""

    model: Any
    tokenizer: TextTokenizer
    config: SampleConfig

    def sample(
        self,
        requests: Sequence[GenerationRequest],
        progress: Progress | None = None,
        callback: Callback | None = None,
    ) -> list[_Draft]:
        """Sample all posts, and again those that are not acceptable."""
        drafts = [draft for request in requests for draft in self._drafts(request)]
        in_turn = any(request.adapter is not None for request in requests) and not mixes_adapters(self.model)
        wanted = drafts
        for round_number in range(ROUNDS):
            for batch in self._batches(wanted, in_turn):
                self._sample_batch(batch, round_number, callback, in_turn)
            wanted = [draft for draft in wanted if not draft.is_acceptable(self.config)]
            if progress:
                note = f"{len(wanted)} to be written again" if wanted else ""
                progress(len(drafts) - len(wanted), len(drafts), note)
            if not wanted:
                break
        return drafts

    def with_probabilities(self, request: GenerationRequest, samples: Sequence[Sample]) -> list[Sample]:
        """The posts of a request, each with the probability that its adapter gives it if the request asks for it."""
        if not request.scored:
            return list(samples)
        if request.adapter is not None:
            self.model.set_adapter(request.adapter, inference_mode=True)
        documents = [self.tokenizer.encode(sample.text) for sample in samples]
        nats = post_nats(self.model, documents, self.tokenizer.ends)
        return [replace(sample, log_prob=-value) for sample, value in zip(samples, nats, strict=True)]

    def _drafts(self, request: GenerationRequest) -> list[_Draft]:
        corpus = Corpus(request.training_texts)
        beginnings = [beginning_of(prompt, self.config) for prompt in request.prompts]
        return [
            _Draft(request, corpus, place, Sample(beginning, "", request.seed, index, None, 0, 0))
            for place, (beginning, index) in enumerate(product(beginnings, range(request.per_prompt)))
        ]

    def _batches(self, drafts: Sequence[_Draft], in_turn: bool) -> Iterator[Sequence[_Draft]]:
        """As many at once as the options say, of one adapter only if they come ``in_turn``."""
        for _, group in groupby(drafts, lambda draft: draft.request.adapter if in_turn else None):
            own, size = list(group), self.config.batch_size
            yield from (own[start : start + size] for start in range(0, len(own), size))

    def _sample_batch(
        self, batch: Sequence[_Draft], round_number: int, callback: Callback | None, in_turn: bool
    ) -> None:
        """Each post sampled once (again), all in one batch; all by the adapter of the first if these come in turn."""
        import numpy as np

        tokenizer, config = self.tokenizer, self.config
        begun = [[tokenizer.start_of_text, *tokenizer.encode(draft.sample.prompt)] for draft in batch]
        said = [tokenizer.encode(opening(kind)) if (kind := draft.request.kind) else [] for draft in batch]
        rows = [[post[0], *kind, *post[1:]] for post, kind in zip(begun, said, strict=True)]
        room = context_length(self.model.config) - max(map(len, rows))
        # A character that weighs 2 takes at most four tokens; what is too long is finished far earlier.
        most = max(1, min(4 * config.max_characters, room))

        def is_finished(row: int, tokens: list[int]) -> bool:
            # What is too long is cut anyway: a model that goes on and on costs no more.
            ended = (
                tokens[-1] in tokenizer.special
                or len(tokens) == most
                or x_length(tokenizer.decode(begun[row] + tokens)) > config.max_characters
            )
            draft = batch[row]
            if ended:
                draft.put(self._text(draft.sample.prompt, begun[row], tokens), config)
            if callback:
                text = draft.sample.text if ended else mask(self._text(draft.sample.prompt, begun[row], tokens))
                callback(self._partial(draft, text, ended, is_last=round_number == ROUNDS - 1))
            return ended

        adapters = [draft.request.adapter for draft in batch if draft.request.adapter is not None]
        with self._read_by(adapters[0]) if in_turn else nullcontext():
            continue_rows(
                self.model,
                rows,
                tokenizer.end_of_text,
                config.temperature,
                config.top_p,
                most,
                is_finished,
                [np.random.default_rng([draft.request.seed, draft.place, round_number]) for draft in batch],
                [] if in_turn else adapters,
            )

    def _read_by(self, adapter: str) -> AbstractContextManager[None]:
        """Every row by this adapter, or by the base model alone, while the block runs."""
        if adapter == BARE:
            bare: AbstractContextManager[None] = self.model.disable_adapter()
            return bare
        self.model.set_adapter(adapter, inference_mode=True)
        return nullcontext()

    def _partial(self, draft: _Draft, text: str, ended: bool, is_last: bool) -> PartialPost:
        """What a reader is told of a post in this round, the last one or not."""
        left_out = ended and is_last and draft.is_copy(self.config)
        finished = ended and not left_out and (is_last or draft.is_acceptable(self.config))
        return PartialPost(draft.request, draft.place, "" if left_out else text, finished)

    def _text(self, beginning: str, prompt: Sequence[int], continuation: Sequence[int]) -> str:
        until_end = takewhile(lambda token: token not in self.tokenizer.special, continuation)
        text = _one_line(self.tokenizer.decode([*prompt, *until_end]))
        if text.startswith(beginning):
            return text
        # A tokenizer that knows small letters only, say, does not give the beginning back as it was.
        return beginning + text.removeprefix(_one_line(self.tokenizer.decode(prompt)))


def _one_line(text: str) -> str:
    """White space and control characters become single spaces; what was no UTF-8 goes."""
    visible = (" " if unicodedata.category(character) == "Cc" else character for character in text)
    return " ".join("".join(visible).replace("\ufffd", "").split())
