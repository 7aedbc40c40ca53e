"""What `hugtweets prune` removes, and what it never does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from hugtweets.cli.app import app
from hugtweets.config import StorageConfig
from hugtweets.errors import StoreUnavailable
from hugtweets.evaluation.promotion import note_trial, promote
from hugtweets.jobs.job import Job
from hugtweets.jobs.needed import Artifact, survey
from hugtweets.jobs.pruning import prune, remove_unless_used
from hugtweets.pools.pool import PoolPlan, list_pools
from hugtweets.steps.step import is_done
from hugtweets.storage.artifacts import Plan, Reference, all_artifacts, create, exists, is_shared, mark_used
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import Timeline, save, write_posts
from tests.fixtures.flows import START, request, tiny_config
from tests.fixtures.tracked import let_pass

STEPS = ("fetch", "clean", "tokenise", "finetune", "sample", "evaluate")
NOTHING_SET = StorageConfig()


def make(home: Home, step: str, handle: str, *inputs: Reference, **extra: str) -> Reference:
    """An artifact with one small file."""

    def fill(folder: Path) -> Mapping[str, int]:
        (folder / "content").write_text("x" * 1000)
        return {}

    return create(home, Plan(step, 1, handle, inputs, extra=extra), fill)


def night(
    home: Home, name: str, handle: str = "alice", start: Reference | None = None, **extra: str
) -> list[Reference]:
    """All that one night leaves of an account, each step made from the one before; the model may go on from another."""
    made = [make(home, "fetch", handle, timeline=name)]
    for step in STEPS[1:]:
        inputs = [made[-1], start] if step == "finetune" and start else [made[-1]]
        made.append(make(home, step, handle, *inputs, **(extra if step == "finetune" else {})))
    return made


def left(home: Home, *nights: Sequence[Reference]) -> list[list[str]]:
    """The steps of each night that are still there."""
    return [[made.step for made in each if exists(made)] for each in nights]


def test_what_nobody_needs_goes_and_raw_posts_stay(home: Home) -> None:
    save(home.timeline("alice"), Timeline((Post("1", START, "What alice had to say", source="x"),)))
    first, second, third = (night(home, name) for name in ("first", "second", "third"))
    promote(home, "alice", second[3].digest)
    let_pass(home, 2)
    assert prune(home, NOTHING_SET).total.artifacts == len(STEPS)
    # The current model, and the newest one, which was not promoted and must not be made again.
    assert left(home, first, second, third) == [[], list(STEPS), list(STEPS)]
    assert home.timeline("alice").exists()
    assert not prune(home, NOTHING_SET).total.artifacts


def test_as_many_models_are_kept_as_asked_for_and_trials_are_not_counted(home: Home) -> None:
    nights = [night(home, name) for name in ("first", "second")]
    tokens = make(home, "tokenise", "alice", options="trial")
    trial = Plan("finetune", 1, "alice", (tokens,))
    note_trial(home, trial.reference(home), "a sweep")
    create(home, trial, lambda folder: {})
    nights += [night(home, "third"), night(home, "fourth")]
    let_pass(home, 2)
    prune(home, StorageConfig(keep_models=3))
    assert left(home, *nights) == [[], list(STEPS), list(STEPS), list(STEPS)]
    assert not exists(trial.reference(home))


def test_what_was_used_within_the_days_is_kept(home: Home) -> None:
    first, second = night(home, "first"), night(home, "second")
    let_pass(home, 5)
    third = night(home, "third")
    let_pass(home, 5)
    assert not prune(home, StorageConfig(keep_days=11)).total.artifacts
    mark_used(second[5])
    prune(home, StorageConfig(keep_days=7))
    assert left(home, first, second, third) == [[], list(STEPS), list(STEPS)]


def test_what_a_run_finds_done_is_used_again(home: Home, tmp_path: Path) -> None:
    first, second = night(home, "first"), night(home, "second")
    let_pass(home, 2)
    job = Job(home, request("alice", tmp_path / "alice.jsonl", tiny_config()), "a run")
    assert is_done(job, Plan("fetch", 1, "alice", extra={"timeline": "first"}))
    prune(home, NOTHING_SET)
    assert left(home, first, second) == [["fetch"], list(STEPS)]


def test_nothing_goes_that_a_run_of_today_may_count_on(home: Home) -> None:
    nights = [night(home, name) for name in ("first", "second")]
    prune(home, NOTHING_SET)
    assert left(home, *nights) == [list(STEPS)] * 2


def test_what_a_kept_model_went_on_from_and_was_compared_with_stays(home: Home) -> None:
    first, second = night(home, "first"), night(home, "second")
    third = night(home, "third", start=second[3])
    make(home, "evaluate", "alice", third[3], previous=first[3].digest)
    let_pass(home, 2)
    prune(home, NOTHING_SET)
    assert left(home, first, second, third) == [[*STEPS[:4]], [*STEPS[:4]], [*STEPS[:5]]]


def test_posts_that_a_mix_learned_stay_with_it(home: Home) -> None:
    old = [make(home, "fetch", "alice", timeline="old")]
    old.append(make(home, "clean", "alice", *old))
    mixed = make(home, "clean", "alice+bob", **{"clean/alice": old[1].digest})
    make(home, "clean", "alice", timeline="new")
    let_pass(home, 2)
    prune(home, NOTHING_SET)
    assert left(home, old, [mixed]) == [["fetch", "clean"], ["clean"]]


def test_a_pool_stays_as_long_as_a_kept_model_stands_on_it(home: Home) -> None:
    plans = [PoolPlan("pretrain", 1, "friends", extra={"version": name}) for name in ("first", "second", "third")]
    pools = [create(home, plan, lambda folder: {}) for plan in plans]
    drawn = home.base_posts(pools[1].digest, "any")
    write_posts(drawn, pa.table({"text": ["drawn"]}))
    night(home, "first", base_model=pools[0].digest)
    let_pass(home, 2)
    assert set(prune(home, NOTHING_SET).accounts) == {"pool:friends"}
    assert (list_pools(home), drawn.exists()) == ([pools[0], pools[2]], False)


def test_an_account_is_left_alone_while_something_is_made_for_it(home: Home) -> None:
    for handle in ("alice", "bob"):
        night(home, "first", handle)
        night(home, "second", handle)
    let_pass(home, 2)
    making = (
        "import sys; from pathlib import Path; from hugtweets.storage.locks import locked;"
        "lock = locked(Path(sys.argv[1])); lock.__enter__(); print('locked', flush=True); sys.stdin.read()"
    )
    folder = home.artifacts / "finetune" / "alice" / "0123456789abcdef"
    command = [sys.executable, "-c", making, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"locked\n"
        pruned = prune(home, NOTHING_SET)
        process.kill()
    assert (set(pruned.accounts), pruned.in_making) == ({"bob"}, ["alice"])
    # The lock of a killed run means nothing.
    assert set(prune(home, NOTHING_SET).accounts) == {"alice"}


def test_what_a_run_begins_to_use_meanwhile_stays(home: Home) -> None:
    first = night(home, "first")
    night(home, "second")
    let_pass(home, 2)
    found = survey(home, NOTHING_SET, time.time()).unneeded
    mark_used(first[0])
    assert [remove_unless_used(home, artifact) for artifact in found] == [True] * 5 + [False]
    assert exists(first[0])


def test_the_last_made_goes_first(home: Home) -> None:
    night(home, "first")
    night(home, "second")
    let_pass(home, 2)
    steps = [artifact.reference.step for artifact in survey(home, NOTHING_SET, time.time()).unneeded]
    assert steps == [*reversed(STEPS)]


def test_a_dry_run_says_how_much_by_step_and_account_and_removes_nothing(home: Home) -> None:
    for handle in ("alice", "bob"):
        night(home, "first", handle)
    first = night(home, "second")
    night(home, "third")
    let_pass(home, 2)
    told = json.loads(CliRunner().invoke(app, ["prune", "--dry-run", "--json"]).stdout)
    assert (told["total"]["artifacts"], set(told["accounts"]), told["dry_run"]) == (12, {"alice"}, True)
    assert (told["steps"]["finetune"]["artifacts"], told["steps"]["finetune"]["bytes"] > 2000) == (2, True)
    shown = CliRunner().invoke(app, ["prune", "--dry-run"]).stdout
    assert "would remove 12 artifacts: 0.0 MB here" in shown
    assert left(home, first) == [list(STEPS)]


class Interrupted(Store):
    """A store that goes away when the first object of an artifact is removed."""

    def remove(self, keys: Sequence[str]) -> None:
        """Remove one, and fail."""
        super().remove(keys[:1])
        raise StoreUnavailable("the network is down")


def test_what_the_store_has_goes_too_and_an_interrupted_pruning_is_finished_by_the_next(tmp_path: Path) -> None:
    url = f"file://{tmp_path / 'store'}"
    home, elsewhere = Home(tmp_path / "home", Store(url)), Home(tmp_path / "elsewhere", Store(url))
    first, second = night(home, "first"), night(home, "second")
    let_pass(home, 2)
    with pytest.raises(StoreUnavailable):
        prune(Home(home.root, Interrupted(url)), NOTHING_SET)
    assert (tmp_path / "store" / home.key(first[5].file("content"))).exists()
    prune(home, NOTHING_SET)
    assert not any(home.store and home.store.sizes(home.key(made.folder)) for made in first)
    assert all(is_shared(home, made) for made in second)
    assert left(home, first, second) == [[], list(STEPS)]
    assert {made.digest for made in all_artifacts(elsewhere)} == {made.digest for made in second}


def test_what_only_the_store_has_counts_as_used_when_it_was_made(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path / 'store'}")
    night(Home(tmp_path / "home", store), "first")
    [found, *_] = all_artifacts(Home(tmp_path / "elsewhere", store))
    artifact = Artifact.of(found)
    assert artifact.used == pytest.approx(artifact.manifest.created.timestamp(), abs=0.01)
