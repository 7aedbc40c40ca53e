"""What a language model makes of a post: its last hidden state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hugtweets.evaluation.bits_per_byte import batches

# Tokens at once.
MOST_TOKENS = 2_048


def hidden_states(model: Any, documents: Sequence[Sequence[int]], ends: tuple[int, int]) -> np.ndarray[Any, Any]:
    """The state of the last layer at the token that ends each post, one row a post.

    Args:
        model: any causal language model, in evaluation mode.
        documents: token ids of the posts, without end-of-text.
        ends: the token that stands before a post and the one after it.
    """
    import torch

    states = np.zeros((len(documents), model.config.get_text_config().hidden_size), np.float32)
    rows = [[ends[0], *document, ends[1]] for document in documents]
    with torch.no_grad():
        for batch in batches([len(row) for row in rows], MOST_TOKENS):
            width = max(len(rows[place]) for place in batch)
            padded = [rows[place] + [ends[1]] * (width - len(rows[place])) for place in batch]
            found = model.get_decoder()(torch.tensor(padded, device=model.device), use_cache=False).last_hidden_state
            lasts = [len(rows[place]) - 1 for place in batch]
            states[batch] = found[range(len(batch)), lasts].float().cpu().numpy()
    return states
