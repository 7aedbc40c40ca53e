"""The points of a sweep: which options each of them sets."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from hugtweets.config import Config, Section
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.sweeps.variations import Choice, Range, Variation, check_key, parse_variation

# A range has more points than this; the draws that bring nothing new are given up then.
DRAWS_A_POINT = 20


class Point(Section):
    """Options by their full names, ``train.lr``; none of them is the configuration as it is."""

    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """How people are told of it."""
        return " ".join(f"{name}={_shown(value)}" for name, value in self.options.items()) or "as configured"

    def of(self, request: AccountRequest) -> AccountRequest:
        """The account at this point.

        Raises:
            ConfigurationError: a value out of range, or options that exclude each other.
        """
        try:
            return request.override(_nested(self.options))
        except ConfigurationError as error:
            raise ConfigurationError(f"{request.handle} at {self.label}: {error}") from None


def plan_points(
    requests: Sequence[AccountRequest],
    varied: Sequence[str],
    number: int | None = None,
    seed: int = 0,
) -> list[Point]:
    """The configuration as it is, then every combination of the values, or ``number`` of them drawn at random.

    Points that come to the same are one. Every account is checked at every point.

    Raises:
        ConfigurationError: there is no such option, a value is out of range, or options exclude each other.
    """
    variations = parse_variations(varied)
    drawn = _grid(variations) if number is None else _draw(variations, number, random.Random(seed))
    points: dict[str, Point] = {}
    for options in ({}, *drawn):
        point, configurations = _check(requests, options)
        points.setdefault(configurations, point)
    return list(points.values())


def read_point(requests: Sequence[AccountRequest], options: Mapping[str, Any]) -> Point:
    """One point by the options that it sets.

    Raises:
        ConfigurationError: as :func:`plan_points`.
    """
    for name in options:
        check_key(name)
    return _check(requests, options)[0]


def _check(requests: Sequence[AccountRequest], options: Mapping[str, Any]) -> tuple[Point, str]:
    """A point with the values as the configuration takes them, and all accounts' configurations at it.

    All points start from the base model, and are done in this process.
    """
    for request in requests:
        wanted = request.config.refresh
        if wanted.start != "base":
            excluded, why = f"start={wanted.start}", "points are compared from the base model on"
        elif wanted.dispatch != "threads":
            excluded, why = f"dispatch={wanted.dispatch}", "it is done in its own process"
        else:
            continue
        raise ConfigurationError(f"a sweep and refresh.{excluded} exclude each other ({request.handle}): {why}")
    point = Point(options=dict(options))
    found = [point.of(request).config for request in requests]
    return Point(options=read_options(found[0], options)), "".join(config.model_dump_json() for config in found)


def parse_variations(varied: Sequence[str]) -> list[Variation]:
    """All of them.

    Raises:
        ConfigurationError: one cannot be read, or two vary the same option.
    """
    variations = [parse_variation(text) for text in varied]
    for key, number in Counter(variation.key for variation in variations).items():
        if number > 1:
            raise ConfigurationError(f"{key} is varied twice: write all its values behind one --vary")
    return variations


def read_options(config: Config, names: Iterable[str]) -> dict[str, Any]:
    """What a configuration says for some options, as JSON values."""
    dumped = config.model_dump(mode="json")
    found = {}
    for name in names:
        section, _, key = name.partition(".")
        found[name] = dumped[section][key]
    return found


def _grid(variations: Sequence[Variation]) -> list[dict[str, Any]]:
    for variation in variations:
        if isinstance(variation, Range):
            raise ConfigurationError(
                f"{variation.key}={variation.low:g}..{variation.high:g} is a range: say with --random how many points "
                "to draw from it"
            )
    choices = [variation for variation in variations if isinstance(variation, Choice)]
    keys = [choice.key for choice in choices]
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*(c.values for c in choices))]


def _draw(variations: Sequence[Variation], number: int, rng: random.Random) -> list[dict[str, Any]]:
    """As many different points as were asked for, or all that there are."""
    drawn: list[dict[str, Any]] = []
    for _ in range(number * DRAWS_A_POINT):
        point = {variation.key: variation.draw(rng) for variation in variations}
        if point not in drawn:
            drawn.append(point)
        if len(drawn) == number:
            break
    return drawn


def _nested(options: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in options.items():
        section, _, key = name.partition(".")
        nested.setdefault(section, {})[key] = value
    return nested


def _shown(value: object) -> str:
    if value is None:
        return "null"
    return f"{value:g}" if isinstance(value, float) else str(value)
