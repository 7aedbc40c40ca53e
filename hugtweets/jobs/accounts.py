"""Which accounts a run is about: one request each, from the command line or an accounts file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_serializer, field_validator

from hugtweets.config import Config, Dispatch, Section, StorageConfig, TrackingConfig, read_yaml, unknown_key
from hugtweets.errors import ConfigurationError, HugtweetsError, InvalidHandle
from hugtweets.sources.source import FORMS, SourceSpec, default_source, read_sources
from hugtweets.storage.handles import validate_handle, validate_name

TRACKING_MODE = "tracking.mode"

# In the path of a source it stands for the handle.
PLACE = "{handle}"

# One for all accounts of a run: the look-up on X, the summary in W&B, the spreading of the work and the pruning go by
# them. Only `tracking.mode: disabled` may be an account's own: nothing of it goes to W&B.
RUN_WIDE = (
    *(f"tracking.{name}" for name in TrackingConfig.model_fields),
    *(f"refresh.{name}" for name in ("parallel", "dispatch", "ray_address", "work_pool")),
    *(f"fetch.{name}" for name in ("run_budget_usd", "month_budget_usd", "post_usd", "user_usd", "timeout_seconds")),
    *(f"fetch.{name}" for name in ("retries", "retry_delay_seconds", "max_wait_seconds")),
    *(f"storage.{name}" for name in StorageConfig.model_fields),
)


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
        description="the handle, or the address of the profile, or the name of a mix or a blend"
    )
    source: str | tuple[str, ...] = Field(
        default_factory=lambda valid: default_source(valid["handle"]) if "handle" in valid else "x",
        description=f"{FORMS}; or several, whose posts make one timeline",
    )
    config: Config = Config()

    @field_validator("source")
    @classmethod
    def _sensible(cls, source: str | tuple[str, ...], info: ValidationInfo) -> str | tuple[str, ...]:
        texts = (source,) if isinstance(source, str) else source
        try:
            specs = read_sources(texts, info.data["handle"]) if "handle" in info.data else ()
        except HugtweetsError as error:
            raise ValueError(str(error)) from None
        return texts[0] if len(specs) == 1 else tuple(map(str, specs))

    @field_serializer("config")
    def _what_differs(self, config: Config) -> dict[str, Any]:
        """The options that are not the defaults: Prefect takes 512 KiB of parameters, less than 500 whole ones."""
        return config.model_dump(mode="json", exclude_defaults=True)

    @property
    def sources(self) -> tuple[SourceSpec, ...]:
        """Each source, parsed."""
        return read_sources([self.source] if isinstance(self.source, str) else self.source, self.handle)

    @property
    def asks_x(self) -> bool:
        """Whether posts of the account are read from X."""
        return any(source.kind == "x" for source in self.sources)

    def override(self, options: Mapping[str, Any]) -> AccountRequest:
        """A copy with options put over those of the account.

        Raises:
            ConfigurationError: an unknown key, or values that exclude each other.
        """
        return self.model_copy(update={"config": self.config.override(options)})


def request_accounts(handles: Iterable[str], sources: Sequence[str], config: Config) -> list[AccountRequest]:
    """The same sources and options for every handle; ``{handle}`` in a source becomes each one's.

    Without a source each account is read from the network that it is on.

    Raises:
        InvalidHandle, ConfigurationError: a handle or a source that cannot be, or a handle named twice.
    """
    names = [validate_handle(handle) for handle in handles]
    for source in sources:
        if ":" in source and len(names) > 1 and PLACE not in source:
            raise ConfigurationError(
                f"{source} holds one account: write {PLACE} where they differ, or list the accounts in a file"
            )
    _reject_doubles(names)
    return [_request(name, [source.replace(PLACE, name) for source in sources], config) for name in names]


def _request(name: str, sources: Sequence[str], config: Config, folder: Path | None = None) -> AccountRequest:
    """A request for one account; relative paths count from the folder."""
    specs = read_sources(sources or [default_source(name)], name)
    if folder:
        specs = tuple(spec.below(folder) for spec in specs)
    return AccountRequest(handle=name, source=tuple(map(str, specs)), config=config)


class AccountsFile(Section):
    """An accounts file as the parameters of a run name it, however many accounts it lists.

    ``digest`` is that of the content which was found to make sense; None takes the file as it is when the run begins.
    """

    path: Path = Field(description="the accounts file, on the machine that runs the flow")
    digest: str | None = Field(None, description="the beginning of the SHA-256 of its content")
    options: dict[str, Any] = Field(default_factory=dict, description="options that lie below its defaults")
    dispatch: Dispatch | None = Field(None, description="instead of its refresh.dispatch")
    only: tuple[str, ...] = Field((), description="of its accounts only these; none names all of them")

    def requests(self, below: Config) -> list[AccountRequest]:
        """The accounts that it lists, with their options; ``below`` lies under all of them.

        Raises:
            InvalidHandle, ConfigurationError: it makes no sense, was changed since, or does not list one of ``only``.
        """
        if self.digest and digest_of(self.path) != self.digest:
            raise ConfigurationError(f"{self.path} was changed while the run began: start it again")
        requests = read_accounts(self.path, below.override(self.options))
        if self.dispatch:
            requests = [request.override({"refresh": {"dispatch": self.dispatch}}) for request in requests]
        if not self.only:
            return requests
        listed = {request.handle.casefold(): request for request in requests}
        if missing := [handle for handle in self.only if handle.casefold() not in listed]:
            raise ConfigurationError(f"{self.path} does not list {', '.join(missing)}: add it there, or name another")
        return [listed[handle.casefold()] for handle in self.only]


def digest_of(path: Path) -> str:
    """The beginning of the SHA-256 of an accounts file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None


