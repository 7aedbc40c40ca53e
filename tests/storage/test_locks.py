"""Locks, with real processes and threads: nothing that one writes is lost by what another writes at the same time."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.budget.shared_ledger import pull_ledger, push_ledger
from hugtweets.evaluation.promotion import read_promotions
from hugtweets.storage.artifacts import Plan, create
from hugtweets.storage.home import Home
from hugtweets.storage.locks import lock_file, locked, locked_aloud
from hugtweets.storage.remote import Store
from hugtweets.timelines.posts import Post
from hugtweets.timelines.shared import SharedTimeline
from hugtweets.timelines.timeline import load, save
from tests.fixtures.flows import START

PLAN = Plan("finetune", 1, "ferryclock", extra={"base_model": "tiny"})

APPENDING = """
import sys
from pathlib import Path
from hugtweets.budget.ledger import Ledger, Usage
for number in range(400):
    Ledger(Path(sys.argv[1]), "night", sys.argv[2]).record(Usage(requests=1))
"""

FORGETTING = """
import sys
from pathlib import Path
from hugtweets.budget.ledger import Ledger
for number in range(60):
    Ledger(Path(sys.argv[1]), "").forget("nobody")
"""

DECIDING = """
import sys
from pathlib import Path
from hugtweets.evaluation.promotion import promote
from hugtweets.storage.home import Home
for number in range(40):
    promote(Home(Path(sys.argv[1])), "ferryclock", sys.argv[2])
"""

FETCHING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store
from hugtweets.timelines.posts import Post
from hugtweets.timelines.shared import SharedTimeline
from hugtweets.timelines.timeline import add_posts
home = Home(Path(sys.argv[1]), Store(sys.argv[2]))
for number in range(40):
    shared = SharedTimeline(home, "ferryclock")
    with shared.locked():
        add_posts(home.timeline("ferryclock"), [Post(str(1000 + number), datetime(2024, 1, 1, tzinfo=UTC), "a post")])
"""

MAKING = """
import sys, time
from pathlib import Path
from hugtweets.storage.artifacts import Plan, create
from hugtweets.storage.home import Home
def fill(folder):
    with Path(sys.argv[2]).open("a") as file:
        file.write("made\\n")
    time.sleep(float(sys.argv[3]))
    return {}
create(Home(Path(sys.argv[1])), Plan("finetune", 1, "ferryclock", extra={"base_model": "tiny"}), fill)
"""


def start(program: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)])


def test_no_line_of_the_ledger_is_lost_while_a_name_is_taken_out_of_it(home: Home) -> None:
    Ledger(home.ledger, "before").record(Usage(requests=1))
    writers = [start(APPENDING, home.ledger, handle) for handle in ("ada", "bo")]
    forgetting = start(FORGETTING, home.ledger)
    assert [process.wait(60) for process in (*writers, forgetting)] == [0, 0, 0]
    assert len(list(Ledger(home.ledger, "night").entries())) == 801


def test_no_decision_is_lost_that_another_process_made_meanwhile(home: Home) -> None:
    models = [create(home, Plan("finetune", 1, "ferryclock", extra={"base_model": name}), _nothing) for name in "ab"]
    deciding = [start(DECIDING, home.root, model.digest) for model in models]
    assert [process.wait(60) for process in deciding] == [0, 0]
    assert len(read_promotions(home, "ferryclock").decisions) == 80


def test_no_post_is_lost_that_was_fetched_while_another_process_pulled(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path / 'store'}")
    here, elsewhere = Home(tmp_path / "here", store), Home(tmp_path / "elsewhere", store)
    fetching = start(FETCHING, here.root, store.url)
    sent = 0
    while fetching.poll() is None:
        sent += 1
        save(elsewhere.timeline("ferryclock"), load(elsewhere.timeline("ferryclock")).merged([_post(sent)]))
        SharedTimeline(elsewhere, "ferryclock").push()
        SharedTimeline(here, "ferryclock").pull()
    stored = {post.id for post in load(here.timeline("ferryclock")).posts}
    assert {str(1000 + number) for number in range(40)} <= stored


def test_lines_that_a_run_sends_while_another_process_pulls_are_not_booked_twice(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", Store(f"file://{tmp_path / 'store'}"))
    stop = threading.Event()

    def pull() -> None:
        while not stop.is_set():
            pull_ledger(home)

    with ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(pull)
        for _ in range(150):
            Ledger(home.ledger, "night").record(Usage(requests=1))
            push_ledger(home, "night")
        stop.set()
        pulling.result()
    assert Ledger(home.ledger, "night").spent().requests == 150


def test_a_run_goes_on_sending_its_lines_after_a_name_was_taken_out(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path / 'store'}")
    home, elsewhere = Home(tmp_path / "home", store), Home(tmp_path / "elsewhere", store)
    ledger = Ledger(home.ledger, "a-night-to-forget")
    for handle in ("ferryclock", "a_long_name_15", "ferryclock"):
        ledger.of(handle).record(Usage(requests=1))
    push_ledger(home, ledger.run)
    ledger.forget("a_long_name_15")
    ledger.of("ferryclock").record(Usage(requests=1))
    push_ledger(home, ledger.run)
    pull_ledger(elsewhere)
    assert Ledger(elsewhere.ledger, ledger.run).spent().requests == 4


def test_of_two_processes_that_would_make_the_same_artifact_one_does(home: Home, tmp_path: Path) -> None:
    made = tmp_path / "made"
    processes = [start(MAKING, home.root, made, 0.5) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert made.read_text() == "made\n"
    assert not lock_file(PLAN.reference(home).folder).exists()


def test_of_two_threads_that_would_make_the_same_artifact_one_does(home: Home) -> None:
    both, made = threading.Barrier(2, timeout=60), []

    def fill(folder: Path) -> Mapping[str, int]:
        made.append(folder)
        # Gives the other thread the time to come this far, if nothing keeps it from that.
        threading.Event().wait(0.2)
        return {}

    def make(_: int) -> None:
        both.wait()
        create(home, PLAN, fill)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, range(2)))
    assert len(made) == 1


def test_the_lock_of_a_killed_process_is_free(home: Home, tmp_path: Path) -> None:
    made = tmp_path / "made"
    killed = start(MAKING, home.root, made, 60)
    while not made.exists():
        threading.Event().wait(0.02)
    killed.kill()
    killed.wait(60)
    create(home, PLAN, _nothing)
    assert PLAN.reference(home).manifest().counts == {}


def test_who_waits_says_for_whom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with locked_aloud(tmp_path / "timeline", "ferryclock", "fetches it"):
            held.set()
            while "waits" not in caplog.text:
                free.wait(0.01)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        held.wait(60)
        with locked_aloud(tmp_path / "timeline", "ferryclock", "fetches it"):
            holding.result(60)
    assert "ferryclock: waits for process " in caplog.text
    assert ", which fetches it" in caplog.text


def test_a_thread_may_take_a_lock_again_that_it_holds(tmp_path: Path) -> None:
    with locked(tmp_path / "ledger.jsonl"), locked(tmp_path / "ledger.jsonl"):
        assert lock_file(tmp_path / "ledger.jsonl").exists()


def _nothing(folder: Path) -> Mapping[str, int]:
    return {}


def _post(number: int) -> Post:
    return Post(str(number), START, "a post")
