"""The arms of ``decoding.py``: ways to sample for which the product has no option stand around the model here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from hugtweets.models.cache import BARE
from hugtweets.models.tokens import TextTokenizer

# Temperatures that are tried, and how far the bias may go.
TEMPERATURES = tuple(round(0.8 + 0.05 * step, 2) for step in range(9))
BIASES = tuple(round(-2 + 0.05 * step, 2) for step in range(81))

Logits = torch.Tensor
Change = Callable[[Logits], Logits]


class Changed:
    """A model whose logits are changed while it samples; whoever asks it for anything else asks the model."""

    def __init__(self, model: Any, change: Change) -> None:
        self._model, self._change = model, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, **inputs: Any) -> Any:
        """As the model, whose last logits are changed where it samples."""
        output = self._model(**inputs)
        if inputs.get("use_cache"):
            output.logits = self._change(output.logits[:, -1:].float())
        return output


class Contrasted:
    """(1 + weight) times the log of the adapter's probabilities less weight times the base's, in one batch.

    Only among tokens to which the adapter gives a tenth of its highest probability at least (Li et al. 2023,
    "Contrastive Decoding", section 3.3; Liu et al. 2021, "DExperts").
    """

    def __init__(self, model: Any, adapter: str, weight: float, plausible: float = 0.1) -> None:
        self._model, self._adapter, self._weight, self._least = model, adapter, weight, math.log(plausible)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, **inputs: Any) -> Any:
        """As the model; each row stands in the batch twice, the second time without the adapter."""
        if not inputs.get("use_cache"):
            return self._model(**inputs)
        rows, cache = len(inputs["input_ids"]), inputs["past_key_values"]
        both = {name: torch.cat([inputs[name]] * 2) for name in ("input_ids", "attention_mask", "position_ids")}
        names = [self._adapter] * rows + [BARE] * rows
        output = self._model(**inputs | both, adapter_names=names)
        whole = type(cache).reorder_cache
        cache.reorder_cache = lambda kept: whole(cache, torch.cat([kept, kept + rows]))
        tuned, base = output.logits[:, -1:].float().log_softmax(-1).split(rows)
        unlikely = tuned < tuned.amax(-1, keepdim=True) + self._least
        mixed = (1 + self._weight) * tuned - self._weight * base
        output.logits = mixed.masked_fill(unlikely, -torch.inf)
        return output


@dataclass(frozen=True)
class Fit:
    """The temperature and the bias of the end token under which validation posts are likeliest."""

    temperature: float
    bias: float
    nats_before: float
    nats_after: float


def fit(model: Any, documents: Sequence[Sequence[int]], ends: tuple[int, int], temperatures: Sequence[float]) -> Fit:
    """Maximum likelihood over a grid; nats are of a token.

    Where it is reached, ends are expected as often as they come, and the model is as sure as it is right.
    """
    scale = torch.tensor(temperatures)
    others, of_end, of_target, is_end = [], [], [], []
    start, end = ends
    for document in documents:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([[start, *document]]), use_cache=False).logits[0].float()
        scaled = logits[None] / scale[:, None, None]
        targets = torch.tensor([*document, end])
        of_target.append(scaled.gather(-1, targets.expand(len(scale), -1)[..., None])[..., 0])
        of_end.append(scaled[..., end].clone())
        scaled[..., end] = -torch.inf
        others.append(scaled.logsumexp(-1))
        is_end.append(targets == end)
    other, ending, target = (torch.cat(parts, dim=1) for parts in (others, of_end, of_target))
    ended = torch.cat(is_end)
    nats = torch.stack(
        [(torch.logaddexp(other, ending + bias) - target - bias * ended).mean(1) for bias in BIASES], dim=1
    )
    place, column = divmod(int(nats.argmin()), len(BIASES))
    before = (torch.logaddexp(other, ending) - target).mean(1)[list(temperatures).index(1.0)]
    return Fit(temperatures[place], BIASES[column], float(before), float(nats[place, column]))


@dataclass(frozen=True)
class Arm:
    """A way to sample: options of the product, and what is done to the logits."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    least: float = 0.0
    fits: Sequence[float] = ()
    contrast: float = 0.0

    def prepare(
        self, model: Any, tokenizer: TextTokenizer, adapter: str, documents: Sequence[Sequence[int]]
    ) -> tuple[Any, dict[str, Any], str]:
        """The model to sample from, the options, and the settings for people."""
        if self.contrast:
            return Contrasted(model, adapter, self.contrast), self.options, f"w={self.contrast}"
        if self.least:
            least = math.log(self.least)
            return Changed(model, lambda logits: _likely(logits, least)), self.options, f"min_p={self.least}"
        if self.fits:
            found = fit(model, documents, tokenizer.ends, self.fits)
            bias = torch.zeros(model.config.vocab_size)
            bias[tokenizer.end_of_text] = found.bias
            changed = Changed(model, lambda logits: logits / found.temperature + bias)
            gain = found.nats_before - found.nats_after
            return changed, self.options, f"T={found.temperature} end{found.bias:+} ({gain:.4f} nats a token)"
        return model, self.options, " ".join(f"{name}={value}" for name, value in self.options.items())


def _likely(logits: Logits, least: float) -> Logits:
    """Without the tokens that have less than a share of the highest probability (Nguyen et al. 2025, "Min-p")."""
    return logits.masked_fill(logits < logits.amax(-1, keepdim=True) + least, -torch.inf)


ARMS = {
    arm.name: arm
    for arm in (
        Arm("default"),
        Arm("pure", {"top_p": 1.0}),
        Arm("top-p-0.9", {"top_p": 0.9}),
        Arm("top-p-0.98", {"top_p": 0.98}),
        Arm("min-p-0.01", {"top_p": 1.0}, least=0.01),
        Arm("min-p-0.02", {"top_p": 1.0}, least=0.02),
        Arm("min-p-0.05", {"top_p": 1.0}, least=0.05),
        Arm("min-p-0.1", {"top_p": 1.0}, least=0.1),
        Arm("fitted", {"top_p": 1.0}, fits=TEMPERATURES),
        Arm("fitted-top-p", fits=TEMPERATURES),
        Arm("fitted-end", fits=(1.0,)),
        Arm("contrast-0.2", {"top_p": 1.0}, contrast=0.2),
        Arm("contrast-0.5", {"top_p": 1.0}, contrast=0.5),
    )
}
