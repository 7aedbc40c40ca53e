"""Tweets first, then the person: what a pool learns, what it is called, and what it must not be examined on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from flows.account import account
from flows.pretrain import pretrain
from hugtweets.cli.app import app
from hugtweets.config import CleanConfig, Config, TrainConfig
from hugtweets.errors import (
    BaseModelError,
    ConfigurationError,
    NotEnoughText,
    NothingKept,
    TrainingError,
    UnreadableSource,
)
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.jobs.pools import PoolOutcome, PoolRequest, request_pool
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.models.tokens import load_split
from hugtweets.pools.learned_posts import LEARNED, to_learned
from hugtweets.pools.pool import PoolPlan, find_pool, list_pools
from hugtweets.publishing.bundle import Wanted, write_bundle
from hugtweets.sources.corpora import read_corpus
from hugtweets.sources.files.source import FileSource
from hugtweets.steps.clean import CLEAN
from hugtweets.steps.finetune import base_model_of, find_model
from hugtweets.steps.predicting import predict
from hugtweets.steps.tokenise import unseen_posts
from hugtweets.storage.artifacts import Reference, create, exists
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store
from hugtweets.training.averaging import average
from hugtweets.training.trainer import finetune
from tests.fixtures.flows import outcome_of, request, rows, tiny_config, write_timeline
from tests.fixtures.tiny_models import SENTENCES, tiny_base_model
from tests.fixtures.tokens import write_tokens
from tests.fixtures.wandb_log import read_runs


@pytest.fixture
def config(tiny_folder: Path) -> Config:
    return tiny_config(
        pretrain={"base_model": str(tiny_folder), "lr": 0.01, "share": 1.0},
        train={"base_model": "pool:friends", "device": "cpu"},
        evaluate={"generated": 0},
    )


def store(home: Home, tmp_path: Path, handle: str, posts: Sequence[dict[str, Any]]) -> Path:
    """Have posts of an account in the home, as an earlier run left them."""
    path = write_timeline(tmp_path / f"{handle}.jsonl", posts)
    FileSource(path, handle).update(home.timeline(handle))
    return path


def pool(config: Config, *handles: str, hold_out: Sequence[str] = (), corpora: Sequence[Path] = ()) -> PoolOutcome:
    accounts = [AccountRequest(handle=handle, config=config) for handle in handles]
    return pretrain(request_pool("friends", accounts, hold_out, corpora, config))


def learn(handle: str, path: Path, config: Config, until: Any = None) -> AccountOutcome:
    return outcome_of(account(request(handle, path, config), until, return_state=True)).accounts[0]


@pytest.mark.usefixtures("prefect_server")
def test_a_pool_learns_training_posts_only_and_helps_who_is_outside(home: Home, tmp_path: Path, config: Config) -> None:
    for number, handle in enumerate(("alice", "bob", "carol")):
        store(home, tmp_path, handle, rows(60, since=60 * number))
    first = pool(config, "alice", "bob", "carol", hold_out=["carol"])
    learned = pq.read_table(Path(first.path) / LEARNED).to_pylist()
    wanted = [("alice", row["id"]) for row in rows(51)] + [("bob", row["id"]) for row in rows(51, since=60)]
    assert [(row["handle"], row["id"]) for row in learned] == wanted
    carol = first.transfers[0]
    assert (carol.handle, carol.held_out_posts) == ("carol", 6)
    assert carol.bits_per_byte < 0.9 * carol.base_bits_per_byte
    assert (first.status, pool(config, "bob", "alice").status) == ("completed", "unchanged")


@pytest.mark.usefixtures("prefect_server")
def test_an_account_is_learned_from_a_pool_and_stays_with_that_one(home: Home, tmp_path: Path, config: Config) -> None:
    path = store(home, tmp_path, "alice", rows(60))
    tracked = config.override({"tracking": {"mode": "offline"}})
    digest = Path(pool(tracked, "alice").path).name
    alice = learn("alice", path, tracked)
    assert (alice.status, alice.reason, alice.metrics["held_out_posts"]) == ("completed", None, 6)
    newer = Path(pool(config.override({"pretrain": {"share": 0.5}}), "alice").path).name
    assert newer == resolve_base_model("pool:friends", home).digest != digest
    assert base_model_of(find_model(home, "alice")[0], home).digest == digest
    used = {run.name: [artifact.name for artifact in run.used] for run in read_runs(home.wandb)}
    assert used["pretrain-friends"] == ["clean-alice"]
    # An account of that name may be forgotten: its runs are found by their tags.
    assert {run.name: run.tags for run in read_runs(home.wandb)}["pretrain-friends"] == ("pool:friends",)
    assert "pool-friends" in used["finetune-alice"]
    with pytest.raises(ConfigurationError, match="nobody else has pool:friends: export it without --adapter"):
        write_bundle(home, "alice", tmp_path / "shared", Wanted(adapter=True))
    # Twelve of these twenty-one were training posts when the pool was made.
    wider = learn("alice", path, config.override({"clean": {"held_out_share": 0.3}}), "tokenise")
    assert wider.reason == "12 held-out posts are not used: pool:friends has learned them"


def clean_posts(home: Home, held_out: Sequence[str]) -> Reference:
    """Clean posts of alice: one to train on, and these."""
    texts = ["This one is trained on.", *held_out]
    columns = {
        "id": [str(number) for number in range(len(texts))],
        "text": texts,
        "kept": [True] * len(texts),
        "split": pa.array(["train"] + ["test"] * len(held_out)).dictionary_encode(),
    }
    folder = home.root / "clean"
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / CLEAN)
    return Reference("clean", "alice", "0", str(folder))


def base_that_learned(home: Home, *posts: tuple[str | None, str, str]) -> BaseModel:
    """The folder of a pool that learned posts of (handle, id, text)."""
    folder = home.root / "pool"
    folder.mkdir(parents=True)
    columns = zip(*posts, strict=True)
    pq.write_table(
        to_learned(pa.table(dict(zip(("handle", "id", "text"), map(list, columns), strict=True)))), folder / LEARNED
    )
    return BaseModel("pool:friends", str(folder), "0")


@pytest.mark.parametrize(
    ("learned", "left"),
    [
        (("ALICE", "1", "As it was before an edit"), ["2"]),
        ((None, "77", "the garden needs RAIN"), ["2"]),
        (("bob", "1", "Something else altogether"), ["1", "2"]),
    ],
)
def test_a_learned_post_is_known_by_its_id_or_by_its_words(
    home: Home, learned: tuple[str | None, str, str], left: list[str]
) -> None:
    posts = clean_posts(home, ["The garden needs rain!", "Nobody has learned this."])
    assert unseen_posts(posts, base_that_learned(home, learned))["id"].to_pylist() == ["0", *left]


def test_an_account_whose_held_out_posts_are_all_learned_is_refused(home: Home) -> None:
    posts = clean_posts(home, ["The garden needs rain!"])
    with pytest.raises(BaseModelError, match="pool:friends has learned every test post of alice"):
        unseen_posts(posts, base_that_learned(home, ("alice", "1", "The garden needs rain!")))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_averaged_weights_lie_between_the_base_and_what_was_learned(home: Home, tmp_path: Path, method: str) -> None:
    base, options = tiny_base_model(home), TrainConfig.model_validate({"method": method, "lr": 0.01, "device": "cpu"})
    finetune(base, write_tokens(home, tmp_path / "tokens.parquet", SENTENCES * 3, 0), tmp_path / "trained", options)
    for name, share in (("all", 1.0), ("half", 0.5)):
        average(base, tmp_path / "trained", share, tmp_path / name, options)
    folders = (base.folder, tmp_path / "all", tmp_path / "half")
    start, learned, half = (load_file(folder / "model.safetensors") for folder in folders)
    # What writes tokens is trained apart from what reads them, and is stored with them only as long as it is the same.
    start.setdefault("lm_head.weight", start["model.embed_tokens.weight"])
    assert start.keys() - learned.keys() == ({"lm_head.weight"} if method == "full" else set())
    assert learned.keys() == half.keys()
    assert any(not torch.equal(start[name], learned[name]) for name in learned)
    for name, weights in half.items():
        torch.testing.assert_close(weights, (start[name] + learned[name]) / 2)
    assert resolve_base_model(str(tmp_path / "half"), home).digest


def test_a_pool_of_all_that_was_learned_predicts_as_the_adapter_does(home: Home, tmp_path: Path) -> None:
    base, options = tiny_base_model(home), TrainConfig(lr=0.01, device="cpu")
    tokens = write_tokens(home, tmp_path / "tokens.parquet", SENTENCES * 3, 0)
    finetune(base, tokens, tmp_path / "trained", options)
    documents = list(load_split(tokens, "train")["input_ids"])
    adapted = predict(base, tmp_path / "trained", documents, options).posts
    average(base, tmp_path / "trained", 1.0, tmp_path / "all", options)
    pooled = predict(resolve_base_model(str(tmp_path / "all"), home), None, documents, options).posts
    assert pooled == pytest.approx(adapted, rel=1e-4)
    assert predict(base, tmp_path / "trained", documents, options).posts == pytest.approx(adapted, rel=1e-6)


def test_corpus_files_are_cleaned_like_timelines(tmp_path: Path) -> None:
    posts = [post | {"author": "alice" if number else "bob"} for number, post in enumerate(rows(3))]
    posts.append(posts[0] | {"id": "1", "text": "RT @carol: this is not what bob wrote"})
    found = read_corpus(write_timeline(tmp_path / "some.jsonl", posts), CleanConfig()).to_pylist()
    assert sorted((row["handle"], row["id"]) for row in found) == [
        ("alice", "1000001"),
        ("alice", "1000002"),
        ("bob", "1000000"),
    ]
    (tmp_path / "plain.txt").write_text("The fog is back &amp; thick today.\n\nok\n", encoding="utf-8")
    plain = read_corpus(tmp_path / "plain.txt", CleanConfig()).to_pylist()
    assert plain == [{"handle": None, "id": "1", "text": "The fog is back & thick today."}]
    (tmp_path / "latin.txt").write_bytes("Brücke über den Fluss".encode("latin-1"))
    with pytest.raises(UnreadableSource, match=r"latin.txt is not UTF-8"):
        read_corpus(tmp_path / "latin.txt", CleanConfig())


def asked(config: Config, **parts: Any) -> PoolRequest:
    given: dict[str, Any] = {"name": "friends", "accounts": [], "hold_out": [], "corpora": [], "config": config} | parts
    return request_pool(**given)


def test_requests_that_make_no_sense_are_refused(config: Config) -> None:
    alice = AccountRequest(handle="alice", config=config)
    other = AccountRequest(handle="bob", config=config.override({"pretrain": {"share": 0.5}}))
    with pytest.raises(ConfigurationError, match=r"'\.\./up' cannot name a pool"):
        asked(config, name="../up", accounts=[alice])
    with pytest.raises(ConfigurationError, match="friends has nothing to learn"):
        asked(config, accounts=[alice], hold_out=["@Alice"])
    with pytest.raises(ConfigurationError, match=r"no corpus file nowhere.txt"):
        asked(config, corpora=[Path("nowhere.txt")])
    with pytest.raises(ConfigurationError, match="pretrain is one for all accounts of a pool: alice and bob disagree"):
        asked(config, accounts=[alice, other])
    with pytest.raises(ConfigurationError, match=r"pretrain.base_model=pool:friends has learned a pool already"):
        config.override({"pretrain": {"base_model": "pool:friends"}})


@pytest.mark.parametrize("spec", ["pool:", "pool:../up", "pool:friends@../../up", "pool:a/b", "pool:friends"])
def test_a_pool_that_is_not_there_is_named(home: Home, spec: str) -> None:
    with pytest.raises(BaseModelError, match=r"names no pool|there is no pool:friends in .*hugtweets pretrain friends"):
        resolve_base_model(spec, home)


@pytest.mark.usefixtures("prefect_server")
def test_a_rate_at_which_a_pool_learns_nothing_is_named_as_it_is_set(
    home: Home, tmp_path: Path, config: Config
) -> None:
    store(home, tmp_path, "alice", rows(60))
    with pytest.raises(TrainingError, match=r"the loss became .*: lower pretrain.lr"):
        pool(config.override({"pretrain": {"lr": 1e30}}), "alice")


@pytest.mark.usefixtures("prefect_server")
def test_nothing_is_learned_when_somebody_cannot_be_examined(home: Home, tmp_path: Path, config: Config) -> None:
    store(home, tmp_path, "alice", rows(60))
    with pytest.raises(NothingKept, match="no post of dave is stored"):
        pool(config, "alice", hold_out=["dave"])
    store(home, tmp_path, "dave", rows(1))
    with pytest.raises(NotEnoughText, match="dave has no test post"):
        pool(config, "alice", hold_out=["dave"])
    assert list_pools(home) == []


def test_a_machine_that_lacks_a_pool_gets_it_from_the_store(tmp_path: Path) -> None:
    shared = Store(f"file://{tmp_path}/store")
    here, there = Home(tmp_path / "here", shared), Home(tmp_path / "there", shared)

    def fill(folder: Path) -> dict[str, int]:
        (folder / "model.safetensors").write_bytes(b"weights")
        return {}

    made = create(here, PoolPlan("pretrain", 1, "friends"), fill)
    assert not exists(list_pools(there, "friends")[0])
    found = find_pool(there, "pool:friends")
    assert (found.digest, found.file("model.safetensors").read_bytes()) == (made.digest, b"weights")
    with pytest.raises(BaseModelError, match=r"no pool:others in .* or the store file://"):
        find_pool(there, "pool:others")


@pytest.mark.usefixtures("prefect_server")
def test_the_command_prints_what_the_pool_brings(home: Home, tmp_path: Path, tiny_folder: Path) -> None:
    store(home, tmp_path, "alice", rows(60))
    store(home, tmp_path, "carol", rows(60, since=60))
    (tmp_path / "more.txt").write_text("".join(f"{row['text']}\n" for row in rows(30, since=120)), encoding="utf-8")
    command = ["pretrain", "friends", "alice", "--hold-out", "carol", "--corpus", str(tmp_path / "more.txt")]
    options = [f"--set=pretrain.base_model={tiny_folder}", "--set=train.device=cpu", "--set=tracking.mode=disabled"]
    printed = CliRunner().invoke(app, [*command, *options])
    assert "completed: 81 posts of 1 accounts and 1 files" in printed.stdout
    assert "carol                6" in printed.stdout
    assert "--set train.base_model=pool:friends" in printed.stdout
    document = json.loads(CliRunner().invoke(app, [*command, *options, "--json"]).stdout)
    assert (document["status"], document["transfers"][0]["handle"]) == ("unchanged", "carol")
    twice = CliRunner().invoke(app, ["pretrain", "friends", "alice", "--accounts", "accounts.yaml"])
    assert isinstance(twice.exception, ConfigurationError)
