"""Street addresses of a house: a number with the name of a street, as several languages write them.

Libraries for addresses look for a town and a post code as well, which posts leave out.
"""

from __future__ import annotations

import regex

_FREE = r"(?<![\p{L}\p{N}.,:#$€£/@\-])"  # no price, no decimal, no rank before the number of the house
_NUMBER_ENDS = r"\b(?![.,:\p{N}][0-9])"
_LITTLE = r"(?:(?:de la|de los|de|del|du|des|la|les|el|da|do|dos|della|d['’])\s?)"
_OWN = r"\p{Lu}[\p{L}'’·\-]+"

_ENGLISH_NAME = r"(?:\p{Lu}[\p{L}'’]*\.?|[0-9]{1,3}(?:st|nd|rd|th))"
_ENGLISH_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Terrace|Crescent"
    r"|Parkway|Pkwy|Highway|Hwy)"
)
_FLAT = r"(?:,? (?:Apt|Apartment|Suite|Flat|Unit|Ste)\.? ?#?[0-9]{1,4}[A-Za-z]?\b)"
_FRENCH_STREET = r"(?:rue|avenue|boulevard|chemin|impasse|allée|quai)"
_GERMAN_ENDING = r"(?:straße|strasse|str\.|gasse|platz|allee|weg|straat|gatan|vägen)"
_SOUTHERN_STREET = r"(?:[Cc]alle|[Cc]arrer|[Aa]venida|[Aa]vinguda|[Pp]aseo|[Pp]asseig|[Vv]ia|[Vv]iale|[Rr]ua)"
_ENGLISH = rf"{_FREE}[0-9]{{1,5}}[A-Za-z]? (?:{_ENGLISH_NAME} ){{1,3}}{_ENGLISH_STREET}\b{_FLAT}?(?!['’]s)"
_FRENCH = rf"{_FREE}[0-9]{{1,4}}(?: ?bis)?,? {_FRENCH_STREET} {_LITTLE}*{_OWN}(?: {_OWN})?"
_GERMAN = rf"\b\p{{Lu}}[\p{{L}}\-]*{_GERMAN_ENDING} [0-9]{{1,4}}(?: ?[a-h])?{_NUMBER_ENDS}"
_SOUTHERN = (
    rf"\b{_SOUTHERN_STREET} {_LITTLE}*{_OWN}(?: {_LITTLE}*{_OWN}){{0,3}},? (?:n[.ºo°]{{1,2}} ?)?[0-9]{{1,4}}"
    + _NUMBER_ENDS
)
_ADDRESS = regex.compile("|".join((_ENGLISH, _FRENCH, _GERMAN, _SOUTHERN)))
# What RE2 looks for in all texts before: a house number and a capital, or a street and a number.
SUSPECT = (
    rf"\d[A-Za-z]? (?:\p{{Lu}}|\d)|\d(?: ?bis)?,? {_FRENCH_STREET} |{_GERMAN_ENDING} \d|{_SOUTHERN_STREET} [^\d\n]+\d"
)


def mask_addresses(text: str, placeholder: str) -> str:
    """A text without addresses of houses; the town behind one stays."""
    return _ADDRESS.sub(placeholder, text)
