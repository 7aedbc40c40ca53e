"""In which order posts are read, and which of them stand in one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate

import torch
from torch.utils.data import BatchSampler, Sampler


class EqualShares(Sampler[int]):
    """Places of posts of a mix in a random order, in which every author comes as often as the one with most posts does.

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


class RowsOfTokens(BatchSampler):
    """The posts of a sampler in rows of about ``tokens`` tokens, one post at least.

    There are as many rows in every epoch, whatever its order, so that the schedule knows how long the training is.
    """

    def __init__(self, sampler: Sampler[int], lengths: Sequence[int], tokens: int) -> None:
        super().__init__(sampler, batch_size=1, drop_last=False)
        self._lengths, posts = lengths, len(sampler)  # type: ignore[arg-type]
        expected = sum(lengths) / len(lengths) * posts
        self._rows = min(posts, max(1, round(expected / tokens)))

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[list[int]]:
        order = list(self.sampler)
        read = list(accumulate(self._lengths[post] for post in order))
        start = 0
        for row in range(1, self._rows + 1):
            end, last = start + 1, len(order) - (self._rows - row)
            while end < last and read[end - 1] * self._rows < read[-1] * row:
                end += 1
            yield order[start:end]
            start = end


def expected_sum(numbers: Sequence[int], authors: Sequence[str]) -> float:
    """What the numbers of the posts that are read in an epoch add up to, on average."""
    posts = Counter(authors)
    most = max(posts.values())
    return sum(number * most / posts[author] for number, author in zip(numbers, authors, strict=True))
