"""Accounts by network (:class:`Handle`), and names of mixes and blends: no other name becomes part of a path or a URL.

Whatever takes a name raises ``InvalidHandle`` if it is not such a one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import parse_qs, urlsplit

import idna

from hugtweets.errors import InvalidHandle

Network = Literal["x", "bluesky", "mastodon"]
NETWORKS: tuple[Network, ...] = get_args(Network)

# No handle has these characters where a mix (alice+bob) or a blend (alice-70+bob-30) has them: none is ever taken for
# an account. A hyphen may be within a domain, but no top-level domain ends in a hyphen and digits.
PLUS = "+"
HYPHEN = "-"
MIXED = range(2, 6)
SHARE = re.compile(r"[1-9][0-9]?")
_PERCENT = re.compile(r"-[0-9]+\Z")

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"(?:{_LABEL}\.)+(?![a-z0-9-]+-[0-9]+\Z)[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?"
# The oldest accounts of X have up to 20 characters; new ones have at most 15.
_FORMS: dict[Network, re.Pattern[str]] = {
    "x": re.compile(r"[A-Za-z0-9_]{1,20}"),
    "bluesky": re.compile(_DOMAIN),
    "mastodon": re.compile(rf"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?@{_DOMAIN}"),
}
_EXAMPLES: dict[Network, str] = {
    "x": "an X handle: a handle is 1 to 20 letters, digits and underscores, such as NASA",
    "bluesky": "a Bluesky handle: a handle is a whole domain, such as alice.bsky.social",
    "mastodon": "a Mastodon handle: a handle names its server, such as @alice@mastodon.social",
}
# File systems take 255 bytes a name, W&B 128 characters an artifact: with what is put before and after it. Five
# accounts of X of 20 characters each, with their shares, still fit into the second.
LONGEST_HANDLE = 100
LONGEST_NAME = 119
# A repository on the Hub has 96 characters, "hugtweets-" and a digest among them.
LONGEST_SLUG = 60
# What a person may paste; no address of a profile is longer.
LONGEST_TEXT = 500

# With those that show X to people who have no account there, or to other apps; Nitter is run by many.
_X_HOST = re.compile(
    r"(?:www\.|mobile\.|m\.)?(?:x|twitter|xcancel|fxtwitter|vxtwitter|fixupx|fixvx)\.com|(?:[a-z0-9-]+\.)*nitter\.[a-z0-9.-]+"
)
# Pages of X itself, which are beside those of accounts.
_X_PAGES = re.compile(r"(?i:compose|explore|hashtag|home|i|intent|login|messages|notifications|search|settings|share)")
# How servers show a profile to whoever is logged in.
_MASTODON_VIEWS = ("web", "deck")
# Windows takes these for devices, whatever suffix follows.
_DEVICE = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)
_DEVICE_MARK = "~"


@dataclass(frozen=True)
class Handle:
    """One account on one network; there is none whose name is not safe in a path and in a URL.

    Attributes:
        network: where the account is.
        name: ``NASA`` as it was spelled, ``alice.bsky.social``, ``alice@mastodon.social``: no two networks share one.

    Raises:
        InvalidHandle: the network has no such names.
    """

    network: Network
    name: str

    def __post_init__(self) -> None:
        possible = len(self.name) <= LONGEST_HANDLE and _FORMS[self.network].fullmatch(self.name)
        if not possible or _spelled(self.name, self.network) != self.name:
            raise InvalidHandle(f"{_shown(self.name)} is not {_EXAMPLES[self.network]}")

    @classmethod
    def parse(cls, text: str, network: Network | None = None) -> Handle:
        """Read what a person wrote or pasted: a name, with or without ``@``, ``network:name``, or a profile's address.

        Args:
            text: for example ``NASA``, ``x:nasa``, ``https://x.com/NASA``, ``alice.bsky.social``,
                ``bsky.app/profile/alice.bsky.social``, ``@alice@mastodon.social``, ``https://mastodon.social/@alice``.
            network: where the account must be; None finds it by the form of the name.

        Raises:
            InvalidHandle: there is no such account, or it is on another network.
        """
        if len(text) > LONGEST_TEXT:
            raise _refusal(text, network)
        told, name = _split_address(text.strip()) or _split_prefix(text.strip(" "))
        name = name.removeprefix("@")
        if told and network and told != network:
            raise _refusal(text, network)
        network = told or network
        try:
            found = network or _network_of(name)
            return cls(found, _spelled(name, found))
        except InvalidHandle:
            raise _refusal(text, network) from None

    def __str__(self) -> str:
        return f"{self.network}:{self.name}"

    @property
    def key(self) -> str:
        """The same for each spelling of one account, and for no other: ``x:nasa``."""
        return str(self).casefold()

    @property
    def address(self) -> str:
        """The account's public page."""
        if self.network == "x":
            return f"https://x.com/{self.name}"
        if self.network == "bluesky":
            return f"https://bsky.app/profile/{self.name}"
        user, _, server = self.name.partition("@")
        return f"https://{server}/@{user}"


