"""The options of a home: the ``defaults`` of the accounts file that it follows, for everything that runs in it.

A night writes path, digest and defaults of its file to ``options.yaml`` in the home, and to the store if there is one.
Every command and every form starts from them. What runs may set options anew, but not loosen those that protect all of
it: the budgets of a run and a month, the prices that these are counted in, and where W&B logs to (:data:`HELD`). An
account that the file keeps from W&B is kept from it whatever runs in the home, also in a mix.

The accounts file itself stays the authority: one that was changed holds as it is now. If it is gone, or makes no sense
while somebody edits it, its options hold as they were. A second accounts file gets what the first one holds, and may
only be stricter, as long as the first one exists.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from hugtweets.config import Config, Section, build_config, explain, merge, read_options, read_yaml
from hugtweets.errors import ConfigurationError, InvalidHandle, StoreUnavailable
from hugtweets.jobs.accounts import AccountRequest, AccountsFile, digest_of, read_defaults, run_wide
from hugtweets.storage.atomic import write_text
from hugtweets.storage.handles import members_of
from hugtweets.storage.home import Home

BUDGETS = ("fetch.run_budget_usd", "fetch.month_budget_usd")
PRICES = ("fetch.post_usd", "fetch.user_usd")
HELD = (*BUDGETS, *PRICES, "tracking.mode", "tracking.project", "tracking.entity")
STRICTNESS = {"auto": 0, "online": 0, "offline": 1, "disabled": 2}


class Followed(Section):
    """What ``options.yaml`` holds."""

    accounts: Path = Field(description="the accounts file, as it is called on the machine that ran the night")
    digest: str = Field(description="the beginning of the SHA-256 of its content")
    defaults: dict[str, Any] = Field(default_factory=dict, description="its defaults")
    untracked: tuple[str, ...] = Field((), description="its accounts of which nothing goes to W&B")


@dataclass(frozen=True)
class HomeOptions:
    """The options in force, the accounts file that they are from (None: there is none), and a sentence that says so."""

    home: Home
    accounts: Path | None
    defaults: Mapping[str, Any]
    notice: str | None
    untracked: tuple[str, ...] = ()

    def config(self, path: Path | None = None, assignments: Iterable[str] = ()) -> Config:
        """These options, over them a YAML file, and over that ``section.key=value`` assignments.

        Raises:
            ConfigurationError: they make no sense, or loosen what holds for the whole home.
        """
        return self.override(read_options(path, assignments))

    def override(self, options: Mapping[str, Any]) -> Config:
        """These options, with others put over them.

        Raises:
            ConfigurationError: they make no sense, or loosen what holds for the whole home.
        """
        config = build_config(merge(self.defaults, options))
        self.check(config)
        return config

    def check(self, config: Config) -> None:
        """Refuse options that loosen what holds for the whole home.

        Raises:
            ConfigurationError: names the option.
        """
        for option, held in self.held().items():
            wanted = attrgetter(option)(config)
            if _is_looser(option, wanted, held):
                raise ConfigurationError(
                    f"{option}={_shown(wanted)} is not within {_shown(held)}, which {self.accounts} sets for "
                    f"everything in {self.home.root}: leave it out, or change it there"
                )

    def keep_from_wandb(self, request: AccountRequest) -> AccountRequest:
        """The request, with ``tracking.mode: disabled`` if the accounts file says so of it or of one in a mix."""
        untracked = {handle.casefold() for handle in self.untracked}
        if untracked.isdisjoint(member.casefold() for member in members_of(request.handle)):
            return request
        return request.override({"tracking": {"mode": "disabled"}})

    def held(self) -> dict[str, Any]:
        """Those of :data:`HELD` that the accounts file sets, by their full names; the prices with any budget."""
        config = build_config(self.defaults)
        in_force = {option: attrgetter(option)(config) for option in HELD}
        held = [option for option in HELD if _is_set(self.defaults, option) and in_force[option] is not None]
        # Reading that is called cheap goes past a budget: what it costs is price times posts.
        with_prices = {*held, *PRICES} if set(held) & set(BUDGETS) else set(held)
        return {option: in_force[option] for option in HELD if option in with_prices}

    def describe(self) -> str:
        """``fetch.month_budget_usd=50, tracking.mode=disabled``, or that nothing holds for everything."""
        told = [option for option in self.held() if option not in PRICES or _is_set(self.defaults, option)]
        held = [f"{option}={_shown(self.held()[option])}" for option in told]
        untracked = [f"tracking.mode=disabled for {' and '.join(self.untracked)}"] * bool(self.untracked)
        return ", ".join([*(held or ["no budget"]), *untracked])


def read_home_options(home: Home) -> HomeOptions:
    """The options in force in a home; none if no night has named an accounts file yet.

    Raises:
        ConfigurationError: the home's record of them cannot be used.
    """
    followed = _read(home)
    if followed is None:
        return HomeOptions(home, None, {}, None)
    path, defaults, untracked, remark = followed.accounts, followed.defaults, followed.untracked, ""
    try:
        if digest_of(path) != followed.digest:
            (defaults, untracked), remark = read_defaults(path), ", as it was changed since the last night"
    except (ConfigurationError, InvalidHandle) as error:
        remark = f", as it was at the last night, for now {error}"
    found = HomeOptions(home, path, defaults, None, untracked)
    return replace(found, notice=f"the options of {path} hold in {home.root}{remark}: {found.describe()}")


def follow(home: Home, file: AccountsFile, remember: bool = True) -> tuple[list[AccountRequest], str]:
    """The accounts of a night, which from then on gives the home its options; and a sentence about that.

    Without ``remember`` nothing is written.

    Raises:
        InvalidHandle, ConfigurationError: the file makes no sense, or is looser than another one that the home follows.
    """
    options = read_home_options(home)
    before, path = options.accounts, file.path.resolve()
    if before and before != path and os.access(before, os.F_OK):
        requests = file.requests(_only_held(options))
        try:
            options.check(run_wide(requests))
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}, or give one of the two files another --home") from None
        return requests, f"{home.root} follows {before}, which goes on to hold there: {options.describe()}"
    requests = file.requests(Config())
    defaults, untracked = read_defaults(path)
    followed = Followed(accounts=path, digest=digest_of(path), defaults=defaults, untracked=untracked)
    if remember:
        _write(home, followed)
    instead = f" instead of {before}, which is gone" if before and before != path else ""
    told = HomeOptions(home, path, defaults, None, untracked).describe()
    return requests, f"the options of {path} hold in {home.root}{instead}: {told}"


def _only_held(options: HomeOptions) -> Config:
    nested: dict[str, Any] = {}
    for option, value in options.held().items():
        section, _, name = option.partition(".")
        nested = merge(nested, {section: {name: value}})
    return build_config(nested)


def _read(home: Home) -> Followed | None:
    _receive(home)
    if not home.options.exists():
        return None
    try:
        followed = Followed.model_validate(read_yaml(home.options))
        build_config(followed.defaults)
        return followed
    except ValidationError as error:
        reason = explain(error, Followed)
    except ConfigurationError as error:
        reason = str(error)
    raise ConfigurationError(f"{home.options} cannot be used ({reason}): delete it, and refresh the accounts file anew")


def _receive(home: Home) -> None:
    """Bring the record of the store, if it has one; if it does not answer, that of this machine is the last known."""
    key = home.key(home.options)
    try:
        if home.store and home.store.has(key):
            write_text(home.options, home.store.read([key])[key].decode())
    except StoreUnavailable:
        if not home.options.exists():
            raise


def _write(home: Home, followed: Followed) -> None:
    if _read(home) == followed:
        return
    content = json.loads(followed.model_dump_json())
    write_text(home.options, "# Written by every night: change the accounts file instead.\n" + yaml.safe_dump(content))
    if home.store:
        home.store.write(home.key(home.options), home.options.read_bytes())


def _is_set(options: Mapping[str, Any], option: str) -> bool:
    section, _, name = option.partition(".")
    return name in options.get(section, ())


def _shown(value: object) -> str:
    if value is None:
        return "null"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_looser(option: str, wanted: Any, held: Any) -> bool:
    if option in BUDGETS:
        return wanted is None or wanted > held
    if option in PRICES:
        return bool(wanted < held)
    if option == "tracking.mode":
        return STRICTNESS[wanted] < STRICTNESS[held]
    return bool(wanted != held)
