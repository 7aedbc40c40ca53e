"""Phone numbers, payment cards and bank accounts among all the other numbers that people write."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
import regex
from stdnum import iban, luhn

# A number of digits in groups, not part of a longer word, a price, a decimal or an address of the web.
_NUMBER = regex.compile(
    r"(?<![\p{L}\p{N}_#$€£¥@/=&]|[0-9][.,:])[+(]{0,2}[0-9](?:[ ().\-–/]{0,3}[0-9]){6,40}(?![\p{N}_%€£])"
)
_AMERICAN = regex.compile(r"(?:1[ .\-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .\-])[0-9]{3}[ .\-][0-9]{4}")
_THOUSANDS = regex.compile(r"\+?[0-9]{1,3}(?:[ .,][0-9]{3})+")
# Words before a number that say that it can be called, a few words away at most.
_CALLED = regex.compile(
    r"(?i)\b(?:call|phone|tel|telephone|telefon\w*|tel[eé]fon\w*|t[eé]l|fax|mobile|m[oó]vil|handy|cell|whats?app|sms|text|"
    r"ring|dial|hotline|ruf|llam\w*|appel\w*|num(?:ber|éro|ero|mer))\b[^0-9]{0,24}$"
)
# Seven digits are a number only where somebody says so.
_LOCAL = regex.compile(
    r"(?i)(?<=\b(?:call|phone|tel|fax|text|ring|dial)\b[.: ]{1,3}(?:me |us )?(?:at |on )?)[0-9]{3}[\-. ][0-9]{4}\b"
)
_BOOK = regex.compile(r"(?i)\b(?:isbn|issn|ean|doi|id|no|nr|order|tracking)(?:[- ]?1[03])?\b[^\p{L}]{0,4}$")
_DATE = regex.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}[\-./][0-9]{1,2}[\-./][0-9]{1,2}|[0-9]{1,2}[\-./][0-9]{1,2}[\-./](?:19|20)[0-9]{2}"
    r"|(?:19|20)[0-9]{2} ?[\-–/] ?(?:19|20)[0-9]{2})(?![0-9])"
)
# Where numbers are dialled with a zero in front that is none of the country's others; of each such country the rules.
_ZERO_FIRST = ("GB", "DE", "FR", "IT", "NL", "CH", "AT", "BE", "SE", "AU", "IN", "JP", "BR", "ZA", "ID", "TR")
_CARD = regex.compile(r"(?<![\p{L}\p{N}_])[0-9](?:[ \-–]?[0-9]){12,40}(?![\p{L}\p{N}_])")
_CARD_GROUPS = regex.compile(r"[0-9]+")
_CARD_LENGTHS = range(13, 20)
_IBAN = regex.compile(r"(?<![\p{L}\p{N}_])[A-Za-z]{2}[0-9]{2}(?:[ \-]?[A-Za-z0-9]){11,30}(?![\p{L}\p{N}_])")
_WORD_END = regex.compile(r"[ \-]")


def mask_accounts(text: str, placeholder: str) -> str:
    """A text without the numbers of payment cards (Luhn's check digit) and bank accounts (IBAN)."""
    text = _IBAN.sub(lambda match: _mask_iban(match[0], placeholder), text)
    return _CARD.sub(lambda match: _mask_card(match[0], placeholder), text)


def mask_phones(text: str, placeholder: str) -> str:
    """A text without phone numbers: international, in their country's groups, or after a word that says so."""

    def masked(match: regex.Match[str]) -> str:
        number, before = match[0], text[max(0, match.start() - 40) : match.start()]
        return _mask_phone(number, before, placeholder)

    return _LOCAL.sub(placeholder, _NUMBER.sub(masked, text))


def _mask_iban(found: str, placeholder: str) -> str:
    """The longest beginning that is an IBAN as the placeholder: words may follow that look like part of it."""
    ends = [len(found), *(match.start() for match in reversed(list(_WORD_END.finditer(found))))]
    for end in ends:
        if iban.is_valid(found[:end], check_country=False):
            return placeholder + found[end:]
    return found


def _mask_card(found: str, placeholder: str) -> str:
    """The groups of digits that are a card's as the placeholder: other numbers may stand beside them."""
    groups = list(_CARD_GROUPS.finditer(found))
    for first in range(len(groups)):
        for last in range(len(groups), first, -1):
            start, end = groups[first].start(), groups[last - 1].end()
            if _is_card("".join(group[0] for group in groups[first:last])):
                return found[:start] + placeholder + found[end:]
    return found


def _is_card(digits: str) -> bool:
    # The first digit of payment cards; posts of X and other things are numbered with a 1 in front.
    return len(digits) in _CARD_LENGTHS and digits[0] in "23456" and len(set(digits)) > 1 and luhn.is_valid(digits)


def _mask_phone(number: str, before: str, placeholder: str) -> str:
    digits = "".join(filter(str.isdigit, number))
    if _BOOK.search(before) or _DATE.search(number):
        return number
    if american := _AMERICAN.search(number):
        return number[: american.start()].rstrip("+(") + placeholder + number[american.end() :]
    opened = number.lstrip("(")
    international = opened.startswith(("+", "00")) and _is_international(opened)
    national = digits[0] == "0" and 9 <= len(digits) <= 12 and _is_national(digits)
    called = 7 <= len(digits) <= 15 and bool(_CALLED.search(before))
    return placeholder if international or national or called else number


@lru_cache(maxsize=4096)
def _is_international(number: str) -> bool:
    try:
        parsed = phonenumbers.parse("+" + number.lstrip("+0"), None)
    except phonenumbers.NumberParseException:
        return False
    if phonenumbers.is_valid_number(parsed):
        return True
    return phonenumbers.is_possible_number(parsed) and not _THOUSANDS.fullmatch(number)


@lru_cache(maxsize=4096)
def _is_national(digits: str) -> bool:
    return any(phonenumbers.is_valid_number(phonenumbers.parse(digits, region)) for region in _ZERO_FIRST)
