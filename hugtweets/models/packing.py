"""Whether posts can stand side by side in one row of a model without seeing each other.

Most families start anew where the position ids do. OPT, BLOOM, Falcon and MPT do not look at them, and those that carry
a state from token to token (Mamba, LFM2, Qwen3-Next) cannot: their posts go into rows of their own.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hugtweets.models.registry import BaseModel

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

# Two posts of equal length and one that follows either of them. Any model has these tokens.
FIRST, OTHER, SECOND = (0, 5, 6, 7, 8, 1), (0, 9, 3, 10, 4, 1), (0, 11, 2, 13, 12, 14, 1)
# Largest difference that is rounding, as a share of the logits: 7e-7 was the most of sixteen families in float32, and
# 0.07 the least where posts see each other or positions go on. In 16 bits a logit is exact to one part in 250.
ROUNDING, ROUNDING_16_BITS = 1e-3, 0.03

log = logging.getLogger(__name__)
# What was found out in this process, by the digest of the base model.
_found: dict[str, bool] = {}


def posts_share_rows(base_model: BaseModel, model: PreTrainedModel) -> bool:
    """Whether posts may be packed into one row: found out once for a base model, and told if they may not."""
    if base_model.digest not in _found:
        _found[base_model.digest] = keeps_posts_apart(model)
        if not _found[base_model.digest]:
            log.info("%s: each post gets a row of its own, since the model sees across posts in one.", base_model.name)
    return _found[base_model.digest]


def keeps_posts_apart(model: PreTrainedModel) -> bool:
    """Whether a post's logits are the same alone and behind another post in one row; dropout must be off.

    Asked of the model itself rather than of a list of names, so that a family nobody has thought of is right as well.
    """
    import torch

    tolerance = ROUNDING if model.dtype == torch.float32 else ROUNDING_16_BITS
    with torch.no_grad():
        behind_one, behind_other = _last_logits(model, FIRST, SECOND), _last_logits(model, OTHER, SECOND)
        alone = _last_logits(model, SECOND)
    size = alone.norm()
    return bool(
        (behind_one - behind_other).norm() <= ROUNDING * size and (behind_one - alone).norm() <= tolerance * size
    )


def _last_logits(model: PreTrainedModel, *posts: tuple[int, ...]) -> Tensor:
    """The logits of the last of some posts in one row."""
    import torch

    ids = torch.tensor([[token for post in posts for token in post]], device=model.device)
    positions = torch.tensor([[place for post in posts for place in range(len(post))]], device=model.device)
    logits: Tensor = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    return logits[0, -len(posts[-1]) :].float()
