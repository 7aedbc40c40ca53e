"""Options as people write them: a YAML file, ``section.key=value`` assignments, and the sentence for what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from hugtweets.errors import ConfigurationError, nearest


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Put one nested mapping over another; mappings merge, anything else replaces."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = merge(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return merged


def read_options(path: Path | None = None, assignments: Iterable[str] = ()) -> dict[str, Any]:
    """The nested options of a YAML file, and over them ``section.key=value`` assignments."""
    options = read_yaml(path) if path else {}
    for assignment in assignments:
        options = merge(options, parse_assignment(assignment))
    return options


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds."""
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise ConfigurationError(f"{path} must hold a mapping of sections, such as `train: {{epochs: 1}}`")
    return loaded


def parse_assignment(assignment: str) -> dict[str, Any]:
    """``train.epochs=1`` as a nested mapping; the value is read as YAML."""
    name, equals, value = assignment.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key) or "." in key:
        raise ConfigurationError(f"{assignment!r} is no assignment: write section.key=value, such as train.epochs=1")
    try:
        return {section: {key: yaml.safe_load(value)}}
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigurationError(f"the value of {name} cannot be read: quote it, as in {name}='\"…\"'") from None


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first error of a validation as one sentence that says what to write instead."""
    complaint = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in complaint["loc"])
    if complaint["type"] == "extra_forbidden":
        return unknown_key(where, _keys_beside(model, complaint["loc"]))
    message = complaint["msg"].removeprefix("Value error, ")
    return f"{where}: {message} (got {complaint['input']!r})" if complaint["type"] != "value_error" else message


def unknown_key(where: str, valid: Iterable[str]) -> str:
    """The sentence for a key that does not exist."""
    parent, _, key = where.rpartition(".")
    prefix = f"{parent}." if parent else ""
    names = sorted(valid)
    if meant := nearest(key, names):
        return f"unknown option {where}: did you mean {prefix}{meant}?"
    return f"unknown option {where}: the options here are {', '.join(prefix + name for name in names)}"


def _keys_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location[:-1]:
        annotation = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        candidates = [annotation, *get_args(annotation)]
        below = [kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if below:
            model = below[0]
    return list(model.model_fields)
