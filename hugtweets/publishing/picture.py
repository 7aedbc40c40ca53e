"""A picture of generated posts, 1200 × 630 pixels: what a link to the model shows where it is shared."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

# What the Open Graph previews of the large sites show uncropped.
SIZE = (1200, 630)
MARGIN = 64
TITLE, POST, NOTE = 44, 32, 26
SPACING = 1.35
BACKGROUND, INK, FAINT, ACCENT = "#101418", "#f4f4f2", "#9aa5b1", "#ffb454"
MARK = "Written by a model, not by a person"
# Comes with matplotlib, so that it is the same on every machine: Latin, Greek, Cyrillic, and many symbols.
FIRST = "DejaVu Sans"
# Fonts of boxes, and fonts of coloured bitmaps, which have one size only.
UNUSABLE = ("Last Resort", "Color Emoji", "Apple Color")


class Run(NamedTuple):
    """Text that one font can draw, and the file of that font."""

    text: str
    font: str


@dataclass(frozen=True)
class Drawn:
    """How many posts are in the picture, and how many were left out as no font of this machine can draw them."""

    shown: int
    undrawable: int


def draw_picture(path: Path, title: str, posts: Sequence[str]) -> Drawn:
    """Write a PNG with as many of the posts as fit, each whole and marked as generated.

    A post with characters that no font here has, or that runs from right to left where the text engine for that is
    missing, is left out: boxes instead of letters say nothing.
    """
    drawable = [post for post in posts if can_draw(post)]
    image = Image.new("RGB", SIZE, BACKGROUND)
    canvas = ImageDraw.Draw(image)
    top = _write(canvas, MARGIN, title if can_draw(title) else "hugtweets", TITLE, ACCENT) + 14
    bottom = SIZE[1] - MARGIN - NOTE
    shown = 0
    for post in drawable:
        lines = list(wrap(f"“{post}”", POST, SIZE[0] - 2 * MARGIN))
        if top + len(lines) * POST * SPACING > bottom - 10:
            continue
        for line in lines:
            top = _write(canvas, top, line, POST, INK)
        top += 18
        shown += 1
    _write(canvas, bottom, MARK, NOTE, FAINT)
    image.save(path, format="PNG", optimize=True)
    return Drawn(shown, len(posts) - len(drawable))


def can_draw(text: str) -> bool:
    """Whether every character has a font, and the text runs from left to right."""
    from_right = any(unicodedata.bidirectional(character) in ("R", "AL", "RLE", "RLO", "RLI") for character in text)
    return not from_right and runs(text) is not None


def wrap(text: str, size: int, width: int) -> Iterator[str]:
    """The text in lines of at most ``width`` pixels, broken between words, or inside one that is too long."""
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if measure(joined, size) <= width:
            line = joined
            continue
        if line:
            yield line
        line = ""
        for character in word:
            if measure(line + character, size) > width:
                yield line
                line = ""
            line += character
    yield line


def measure(text: str, size: int) -> float:
    """Pixels from the beginning of a line to its end."""
    return sum(sized(run.font, size).getlength(run.text) for run in runs(text) or ())


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


def _write(canvas: ImageDraw.ImageDraw, top: float, line: str, size: int, colour: str) -> float:
    """One line; returns where the next one begins."""
    left: float = MARGIN
    for run in runs(line) or ():
        font = sized(run.font, size)
        canvas.text((left, top + size), run.text, font=font, fill=colour, anchor="ls")
        left += font.getlength(run.text)
    return top + size * SPACING


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
