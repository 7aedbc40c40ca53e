"""Near-identical posts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from hugtweets.cleaning.characters import substitute

# Letters in a row that two texts hardly share by chance: about two words.
RUN = 6
# Share of a text that one earlier text may hold before it counts as that text once more.
REPEATED = 0.7

_BESIDE_LETTERS = r"[^\pL\pM]+|[\x{fe00}-\x{fe0f}]+"


def repeats_earlier(texts: pa.StringArray) -> pa.BooleanArray:
    """Texts that equal an earlier one but for case, digits, punctuation, emoji and blanks: see :func:`fingerprint`.

    Digits, since `500 days to go` and `400 days to go` teach the same sentence. The first stays: in a timeline from
    old to new none of the newest posts, which are held out, equals a training post.
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


def repeats_one_of(texts: pa.StringArray, earlier: pa.StringArray) -> pa.BooleanArray:
    """Texts of which :data:`REPEATED` or more stands in one of the ``earlier`` ones, by runs of :data:`RUN` letters.

    The order of sentences does not count, nor does what :func:`fingerprint` leaves out.
    """
    wanted = [_runs(letters) for letters in fingerprint(texts).to_pylist()]
    known = frozenset().union(*wanted)
    places: dict[str, list[int]] = {}
    for place, letters in enumerate(fingerprint(earlier).to_pylist()):
        for run in known.intersection(_runs(letters)):
            places.setdefault(run, []).append(place)
    return pa.array([_most_shared(runs, places) >= REPEATED * len(runs) for runs in wanted], pa.bool_())


def _runs(letters: str) -> frozenset[str]:
    return frozenset(letters[start : start + RUN] for start in range(max(1, len(letters) - RUN + 1)))


def _most_shared(runs: frozenset[str], places: Mapping[str, Sequence[int]]) -> int:
    """How many of the runs stand in the one earlier text that has most of them."""
    shared = Counter(place for run in runs for place in places.get(run, ()))
    return max(shared.values(), default=0)
