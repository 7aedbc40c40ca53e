"""Configuration: every option with its default, checked before any work.

Sources, later ones winning: defaults, a YAML file, ``--set section.key=value``. Whatever is wrong is a
``ConfigurationError``; for an unknown key it names the nearest valid one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hugtweets.config.reading import explain, merge, parse_assignment, read_options, read_yaml, unknown_key
from hugtweets.config.sections import (
    DEFAULT_PROMPTS,
    CleanConfig,
    Dispatch,
    EvaluateConfig,
    FetchConfig,
    NotNegative,
    Precision,
    PretrainConfig,
    RefreshConfig,
    SampleConfig,
    Section,
    StorageConfig,
    TrackingConfig,
    TrainConfig,
)
from hugtweets.errors import ConfigurationError

__all__ = [
    "DEFAULT_PROMPTS",
    "CleanConfig",
    "Config",
    "Dispatch",
    "EvaluateConfig",
    "FetchConfig",
    "NotNegative",
    "Precision",
    "PretrainConfig",
    "RefreshConfig",
    "SampleConfig",
    "Section",
    "StorageConfig",
    "TrackingConfig",
    "TrainConfig",
    "build_config",
    "explain",
    "load_config",
    "merge",
    "parse_assignment",
    "read_options",
    "read_yaml",
    "unknown_key",
]


class Config(Section):
    """All options of a run."""

    fetch: FetchConfig = FetchConfig()
    clean: CleanConfig = CleanConfig()
    pretrain: PretrainConfig = PretrainConfig()
    train: TrainConfig = TrainConfig()
    sample: SampleConfig = SampleConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    tracking: TrackingConfig = TrackingConfig()
    refresh: RefreshConfig = RefreshConfig()
    storage: StorageConfig = StorageConfig()

    def override(self, options: Mapping[str, Any]) -> Config:
        """A copy with nested options put over these."""
        return build_config(merge(self.model_dump(), options))


def build_config(options: Mapping[str, Any]) -> Config:
    """Check nested options."""
    try:
        return Config.model_validate(options)
    except ValidationError as error:
        raise ConfigurationError(explain(error, Config)) from None


def load_config(path: Path | None = None, assignments: Iterable[str] = ()) -> Config:
    """Defaults, then a YAML file, then ``section.key=value`` assignments."""
    return build_config(read_options(path, assignments))
