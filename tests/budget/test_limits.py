"""Budgets that accounts share: together they never spend more, and none is put off for what another may not spend."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.budget.limits import SharedBudget
from hugtweets.config import FetchConfig
from hugtweets.errors import SharedBudgetUsedUp


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
    other.join(60)
    assert ledger.of("bo").spent().posts_read == 100


# Sets the price of 100 posts aside, and buys 20 of them once it is told to go on.
HOLDING = """
import sys
from pathlib import Path
from hugtweets.budget.limits import SharedBudget
from hugtweets.config import FetchConfig
from hugtweets.budget.ledger import Ledger, Usage
ledger = Ledger(Path(sys.argv[1]), "another run")
with SharedBudget(ledger, FetchConfig(month_budget_usd=0.5)).reserve(0.005, 5, 100):
    print("held", flush=True)
    sys.stdin.readline()
    ledger.record(Usage(requests=1, posts_read=20, usd=0.1))
"""

# As many runs as it is told to buy pages until the month's budget is used up.
BUYING = """
import sys, time
from pathlib import Path
from hugtweets.budget.limits import SharedBudget
from hugtweets.config import FetchConfig
from hugtweets.errors import SharedBudgetUsedUp
from hugtweets.budget.ledger import Ledger, Usage
ledger = Ledger(Path(sys.argv[1]), sys.argv[2])
budget = SharedBudget(ledger, FetchConfig(month_budget_usd=3.03))
print("ready", flush=True)
sys.stdin.readline()
try:
    while True:
        with budget.reserve(0.005, 5, 100) as number:
            time.sleep(0.005)
            ledger.record(Usage(requests=1, posts_read=number // 2, usd=round(number // 2 * 0.005, 6)))
except SharedBudgetUsedUp:
    pass
"""


@contextmanager
def process(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has said that it is ready."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ) as started:
        assert started.stdout is not None
        assert started.stdout.readline()
        try:
            yield started
        finally:
            started.kill()


def test_two_processes_spend_a_month_s_budget_together_and_no_more(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.jsonl")
    with process(BUYING, path, "nightly") as first, process(BUYING, path, "ad hoc") as second:
        for buyer in (first, second):
            assert buyer.stdin is not None
            buyer.stdin.write("go\n")
            buyer.stdin.flush()
        assert [buyer.wait(60) for buyer in (first, second)] == [0, 0]
    nightly, ad_hoc = (Ledger(Path(path), run) for run in ("nightly", "ad hoc"))
    assert 3.03 - 5 * 0.005 < nightly.month().usd <= 3.03
    assert min(nightly.spent().posts_read, ad_hoc.spent().posts_read) > 0


def test_what_another_process_has_set_aside_is_waited_for(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", "run")
    with process(HOLDING, str(ledger.path)) as other:
        buyer = threading.Thread(target=buy, args=[SharedBudget(ledger, FetchConfig(month_budget_usd=0.5))])
        buyer.start()
        buyer.join(0.3)
        assert buyer.is_alive()
        other.communicate("go\n", timeout=60)
        buyer.join(60)
    assert ledger.spent().posts_read == 80


def test_what_a_killed_process_had_set_aside_is_free_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", "run")
    with process(HOLDING, str(ledger.path)) as other:
        other.send_signal(signal.SIGKILL)
        other.wait(60)
        buy(SharedBudget(ledger, FetchConfig(month_budget_usd=0.5)))
    assert ledger.spent().posts_read == 100
    assert len(list((tmp_path / "reservations").glob("*.json"))) == 1
