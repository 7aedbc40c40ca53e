"""The page that describes the API, from its OpenAPI document: it loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "minItems": "items at least",
    "maxItems": "items at most",
    "maxLength": "characters at most",
}


def api_page(document: Mapping[str, Any]) -> str:
    """The HTML of an OpenAPI document."""
    pages = Environment(loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True)
    template = pages.get_template("api.html")
    return template.render(
        info=document["info"], paths=document["paths"], schemas=document["components"]["schemas"], limits=limits
    )


def limits(schema: Mapping[str, Any]) -> dict[str, str]:
    """What a value is bounded by, in words."""
    return {words: f"{schema[name]:g}" for name, words in LIMITS.items() if name in schema}
