"""Memory that is given back to the machine."""

from __future__ import annotations

import sys

import psutil  # type: ignore[import-untyped]
import pytest
import torch

from hugtweets.devices.memory import large_blocks_given_back

MIB = 2**20


def grown(since: int) -> float:
    """MiB that this process has more than before."""
    return float(psutil.Process().memory_info().rss - since) / MIB


def make_holes() -> list[torch.Tensor]:
    """Free every block but the small ones between them, as the steps of a training do."""
    blocks = [torch.ones(int(size * MIB) // 4) for _ in range(20) for size in (8, 0.01)]
    return blocks[1::2]


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_no_holes_are_left_between_what_stays() -> None:
    # As far as glibc grows by itself what it takes for small.
    del [torch.ones(31 * MIB // 4)][0]
    before = psutil.Process().memory_info().rss
    with large_blocks_given_back():
        kept = make_holes()
        assert len(kept) == 20 and grown(before) < 40
