"""Budgets that accounts share: together they never spend more, and none is put off for what another may not spend."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hugtweets.budget import SharedBudget
from hugtweets.config import FetchConfig
from hugtweets.errors import SharedBudgetUsedUp
from hugtweets.ledger import Ledger, Usage


def buy(budget: SharedBudget) -> None:
    with budget.reserve(0.005, 5, 100) as number:
        time.sleep(0.001)
        budget.ledger.record(Usage(requests=1, posts_read=number, usd=round(number * 0.005, 6)))


@pytest.mark.parametrize("options", [{"run_budget_usd": 3.03}, {"month_budget_usd": 3.03}])
def test_many_together_spend_all_of_it_and_no_more(tmp_path: Path, options: dict[str, float]) -> None:
    ledger, config = Ledger(tmp_path / "ledger.jsonl", "run"), FetchConfig.model_validate(options)
    with ThreadPoolExecutor(8) as pool:
        bought = [pool.submit(buy, SharedBudget(ledger.of(f"a{number}"), config)) for number in range(20)]
    put_off = [error for future in bought if (error := future.exception())]
    assert all(isinstance(error, SharedBudgetUsedUp) for error in put_off)
    assert 0 < len(put_off) < 20
    assert 3.03 - 5 * 0.005 < ledger.spent().usd <= 3.03


def test_who_finds_all_set_aside_waits_for_what_is_left(tmp_path: Path) -> None:
    ledger, config = Ledger(tmp_path / "ledger.jsonl", "run"), FetchConfig(run_budget_usd=0.5)
    first, second = (SharedBudget(ledger.of(handle), config) for handle in ("ada", "bo"))
    with first.reserve(0.005, 5, 100):
        other = threading.Thread(target=buy, args=[second])
        other.start()
        other.join(0.05)
        assert other.is_alive()
    other.join(5)
    assert ledger.of("bo").spent().posts_read == 100
