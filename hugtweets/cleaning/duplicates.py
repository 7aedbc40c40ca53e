"""Near-identical posts."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from hugtweets.cleaning.characters import substitute

_BESIDE_LETTERS = r"[^\pL\pM]+|[\x{fe00}-\x{fe0f}]+"


def repeats_earlier(texts: pa.StringArray) -> pa.BooleanArray:
    """Texts that equal an earlier one but for case, digits, punctuation, emoji and blanks: see :func:`fingerprint`.

    Digits, since `500 days to go` and `400 days to go` teach the same sentence. The first stays: in a timeline from
    old to new the held-out posts are the newest, so that none of them repeats a training post.
    """
    codes = pc.dictionary_encode(fingerprint(texts)).indices
    # Codes are given in the order of first appearance: an earlier text has a code that was reached before.
    highest_before = pc.cumulative_max(codes).slice(0, max(len(codes) - 1, 0))
    return pa.concat_arrays(
        [pa.array([False][: len(codes)], pa.bool_()), pc.less_equal(codes.slice(1), highest_before)]
    )


def fingerprint(texts: pa.StringArray) -> pa.StringArray:
    """What near-identical texts share: their letters in lower case; a text without any is its own fingerprint."""
    letters = substitute(pc.utf8_lower(texts), _BESIDE_LETTERS, "")
    return pc.if_else(pc.equal(letters, ""), texts, letters)
