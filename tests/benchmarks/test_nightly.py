"""What the benchmark of nights says an account more costs."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def nightly(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("nightly")


def test_what_a_night_takes_once_is_not_taken_for_what_each_account_more_costs(nightly: Any) -> None:
    def night(accounts: int, client_mb: int) -> Any:
        fields = dict.fromkeys(nightly.Night.__dataclass_fields__, 0)
        return nightly.Night(**fields | {"accounts": accounts, "night": 1, "client_mb": client_mb})

    nights = [night(10, 1126), night(100, 1198), night(300, 1225)]
    growth = {row.split(" | ")[1]: row.split(" | ")[3] for row in nightly.growth_table(nights).splitlines()[2:]}
    assert growth == {"10 → 100": "0.80", "100 → 300": "0.14", "10 → 100 → 300": "0.31"}


def test_two_sizes_have_one_slope(nightly: Any) -> None:
    fields = dict.fromkeys(nightly.Night.__dataclass_fields__, 0)
    few, many = (nightly.Night(**fields | {"accounts": size, "night": 1}) for size in (10, 100))
    assert len(nightly.growth_table([many, few]).splitlines()) == 3
