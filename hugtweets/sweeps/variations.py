"""What a sweep varies: one option, and the values or the range it takes."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from typing import Any

import yaml

from hugtweets.config import Config, unknown_key
from hugtweets.errors import ConfigurationError

# The others say where posts come from and how a whole run is done: they are the same for all points.
SECTIONS = ("clean", "train", "sample", "evaluate")

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\.\.({_NUMBER})\s*")


@dataclass(frozen=True)
class Choice:
    """Values to choose from."""

    key: str
    values: tuple[Any, ...]

    def draw(self, rng: random.Random) -> Any:
        """One of them."""
        return rng.choice(self.values)


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, both of them included; whole ones if both ends are."""

    key: str
    low: float
    high: float

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def is_logarithmic(self) -> bool:
        """Whether each factor is as likely as any other: between positive ends that are a decade or more apart."""
        return self.low > 0 and self.high / self.low >= 10

    def draw(self, rng: random.Random) -> float:
        """One of them, with four digits, which is what people can compare."""
        if self.is_logarithmic:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = rng.uniform(self.low, self.high)
        return round(drawn) if self.is_whole else float(f"{drawn:.4g}")


Variation = Choice | Range


def parse_variation(text: str) -> Variation:
    """``train.lr=1e-4,3e-4`` or ``train.lr=1e-4..1e-3``; the values are read as YAML, so that ``null`` is no limit.

    Raises:
        ConfigurationError: there is no such option, or no readable value.
    """
    name, equals, values = text.partition("=")
    key = name.strip()
    if not equals or not values.strip():
        raise ConfigurationError(f"{text!r} varies nothing: write section.key=value,value such as train.epochs=1,2")
    check_key(key)
    ends = _RANGE.fullmatch(values)
    if ends:
        return _range(key, *ends.groups())
    try:
        listed = yaml.safe_load(f"[{values}]")
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigurationError(f'the values of {key} cannot be read: quote them, as in {key}=\'"…","…"\'') from None
    return Choice(key, tuple(map(_number, listed)))


def check_key(key: str) -> None:
    """Refuse an option that cannot be varied.

    Raises:
        ConfigurationError: names the nearest valid one.
    """
    section, _, name = key.partition(".")
    if section not in Config.model_fields:
        raise ConfigurationError(unknown_key(section, SECTIONS))
    if section not in SECTIONS:
        raise ConfigurationError(
            f"{key} cannot be varied: it is one for all points; a sweep varies options of {', '.join(SECTIONS)}"
        )
    options = type(getattr(Config(), section)).model_fields
    if name not in options:
        raise ConfigurationError(unknown_key(key, options))


def _number(value: Any) -> Any:
    """YAML takes ``1e-4``, which has no dot, for a word."""
    return float(value) if isinstance(value, str) and re.fullmatch(_NUMBER, value) else value


def _range(key: str, low: str, high: str) -> Range:
    first, last = (int(end) if re.fullmatch(r"[+-]?\d+", end) else float(end) for end in (low, high))
    if first >= last:
        raise ConfigurationError(f"{key}={low}..{high} is an empty range: write the smaller number first")
    return Range(key, first, last)
