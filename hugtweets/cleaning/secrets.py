"""Access tokens and keys, by the rules of detect-secrets and a few of its kind."""

from __future__ import annotations

import re
from functools import cache

_PRIVATE_KEY = (
    r"-----BEGIN (?:[A-Z0-9]{1,9} ){0,2}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?s:.{0,5000}?)-----END [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----|(?:\s*[A-Za-z0-9+/=]{16,})+)"
)
# As most issuers write theirs since GitHub began it: a short name, and a long word of letters and digits.
_NAMED = (
    r"\b[a-z][a-z0-9]{1,9}(?:[_-][A-Za-z0-9]{1,6}){0,2}[_-](?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{24,}"
    r"(?:_[A-Za-z0-9]{6,})?"
)
# One of no known issuer, behind the word for it.
_CALLED_KEY = (
    r"(?i:\b(?:[a-z0-9]{1,20}[_-]){0,3}(?:key|token|secret|passwd|password|bearer)[\"']?(?:\s*[:=]\s*|\s+(?:is\s+)?))"
    r"[\"']?(?:(?=[a-z0-9_+/=.]*[A-Z])(?=[A-Z0-9_+/=.]*[a-z])(?=[A-Za-z_+/=.]*[0-9])[A-Za-z0-9_+/=.]{20,}"
    r"|(?=(?:[a-z]*[0-9]){4})[a-z0-9]{20,})[\"']?"
)
# What detect-secrets does not know or finds in part or on a line of its own only: Hugging Face, Google, newer keys of
# OpenAI and Anthropic, bearers of X, web tokens (JWT), bots of Telegram, Slack's apps.
_OTHERS = (
    r"\bhf_[A-Za-z0-9]{30,}",
    r"\bAIza[0-9A-Za-z_\-]{35}",
    r"\bya29\.[A-Za-z0-9_\-]{20,}",
    r"\bsk-(?:(?:proj|ant|svcacct|or-v1)-[A-Za-z0-9_\-]{20,}|[A-Za-z0-9]{20,})",
    r"\bgithub_pat_[A-Za-z0-9_]{30,}",
    r"\bA{10,}(?=[A-Z0-9%]{0,80}[a-z])(?=[A-Za-z%]{0,80}[0-9])[A-Za-z0-9%]{40,}",
    r"\beyJ[A-Za-z0-9_=\-]{10,}\.[A-Za-z0-9_=\-]{5,}(?:\.[A-Za-z0-9_.+/=\-]*)?",
    r"\b[0-9]{8,10}:[A-Za-z0-9_\-]{35}\b",
    r"\bxapp-[0-9]-[A-Za-z0-9\-]{40,}",
    _PRIVATE_KEY,
    _NAMED,
    _CALLED_KEY,
)
# One pattern decides whether the many are tried: all begin at, or hold, such a word.
_LONG_WORD = re.compile(r"[A-Za-z0-9_\-.=+/%:]{16,}")
_DIGIT = re.compile(r"[0-9]")


def mask_secrets(text: str, placeholder: str) -> str:
    """A text without tokens and keys."""
    if not any(_DIGIT.search(word) for word in _LONG_WORD.findall(text)):
        return text
    for pattern in _patterns():
        text = pattern.sub(placeholder, text)
    return text


@cache
def _patterns() -> list[re.Pattern[str]]:
    # Imported where it is needed: it brings requests with it.
    from detect_secrets.plugins.aws import AWSKeyDetector
    from detect_secrets.plugins.base import RegexBasedDetector
    from detect_secrets.plugins.discord import DiscordBotTokenDetector
    from detect_secrets.plugins.github_token import GitHubTokenDetector
    from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
    from detect_secrets.plugins.mailchimp import MailchimpDetector
    from detect_secrets.plugins.npm import NpmDetector
    from detect_secrets.plugins.openai import OpenAIDetector
    from detect_secrets.plugins.pypi_token import PypiTokenDetector
    from detect_secrets.plugins.sendgrid import SendGridDetector
    from detect_secrets.plugins.slack import SlackDetector
    from detect_secrets.plugins.square_oauth import SquareOAuthDetector
    from detect_secrets.plugins.stripe import StripeDetector
    from detect_secrets.plugins.twilio import TwilioKeyDetector

    detectors: tuple[type[RegexBasedDetector], ...] = (
        AWSKeyDetector,
        DiscordBotTokenDetector,
        GitHubTokenDetector,
        GitLabTokenDetector,
        MailchimpDetector,
        NpmDetector,
        OpenAIDetector,
        PypiTokenDetector,
        SendGridDetector,
        SlackDetector,
        SquareOAuthDetector,
        StripeDetector,
        TwilioKeyDetector,
    )
    theirs = [pattern for detector in detectors for pattern in detector().denylist]
    return [*map(re.compile, _OTHERS), *theirs]
