"""Terms of use of a base model that is under no open-source licence: shown, accepted once a home, and passed on.

Gemma's terms ask that whoever gets a model made from it gets the terms and a notice as well. Both lie beside the
converted weights, and go wherever models made from these are exported.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hugtweets.errors import ConfigurationError
from hugtweets.models.gemma import GEMMA, INSTALL
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home

TERMS, NOTICE = "TERMS.txt", "NOTICE.txt"
ADDRESS = "https://ai.google.dev/gemma/terms"
# Word for word as section 3.1 of the terms has it.
NOTICE_TEXT = "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"
MODIFIED_TEXT = "The weights were converted from the published GGUF file, and may have been fine-tuned, by hugtweets."
WIDTH = 100


def read_terms() -> str:
    """Gemma's terms as plain text.

    Raises:
        ConfigurationError: the package that has them is not installed.
    """
    path = GEMMA.terms_file()
    if path is None:
        raise ConfigurationError(f"{GEMMA.name} is not installed: run `{INSTALL}`")
    return _as_text(path)


@functools.cache
def _as_text(path: Path) -> str:
    """A page as paragraphs; every account of a list asks for it."""
    # Takes a moment to import.
    from bs4 import BeautifulSoup

    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    body = page.select_one(".devsite-article-body") or page
    blocks = [block for block in body.find_all(["h1", "h2", "h3", "p", "li"]) if not block.find(["p", "li"])]
    paragraphs = (" ".join(block.get_text().split()) for block in blocks)
    return "\n\n".join(textwrap.fill(paragraph, WIDTH) for paragraph in paragraphs if paragraph) + "\n"


def accept(home: Home) -> None:
    """Remember that somebody accepted the terms as they are now."""
    entry = {"accepted_at": datetime.now(UTC).isoformat(timespec="seconds"), "terms": _digest(read_terms())}
    write_text(_record(home), json.dumps({GEMMA.name: entry}, indent=1) + "\n")


def is_accepted(home: Home) -> bool:
    """Whether the terms were accepted in this home, and are still the same where they can be read."""
    path = _record(home)
    if not path.is_file():
        return False
    entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")).get(GEMMA.name, {})
    return bool(entry) and (GEMMA.terms_file() is None or entry["terms"] == _digest(read_terms()))


def is_at_hand(home: Home) -> bool:
    """Whether Gemma is installed, and may be used in this home."""
    return GEMMA.is_installed() and is_accepted(home)


def check_accepted(home: Home) -> None:
    """Refuse to use Gemma before its terms were accepted.

    Raises:
        ConfigurationError: they were not.
    """
    if not is_accepted(home):
        raise ConfigurationError(
            f"{GEMMA.name} is under Gemma's terms of use ({ADDRESS}), which are no open-source licence: read them, and "
            "accept them once for this home, with `hugtweets terms --accept`"
        )


def leave_terms(folder: Path) -> None:
    """Put terms and notice beside converted weights."""
    if not (folder / TERMS).is_file():
        write_text(folder / TERMS, read_terms())
    if not (folder / NOTICE).is_file():
        write_text(folder / NOTICE, f"{NOTICE_TEXT}\n\n{MODIFIED_TEXT}\n")


def pass_terms_on(source: Path, target: Path) -> bool:
    """Copy what lies beside the weights of a base model to what was made from it; whether there was any."""
    found = [source / name for name in (TERMS, NOTICE) if (source / name).is_file()]
    for path in found:
        shutil.copyfile(path, target / path.name)
    return bool(found)


def _record(home: Home) -> Path:
    return home.models / "accepted-terms.json"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
