"""A sweep as a W&B sweep configuration, for those who let W&B's server choose the points and its agents run them.

The keys and macros are those of W&B's documentation ("Sweep configuration options"); ``${args_json}`` is replaced by
the parameters as one JSON object, which is what ``--point`` reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hugtweets.sweeps.variations import Choice, Range, Variation

METRIC = "bits_per_byte"


def export_sweep(
    variations: Sequence[Variation], number: int | None, project: str, arguments: Sequence[str]
) -> dict[str, Any]:
    """The configuration, ready to be written as YAML.

    Args:
        variations: what is varied.
        number: how many points are drawn at random; None is the grid.
        project: the W&B project.
        arguments: of ``hugtweets sweep``, without what is varied.
    """
    return {
        "program": "hugtweets",
        "project": project,
        "method": "grid" if number is None else "random",
        **({} if number is None else {"run_cap": number}),
        "metric": {"name": METRIC, "goal": "minimize"},
        "parameters": {variation.key: _parameter(variation) for variation in variations},
        "command": ["${env}", "${program}", "sweep", *arguments, "--point", "${args_json}"],
    }


def _parameter(variation: Variation) -> dict[str, Any]:
    if isinstance(variation, Choice):
        return {"values": list(variation.values)}
    ends = {"min": variation.low, "max": variation.high}
    return ends | {"distribution": _distribution(variation)}


def _distribution(wanted: Range) -> str:
    if wanted.is_logarithmic:
        return "q_log_uniform_values" if wanted.is_whole else "log_uniform_values"
    return "int_uniform" if wanted.is_whole else "uniform"
