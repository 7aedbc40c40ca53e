"""Addresses of mail, also as people spell them to hide them from programs."""

from __future__ import annotations

import regex

# Scripts without blanks: there the sentence goes on at once behind an address, or a number.
WITHOUT_BLANKS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}"
_LETTER = rf"[\p{{L}}--[{WITHOUT_BLANKS}]]"
_NAME = rf"(?:{_LETTER}|[\p{{N}}_%+])(?:{_LETTER}|[\p{{N}}._%+'\-]){{0,63}}"
_LABEL = rf"(?:{_LETTER}|\p{{N}})(?:(?:{_LETTER}|[\p{{N}}\-]){{0,61}}(?:{_LETTER}|\p{{N}}))?"
# What follows another @ is the name of somebody on Mastodon, which is public.
_PLAIN = regex.compile(
    rf"(?V1)(?<!{_LETTER}|[\p{{N}}._@＠]|(?:{_LETTER}|[\p{{N}}._])-){_NAME}[@＠](?:{_LABEL}\.){{1,6}}{_LETTER}{{2,24}}"
)
# gull (at) harbour (dot) org
_SPELLED_AT = r"[(\[{<]\s?(?i:at|@|arroba|ät)\s?[)\]}>]"
_SPELLED = regex.compile(
    rf"[\p{{L}}\p{{N}}][\p{{L}}\p{{N}}.+_\-]{{0,63}}\s?{_SPELLED_AT}\s?[\p{{L}}\p{{N}}\-]{{1,63}}"
    r"(?:(?:\.|\s?[(\[{]\s?(?i:dot)\s?[)\]}]\s?|\s(?i:dot)\s)[\p{L}\p{N}\-]{1,63}){1,6}"
)
# gull88 at gmail dot com: of sites where people have nothing but their mail.
_AT_PROVIDER = r"\s(?i:at|arroba|@)\s(?i:gmail|googlemail|hotmail|icloud|protonmail|gmx)\b"
_OF_PROVIDER = regex.compile(
    r"(?i)\b(?!(?:in|up|out|me|us|him|her|them|here|only|available|account|contact|mail|e-?mail)\s)"
    rf"[\p{{L}}\p{{N}}][\p{{L}}\p{{N}}._+\-]{{1,63}}{_AT_PROVIDER}(?:\.|\s(?:dot|punto)\s|\s)[a-z]{{2,3}}\b"
)
# What RE2 looks for in all texts before.
SUSPECT = rf"[^\s@＠][@＠][^\s@]+\.\pL{{2}}|{_SPELLED_AT}|{_AT_PROVIDER}"


def mask_emails(text: str, placeholder: str) -> str:
    """A text without addresses of mail."""
    for pattern in (_PLAIN, _SPELLED, _OF_PROVIDER):
        text = pattern.sub(placeholder, text)
    return text
