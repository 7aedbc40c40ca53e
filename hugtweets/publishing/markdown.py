"""Markdown that shows what strangers and models wrote as it is, and does nothing of what it says."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

# What markup, HTML, links, mentions and tables of GitHub's Markdown are made with; CommonMark lets any punctuation be
# escaped (spec 0.31, section 2.4).
SIGNS = re.compile(r"[\\`*_\[\]<>&|~#@!:$(){}]|(?<=www)\.|^[-+=]|^\d{1,9}[.)]", re.IGNORECASE)
# What is left out: control characters, and those that change the direction of all that follows.
UNSEEN = {"Cc", "Cf", "Zl", "Zp"}
# Both join characters into one, in many scripts and in emoji.
JOINERS = "\u200c\u200d"


def plain(text: str) -> str:
    """One line of Markdown that reads as the text: no markup, no HTML, no link, no mention comes of it."""
    visible = "".join(character if _is_seen(character) else " " for character in text)
    return SIGNS.sub(_escaped, " ".join(visible.split()))


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table, its head first; cells are Markdown."""
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, f"| {' | '.join(['---'] * len(rows[0]))} |", *body])


def _is_seen(character: str) -> bool:
    return character in JOINERS or unicodedata.category(character) not in UNSEEN


def _escaped(match: re.Match[str]) -> str:
    sign = match.group()
    return html.escape(sign) if sign in "<>&" else f"{sign[:-1]}\\{sign[-1]}"
