"""Mentions: those that open a reply go, those inside the sentence become names."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import regex

from hugtweets.cleaning.characters import (
    GONE,
    NAME_END,
    NAME_START,
    rewrite_each,
    rewrite_matching,
    rewrite_where,
    substitute,
    substitute_matching,
)
from hugtweets.cleaning.names import Names

HANDLE = r"[A-Za-z0-9_]{1,20}"  # 15 today; the oldest accounts have up to 20
# Who writes on several networks mentions people by the addresses that they have on the others, too.
_LABEL = r"[A-Za-z0-9\-]{1,63}"
_ON_MASTODON = rf"{HANDLE}(?:[.\-]{HANDLE}){{0,3}}"
_SERVER = rf"@(?:{_LABEL}\.){{1,4}}[A-Za-z]{{2,20}}"
# Two dots at least, and no capitals: after one the next sentence may begin.
_ON_BLUESKY = r"(?:\.[a-z0-9\-]{1,63}){1,4}\.[a-z]{2,20}"
MENTION = rf"[@＠](?:{_ON_MASTODON}{_SERVER}|{HANDLE}(?:{_ON_BLUESKY})?)"
_BOUNDED = regex.compile(
    rf"(?<![A-Za-z0-9_@＠/&$])[@＠](?:(?P<who>{_ON_MASTODON}){_SERVER}|(?P<who>{HANDLE})(?:{_ON_BLUESKY})?)"
    r"(?![A-Za-z0-9_@＠\u200c\u200d]|\p{M})"
)
_OPENING = rf"^\s*(?:{MENTION}[,:;、]?(?:\s+|$))+"
_DOT = rf"^\s*\.\s?({MENTION})"
_NAMES = rf"{NAME_START}[^{NAME_END}]*{NAME_END}"


def drop_opening(texts: pa.StringArray) -> pa.StringArray:
    """The mentions at the start taken out.

    Sources mark such posts as replies or not depending on whether the post they answer still exists, so what a source
    says about it decides nothing here.
    """
    return rewrite_matching(texts, r"^\s*[@＠]", lambda rows: substitute(rows, _OPENING, ""))


def mark_names(texts: pa.StringArray, rows: pa.Int64Array, names: Names) -> pa.StringArray:
    """Mentions as display names between two marks; ``rows`` are the places of the texts in the timeline.

    One by a whole address, such as ``@alice@mastodon.social`` or ``@alice.bsky.social``, is one of ``alice``.
    The full stop of ``.@handle`` goes too: it only kept the post from being a reply.
    """
    mentioning = pc.match_substring_regex(texts, MENTION)
    places = iter(rows.filter(mentioning).to_pylist())

    def named(some: pa.StringArray) -> pa.StringArray:
        some = substitute(some, _DOT, r"\1")
        return pa.array([with_names(text, next(places)) for text in some.to_pylist()], pa.string())

    def with_names(text: str, row: int) -> str:
        return _BOUNDED.sub(lambda mention: f"{NAME_START}{names.of(mention['who'], row)}{NAME_END}", text)

    return rewrite_where(texts, mentioning, named)


def mark_all(texts: pa.StringArray) -> pa.StringArray:
    """Every mention becomes the mark :data:`GONE`."""
    return rewrite_each(texts, MENTION, lambda text: _BOUNDED.sub(GONE, text))


def without_names(texts: pa.StringArray) -> pa.StringArray:
    """The author's own words: no display names, no handles."""
    return substitute_matching(texts, rf"{_NAMES}|{MENTION}", " ")


def unmark_names(texts: pa.StringArray) -> pa.StringArray:
    """Display names as part of the text."""
    return substitute_matching(texts, f"[{NAME_START}{NAME_END}]", "")
