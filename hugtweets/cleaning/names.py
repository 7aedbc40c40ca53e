"""Display names of mentioned people, without the emoji, hashtags and slogans that people put beside their name."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from hugtweets.cleaning.characters import drop_stray_joiners, normalise, substitute, unescape
from hugtweets.cleaning.hashtags import HASHTAG
from hugtweets.cleaning.links import LINK

LONGEST = 50  # what X allows; anything longer is no name

_KEYCAP = r"[0-9#*]\x{fe0f}?\x{20e3}"
_VARIATION = r"[\x{fe00}-\x{fe0f}\x{20dd}-\x{20e4}\x{e0020}-\x{e007f}]"
_NO_NAME = r"[^\pL\pM\pN\pP $+|~<>\x{200c}\x{200d}]"  # what is no letter, mark, digit or punctuation: emoji, signs
_BRACKETS = r"[(\[{（【［「『<《〈][^)\]}）】］」』>》〉]*(?:[)\]}）】］」』>》〉]|$)"
_PRONOUNS = r"\b(?i:she|he|they|ze|xe|any|it|ella|él|elle|ele|ela|sie|er)/\pL+(?:/\pL+)*"
_UNTIL_LETTER = r"^[^\pL\pN]+"
_SLOGAN = r"(?: +[-–—~/·・:]+(?: |$)| ?[|｜•‖@＠;,、]|[:：]( |$)).*$"
_LOOSE_END = r"[\s\-–—_,:;/&+*~\"“”'’#]+$"


class Names:
    """Display names of the people of a timeline: as the post itself has them, else as the newest post does."""

    def __init__(self, own: dict[tuple[int, str], str], known: dict[str, str]) -> None:
        self._own = own
        self._known = known

    def of(self, handle: str, row: int) -> str:
        """The name of a person mentioned in a row; the handle if no name is known or cleaning left nothing of it."""
        key = handle.casefold()
        return self._own.get((row, key)) or self._known.get(key) or handle


def names_in(timeline: pa.RecordBatch, handle: str) -> Names:
    """The display names a raw timeline (rows by id, ascending) holds: of mentioned people and of authors."""
    mentions = timeline["mentions"]
    people = pc.list_flatten(mentions)
    mentioned = zip(
        pc.list_parent_indices(mentions).to_pylist(),
        pc.struct_field(people, "username").to_pylist(),
        _cleaned(pc.struct_field(people, "name")),
        strict=True,
    )
    own = {(row, username.casefold()): name for row, username, name in mentioned if username and name}
    known = {username: name for (_, username), name in own.items()}
    signed = timeline.filter(pc.is_valid(timeline["name"]))
    authors = pc.fill_null(signed["author"], handle).to_pylist()
    authored = zip(authors, _cleaned(signed["name"]), strict=True)
    known.update((author.casefold(), name) for author, name in authored if name)
    return Names(own, known)


def clean_names(names: pa.StringArray) -> pa.StringArray:
    """Display names without what is not part of a name; empty where nothing is left."""
    names = pc.if_else(pc.less_equal(pc.utf8_length(names), 4 * LONGEST), names, "")
    names = pc.utf8_trim_whitespace(normalise(unescape(names)))
    names = substitute(names, _KEYCAP, " ")
    names = substitute(names, LINK, " ")
    names = substitute(names, HASHTAG, " ")
    names = substitute(names, _VARIATION, "")
    names = pc.utf8_normalize(substitute(names, _NO_NAME, " "), form="NFKC")  # 𝓐𝓷𝓪 → Ana
    names = drop_stray_joiners(names)
    names = substitute(substitute(names, _BRACKETS, " "), _PRONOUNS, " ")
    names = substitute(substitute(names, r"  +", " "), _UNTIL_LETTER, "")
    names = substitute(substitute(names, _SLOGAN, ""), _LOOSE_END, "")
    return pc.if_else(pc.less_equal(pc.utf8_length(names), LONGEST), names, "")


def _cleaned(names: pa.StringArray) -> list[str]:
    encoded = pc.dictionary_encode(pc.fill_null(names, ""))
    cleaned: list[str] = clean_names(encoded.dictionary).take(encoded.indices).to_pylist()
    return cleaned
