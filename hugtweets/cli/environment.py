"""What variables of the environment say to the libraries that read them, looked at before anything is started.

A library tells of nonsense when it first uses it, in its own words, and some of them repeat the token.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from hugtweets.errors import ConfigurationError

SERVERS = ("X_API_URL", "BLUESKY_API_URL", "MASTODON_API_URL", "PREFECT_API_URL", "WANDB_BASE_URL", "HF_ENDPOINT")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
# X's is looked at by its client, and concerns only accounts that are read from X.
TOKENS = ("WANDB_API_KEY", "HF_TOKEN", "PREFECT_API_KEY")
PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def check_environment() -> None:
    """Refuse addresses and tokens that cannot be any.

    Raises:
        ConfigurationError: it names the variable, and never shows its value.
    """
    for problem in problems():
        raise ConfigurationError(problem)


def problems() -> Iterator[str]:
    """A sentence for each variable that makes no sense."""
    for name in SERVERS:
        if not is_address(os.environ.get(name), ("http", "https")):
            yield f"{name} is no address: write one such as https://example.org, or unset it"
    for name in PROXIES:
        if not is_address(os.environ.get(name), PROXY_SCHEMES):
            yield f"{name} is no address of a proxy: write one such as http://proxy.example.org:3128, or unset it"
    for name in TOKENS:
        value = os.environ.get(name, "")
        if not value.isascii() or not value.isprintable() or " " in value:
            yield f"{name} holds a line break, a space or another character that no token has: set it again"


def is_address(value: str | None, schemes: tuple[str, ...]) -> bool:
    """Whether it names a scheme and a host, and a port that is a number if any; what is not set is no mistake."""
    if not value:
        return True
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
