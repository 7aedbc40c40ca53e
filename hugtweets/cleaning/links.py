"""Links, and the punctuation that makes no sense without them."""

from __future__ import annotations

import pyarrow as pa

from hugtweets.cleaning.characters import EXTENDERS, GONE, rewrite_matching, substitute

# Letters that URLs are written with; scripts without blanks are left out, since there the sentence goes on at once.
_LETTERS = r"A-Za-z0-9\p{Latin}\p{Cyrillic}\p{Greek}\p{Arabic}\p{Hebrew}\p{Hangul}"
_INSIDE = rf"(?:[{_LETTERS}!#$%&'*+,\-./:;=?@\[\]_~]|\([{_LETTERS}_\-]*\))"
_LAST = rf"(?:[{_LETTERS}/_=&#%~+$@\-]|\([{_LETTERS}_\-]*\))"
_SHORT = r"(?i:t\.co)/[A-Za-z0-9]*"
_TOP_LEVEL = r"com|org|net|info|gov|edu|cat|ly|gl|be|me|co|io|tv|am|fm|us|uk|de|fr|es|it|nl|jp|br|sg|eu|ch|im|st|to"
_BARE = (
    rf"\b{_SHORT}|(?i:pic\.(?:twitter|x)\.com)/[A-Za-z0-9_]+"
    rf"|\b(?:(?i:www)\.|(?:[A-Za-z0-9][A-Za-z0-9\-]{{0,62}}\.){{1,4}}(?i:{_TOP_LEVEL})/){_INSIDE}*{_LAST}"
)
_CUT = r"\bhttps?(?::(?:/(?:/(?:t(?:\.(?:co?)?)?)?)?)?)?…"  # the link itself was cut off, as in `https://t.…`
LINK = rf"(?:{_CUT}|(?:(?i:https?)://(?:{_SHORT}|{_INSIDE}*{_LAST})?|{_BARE})…?)[{EXTENDERS}]*"

_GAP = rf"{GONE}(?:[\s,|/&+\-–—]*{GONE})*"
_EMPTY_BRACKETS = rf"[(\[{{<（［【「『“\"]\s*{_GAP}\s*[)\]}}>）］】」』”\"]"
_LABELLED = rf"\s*\pL+(?: \pL+){{0,2}} ?[:：]\s*{_GAP} *"
_LABEL_LINES = rf"^{_LABELLED}\n|\n{_LABELLED}(?:$|\n)"
_SOURCE = r"\b(?i:read more(?: at| here)?|via)"  # what feed readers and share buttons put before a link
_LEAD_IN = rf"(?:[\s:：\-–—→,、]|\s[>»|~]+|{_SOURCE})*[(\[（［【「]?{_GAP}\s*$"
_AT_START = rf"^\s*{_GAP}[\s:：\-–—|,]*"
_BEFORE_PUNCTUATION = rf"[\s:：\-–—|]*{_GAP}\s*([.,;:!?…)\]}}”’、。！？）」』])"


def mark_links(texts: pa.StringArray) -> pa.StringArray:
    """Every link, also one glued to a word or without ``https://``, becomes the mark :data:`GONE`.

    So does a line that is a mere label (``Paper: <link>``).
    """

    def marked(rows: pa.StringArray) -> pa.StringArray:
        return substitute(substitute(rows, LINK, GONE), _LABEL_LINES, f"\n{GONE}\n")

    return rewrite_matching(texts, LINK, marked)


def close_gaps(texts: pa.StringArray) -> pa.StringArray:
    """The marks :data:`GONE` taken out, with what makes no sense without what was there.

    That is an empty pair of brackets, and a colon, dash, arrow or the like that led to a link at the end. Ellipses,
    full stops, smileys and emoji stay.
    """

    def closed(rows: pa.StringArray) -> pa.StringArray:
        rows = substitute(rows, _EMPTY_BRACKETS, GONE)
        rows = substitute(rows, _LEAD_IN, "")
        rows = substitute(rows, _AT_START, "")
        rows = substitute(rows, _BEFORE_PUNCTUATION, r"\1")
        return substitute(rows, _GAP, " ")

    return rewrite_matching(texts, GONE, closed)
