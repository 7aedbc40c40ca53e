"""The ledger of what X cost: no answered request is forgotten, by a crash or by a neighbour."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hugtweets.budget.ledger import Ledger, Usage

PAGE = Usage(requests=1, posts_read=100, usd=0.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger.jsonl"


def test_an_unwritten_ledger_is_empty(path: Path) -> None:
    assert Ledger(path, "run").spent() == Usage()


def test_usages_add_up_without_the_errors_of_binary_fractions() -> None:
    assert sum([Usage(1, 1, 1, 0.1)] * 3, Usage()) == Usage(3, 3, 3, 0.3)


def test_a_run_sees_what_it_spent_and_an_account_its_own_share(path: Path) -> None:
    run = Ledger(path, "monday")
    run.record(Usage(requests=1, users_read=2, usd=0.02))
    run.of("bo").record(PAGE)
    run.of("ada").record(PAGE)
    Ledger(path, "sunday", "bo").record(PAGE)

    assert run.spent() == Usage(3, 200, 2, 1.02)
    assert run.of("bo").spent() == PAGE


def test_entries_say_when_in_which_run_and_for_whom(path: Path) -> None:
    Ledger(path, "monday").of("bo").record(PAGE)
    [entry] = Ledger(path, "any").entries()

    assert (entry.run, entry.handle, entry.usage) == ("monday", "bo", PAGE)
    assert entry.time.endswith("+00:00")


def test_a_line_that_a_crash_cut_short_is_passed_over_and_the_next_is_not(path: Path) -> None:
    ledger = Ledger(path, "monday")
    ledger.record(PAGE)
    with path.open("a") as file:
        file.write('{"time": "2024-05-3')
    ledger.record(PAGE)

    assert ledger.spent() == PAGE + PAGE


def test_many_may_write_at_once(path: Path) -> None:
    ledger = Ledger(path, "monday")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ledger.of(f"a{number % 4}").record(PAGE), range(200)))

    assert ledger.spent().requests == 200
    assert ledger.of("a3").spent().requests == 50


WRITING = """
import sys
from pathlib import Path
from hugtweets.budget.ledger import Ledger, Usage
for number in range(300):
    Ledger(Path(sys.argv[1]), "night", sys.argv[2]).record(Usage(requests=1, posts_read=100, usd=0.5))
"""


def test_several_processes_may_write_at_once(path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITING, str(path), handle]) for handle in ("ada", "bo")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert {Ledger(path, "night", handle).spent().requests for handle in ("ada", "bo")} == {300}


def test_sums_follow_a_file_that_others_write_and_rewrite(path: Path) -> None:
    ledger = Ledger(path, "monday").of("bo")
    ledger.record(PAGE)
    assert ledger.spent() == PAGE
    line = path.read_text().replace('"bo"', '"ada"')
    with path.open("a") as file:
        file.write(line)
    assert (ledger.spent(), ledger.of(None).spent()) == (PAGE, PAGE + PAGE)
    ledger.forget("bo")
    assert (ledger.spent(), ledger.total(), ledger.of(None).spent()) == (Usage(), Usage(), PAGE + PAGE)


def test_a_month_is_that_of_the_calendar(path: Path) -> None:
    ledger = Ledger(path, "monday").of("bo")
    ledger.record(PAGE)
    entry = json.loads(path.read_text())
    with path.open("a") as file:
        file.write(json.dumps(entry | {"time": "2001-01-31T23:59:59+00:00"}) + "\n")
    assert (ledger.month(), ledger.total()) == (PAGE, PAGE + PAGE)


def test_a_refusal_is_no_answer(path: Path) -> None:
    Ledger(path, "monday").of("bo").record(PAGE)
    Ledger(path, "monday").of("ada").record(Usage(requests=1), refused=True)
    assert set(Ledger(path, "tuesday").last_answers()) == {"bo"}
