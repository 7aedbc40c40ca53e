"""Which accounts a run is about: one request each, from the command line or an accounts file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_serializer

from hugtweets.config import Config, Section, read_yaml, unknown_key
from hugtweets.errors import ConfigurationError, HugtweetsError
from hugtweets.sources.source import SourceSpec
from hugtweets.storage.handles import validate_handle, validate_name

# In the path of a source it stands for the handle.
PLACE = "{handle}"


def _checked(parse: Callable[[str], object]) -> AfterValidator:
    """What ``parse`` makes of a text; what it refuses is one of pydantic's errors."""

    def validate(text: str) -> str:
        try:
            return str(parse(text))
        except HugtweetsError as error:
            raise ValueError(str(error)) from None

    return AfterValidator(validate)


class AccountRequest(Section):
    """One account, where its posts come from, and the options that hold for it."""

    handle: Annotated[str, _checked(validate_name)] = Field(
        description="the X handle, with or without @, or the name of a mix or a blend"
    )
    source: Annotated[str, _checked(SourceSpec.parse)] = Field("x", description="x, archive:PATH or file:PATH")
    config: Config = Config()

    @field_serializer("config")
    def _what_differs(self, config: Config) -> dict[str, Any]:
        """The options that are not the defaults: Prefect takes 512 KiB of parameters, less than 500 whole ones."""
        return config.model_dump(mode="json", exclude_defaults=True)

    @property
    def source_spec(self) -> SourceSpec:
        """The source, parsed."""
        return SourceSpec.parse(self.source)

    def override(self, options: Mapping[str, Any]) -> AccountRequest:
        """A copy with options put over those of the account.

        Raises:
            ConfigurationError: an unknown key, or values that exclude each other.
        """
        return self.model_copy(update={"config": self.config.override(options)})


def request_accounts(handles: Iterable[str], source: str, config: Config) -> list[AccountRequest]:
    """The same source and options for every handle; ``{handle}`` in the path of a source becomes each one's.

    Raises:
        InvalidHandle, ConfigurationError: a handle or a source that cannot be, or a handle named twice.
    """
    names = [validate_handle(handle) for handle in handles]
    spec = SourceSpec.parse(source)
    if spec.path and len(names) > 1 and PLACE not in source:
        raise ConfigurationError(
            f"{source} holds one account: write {PLACE} where the paths differ, or list the accounts in a file"
        )
    _reject_doubles(names)
    return [AccountRequest(handle=name, source=source.replace(PLACE, name), config=config) for name in names]


def read_accounts(path: Path, config: Config | None = None) -> list[AccountRequest]:
    """Read ``ACCOUNTS.yaml``: ``defaults:`` and ``accounts:``, a list of handles, some with a source and options.

    ``config`` lies under the file's defaults. A relative path in a source counts from the file's folder.

    Raises:
        InvalidHandle, ConfigurationError: names the account, the key, and the nearest valid one.
    """
    content = read_yaml(path)
    for key in content:
        if key not in ("defaults", "accounts"):
            raise ConfigurationError(f"{path}: {unknown_key(key, ['defaults', 'accounts'])}")
    listed = content.get("accounts")
    if not isinstance(listed, list) or not listed:
        raise ConfigurationError(f"{path} lists no accounts: write `accounts:` and below it one `- handle` a line")
    defaults = _mapping(content.get("defaults") or {}, f"{path}: defaults")
    try:
        below = (config or Config()).override(defaults)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: defaults: {error}") from None
    requests = [_read_account(entry, path, below) for entry in listed]
    _reject_doubles([request.handle for request in requests])
    return requests


def require_agreement(requests: Sequence[AccountRequest], option: str, what: str) -> None:
    """Refuse accounts that differ in an option, or in a section of options, which is one for all of them.

    Raises:
        ConfigurationError: names two that disagree.
    """
    first, *others = requests
    read = attrgetter(option)
    for request in others:
        if read(request.config) != read(first.config):
            raise ConfigurationError(
                f"{option} is one for all accounts of {what}: {first.handle} and {request.handle} disagree"
            )


def _read_account(entry: object, path: Path, config: Config) -> AccountRequest:
    if isinstance(entry, str):
        return AccountRequest(handle=validate_handle(entry), config=config)
    options = dict(_mapping(entry, f"{path}: an account"))
    name = options.pop("handle", None)
    if not isinstance(name, str):
        raise ConfigurationError(f"{path}: an account has no handle; quote handles of digits only: handle: '2020'")
    handle = validate_handle(name)
    source = SourceSpec.parse(str(options.pop("source", "x")))
    if source.path:
        source = SourceSpec(source.kind, path.parent / source.path)
    for key in options:
        if key not in Config.model_fields:
            raise ConfigurationError(
                f"{path}: {handle}: {unknown_key(key, ['handle', 'source', *Config.model_fields])}"
            )
    try:
        return AccountRequest(handle=handle, source=str(source), config=config.override(options))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {handle}: {error}") from None


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ConfigurationError(f"{where} must be a handle or a mapping of options, not {value!r}")
    return value


def _reject_doubles(handles: list[str]) -> None:
    seen: set[str] = set()
    for handle in handles:
        if handle.casefold() in seen:
            raise ConfigurationError(f"{handle} is named twice: name every account once")
        seen.add(handle.casefold())
