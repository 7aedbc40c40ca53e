"""Templates to pages, and figures and texts as pages show them.

Everything is escaped unless it was made here, and a page may load and run nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hugtweets import __version__
from hugtweets.storage.handles import folder_of

TEMPLATES = Path(__file__).with_name("templates")
# Of a post that somebody made ten thousand characters long.
MOST_CHARACTERS = 1000
MISSING = "–"


def render(template: str, script: str | None = None, **content: object) -> str:
    """One page, with its style and, if it has one, its script inside."""
    style = _read("style.css")
    code = _read(script) if script else ""
    return (
        _environment()
        .get_template(template)
        .render(style=style, script=code, policy=_policy(style, code), version=__version__, **content)
    )


def _policy(style: str, script: str) -> str:
    """Nothing but this very style and this very script: what slipped through the escaping would still not run."""
    allowed = ["default-src 'none'", f"style-src {_hash(style)}", "base-uri 'none'", "form-action 'none'"]
    return "; ".join([*allowed, f"script-src {_hash(script)}"] if script else allowed)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for shown in (clipped, capitalise_first, folder_of, percent, number, sortable):
        environment.filters[shown.__name__] = shown
    return environment


def clipped(text: str, most: int = MOST_CHARACTERS) -> str:
    """The beginning of a text that is too long to be shown."""
    return text if len(text) <= most else f"{text[:most].rstrip()}…"


def capitalise_first(text: str) -> str:
    """The text as the beginning of a sentence; the rest of it stays as it is."""
    return text[:1].upper() + text[1:]


def percent(share: float | None, signed: bool = False) -> str:
    """``-24 %`` for -0.24; a dash for what was not measured."""
    if share is None:
        return MISSING
    return f"{100 * share:+.0f} %".replace("-", "−") if signed else f"{100 * share:.0f} %"


def number(value: float | None) -> str:
    """``1,234``; a dash for what was not measured."""
    return MISSING if value is None else f"{value:,.0f}"


def sortable(value: float | None) -> str:
    """What a table is sorted by; empty goes last."""
    return "" if value is None else f"{value:.6g}"