def _network_of(name: str) -> Network:
    """Where there can be such a name."""
    return "mastodon" if "@" in name else "bluesky" if "." in name else "x"


def _spelled(name: str, network: Network) -> str:
    """The one spelling of a name: networks of domains ignore case, and browsers show some domains in other letters."""
    if network == "x":
        return name
    user, at, domain = name.rpartition("@")
    try:
        ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode()
    except UnicodeError:  # what idna raises is one, too
        raise InvalidHandle(name) from None
    return f"{user.lower() if user.isascii() else user}{at}{ascii_domain}"


def _split_prefix(text: str) -> tuple[Network | None, str]:
    """The network and the name of ``network:name``; no network if the text does not begin with one."""
    prefix, _, name = text.partition(":")
    if prefix.casefold() == "acct":  # how servers of Mastodon name their accounts to each other
        return "mastodon", name
    return next(((network, name) for network in NETWORKS if prefix.casefold() == network and name), (None, text))


def _split_address(text: str) -> tuple[Network, str] | None:
    """The network and the name in the address of a profile or of one of its posts; None if it is no such address."""
    try:
        address = urlsplit(text if "://" in text else f"https://{text}")
        # With its port, which no handle has: another server answers without it.
        host = f"{address.hostname or ''}{f':{address.port}' if address.port else ''}"
    except ValueError:
        return None
    if address.scheme == "at":
        return "bluesky", host
    path = address.fragment.removeprefix("!") if address.fragment.startswith("!/") else address.path
    parts = [part for part in path.split("/") if part]
    if address.scheme not in ("http", "https") or not parts:
        return None
    if _X_HOST.fullmatch(host):
        if not _X_PAGES.fullmatch(parts[0]):
            return "x", parts[0]
        # The address behind a button to follow somebody.
        names = parse_qs(address.query).get("screen_name")
        return ("x", names[0]) if names else None
    if parts[0] == "profile" and len(parts) > 1:
        # Other apps than Bluesky's own have the same addresses, and so has Friendica, for names without a dot.
        is_bluesky = host.endswith("bsky.app") or "." in parts[1]
        return ("bluesky", parts[1]) if is_bluesky else ("mastodon", f"{parts[1]}@{host}")
    if parts[0] in _MASTODON_VIEWS:
        parts = parts[1:] or parts
    if parts[0].startswith("@"):
        user = parts[0].removeprefix("@")
        return "mastodon", user if "@" in user else f"{user}@{host}"
    return ("mastodon", f"{parts[1]}@{host}") if parts[0] == "users" and len(parts) > 1 else None


def _refusal(text: str, network: Network | None) -> InvalidHandle:
    if "did:" in text:
        return InvalidHandle(f"{_shown(text)} is no handle but an account's number: write the handle of its profile")
    if network:
        return InvalidHandle(f"{_shown(text)} is not {_EXAMPLES[network]}")
    return InvalidHandle(
        f"{_shown(text)} is no handle: write 1 to 20 letters, digits and underscores (NASA, on X), alice.bsky.social, "
        "@alice@mastodon.social, or the address of the profile"
    )


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:40] + "...")


def validate_handle(name: str) -> str:
    """Return the name of the account, without ``@`` and without its network, which its form tells."""
    return Handle.parse(name).name


