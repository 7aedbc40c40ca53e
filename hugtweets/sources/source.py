"""What every source does (:class:`Source`), and how a source is written on the command line (:class:`SourceSpec`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

from hugtweets.errors import ConfigurationError, nearest
from hugtweets.storage.handles import NETWORKS, Handle, Network, is_mix

SourceKind = Literal["x", "bluesky", "mastodon", "archive", "file"]
FORMS = "x, bluesky, mastodon, archive:PATH or file:PATH"


class Source(Protocol):
    """One account's posts, from one place."""

    def update(self, timeline: Path) -> str | None:
        """Add what is new to the stored timeline.

        Everything that arrived is stored before anything more is asked for. Returns a message for the user if
        something was left out (as a budget was reached), else None.

        Raises:
            AccountError, PutOff, RetryableError: as drawn in :mod:`hugtweets.errors`.
        """
        ...


@dataclass(frozen=True)
class SourceSpec:
    """One source as it is written: a network, with or without the account's name there, or a path.

    ``x``, ``bluesky``, ``bluesky:alice.bsky.social``, ``mastodon:alice@mastodon.social``, ``archive:PATH``,
    ``file:PATH``. Of a network without a name, the account is the one that the posts are fetched for.
    """

    kind: SourceKind = "x"
    path: Path | None = None
    account: Handle | None = None

    @classmethod
    def parse(cls, text: str) -> SourceSpec:
        """Read a specification.

        Raises:
            ConfigurationError: it is none of these.
            InvalidHandle: the network has no such accounts.
        """
        kind, colon, rest = text.partition(":")
        if network := next((network for network in NETWORKS if network == kind), None):
            return cls(network, account=Handle.parse(rest, network) if colon else None)
        if rest and (kind == "archive" or kind == "file"):
            return cls("archive" if kind == "archive" else "file", Path(rest).expanduser())
        if meant := nearest(kind, get_args(SourceKind)):
            written = meant if meant in NETWORKS else f"{meant}:{rest or 'PATH'}"
            raise ConfigurationError(f"{text!r} is no source: did you mean {written}?")
        raise ConfigurationError(f"{text!r} is no source: write {FORMS}")

    def __str__(self) -> str:
        if self.account:
            return str(self.account)
        return f"{self.kind}:{self.path}" if self.path else self.kind

    def below(self, folder: Path) -> SourceSpec:
        """The same, a relative path counted from a folder."""
        return SourceSpec(self.kind, folder / self.path) if self.path else self

    def of(self, name: str) -> SourceSpec:
        """The same, with the account of a network named: the one of that name unless another is.

        Raises:
            ConfigurationError: the account is on another network, or is not the one on X that the posts are kept as.
        """
        network = _network(self.kind)
        if network is None or is_mix(name):
            return self
        own = Handle.parse(name)
        if network == "x" and (own.network != "x" or (self.account and self.account.key != own.key)):
            raise ConfigurationError(
                f"the source {self} cannot be read for {name}: call the account by its handle on X, write x, and name "
                "other networks as further sources"
            )
        if self.account is None and own.network != network:
            raise ConfigurationError(f"{name} is no account of {network}: write {network}:NAME as the source")
        return SourceSpec(self.kind, account=self.account or own) if network != "x" else SourceSpec()


def read_sources(texts: Sequence[str], name: str) -> tuple[SourceSpec, ...]:
    """The sources of one account, each once.

    Raises:
        ConfigurationError: there is none, one cannot be, or one is named twice.
        InvalidHandle: a network has no such account.
    """
    specs = tuple(SourceSpec.parse(text).of(name) for text in texts)
    if not specs:
        raise ConfigurationError(f"{name} has no source: write {FORMS}")
    if len(set(specs)) < len(specs):
        raise ConfigurationError(f"a source of {name} is named twice: name each once")
    return specs


def default_source(name: str) -> str:
    """Where the posts of an account come from unless somebody says otherwise: the network that it is on."""
    return "x" if is_mix(name) else Handle.parse(name).network


def _network(kind: SourceKind) -> Network | None:
    return next((network for network in NETWORKS if network == kind), None)
