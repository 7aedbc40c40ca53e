"""Adapters of several accounts around one base model: what a row of a batch gets depends on whose row it is.

For a linear map that takes ``in`` numbers a token and gives ``out``, the factors of G accounts are stacked into A of
shape (G, rank, in) and B of shape (G, out, rank). The base multiplies all rows at once; beside it the rows are
multiplied by their own factors, (rows, tokens, in) by (rows, in, rank) by (rows, rank, out).

An account's own factors, and their gradients, are views of the stacks, so that an ordinary optimiser updates them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import LoraConfig
from torch import Tensor, nn


class StackedLinear(nn.Module):
    """A linear map of the base model with the factors of all accounts beside it."""

    def __init__(self, base: nn.Module, a: nn.Parameter, b: nn.Parameter, scale: float) -> None:
        super().__init__()
        self.base, self.a, self.b, self.scale = base, a, b, scale
        # Whose each row of the next batch is; one account alone reads all rows.
        self.owners: Tensor | int = 0

    def forward(self, rows: Tensor) -> Tensor:
        """Of shape (rows, tokens, in) to (rows, tokens, out)."""
        a, b = self.a[self.owners], self.b[self.owners]
        given = rows if torch.is_autocast_enabled(rows.device.type) else rows.to(a.dtype)
        beside = given @ a.transpose(-1, -2) @ b.transpose(-1, -2)
        whole: Tensor = self.base(rows)
        return whole + (self.scale * beside).to(whole.dtype)


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

    def begin(self, place: int, seed: int) -> list[nn.Parameter]:
        """A fresh adapter in a place, the same as peft makes after ``set_seed(seed)``.

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
        return found

    def state(self, place: int) -> dict[str, Tensor]:
        """The adapter in a place, named as peft names it in a file."""
        found = {}
        for name, module in self._stacked.items():
            for factor, parameter in (("lora_A", module.a), ("lora_B", module.b)):
                found[f"base_model.model.{name}.{factor}.weight"] = parameter[place].detach().cpu().contiguous()
        return found

    @contextmanager
    def owned_by(self, places: Sequence[int] | int) -> Iterator[None]:
        """While the block runs, each row of a batch is read by the adapter of its place, or all by that of one."""
        owners = places if isinstance(places, int) else torch.tensor(places, device=self._device)
        for module in self._stacked.values():
            module.owners = owners
        yield

    def detach(self) -> None:
        """Make the base model again what it was."""
        for name, module in self._stacked.items():
            self._base.set_submodule(name, module.base)
