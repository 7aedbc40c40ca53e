"""Pools whose people are forgotten, or delete what was learned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from hugtweets.cli.app import app
from hugtweets.cli.doctor import check_pools
from hugtweets.cli.show import look
from hugtweets.errors import NothingKept
from hugtweets.generation.favourites import Favourites
from hugtweets.generation.posts import GeneratedPost
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.pools.learned_posts import LEARNED, to_learned
from hugtweets.pools.pool import PoolPlan, list_pools, spec_of
from hugtweets.steps.retraction import retract
from hugtweets.storage.artifacts import Plan, Reference, create, exists, references
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store
from hugtweets.timelines.posts import Post
from hugtweets.timelines.shared import SharedTimeline
from hugtweets.timelines.timeline import Timeline, load, save, write_posts
from tests.fixtures.flows import START


def make_pool(home: Home, *handles: str, name: str = "friends") -> Reference:
    """A pool that learned post 1 of each account, without weights."""

    def fill(folder: Path) -> Mapping[str, Any]:
        texts = [f"What {handle} had to say" for handle in handles]
        posts = {"handle": list(handles), "id": ["1"] * len(handles), "text": texts}
        write_posts(folder / LEARNED, to_learned(pa.table(posts)))
        return {}

    return create(home, PoolPlan("pretrain", 1, name, extra={f"clean/{handle}": "0" for handle in handles}), fill)


def make(home: Home, step: str, handle: str, *inputs: Reference, base: Reference | None = None) -> Reference:
    """An artifact without files."""
    extra = {"base_model": base.digest} if base else {}
    return create(home, Plan(step, 1, handle, inputs, extra=extra), lambda folder: {})


def keep(home: Home, handle: str, **timeline: Any) -> None:
    post = Post("1", START, f"What {handle} had to say", source="x")
    save(home.timeline(handle), Timeline((post,), **timeline))


def forget(*arguments: str, answer: str | None = None) -> Any:
    return CliRunner().invoke(app, ["forget", *arguments], input=answer)


def test_a_pool_goes_with_the_account_it_learned_and_takes_what_was_made_from_it(home: Home) -> None:
    for handle in ("alice", "bob", "carol"):
        keep(home, handle)
    pool, other = make_pool(home, "Alice", "bob"), make_pool(home, "carol", name="others")
    model = make(home, "finetune", "bob", base=pool)
    make(home, "sample", "bob", model)
    kept = [make(home, "clean", "bob"), make(home, "finetune", "bob", base=other)]
    drawn = [home.base_posts(base.digest, "any") for base in (pool, other)]
    for path in drawn:
        write_posts(path, pa.table({"text": ["drawn"]}))
    for digest in (model.digest, pool.digest, kept[1].digest):
        Favourites(home).add(GeneratedPost.of("bob", "The fog.", "The", digest, 1.0, 0.95))
    assert look(home, "alice").pools == [spec_of(pool)]
    refused = forget("alice", answer="n")
    assert f"and {spec_of(pool)} with the models of bob that were made from it for ever?" in refused.stderr
    assert exists(pool)
    assert json.loads(forget("alice", "--json").stdout)["pools"] == [spec_of(pool)]
    assert list_pools(home) == [other]
    assert sorted(found.digest for found in references(home, "bob")) == sorted(found.digest for found in kept)
    assert [path.exists() for path in drawn] == [False, True]
    assert [post.model for post in Favourites(home).all()] == [kept[1].digest]


def test_a_pool_can_be_deleted_by_its_name(home: Home, tmp_path: Path) -> None:
    shared = replace(home, store=Store(f"file://{tmp_path}/store"))
    older, newer = make_pool(shared, "alice"), make_pool(shared, "alice", "bob")
    assert forget(spec_of(older), "--yes").exit_code == 0
    assert list_pools(home) == [newer]
    missing = forget("pool:../../etc", "--yes")
    assert isinstance(missing.exception, NothingKept)


def test_forgetting_reaches_the_pools_of_the_store(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUGTWEETS_STORE", f"file://{tmp_path}/store")
    elsewhere = Home(tmp_path / "elsewhere", Store.from_environment())
    pool = make_pool(elsewhere, "alice")
    keep(elsewhere, "bob")
    SharedTimeline(elsewhere, "bob").push()
    make(elsewhere, "finetune", "bob", base=pool)
    done = forget("alice", "--yes")
    assert f"deleted with it: {spec_of(pool)} with the models of bob that were made from it" in done.stdout
    assert list_pools(Home.from_environment()) == []
    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == ["bob.parquet"]


def test_deleted_posts_that_a_pool_has_learned_are_told_of(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    keep(home, "alice")
    pool = make_pool(home, "alice")
    assert check_pools(home).verdict == "ok"
    gone = load(home.timeline("alice")).verified(["1"], {"1"}, START)
    save(home.timeline("alice"), gone)
    retract(Job(home, AccountRequest(handle="alice"), "run"))
    told = f"alice: {spec_of(pool)} has learned 1 of the posts that are deleted now"
    assert told in caplog.text
    finding = check_pools(home)
    assert (finding.verdict, finding.detail) == ("optional", f"{spec_of(pool)} learned deleted posts of alice")
    assert finding.advice.endswith(f"hugtweets forget {spec_of(pool)}")
