"""Where a base model came from, as far as others can find it, and under which licence."""

from __future__ import annotations

from dataclasses import dataclass

from hugtweets.models.registry import HUB_ID, SMALL_HUB_MODEL

# The packaged file names HuggingFaceTB and apache-2.0 in its own metadata (general.organization, general.license).
PACKAGED = "SmolLM2-135M-Instruct.Q4_1"


@dataclass(frozen=True)
class Origin:
    """``hub_id`` is what the base model is called on the hub, ``license`` as the hub names it; None is unknown."""

    hub_id: str | None
    license: str | None


def origin_of(base_model: str) -> Origin:
    """The origin of a base model, by the name under which it was trained on."""
    if base_model == PACKAGED:
        return Origin("HuggingFaceTB/SmolLM2-135M-Instruct", "apache-2.0")
    if base_model == SMALL_HUB_MODEL:
        return Origin(SMALL_HUB_MODEL, "apache-2.0")
    return Origin(base_model if "/" in base_model and HUB_ID.fullmatch(base_model) else None, None)
