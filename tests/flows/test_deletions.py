"""Posts that their authors deleted: out of the next training set, and out of everything that was made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.refresh import refresh
from hugtweets.config import Config
from hugtweets.generation.favourites import Favourites
from hugtweets.generation.posts import GeneratedPost
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import plan_jobs
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.simulator.server import Simulator, running
from hugtweets.steps.finetune import find_model
from hugtweets.steps.retraction import retract
from hugtweets.storage.artifacts import references
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import Timeline, load, save
from tests.fixtures.flows import files_with, outcome_of, rows, tiny_config, write_timeline

pytestmark = pytest.mark.usefixtures("prefect_server")
POSTS = rows(60)
GONE = POSTS[7]


@pytest.fixture
def config(tiny_folder: Path) -> Config:
    return tiny_config(train={"base_model": str(tiny_folder), "posts_per_step": 16}, refresh={"min_new_posts": 50})


@pytest.fixture
def simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    write_timeline(tmp_path / "x" / "alice.jsonl", POSTS)
    with running(tmp_path / "x") as served:
        monkeypatch.setenv("X_API_URL", served.url)
        monkeypatch.setenv("X_BEARER_TOKEN", "any")
        yield served


def run(config: Config, until: Any = None, verify: bool = False, source: str = "x") -> AccountOutcome:
    request = AccountRequest(handle="alice", config=config, source=source)
    return outcome_of(refresh([request], until, verify=verify, return_state=True)).accounts[0]


def delete(tmp_path: Path, *posts: dict[str, Any]) -> None:
    """Delete posts on X."""
    write_timeline(tmp_path / "x" / "alice.jsonl", [post for post in POSTS if post not in posts])


def test_a_deleted_post_leaves_nothing_behind_and_forces_a_new_model(
    simulator: Simulator, home: Home, tmp_path: Path, config: Config
) -> None:
    # A held-out post: the report shows it.
    gone, page = POSTS[-3], home.report / "accounts" / "alice.html"
    first = run(config.override({"tracking": {"mode": "offline"}}))
    for model in (first.steps["finetune"].digest, "0" * 16):
        Favourites(home).add(GeneratedPost.of("alice", gone["text"], "", model, 1.0, 0.95))
    folder = home.hub("alice")
    folder.mkdir(parents=True)
    assert gone["text"] in page.read_text(encoding="utf-8")
    delete(tmp_path, gone)
    second = run(config, verify=True)
    assert (second.status, second.reason) == ("completed", "verified 60 posts, 1 deleted")
    assert (second.counts["verified"], second.counts["deleted"], second.counts["kept"]) == (60, 1, 59)
    assert second.counts["dropped"] == {"deleted": 1}
    assert files_with(home, gone["text"]) == []
    assert ([kept.model for kept in Favourites(home).all()], folder.exists()) == (["0" * 16], False)
    pages = [path for path in home.report.rglob("*") if path.is_file()]
    assert [path for path in pages if gone["text"] in path.read_text(encoding="utf-8")] == []
    assert {(step.path in map(str, home.root.rglob("*"))) for step in first.steps.values()} == {False}
    assert [path for path in home.wandb.glob("offline-run-*") if path.is_dir()] == []
    assert {reference.digest for reference in references(home, "alice")} == {
        step.digest for step in second.steps.values()
    }
    assert find_model(home, "alice")[0].digest == second.steps["finetune"].digest


def test_nothing_is_removed_while_all_posts_are_there(simulator: Simulator, home: Home, config: Config) -> None:
    first = run(config, "clean")
    second = run(config, "clean", verify=True)
    assert (second.status, second.reason) == ("unchanged", "verified 60 posts, 0 deleted")
    assert second.steps["clean"].digest == first.steps["clean"].digest


def test_a_model_stays_until_it_can_be_made_again(
    simulator: Simulator, home: Home, tmp_path: Path, config: Config
) -> None:
    run(config)
    delete(tmp_path, GONE)
    second = run(config, "clean", verify=True)
    assert "1 deleted post is still in older artifacts, until the account is learned again" in (second.reason or "")
    assert find_model(home, "alice")
    assert files_with(home, GONE["text"]) != []
    # The next whole run needs not verify to complete what was begun: so is a run repaired that was killed in between.
    third = run(config)
    assert (third.status, third.reason) == ("completed", None)
    assert files_with(home, GONE["text"]) == []
    assert run(config).status == "unchanged"


def test_what_cannot_be_learned_again_goes_all_the_same(
    simulator: Simulator, home: Home, tmp_path: Path, config: Config
) -> None:
    run(config, "clean")
    delete(tmp_path, *POSTS[5:])
    second = run(config, verify=True)
    assert second.status == "skipped"
    assert (second.reason or "").startswith("verified 60 posts, 55 deleted; not enough text")
    assert files_with(home, GONE["text"]) == []


def test_an_export_does_not_bring_a_deleted_post_back(
    simulator: Simulator, home: Home, tmp_path: Path, config: Config
) -> None:
    run(config, "clean")
    delete(tmp_path, GONE)
    run(config, "clean", verify=True)
    export = write_timeline(tmp_path / "export.jsonl", POSTS)
    again = run(config, "clean", source=f"file:{export}", verify=True)
    assert (again.counts["kept"], again.counts["dropped"]) == (59, {"deleted": 1})
    assert "verified" not in again.counts


def test_a_removal_that_was_cut_short_is_completed(simulator: Simulator, home: Home, config: Config) -> None:
    run(config, "finetune")
    path = home.timeline("alice")
    marked = load(path).verified([GONE["id"]], {GONE["id"]}, load(path).shown[GONE["id"]])
    save(path, marked)
    for step in ("finetune", "tokenise"):
        (reference,) = references(home, "alice", step)
        reference.folder.rename(reference.folder.with_name(".partial-gone"))
    retract(plan_jobs(home, [AccountRequest(handle="alice", config=config)], "night")[0])
    assert references(home, "alice") == []
    assert load(path) == replace(marked, retracted=())


def test_timelines_of_before_are_read_and_keep_their_digest(home: Home, config: Config, simulator: Simulator) -> None:
    first = run(config, "clean")
    path = home.timeline("alice")
    pq.write_table(pq.read_table(path).drop_columns(["deleted", "shown_at"]).replace_schema_metadata(None), path)
    assert run(config, "clean").steps["clean"].digest == first.steps["clean"].digest
    assert load(path).posts[0].deleted is False
    assert load(path) != Timeline()


def test_a_deleted_post_leaves_the_store_and_every_machine_that_shares_it(
    simulator: Simulator, tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    monkeypatch.setenv("HUGTWEETS_STORE", f"file://{tmp_path}/store")
    runs = []
    for home, verify in ((homes[0], False), (homes[1], False), (homes[0], True), (homes[1], False)):
        if verify:
            delete(tmp_path, GONE)
        monkeypatch.setenv("HUGTWEETS_HOME", str(home))
        runs.append(run(config, "finetune", verify))
    assert [account.status for account in runs] == ["completed", "unchanged", "completed", "unchanged"]
    assert runs[3].counts["dropped"] == {"deleted": 1}
    assert [files_with(Home(place), GONE["text"]) for place in (*homes, tmp_path / "store")] == [[], [], []]
