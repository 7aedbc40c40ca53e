"""The lock file holds for every Python that we say we support, not only for the one that wrote it."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PINNED = {
    canonicalize_name(requirement.name): requirement
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
    for requirement in [Requirement(line)]
}
INSTALLED = [found for found in distributions() if canonicalize_name(found.name) in PINNED]
# The oldest that pyproject.toml allows, and those of Debian 12, Ubuntu 24.04 and Debian 13.
PYTHONS = ("3.11.0", "3.11.2", "3.12.3", "3.13.5")


def test_the_oldest_python_is_the_one_that_the_project_names() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'requires-python = ">=(.*)"', project).group(1) == PYTHONS[0].rpartition(".")[0]  # type: ignore[union-attr]


@pytest.mark.parametrize("python", PYTHONS)
def test_every_version_can_be_installed(python: str) -> None:
    refusing = [
        f"{found.name} {found.version} wants Python {wanted}"
        for found in INSTALLED
        if (wanted := found.metadata["Requires-Python"]) and python not in SpecifierSet(wanted)
    ]
    assert refusing == []


@pytest.mark.parametrize("python", PYTHONS)
def test_what_this_python_needs_beside_is_pinned_too(python: str) -> None:
    environment = {"python_full_version": python, "python_version": python.rpartition(".")[0], "extra": ""}
    needed = [Requirement(line) for found in INSTALLED for line in found.requires or ()]
    named = {canonicalize_name(each.name) for each in needed if each.marker and each.marker.evaluate(environment)}
    assert named - PINNED.keys() == set()
