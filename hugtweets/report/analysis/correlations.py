"""Which properties of accounts go with high and low losses, and whether that can be chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from hugtweets.report.analysis.accounts import AccountFigures

PROPERTIES = (
    "posts",
    "characters",
    "training_posts",
    "mean_length",
    "vocabulary",
    "compressed_size",
    "links",
    "replies",
    "hashtags",
    "latin",
    "bytes_per_character",
    "start",
)
LOSSES = ("start", "drop", "end")
# With seven a rank correlation has to exceed 0.78 for p < 0.05, even if it were the only one that is looked at.
LEAST_ACCOUNTS = 8
ERROR = 0.05


class Correlation(BaseModel):
    """Spearman's rank correlation of a property with a loss over ``accounts`` accounts.

    ``p`` is how often chance alone gives one as strong (two-sided, by Student's t); both are None where fewer than
    three accounts have the property, or all have the same.
    """

    model_config = ConfigDict(frozen=True)

    property: str
    loss: str
    accounts: int
    rho: float | None
    p: float | None


def correlate(accounts: Sequence[AccountFigures]) -> list[Correlation]:
    """Every property with every loss."""
    return [_correlate(accounts, name, loss) for name in PROPERTIES for loss in LOSSES if name != loss]


def conclude(accounts: Sequence[AccountFigures], correlations: Sequence[Correlation]) -> str:
    """What can be said, in one or two sentences; with few accounts, that nothing can."""
    bases = sorted({account.base_model for account in accounts})
    if len(bases) > 1:
        return (
            f"accounts learned from different base models ({', '.join(bases)}) cannot be compared: choose one of them"
        )
    if len(accounts) < LEAST_ACCOUNTS:
        return (
            f"{len(accounts)} account{'s' * (len(accounts) != 1)} cannot tell why losses differ, {LEAST_ACCOUNTS} are "
            "the least: the figures describe these accounts, and the correlations may be chance"
        )
    tried = [found for found in correlations if found.p is not None]
    # Bonferroni: of many correlations some look strong by chance.
    sure = [found for found in tried if found.p is not None and found.p * len(tried) < ERROR]
    looked = f"of {len(tried)} correlations over {len(accounts)} accounts"
    if not sure:
        return f"{looked} none is stronger than chance makes the strongest of so many"
    strongest = sorted(sure, key=lambda found: -abs(found.rho or 0.0))
    said = "; ".join(map(_sentence, strongest))
    return f"{looked} these are stronger than chance makes the strongest of so many (p < {ERROR}): {said}"


def _correlate(accounts: Sequence[AccountFigures], name: str, loss: str) -> Correlation:
    pairs = [(getattr(account, name), getattr(account, loss)) for account in accounts]
    known = [(value, other) for value, other in pairs if value is not None]
    found = Correlation(property=name, loss=loss, accounts=len(known), rho=None, p=None)
    if len(known) < 3 or any(len(set(side)) == 1 for side in zip(*known, strict=True)):
        return found
    from scipy.stats import spearmanr

    tested = spearmanr(known)
    # Of n accounts each order is as likely as any other, and two of them are perfect: Student's t says 0 there.
    p = max(float(tested.pvalue), 2 / math.factorial(len(known)))
    return found.model_copy(update={"rho": round(float(tested.statistic), 3), "p": round(p, 6)})


def _sentence(found: Correlation) -> str:
    direction = "higher" if (found.rho or 0.0) > 0 else "lower"
    return f"the higher {found.property}, the {direction} {found.loss} (rho {found.rho:+.2f})"