def read_accounts(path: Path, config: Config | None = None) -> list[AccountRequest]:
    """Read ``ACCOUNTS.yaml``: ``defaults:`` and ``accounts:``, a list of handles, some with a source and options.

    ``config`` lies under the file's defaults. A relative path in a source counts from the file's folder.

    Raises:
        InvalidHandle, ConfigurationError: names the account, the key, and the nearest valid one.
    """
    content = _read_content(path)
    listed = content.get("accounts")
    if not isinstance(listed, list) or not listed:
        raise ConfigurationError(f"{path} lists no accounts: write `accounts:` and below it one `- handle` a line")
    below = _put_defaults(content, path, config or Config())
    requests = [_read_account(entry, path, below) for entry in listed]
    _reject_doubles([request.handle for request in requests])
    return requests


def read_defaults(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The options under ``defaults:`` of an accounts file, as they stand there, and the accounts kept from W&B.

    Raises:
        InvalidHandle, ConfigurationError: as :func:`read_accounts`.
    """
    content = _read_content(path)
    _put_defaults(content, path, Config())
    listed = content.get("accounts")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    untracked = [str(entry.get("handle")) for entry in entries if _own(entry, TRACKING_MODE) == ["disabled"]]
    return dict(content.get("defaults") or {}), tuple(map(validate_handle, untracked))


def run_wide(requests: Sequence[AccountRequest]) -> Config:
    """A configuration whose options of :data:`RUN_WIDE` are those of every account, but for those kept from W&B.

    Raises:
        ConfigurationError: names two accounts that disagree.
    """
    for option in RUN_WIDE:
        require_agreement(tracked(requests) if option == TRACKING_MODE else requests, option, "a run")
    return tracked(requests)[0].config


def tracked(requests: Sequence[AccountRequest]) -> Sequence[AccountRequest]:
    """The accounts whose options go for what W&B gets of a whole run: all, if all of them are kept from it."""
    return [request for request in requests if request.config.tracking.mode != "disabled"] or requests


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


def _read_content(path: Path) -> dict[str, Any]:
    content = read_yaml(path)
    for key in content:
        if key not in ("defaults", "accounts"):
            raise ConfigurationError(f"{path}: {unknown_key(key, ['defaults', 'accounts'])}")
    return content


def _put_defaults(content: Mapping[str, Any], path: Path, config: Config) -> Config:
    defaults = _mapping(content.get("defaults") or {}, f"{path}: defaults")
    try:
        return config.override(defaults)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: defaults: {error}") from None


def _refuse_run_wide(options: Mapping[str, Any], where: str) -> None:
    for option in RUN_WIDE:
        own = _own(options, option)
        if option == TRACKING_MODE and own not in ([], ["disabled"]):
            raise ConfigurationError(
                f"{where} sets {option}, which is one for all accounts: write it once, under `defaults`, or keep this "
                "account alone from W&B by `disabled`"
            )
        if own and option != TRACKING_MODE:
            raise ConfigurationError(
                f"{where} sets {option}, which is one for all accounts: write it once, under `defaults`"
            )


def _own(options: Mapping[str, Any], option: str) -> list[Any]:
    """What the options of one account set an option to: nothing, or one value."""
    section, _, name = option.partition(".")
    named = options.get(section)
    return [named[name]] if isinstance(named, dict) and name in named else []


def _read_account(entry: object, path: Path, config: Config) -> AccountRequest:
    if isinstance(entry, str):
        return _request(validate_handle(entry), (), config)
    options = dict(_mapping(entry, f"{path}: an account"))
    name = options.pop("handle", None)
    if not isinstance(name, str):
        raise ConfigurationError(f"{path}: an account has no handle; quote handles of digits only: handle: '2020'")
    handle = validate_handle(name)
    sources = _pop_sources(options, f"{path}: {handle}")
    for key in options:
        if key not in Config.model_fields:
            raise ConfigurationError(
                f"{path}: {handle}: {unknown_key(key, ['handle', 'source', 'sources', *Config.model_fields])}"
            )
    _refuse_run_wide(options, f"{path}: {handle}")
    try:
        return _request(handle, sources, config.override(options), path.parent)
    except (ConfigurationError, InvalidHandle) as error:
        raise ConfigurationError(f"{path}: {handle}: {error}") from None


def _pop_sources(options: dict[str, Any], where: str) -> list[str]:
    """Take ``source`` or ``sources`` out of an account's entry; none means that the network tells."""
    if "source" in options and "sources" in options:
        raise ConfigurationError(f"{where} has both source and sources: write all of them under sources")
    named = options.pop("sources", None)
    if named is not None and not isinstance(named, list):
        raise ConfigurationError(f"{where}: sources must be a list, such as [x, 'bluesky:alice.bsky.social']")
    return [str(source) for source in named or [options.pop("source", None)] if source is not None]


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
