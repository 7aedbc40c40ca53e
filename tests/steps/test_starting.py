"""Training that goes on from the account's previous model: what it starts from, what it sees, when it may not."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from hugtweets.config import Config
from hugtweets.evaluation.promotion import promote
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import load_ids
from hugtweets.steps.clean import clean
from hugtweets.steps.fetch import fetch
from hugtweets.steps.finetune import Start, finetune, plan_finetune
from hugtweets.steps.starting import find_start
from hugtweets.steps.step import is_done
from hugtweets.steps.tokenise import TOKENS, tokenise
from hugtweets.storage.artifacts import MANIFEST, Reference, input_of
from hugtweets.storage.home import Home
from tests.fixtures.flows import rows, tiny_config, write_timeline
from tests.fixtures.tiny_models import tiny_base_model

PREVIOUS = tiny_config(train={"lr": 0.01, "posts_per_step": 16}, refresh={"start": "previous"})


@dataclass(frozen=True)
class Night:
    """What one night made."""

    job: Job
    tokens: Reference
    start: Start
    model: Reference
    cached: bool

    @property
    def counts(self) -> dict[str, Any]:
        """What the manifest says of the model."""
        return self.model.manifest().counts

    @property
    def weights(self) -> str:
        """Identifies the bytes of the model."""
        return hashlib.sha256(self.model.file("weights/adapter_model.safetensors").read_bytes()).hexdigest()


def job_of(home: Home, posts: list[dict[str, Any]], config: Config = PREVIOUS, base: BaseModel | None = None) -> Job:
    """Alice, whose timeline holds these posts and what was stored before."""
    path = write_timeline(home.root / "alice.jsonl", posts)
    options = config.override({"train": {"base_model": (base or tiny_base_model(home)).path}})
    return Job(home, AccountRequest(handle="alice", source=f"file:{path}", config=options), "night")


def tokens_of(home: Home, posts: list[dict[str, Any]]) -> Reference:
    """Her posts as a model would learn them."""
    job = job_of(home, posts)
    return tokenise(job, clean(job, fetch(job).reference))


def night(home: Home, posts: list[dict[str, Any]], config: Config = PREVIOUS, base: BaseModel | None = None) -> Night:
    """The steps up to a model."""
    job = job_of(home, posts, config, base)
    cleaned = clean(job, fetch(job).reference)
    tokens = tokenise(job, cleaned)
    start = find_start(job, tokens, cleaned)
    cached = is_done(job, plan_finetune(job, tokens, start))
    return Night(job, tokens, start, finetune(job, tokens, start), cached)


@pytest.fixture(scope="module")
def sixty(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home after a first night over sixty posts."""
    home = Home(tmp_path_factory.mktemp("sixty"))
    night(home, rows(60))
    return home


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same without the oldest ten."""
    home = Home(tmp_path_factory.mktemp("fifty"))
    night(home, rows(60)[10:])
    return home


@pytest.fixture
def first(home: Home, sixty: Home) -> Night:
    """What the first night over sixty posts made, which is in the home."""
    shutil.copytree(sixty.root, home.root)
    return night(home, rows(60))


def forget_posts(home: Home) -> None:
    """As if the posts that are gone from the source had never been stored."""
    home.timeline("alice").unlink()


def test_a_model_goes_on_with_what_is_new_and_a_replay(home: Home, first: Night) -> None:
    second = night(home, rows(80))
    assert (first.start.model, second.start.model) == (None, first.model)
    assert second.model.manifest().inputs["finetune"] == first.model.digest
    new = set(load_ids(second.tokens.file(TOKENS), "train")) - set(load_ids(first.tokens.file(TOKENS), "train"))
    assert (second.counts["new_posts"], second.counts["replayed_posts"]) == (len(new), 2 * len(new)) == (17, 34)
    assert second.counts["bits_per_byte"] < second.counts["start_bits_per_byte"]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_training_goes_on_from_the_weights_of_the_previous_model(home: Home, method: str) -> None:
    config = PREVIOUS.override({"train": {"method": method, "lr": 1e-9}})
    first = night(home, rows(60), PREVIOUS.override({"train": {"method": method}}))
    # The same held-out posts, nearly: ten older ones let one more post be held out.
    second = night(home, rows(61), config)
    assert second.start.model == first.model
    assert second.counts["start_bits_per_byte"] == pytest.approx(first.counts["bits_per_byte"], rel=0.05)
    assert second.counts["bits_per_byte"] == pytest.approx(second.counts["start_bits_per_byte"], rel=1e-4)
    assert second.counts["trained_parameters"] == first.counts["trained_parameters"]


def test_without_replay_only_new_posts_are_trained_on(home: Home, first: Night) -> None:
    second = night(home, rows(80), PREVIOUS.override({"refresh": {"replay": 0}}))
    assert (second.counts["new_posts"], second.counts["replayed_posts"]) == (17, 0)


def test_each_night_replays_other_posts(home: Home) -> None:
    from hugtweets.training.continual import continue_training

    now = tokens_of(home, rows(80)).file(TOKENS)
    then = tokens_of(Home(home.root / "other"), rows(60)).file(TOKENS)
    chosen = [continue_training(home.root, then, now, 1.0, seed).replayed for seed in ("a", "a", "b")]
    assert chosen[0] == chosen[1] != chosen[2]
    assert set(chosen[0]) <= set(load_ids(then, "train"))


def test_nothing_new_is_nothing_to_do_though_there_is_a_newer_model(home: Home, first: Night) -> None:
    second = night(home, rows(80))
    third = night(home, rows(80))
    assert (third.model, third.cached) == (second.model, True)


def test_a_model_stays_when_what_it_started_from_is_gone(home: Home, first: Night) -> None:
    second = night(home, rows(80))
    shutil.rmtree(first.model.folder)
    assert night(home, rows(80)).model == second.model


def test_a_model_made_from_the_base_is_not_made_again_when_the_option_changes(home: Home, first: Night) -> None:
    anew = night(home, rows(80), tiny_config(train={"lr": 0.01, "posts_per_step": 16}))
    assert anew.start == Start(None, "as refresh.start says")
    assert night(home, rows(80)).model == anew.model


def test_a_model_that_did_not_become_current_is_not_gone_on_from(home: Home, first: Night) -> None:
    second = night(home, rows(70))
    promote(home, "alice", first.model.digest)
    third = night(home, rows(80))
    assert (second.start.model, third.start.model) == (first.model, first.model)
    assert third.counts["new_posts"] == 17


def test_every_nth_training_starts_from_the_base_all_the_same(home: Home) -> None:
    config = PREVIOUS.override({"refresh": {"fresh_every": 2}})
    nights = [night(home, rows(number), config) for number in (60, 65, 70, 75)]
    assert [made.start.model for made in nights] == [None, nights[0].model, None, nights[2].model]
    assert nights[2].counts["start_reason"] == (
        "since the last 2 trainings went on from each other (refresh.fresh_every)"
    )


def test_an_interrupted_chain_comes_to_the_same_models(home: Home, tmp_path: Path) -> None:
    whole = [night(home, rows(number)) for number in (60, 70, 80)]
    other = Home(tmp_path / "other")
    for number in (60, 70, 80):
        # All that a kill in the middle of training leaves is a model that is not there.
        shutil.rmtree(night(other, rows(number)).model.folder)
        last = night(other, rows(number))
    assert (last.model.digest, last.weights) == (whole[-1].model.digest, whole[-1].weights)


@pytest.mark.parametrize("seed", range(2))
def test_no_model_ever_learned_what_is_held_out_for_it(home: Home, seed: int) -> None:
    """Posts arrive late, or are deleted, or the share that is held out changes: whatever happens between the nights."""
    source = random.Random(seed)
    stored, waiting = rows(150)[30:90], [*rows(30), *rows(150)[90:]]
    for _ in range(6):
        arrived = source.sample(waiting, source.choice([0, 3, 12])) if source.random() < 0.6 else waiting[30:40]
        waiting = [post for post in waiting if post not in arrived]
        gone = source.sample(stored, source.choice([0, 0, 1]))
        stored = sorted([post for post in [*stored, *arrived] if post not in gone], key=lambda post: str(post["id"]))
        share = source.choice([0.1, 0.1, 0.15])
        tonight = night(home, stored, PREVIOUS.override({"clean": {"held_out_share": share}}))
        held_out = [load_ids(tonight.tokens.file(TOKENS), split) for split in ("validation", "test")]
        assert all(held_out)
        assert learned_by(home, tonight.model).isdisjoint(chain(*held_out))
        assert not learned_by(home, tonight.model) & {str(post["id"]) for post in gone}
        forget_posts(home)


def learned_by(home: Home, model: Reference | None) -> set[str]:
    """Every post that a model or one before it was trained on."""
    if model is None:
        return set()
    tokens = input_of(home, model, "tokenise")
    assert tokens is not None
    earlier = model.manifest().inputs.get("finetune")
    before = Reference("finetune", "alice", earlier, str(model.folder.parent / earlier)) if earlier else None
    return set(load_ids(tokens.file(TOKENS), "train")) | learned_by(home, before)


ReasonAfter = Callable[..., str]


@pytest.fixture
def reason_after(home: Home, fifty: Home) -> ReasonAfter:
    """Tells why the training after a first night of fifty posts starts from the base model."""
    shutil.copytree(fifty.root, home.root)
    forget_posts(home)
    return partial(reason_of_fresh_start, home)


def reason_of_fresh_start(home: Home, posts: list[dict[str, Any]], config: Config = PREVIOUS) -> str:
    second = night(home, posts, config)
    assert second.start.model is None
    assert second.counts["start"] == "base model"
    return str(second.counts["start_reason"])


def test_the_first_model_starts_from_the_base(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hugtweets")
    first = night(home, rows(60))
    assert first.counts["start_reason"] == "since the account has no current model"
    assert "alice: training starts from the base model, since the account has no current model" in caplog.messages


def test_late_posts_that_move_the_held_out_ones_back_start_anew(reason_after: ReasonAfter) -> None:
    assert reason_after(rows(60)) == "since 2 of the posts that its current model learned are held out or gone now"


def test_a_deleted_post_does_not_stay_learned(reason_after: ReasonAfter) -> None:
    posts = [post for post in rows(80)[10:] if post["id"] != "1000020"]
    assert reason_after(posts).startswith("since 1 of the posts that its current model learned")


def test_another_method_starts_anew(reason_after: ReasonAfter) -> None:
    full = PREVIOUS.override({"train": {"method": "full"}})
    assert reason_after(rows(80)[10:], full) == "since its current model was trained with train.method=lora"


def test_another_rank_starts_anew(reason_after: ReasonAfter) -> None:
    wider = PREVIOUS.override({"train": {"lora_rank": 4}})
    assert reason_after(rows(80)[10:], wider) == "since its current model was trained with train.lora_rank=None"


def test_other_rules_of_cleaning_start_anew(reason_after: ReasonAfter) -> None:
    other = PREVIOUS.override({"clean": {"min_words": 2}})
    assert "other rules" in reason_after(rows(80)[10:], other)


def test_another_base_model_starts_anew(home: Home, first: Night) -> None:
    second = night(home, rows(80), base=tiny_base_model(home, "gpt2"))
    assert second.counts["start_reason"] == "since its current model was made from another base model"


def test_a_model_whose_posts_opened_otherwise_is_not_gone_on_from(home: Home) -> None:
    base = tiny_base_model(home)
    tokenizer = Tokenizer.from_file(str(base.folder / "tokenizer.json"))
    tokenizer.post_processor = TemplateProcessing(single="<|im_end|> $A", special_tokens=[("<|im_end|>", 1)])
    tokenizer.save(str(base.folder / "tokenizer.json"))
    first = night(home, rows(60))
    manifest = json.loads(first.model.file(MANIFEST).read_text())
    # As earlier versions wrote it, which opened every post with the token that ends it.
    del manifest["inputs"]["start_of_text"]
    first.model.file(MANIFEST).write_text(json.dumps(manifest))
    assert night(home, rows(80)).counts["start_reason"] == "since its current model opens posts otherwise"


def test_posts_that_are_new_and_all_held_out_start_anew(home: Home) -> None:
    """Sixty posts hold out six, and sixty-five still do."""
    night(home, rows(64))
    changed = rows(64)
    changed[-1]["text"] += " again"
    forget_posts(home)
    second = night(home, changed)
    assert second.counts["start_reason"] == "since its current model has learned all of these posts before"


def test_a_model_whose_posts_are_gone_is_not_gone_on_from(home: Home, first: Night) -> None:
    shutil.rmtree(first.tokens.folder)
    assert night(home, rows(80)).counts["start_reason"] == "since the posts that its current model learned are gone"


def test_older_posts_beyond_train_max_posts_are_nothing_new(home: Home) -> None:
    newest = PREVIOUS.override({"train": {"max_posts": 20}})
    night(home, rows(64)[1:], newest)
    second = night(home, rows(64), newest)
    assert second.tokens.manifest().counts["train"] == 17
    assert second.counts["start_reason"] == "since its current model has learned all of these posts before"
