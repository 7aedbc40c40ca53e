"""Equal weight for the accounts of a mix: in every epoch each is read as often as the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler


class EqualShares(Sampler[int]):
    """Places of posts in a random order, in which every author comes as often as the one with most posts does.

    A post of an author with fewer comes as often as any other of the same author, or once more: which ones is
    chosen anew in each epoch. The choice follows torch's own random state.
    """

    def __init__(self, authors: Sequence[str]) -> None:
        self._places = [
            torch.tensor([place for place, found in enumerate(authors) if found == author])
            for author in sorted(set(authors))
        ]
        self._most = max(map(len, self._places))

    def __len__(self) -> int:
        return self._most * len(self._places)

    def __iter__(self) -> Iterator[int]:
        chosen = torch.cat([self._choose(places) for places in self._places])
        order: list[int] = chosen[torch.randperm(len(chosen))].tolist()
        return iter(order)

    def _choose(self, places: torch.Tensor) -> torch.Tensor:
        """As many places as the author with most posts has."""
        rounds = -(-self._most // len(places))
        return torch.cat([places[torch.randperm(len(places))] for _ in range(rounds)])[: self._most]


def expected_sum(numbers: Sequence[int], authors: Sequence[str]) -> float:
    """What the numbers of the posts that are read in an epoch add up to, on average."""
    posts = Counter(authors)
    most = max(posts.values())
    return sum(number * most / posts[author] for number, author in zip(numbers, authors, strict=True))
