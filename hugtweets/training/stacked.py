"""Adapters of several accounts around one base model: what a row of a batch gets depends on whose row it is.

For a linear map that takes ``in`` numbers a token and gives ``out``, the factors of G accounts are stacked into A of
shape (G, rank, in) and B of shape (G, out, rank). The base multiplies all tokens at once. Beside it, a GPU multiplies
rows by their own factors, (rows, tokens, in) by (rows, in, rank) by (rows, rank, out), in one call for all; a processor
goes through the accounts, whose tokens stand side by side in one row, and so computes no padding.

An account's own factors, and their gradients, are views of the stacks, so that an ordinary optimiser updates them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.autograd import Function


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
        narrow_a, narrow_b = a.to(whole.dtype), b.to(whole.dtype)
        within = row.new_empty(len(row), a.shape[1], dtype=whole.dtype)
        row = row.to(whole.dtype)
        for span in spans:
            own = slice(span.start, span.end)
            torch.mm(row[own], narrow_a[span.place].T, out=within[own])
            whole[own].addmm_(within[own], narrow_b[span.place].T, alpha=scale)
        ctx.save_for_backward(row, within, narrow_a, narrow_b)
        ctx.factors, ctx.scale, ctx.spans = (a, b), scale, spans
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        row, within, narrow_a, narrow_b = ctx.saved_tensors
        (a, b), (gradient,) = ctx.factors, gradients
        below = torch.empty_like(row)
        for span in ctx.spans:
            own = slice(span.start, span.end)
            inner = (gradient[own] @ narrow_b[span.place]) * ctx.scale
            torch.mm(inner, narrow_a[span.place], out=below[own])
            a.grad[span.place] += inner.T @ row[own]
            b.grad[span.place].add_(gradient[own].T @ within[own], alpha=ctx.scale)
        return gradient, below, None, None, None, None


class StackedLinear(nn.Module):
    """A linear map of the base model with the factors of all accounts beside it."""

    def __init__(self, base: nn.Module, a: nn.Parameter, b: nn.Parameter, scale: float) -> None:
        super().__init__()
        self.base, self.a, self.b, self.scale = base, a, b, scale
        self.owners: Owners = 0

    def forward(self, rows: Tensor) -> Tensor:
        """Of shape (rows, tokens, in) to (rows, tokens, out)."""
        if not isinstance(self.owners, int | Tensor):
            added = _SpanProducts.apply(self.base(rows)[0], rows[0], self.a, self.b, self.scale, self.owners)
            return cast("Tensor", added)[None]
        a, b = self.a[self.owners], self.b[self.owners]
        given = rows if torch.is_autocast_enabled(rows.device.type) else rows.to(a.dtype)
        beside = given @ a.transpose(-1, -2) @ b.transpose(-1, -2)
        whole: Tensor = self.base(rows)
        return whole + (self.scale * beside).to(whole.dtype)


def _key(module: str, factor: str) -> str:
    """What peft calls a factor in a file."""
    return f"base_model.model.{module}.{factor}.weight"


class StackedAdapters:
    """As many adapters as there are places, attached to a base model until :meth:`detach`."""

    def __init__(self, base: Any, options: LoraConfig, places: int) -> None:
        self._base, self.options = base, options
        self._device = next(base.parameters()).device
        wanted = set(options.target_modules or ())
        self._stacked = {name: self._beside(module, places) for name, module in base.named_modules() if name in wanted}
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
        """Put the adapter that a training wrote into a place."""
        written = load_file(folder / WEIGHTS)
        for name, module in self._stacked.items():
            for factor, parameter in _FACTORS.items():
                getattr(module, parameter).data[place] = written[_key(name, factor)]

    def state(self, place: int) -> dict[str, Tensor]:
        """The adapter in a place, named as peft names it in a file."""
        return {
            _key(name, factor): getattr(module, parameter)[place].detach().cpu().contiguous()
            for name, module in self._stacked.items()
            for factor, parameter in _FACTORS.items()
        }

    @contextmanager
    def owned_by(self, owners: Owners) -> Iterator[None]:
        """While the block runs, each token of a batch is read by the adapter of its owner."""
        for module in self._stacked.values():
            module.owners = owners
        yield

    def detach(self) -> None:
        """Make the base model again what it was."""
        for name, module in self._stacked.items():
            self._base.set_submodule(name, module.base)