def name_mix(handles: Iterable[str]) -> str:
    """The name of the mix of some accounts, in whichever order they are given: ``alice+bob``."""
    members = sorted((validate_handle(handle) for handle in handles), key=str.casefold)
    if len(members) not in MIXED or len({member.casefold() for member in members}) < len(members):
        raise InvalidHandle(f"{PLUS.join(members)} is no mix: name {MIXED[0]} to {MIXED[-1]} different accounts")
    return _short_enough(PLUS.join(members))


def name_blend(shares: Mapping[str, int]) -> str:
    """The name of a blend, from the percent of each account: ``alice-70+bob-30``."""
    percents = {validate_handle(handle): percent for handle, percent in shares.items()}
    members = members_of(name_mix(percents))
    name = PLUS.join(f"{member}{HYPHEN}{percents[member]}" for member in members)
    if min(percents.values()) < 1 or sum(percents.values()) != 100:
        raise InvalidHandle(f"{name} is no blend: name whole percents, which are 100 in all")
    return _short_enough(name)


def _short_enough(name: str) -> str:
    if len(name) > LONGEST_NAME:
        raise InvalidHandle(f"{name[:40]}... is too long a name for files: mix fewer accounts")
    return name


def shares_of(blend: str) -> dict[str, int]:
    """The percent of each account of a blend."""
    parts = [part.rpartition(HYPHEN) for part in blend.split(PLUS)]
    if not all(SHARE.fullmatch(percent) for _, _, percent in parts):
        raise InvalidHandle(f"{blend[:40]!a} is no blend: write the percent of each account, as in alice-70+bob-30")
    shares = {handle: int(percent) for handle, _, percent in parts}
    name_blend(shares)
    return shares


def members_of(name: str) -> list[str]:
    """The accounts of a mix or a blend; for an account, that account."""
    return [_PERCENT.sub("", part) for part in name.split(PLUS)]


def is_mix(name: str) -> bool:
    """Whether it is the name of several accounts: of a mix, or of a blend."""
    return PLUS in name


def is_blend(name: str) -> bool:
    """Whether it is the name of a blend."""
    return is_mix(name) and any(_PERCENT.search(part) for part in name.split(PLUS))


def kind_of(name: str) -> str:
    """``account``, ``mix`` or ``blend``."""
    if is_blend(name):
        return "blend"
    return "mix" if is_mix(name) else "account"


def run_command(name: str) -> str:
    """The command that makes the model of an account, a mix or a blend: ``hugtweets run alice bob --mix``."""
    if is_blend(name):
        shares = ",".join(f"{handle}={percent / 100:g}" for handle, percent in shares_of(name).items())
        return f"hugtweets sample --blend {shares} --keep"
    return f"hugtweets run {' '.join(members_of(name))}{' --mix' if is_mix(name) else ''}"


def validate_name(name: str) -> str:
    """Return the handle, or the name of the mix or blend, as it is spelled in paths."""
    if is_blend(name):
        return name_blend(shares_of(name))
    return name_mix(members_of(name)) if is_mix(name) else validate_handle(name)


def folder_of(name: str) -> str:
    """What files and folders of an account, a mix or a blend are called: its name, but for dots and devices.

    Without dots the suffix of a file is all that follows the first one, and ``alice.*`` are the files of no other
    account: commas stand for them. Names that Windows keeps to itself, such as ``con``, get a tilde.
    """
    folder = validate_name(name).replace(".", ",")
    return f"{folder}{_DEVICE_MARK}" if is_device(folder) else folder


def is_device(folder: str) -> bool:
    """Whether Windows takes a file of that name, whatever its suffix, for a device."""
    return _DEVICE.fullmatch(folder) is not None


def name_in(folder: str) -> str:
    """The name whose files and folders are called so."""
    return folder.removesuffix(_DEVICE_MARK).replace(",", ".")


def slug(name: str) -> str:
    """The name for where only letters, digits, ``_``, ``-`` and ``.`` may be, as in W&B and on the Hugging Face Hub.

    Names beside those of X get a digest, as two of them may differ in the other characters only.
    """
    if all(_FORMS["x"].fullmatch(member) for member in members_of(name)):
        return name.replace(PLUS, ".")
    digest = hashlib.sha256(name.casefold().encode()).hexdigest()[:8]
    return f"{re.sub('[^a-z0-9_]+', '-', name.casefold())[:LONGEST_SLUG]}-{digest}"
