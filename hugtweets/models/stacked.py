"""Adapters of several accounts around one base model: what a row of a batch gets depends on whose row it is.

For a linear map that takes ``in`` numbers a token and gives ``out``, the factors of G accounts are stacked into A of
shape (G, rank, in) and B of shape (G, out, rank). The base multiplies all tokens at once. Beside it, a GPU multiplies
rows by their own factors, (rows, tokens, in) by (rows, in, rank) by (rows, rank, out), in one call for all; a processor
goes through the accounts, whose tokens stand side by side in one row, and so computes no padding.

An account's own factors, and their gradients, are views of the stacks, so that an ordinary optimiser updates them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.autograd import Function

from hugtweets.errors import ConfigurationError


@dataclass(frozen=True)
class Span:
    """The tokens of one account in a row that several share, and the place of its adapter."""

    place: int
    start: int
    end: int


# What peft calls the file of an adapter, and the factors in it.
WEIGHTS = "adapter_model.safetensors"
_FACTORS = {"lora_A": "a", "lora_B": "b"}
# Whose tokens are whose: one place reads all of them, a row each belongs to a place, or a row is shared.
Owners = int | Tensor | Sequence[Span]


class _SpanProducts(Function):
    """Adds to each span of a row what the adapter of its account makes of it.

    The gradients of the factors are added to those that are there: autograd would fill a stack with zeros for each use.
    """

    @staticmethod
    def forward(
        ctx: Any, whole: Tensor, row: Tensor, a: nn.Parameter, b: nn.Parameter, scale: float, spans: Sequence[Span]
    ) -> Tensor:
        ctx.mark_dirty(whole)
        row, within = row.to(whole.dtype), whole.new_empty(len(row), a.shape[1])
        for span in spans:
            own = slice(span.start, span.end)
            torch.mm(row[own], a[span.place].to(row.dtype).T, out=within[own])
            whole[own].addmm_(within[own], b[span.place].to(row.dtype).T, alpha=scale)
        ctx.save_for_backward(row, within)
        ctx.factors, ctx.scale, ctx.spans = (a, b), scale, spans
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (row, within), (a, b), (gradient,) = ctx.saved_tensors, ctx.factors, gradients
        below = torch.empty_like(row)
        for span in ctx.spans:
            own = slice(span.start, span.end)
            inner = gradient[own] @ b[span.place].to(row.dtype) * ctx.scale
            torch.mm(inner, a[span.place].to(row.dtype), out=below[own])
            a.grad[span.place] += inner.T @ row[own]
            b.grad[span.place].add_(gradient[own].T @ within[own], alpha=ctx.scale)
        return gradient, below, None, None, None, None


class StackedLinear(nn.Module):
    """A linear map of the base model with the factors of all accounts beside it."""

    def __init__(self, base: nn.Module, a: nn.Parameter, b: nn.Parameter, scale: float) -> None:
        super().__init__()
        self.base, self.a, self.b, self.scale = base, a, b, scale
        self.owners: Owners = 0

    @property
    def weight(self) -> Any:
        """Those of the base model, which some families read by themselves."""
        return self.base.weight

    def forward(self, rows: Tensor) -> Tensor:
        """Of shape (rows, tokens, in) to (rows, tokens, out); some families have all tokens one below the other."""
        if not isinstance(self.owners, int | Tensor):
            flat = rows.flatten(0, -2)
            add: Callable[..., Tensor] = _SpanProducts.apply
            return add(self.base(flat), flat, self.a, self.b, self.scale, self.owners).view(*rows.shape[:-1], -1)
        a, b = self.a[self.owners], self.b[self.owners]
        given = rows if torch.is_autocast_enabled(rows.device.type) else rows.to(a.dtype)
        if isinstance(self.owners, Tensor):
            given = given.view(len(self.owners), -1, given.shape[-1])
        beside = given @ a.transpose(-1, -2) @ b.transpose(-1, -2)
        whole: Tensor = self.base(rows)
        return whole + (self.scale * beside).to(whole.dtype).view(whole.shape)


def _key(module: str, factor: str) -> str:
    """What peft calls a factor in a file."""
    return f"base_model.model.{module}.{factor}.weight"


class StackedAdapters:
    """As many adapters as there are places, attached to a base model until :meth:`detach`."""

    def __init__(self, base: Any, options: LoraConfig, places: int) -> None:
        self._base, self.options = base, options
        self._device = next(base.parameters()).device
        # Where there are many maps, peft names them by their ends.
        ends = tuple(f".{name}" for name in options.target_modules or ())
        self._stacked = {
            name: self._beside(module, places) for name, module in base.named_modules() if f".{name}".endswith(ends)
        }
        for name, stacked in self._stacked.items():
            base.set_submodule(name, stacked)

    def _beside(self, module: Any, places: int) -> StackedLinear:
        """A linear map with factors of zeros, and their gradients; a GPT-2 holds its weights transposed."""
        out, width = module.weight.shape if isinstance(module, nn.Linear) else reversed(module.weight.shape)
        rank = self.options.r
        factors = []
        for shape in ((places, rank, width), (places, out, rank)):
            factor = nn.Parameter(torch.zeros(shape, device=self._device))
            factor.grad = torch.zeros_like(factor)
            factors.append(factor)
        return StackedLinear(module, factors[0], factors[1], self.options.lora_alpha / rank)

    def begin(self, place: int, seed: int, earlier: Path | None = None) -> list[nn.Parameter]:
        """An adapter in a place: the same as peft makes after ``set_seed(seed)``, or the one of an earlier folder.

        Returns its factors for an optimiser: views of the place, and so are their gradients.
        """
        torch.manual_seed(seed)
        found = []
        for module in self._stacked.values():
            (_, rank, width), (_, out, _) = module.a.shape, module.b.shape
            # What peft draws for the two maps before it sets them is drawn here as well.
            a, _ = nn.Linear(width, rank, bias=False), nn.Linear(rank, out, bias=False)
            nn.init.kaiming_uniform_(a.weight, a=math.sqrt(5))
            for factor, fresh in ((module.a, a.weight), (module.b, torch.zeros(out, rank))):
                factor.data[place] = fresh.detach()
                view, gradients = nn.Parameter(factor.data[place]), factor.grad
                view.grad = None if gradients is None else gradients[place].zero_()
                found.append(view)
        if earlier:
            self.load(place, earlier)
        return found

    def load(self, place: int, folder: Path) -> None:
        """Put the adapter that a training wrote into a place.

        Raises:
            ConfigurationError: it belongs around other maps.
        """
        written = load_file(folder / WEIGHTS)
        wanted = {
            _key(name, factor): getattr(module, parameter).data[place]
            for name, module in self._stacked.items()
            for factor, parameter in _FACTORS.items()
        }
        if wanted.keys() != written.keys():
            raise ConfigurationError(f"the adapter in {folder} changes other parts of the model: train it again")
        for key, factor in wanted.items():
            factor.copy_(written[key])

    def state(self, place: int) -> dict[str, Tensor]:
        """The adapter in a place, named as peft names it in a file."""
        return {
            _key(name, factor): getattr(module, parameter)[place].detach().cpu().contiguous()
            for name, module in self._stacked.items()
            for factor, parameter in _FACTORS.items()
        }

    def assign(self, owners: Owners) -> None:
        """From now on each token of a batch is read by the adapter of its owner."""
        for module in self._stacked.values():
            module.owners = owners

    def detach(self) -> None:
        """Make the base model again what it was."""
        for name, module in self._stacked.items():
            self._base.set_submodule(name, module.base)


class StackedModel:
    """A base model with the adapters of several accounts, to sample from.

    It takes what a model of peft takes, with the adapters of its rows as ``adapter_names``, which peft goes through one
    after the other in each layer.
    """

    def __init__(self, base: Any, adapters: StackedAdapters, places: Mapping[str, int]) -> None:
        self._base, self._adapters, self._places = base, adapters, places
        self._side_by_side = base.device.type == "cpu"

    @classmethod
    @contextmanager
    def of(cls, base: Any, folders: Sequence[Path]) -> Iterator[StackedModel]:
        """With the adapters that trainings wrote into folders, while the block runs; they are called by these."""
        adapters = StackedAdapters(base, LoraConfig.from_pretrained(str(folders[0])), len(folders))
        try:
            for place, folder in enumerate(folders):
                adapters.load(place, folder)
            yield cls(base, adapters, {str(folder): place for place, folder in enumerate(folders)})
        finally:
            adapters.detach()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)

    def __call__(self, adapter_names: Sequence[str] | None = None, **inputs: Any) -> Any:
        """What the base model returns, with these adapters for its rows, or for all the one that was set."""
        if adapter_names is None:
            return self._base(**inputs)
        places, length = [self._places[name] for name in adapter_names], inputs["input_ids"].shape[1]
        owners = _spans_of(places, length) if self._side_by_side else torch.tensor(places, device=self._base.device)
        self._adapters.assign(owners)
        return self._base(**inputs)

    def set_adapter(self, name: str, inference_mode: bool = True) -> None:
        """Let this adapter read every row that names none."""
        self._adapters.assign(self._places[name])


def _spans_of(places: Sequence[int], length: int) -> list[Span]:
    """Rows of a length, one after the other; those of one account beside each other are one span."""
    spans: list[Span] = []
    for number, place in enumerate(places):
        end = (number + 1) * length
        if spans and spans[-1].place == place:
            spans[-1] = Span(place, spans[-1].start, end)
        else:
            spans.append(Span(place, number * length, end))
    return spans
