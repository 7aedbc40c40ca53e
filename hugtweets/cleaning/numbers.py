"""Phone numbers, payment cards and bank accounts among all the other numbers that people write."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
import regex
from stdnum import iban, luhn

from hugtweets.cleaning.emails import WITHOUT_BLANKS

_DASH = r"\-\u2010-\u2014"
# A number of digits in groups, not part of a longer word, a price, a decimal or an address of the web.
_NUMBER = regex.compile(
    rf"(?V1)(?<![\p{{L}}--[{WITHOUT_BLANKS}]]|[\p{{N}}_#$€£¥@/=&]|[0-9][.,:])"
    rf"[+(]{{0,2}}[0-9](?:[ ().{_DASH}/]{{0,3}}[0-9]){{6,40}}(?![\p{{N}}_%€£])"
)
# In the groups of North America, Brazil and Russia.
_GROUPED = regex.compile(
    rf"(?:1[ .{_DASH}])?(?:\([2-9][0-9]{{2}}\)[ .{_DASH}]?|[2-9][0-9]{{2}}[ .{_DASH}])[0-9]{{3}}[ .{_DASH}][0-9]{{4}}"
    rf"|\([1-9][0-9]\) ?9?[0-9]{{4}}[ {_DASH}][0-9]{{4}}"
    rf"|(?<![0-9])8[ {_DASH}]\(?9[0-9]{{2}}\)?[ {_DASH}][0-9]{{3}}(?:[ {_DASH}][0-9]{{2}}){{2}}"
)
_THOUSANDS = regex.compile(r"\+?[0-9]{1,3}(?:[ .,][0-9]{3})+")
# Drawn numbers and the like: those of five pairs alone can be called, in France.
_PAIRS = regex.compile(rf"[0-9]{{2}}(?:[ .{_DASH}/][0-9]{{2}}){{5,}}|[0-9]{{2}}(?:/[0-9]{{2}})+")
# Words before a number that say that it can be called.
_CALL = (
    r"call|phone|tel|telephone|telefon\w*|tel[eé]fon\w*|t[eé]l|fax|mobile|m[oó]vil|handy|cell|whats?app|sms|te?xt|"
    r"ring|dial|hotline|ruf|ll[aá]m\w*|appel\w*|n[uú]m(?:ber|éro|ero|mer)"
)
_BETWEEN = (
    r"me|us|him|her|them|at|on|is|to|or|and|nos?|nr|our|my|the|a|for|now|here|today|back|office|info|el|al|la|le|au|es|"
    r"mi|mein|meine|unter|der|die|est|un|mon"
)
_CALLED = regex.compile(
    rf"(?i)(?:\b(?:{_CALL})\b|[☎📞📱📲])(?:(?:[^\p{{L}}0-9]+|\b(?:{_CALL}|{_BETWEEN})\b){{0,12}}"
    r"|[^0-9]{0,24}\b(?:at|unter|al|au)[ :]{1,2})$"
)
# Seven digits are a number only where somebody says so.
_LOCAL = regex.compile(
    r"(?i)(?<=\b(?:call|phone|tel|fax|text|ring|dial)\b[.: ]{1,3}(?:me |us )?(?:at |on )?)[0-9]{3}[\-. ][0-9]{4}\b"
)
_BOOK = regex.compile(
    r"(?i)(?:\b(?:isbn|issn|ean|doi|id)(?:[- ]?1[03])?|(?<!\b(?:phone|tel|mobile|cell|fax|contact|whatsapp)\.? )"
    r"\b(?:no|nr)|\b(?:order|tracking|ticket|case|invoice|serial)(?: (?:id|no|nr|number))?(?<!\bto order))"
    r"\b[^\p{L}]{0,4}$"
)
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
    if end := _international_end(number):
        return placeholder + number[end:]
    if grouped := _GROUPED.search(number):
        return number[: grouped.start()].rstrip("+(") + placeholder + number[grouped.end() :]
    national = digits[0] == "0" and 9 <= len(digits) <= 12 and not _PAIRS.fullmatch(number) and _is_national(digits)
    called = 7 <= len(digits) <= 15 and bool(_CALLED.search(before))
    return placeholder if national or called else number


def _international_end(number: str) -> int:
    """Where a number with a country's code ends, which another number may follow; 0 if it is none."""
    opened = number.lstrip("(")
    if not opened.startswith(("+", "00")):
        return 0
    if _is_international(opened):
        return len(number)
    shorter = [number[: blank.start()] for blank in reversed(list(_WORD_END.finditer(number)))]
    return next((len(beginning) for beginning in shorter if _is_valid(beginning.lstrip("("))), 0)


def _is_international(number: str) -> bool:
    parsed = _parsed(number)
    is_possible = parsed is not None and phonenumbers.is_possible_number(parsed)
    return _is_valid(number) or (is_possible and not _THOUSANDS.fullmatch(number))


def _is_valid(number: str) -> bool:
    parsed = _parsed(number)
    return parsed is not None and phonenumbers.is_valid_number(parsed)


@lru_cache(maxsize=4096)
def _parsed(number: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse("+" + number.lstrip("+0"), None)
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=4096)
def _is_national(digits: str) -> bool:
    return any(phonenumbers.is_valid_number(phonenumbers.parse(digits, region)) for region in _ZERO_FIRST)
