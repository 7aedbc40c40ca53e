"""Fonts for a picture: one that is always there, and others of this machine for what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from matplotlib import font_manager
from PIL import ImageFont

# Comes with matplotlib, so that it is the same on every machine: Latin, Greek, Cyrillic, and many symbols.
FIRST = "DejaVu Sans"
# Fonts of boxes, and fonts of coloured bitmaps, which have one size only.
UNUSABLE = ("Last Resort", "Color Emoji", "Apple Color")


class Run(NamedTuple):
    """Text that one font can draw, and the file of that font."""

    text: str
    font: str


def runs(text: str) -> list[Run] | None:
    """The text in pieces, each with a font that has all its characters; None if no font has one of them."""
    found: list[Run] = []
    for character in text:
        # What comes next stays in its font if it can: spaces and joiners belong to the word before.
        before = found[-1].font if found else _first()
        font = before if _has(before, character) else _font_for(character)
        if font is None:
            return None
        if found and font == before:
            found[-1] = Run(found[-1].text + character, font)
        else:
            found.append(Run(character, font))
    return found


@cache
def sized(font: str, size: int) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels."""
    return ImageFont.truetype(font, size)


def _has(font: str, character: str) -> bool:
    return ord(character) in _characters(font)


@cache
def _font_for(character: str) -> str | None:
    return next((font for font in _fonts() if _has(font, character)), None)


@cache
def _characters(font: str) -> frozenset[int]:
    try:
        return frozenset(font_manager.get_font(font).get_charmap())
    except (RuntimeError, OSError):  # a file that FreeType cannot read, or that is gone
        return frozenset()


def _fonts() -> Iterator[str]:
    yield _first()
    known = font_manager.fontManager.ttflist
    usable = [entry for entry in known if not any(name in entry.name for name in UNUSABLE)]
    for entry in sorted(usable, key=lambda entry: (entry.style != "normal", entry.weight not in (400, "regular"))):
        yield entry.fname


@cache
def _first() -> str:
    return str(font_manager.findfont(FIRST))
