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
# What people number, or date, that is called a street, a drive, a court and so on, or is known to all.
_NO_STREET = (
    r"(?:(?:Supreme|High|District|Federal|Circuit|Superior|Crown|Appeals|Criminal|Food|Tennis|Center|Centre) "
    r"Court|(?:Google|USB|Hard|Flash|Test|Blood|Food|Toy|Hours?|Min(?:ute)?s?|Miles?|Mulholland) Drive"
    r"|(?:Wall|Sesame|Jump|Coronation|Easy) Street|(?:Abbey|Silk) Road|(?:People|Memory|Fast|Bus|Bike) Lane"
    r"|Lane (?:Highway|Hwy|Road))\b"
)
_STREET_ENDS = (
    r"(?!['’]s| (?i:trips?|maps?|races?|rage|food|art|style|view|fighter|photos?|photography|journal|part(?:y|ies)|fair"
    r"|dance)\b)"
)
_ENGLISH = (
    rf"{_FREE}[0-9]{{1,5}}[A-Za-z]? (?!(?:{_ENGLISH_NAME} ){{0,2}}{_NO_STREET})"
    rf"(?:{_ENGLISH_NAME} ){{1,3}}{_ENGLISH_STREET}\b{_STREET_ENDS}{_FLAT}?"
)
_FRENCH_STREET = r"(?:rue|avenue|boulevard|chemin|impasse|allée|quai)"
_FRENCH = rf"{_FREE}[0-9]{{1,4}}(?: ?bis)?,? {_FRENCH_STREET} {_LITTLE}*{_OWN}(?: {_OWN})?"

_GERMAN_ENDING = r"(?:straße|strasse|str\.|gasse|platz|allee|weg|straat|gatan|vägen|gracht|laan|plein)"
_GERMAN_STREET = r"(?:Straße|Strasse|Str\.|Allee|Gasse|Chaussee)"
_HYPHENATED = rf"-(?:{_GERMAN_STREET}|Platz|Weg|Ring|Damm|Ufer)"
# Ranks, seats and detours are numbered, too, and so are roads outside of towns.
_NO_PLACE = (
    r"(?:(?:\w*(?:Tabellen|Start|Final|Podest|Podiums|Aufstiegs|Abstiegs|Relegations|Top|Spitzen|Listen|League-|Arbeits"
    r"|Ausbildungs|Studien|Praktikums|Park|Stell|Spiel|Sport|Fußball|Golf|Tennis|Camping|Zelt|Grill|Steh|Sitz|Fenster"
    r"|Sende|Schlaf|Stamm|Liege|Lager|Speicher|Kita|Krippen|Pflege|Therapie|Flug|Rast|Bau|Ehren))(?i:platz)"
    r"|(?:Heim|Um|Aus|Ab|Rück|Hin|Schul|Rad|Fuß|Geh|Wander|Flucht|Rechts|Mittel|Irr|Lebens|Brems|Karriere|Lösungs)weg"
    r"|(?:Bundes|Landes|Staats|Kreis|Einbahn|Sack|Die|Der|Diese[rn]?|Eine[rn]?|Jede[rn]?|Meine[rn]?|Unsere[rn]?) ?"
    r"(?i:straße|strasse|str\.|gasse|allee))"
)
_NO_HOUSE = r"(?! ?(?:%|€|km|[mM]|Uhr|Euro|Std|Stunden?|Min|Minuten?|Tagen?|Jahren?|Mal|Meter|Leute[n]?|Punkten?)\b)"
_GERMAN = (
    rf"\b(?=\p{{Lu}})(?!{_NO_PLACE})"
    rf"(?:\p{{Lu}}[\p{{L}}\-]*(?:{_GERMAN_ENDING}|{_HYPHENATED})|\p{{Lu}}\p{{Ll}}+ {_GERMAN_STREET})"
    rf" [0-9]{{1,3}}(?: ?[a-h])?{_NUMBER_ENDS}{_NO_HOUSE}"
)
# Outside of Italy, `via` says where something was found.
_SOUTHERN_NAME = r"[Cc]alle|[Cc]arrer|[Aa]venida|[Aa]vinguda|Avd?a?\.|[Pp]aseo|[Pp]asseig|[Vv]iale|[Rr]ua"
_SOUTHERN_STREET = (
    rf"(?:(?:{_SOUTHERN_NAME}"
    r"|Via(?! (?:Rail|Reuters|Twitter|Facebook|Instagram|YouTube|Bloomberg))|(?<=\b(?:in|alla|di|da) )via) |C/ ?)"
)
_NO_YEAR = r"(?!(?:19|20)[0-9]{2}\b)"
_SOUTHERN = (
    rf"\b{_SOUTHERN_STREET}{_LITTLE}*{_OWN}(?: {_LITTLE}*{_OWN}){{0,3}}(?:, ?|,? n[.ºo°]{{1,2}} ?| {_NO_YEAR})"
    rf"[0-9]{{1,4}}{_NUMBER_ENDS}"
)
# One after the other, which is twice as fast as all at once.
_ADDRESSES = tuple(map(regex.compile, (_ENGLISH, _FRENCH, _GERMAN, _SOUTHERN)))
# What RE2 looks for in all texts before: a house number and a capital, or a street and a number.
SUSPECT = (
    rf"\d[A-Za-z]? (?:\p{{Lu}}|\d)|\d(?: ?bis)?,? {_FRENCH_STREET} "
    rf"|(?:{_GERMAN_ENDING}|{_GERMAN_STREET}|{_HYPHENATED}) \d"
    rf"|(?:{_SOUTHERN_NAME}|[Vv]ia|C/) ?[^\d\n]+\d"
)


def mask_addresses(text: str, placeholder: str) -> str:
    """A text without addresses of houses; the town behind one stays."""
    for pattern in _ADDRESSES:
        text = pattern.sub(placeholder, text)
    return text
