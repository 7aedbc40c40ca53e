"""Private things in texts: found by kind and replaced by a placeholder, so that no model learns them.

Whoever reads ``[email]`` or ``[phone number]`` in a post knows what stood there, the sentence around it reads on, and a
model that learns the placeholder writes nothing that is anybody's. Nobody writes them by chance, so they are counted
in the cleaned texts themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from hugtweets.cleaning.addresses import SUSPECT as HOUSES
from hugtweets.cleaning.addresses import mask_addresses
from hugtweets.cleaning.characters import rewrite_each
from hugtweets.cleaning.emails import SUSPECT as MAIL
from hugtweets.cleaning.emails import mask_emails
from hugtweets.cleaning.numbers import mask_accounts, mask_phones
from hugtweets.cleaning.secrets import mask_secrets

# What is masked, in this order: the digits of an account may look like a phone number, those of a key like both.
PLACEHOLDERS: Mapping[str, str] = {
    "secret": "[secret]",
    "email": "[email]",
    "account": "[account number]",
    "phone": "[phone number]",
    "address": "[address]",
}
# RE2 looks for these first, since most posts hold none of them: an address of mail, seven digits, a long word of
# letters and digits, what may be the address of a house.
_SUSPECT = (
    r"\d(?:[ ().\-\x{2010}-\x{2014}/]{0,3}\d){6}|[A-Za-z0-9_\-]{16}|[A-Za-z]{2}\d{2}[ \-]?\w{4}|"
    f"{MAIL}|{HOUSES}"
)
_MASKS: Mapping[str, Callable[[str, str], str]] = {
    "secret": mask_secrets,
    "email": mask_emails,
    "account": mask_accounts,
    "phone": mask_phones,
    "address": mask_addresses,
}


def mask(text: str) -> str:
    """A text with everything private replaced by its placeholder."""
    for kind, placeholder in PLACEHOLDERS.items():
        text = _MASKS[kind](text, placeholder)
    return text


def mask_all(texts: pa.StringArray) -> pa.StringArray:
    """:func:`mask` of each text."""
    return rewrite_each(texts, _SUSPECT, mask)


def count_placeholders(text: str) -> int:
    """How many placeholders are in a text."""
    return sum(text.count(placeholder) for placeholder in PLACEHOLDERS.values())


def count_masked(texts: pa.StringArray | pa.ChunkedArray) -> dict[str, int]:
    """How often each kind was masked in texts, those that were."""
    found = {
        kind: pc.sum(pc.count_substring(texts, placeholder), min_count=0).as_py()
        for kind, placeholder in PLACEHOLDERS.items()
    }
    return {kind: number for kind, number in found.items() if number}
