"""How often does the 95 % interval of bits per byte hold the truth, for so many posts?

    python benchmarks/intervals.py [--posts 5 8 10 12 15 20 30 50] [--draws 400] [--seed 0] [--json]

Posts are invented: lengths are log-normal around 74 bytes, the bits per byte of a post log-normal with a sigma of 0.35,
and short posts are harder. The truth is the ratio over 200,000 of them. The bounds of each draw are those of
`hugtweets.evaluation.intervals`, without its least number of posts.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hugtweets.evaluation import intervals

TRUTH_POSTS = 200_000
MEDIAN_BYTES, SIGMA_LENGTH, SIGMA_BITS = 74, 0.6, 0.35
# A post of half the length has so many times the bits per byte.
HARDER = 1.1


@dataclass(frozen=True)
class Coverage:
    """For a number of posts: the shares of draws whose bounds hold the truth, or lie below or above it."""

    posts: int
    held: float
    below: float
    above: float


def draw(rng: np.random.Generator, posts: int) -> tuple[Any, Any]:
    """Bits and bytes of invented posts."""
    lengths = np.maximum(1, np.rint(rng.lognormal(np.log(MEDIAN_BYTES), SIGMA_LENGTH, posts)))
    harder = HARDER ** np.log2(MEDIAN_BYTES / lengths)
    return lengths * rng.lognormal(0, SIGMA_BITS, posts) * harder, lengths


def measure(posts: int, draws: int, seed: int) -> Coverage:
    """Draw posts again and again, and look where the bounds lie."""
    rng = np.random.default_rng(seed)
    bits, lengths = draw(rng, TRUTH_POSTS)
    truth = bits.sum() / lengths.sum()
    found = [intervals.ratio_interval(*(part.tolist() for part in draw(rng, posts))) for _ in range(draws)]
    below = sum(bounds is not None and bounds.high < truth for bounds in found) / draws
    above = sum(bounds is not None and bounds.low > truth for bounds in found) / draws
    return Coverage(posts, 1 - below - above, below, above)


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, nargs="+", default=[5, 8, 10, 12, 15, 20, 30, 50])
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    intervals.FEWEST_POSTS = min(options.posts)
    rows = [measure(posts, options.draws, options.seed) for posts in options.posts]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    print("| posts | held | lies below the truth | lies above |\n| ---: | ---: | ---: | ---: |")
    for row in rows:
        print(f"| {row.posts} | {row.held:.0%} | {row.below:.1%} | {row.above:.1%} |")


if __name__ == "__main__":
    main()
