"""Several accounts in one batch: the same as one after the other."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hugtweets.config import TrainConfig
from hugtweets.devices.gathering import Group
from hugtweets.devices.progress import Progress, listening
from hugtweets.devices.selection import _choice, choose_device
from hugtweets.errors import ConfigurationError, TrainingError
from hugtweets.models.cache import load_base
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.models.stacked import StackedAdapters
from hugtweets.storage.home import Home
from hugtweets.training.adapter_task import PLACES, AdapterTask
from hugtweets.training.collators import PackedPosts
from hugtweets.training.continual import Continuation
from hugtweets.training.lora import adapter_options
from hugtweets.training.multi_adapter import finetune_together
from hugtweets.training.shared_rows import SharedRows
from hugtweets.training.trainer import TrainingResult, finetune
from tests.fixtures.tiny_models import SENTENCES, save_tiny_model, tiny_base_model
from tests.fixtures.tokens import write_tokens

CONFIG = TrainConfig(epochs=2, lr=0.003, posts_per_step=4, lora_rank=4, device="cpu")


@pytest.fixture
def tasks(home: Home, tmp_path: Path) -> list[AdapterTask]:
    """Three accounts of different size, with different options; the first stops early."""
    texts = [["a b c d e f"] * 12 + ["quiet zebras, Ω 7%"], SENTENCES * 5, [text * 3 for text in SENTENCES[:3]] * 2]
    options: list[dict[str, object]] = [
        {"epochs": 4, "lr": 0.05, "schedule": "constant"},
        {"seed": 7, "gradient_accumulation_steps": 2},
        {"schedule": "cosine", "posts_per_step": 1},
    ]
    return [
        AdapterTask(
            str(number),
            write_tokens(home, tmp_path / f"{number}.parquet", posts, 1),
            tmp_path / f"{number}",
            CONFIG.model_copy(update=options[number]),
        )
        for number, posts in enumerate(texts)
    ]


def learn(base_model: BaseModel, tasks: Sequence[AdapterTask]) -> list[TrainingResult]:
    """What each comes to; the first error that one of them ends in is raised."""
    accounts = Group[AdapterTask, TrainingResult](tasks)
    finetune_together(base_model, accounts)
    return [member.outcome.result(0) for member in accounts.members]


def test_a_batch_learns_what_each_account_learns_alone(home: Home, tmp_path: Path, tasks: list[AdapterTask]) -> None:
    base_model = tiny_base_model(home)
    together = learn(base_model, tasks)
    for number, (task, mixed) in enumerate(zip(tasks, together, strict=True)):
        alone = finetune(base_model, task.tokens, tmp_path / f"alone-{number}", task.config)
        assert mixed.best_epoch == alone.best_epoch
        assert mixed.stopped_early == alone.stopped_early
        assert mixed.trained_parameters == alone.trained_parameters
        assert [set(row) for row in mixed.history] == [set(row) for row in alone.history]
        for ours, theirs in zip(mixed.history, alone.history, strict=True):
            same = {name: value for name, value in theirs.items() if name != "train/seconds"}
            # In bfloat16, where it is there, one rounding more or less grows at so high a rate; see below for float32.
            assert {name: ours[name] for name in same} == pytest.approx(same, rel=0.1)
    assert [result.stopped_early for result in together] == [True, False, False]


def test_in_float32_weights_and_losses_are_those_of_separate_training(
    home: Home, tmp_path: Path, tasks: list[AdapterTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a processor without instructions for bfloat16, whose rounding would hide what differs.
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    _choice.cache_clear()
    base_model = tiny_base_model(home)
    for task, together in zip(tasks, learn(base_model, tasks), strict=True):
        alone = finetune(base_model, task.tokens, tmp_path / "alone", task.config)
        losses = [[row["train/loss"] for row in each.history if "train/loss" in row] for each in (together, alone)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-3)
        ours, theirs = (load_file(folder / "adapter_model.safetensors") for folder in (task.output, tmp_path / "alone"))
        for name, weights in theirs.items():
            torch.testing.assert_close(ours[name], weights, rtol=1e-2, atol=1e-4)
    _choice.cache_clear()


def test_more_accounts_than_places_take_each_others(
    home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    posts = [SENTENCES * (1 + number % 3) for number in range(PLACES["cpu"] + 3)]
    tasks = [
        AdapterTask(
            str(number), write_tokens(home, tmp_path / f"{number}.parquet", texts, 1), tmp_path / f"{number}", CONFIG
        )
        for number, texts in enumerate(posts)
    ]
    with caplog.at_level(logging.INFO):
        results = learn(tiny_base_model(home), tasks)
    assert [line for line in caplog.messages if line.endswith("8 accounts at once, as many as bring anything.")]
    last = finetune(tiny_base_model(home), tasks[-1].tokens, tmp_path / "alone", CONFIG)
    assert results[-1].bits_per_byte == pytest.approx(last.bits_per_byte, rel=0.01)
    assert all((task.output / "adapter_model.safetensors").is_file() for task in tasks)


def test_the_base_model_stays_exactly_as_it_was(home: Home, tasks: list[AdapterTask]) -> None:
    base_model, choice = tiny_base_model(home), choose_device(CONFIG)
    before = {name: weights.clone() for name, weights in load_base(base_model, choice).state_dict().items()}
    learn(base_model, tasks)
    after = load_base(base_model, choice).state_dict()
    assert after.keys() == before.keys() and all(torch.equal(after[name], before[name]) for name in before)


def test_a_batch_writes_what_a_training_writes(home: Home, tmp_path: Path, tasks: list[AdapterTask]) -> None:
    task = tasks[1]
    learn(tiny_base_model(home), [replace(tasks[0], config=CONFIG.model_copy(update={"epochs": 1})), task])
    finetune(tiny_base_model(home), task.tokens, tmp_path / "alone", task.config)
    mixed, alone = (load_file(folder / "adapter_model.safetensors") for folder in (task.output, tmp_path / "alone"))
    assert {name: tensor.shape for name, tensor in mixed.items()} == {n: t.shape for n, t in alone.items()}
    options = [json.loads((f / "adapter_config.json").read_text()) for f in (task.output, tmp_path / "alone")]
    assert options[0] == options[1]


def test_rows_for_a_gpu_have_the_losses_and_gradients_of_one_row_for_all(home: Home) -> None:
    base = load_base(tiny_base_model(home), choose_device(CONFIG))
    adapters, collate = StackedAdapters(base, adapter_options(base, CONFIG), 2), PackedPosts((0, 1))
    factors = [*adapters.begin(0, seed=1), *adapters.begin(1, seed=2)]
    for factor in factors:
        torch.nn.init.normal_(factor, std=0.1)
    posts = [[{"input_ids": [7, 8, 9]}, {"input_ids": [9, place]}, {"input_ids": [6] * place}] for place in (2, 3, 4)]
    packs = [(number % 2, collate(documents)) for number, documents in enumerate(posts)]
    found = []
    for side_by_side in (True, False):
        losses = torch.zeros(3)
        for batch, nats in SharedRows(base, adapters, nullcontext, 32, side_by_side).nats(packs):
            losses[batch] = nats.detach()
            nats.sum().backward()  # type: ignore[no-untyped-call]
        found.append([losses, *(factor.grad.clone() for factor in factors if factor.grad is not None)])
        torch.optim.SGD(factors).zero_grad(set_to_none=False)
    adapters.detach()
    assert len(found[0]) == 1 + len(factors)
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-4)


def test_an_account_whose_loss_is_no_number_harms_no_other(home: Home, tasks: list[AdapterTask]) -> None:
    wild = replace(tasks[0], config=CONFIG.model_copy(update={"lr": 1e30, "schedule": "constant"}))
    accounts = Group[AdapterTask, TrainingResult]([wild, *tasks[1:]])
    finetune_together(tiny_base_model(home), accounts)
    failed, *others = (member.outcome for member in accounts.members)
    assert isinstance(failed.exception(), TrainingError)
    [alone, *_] = learn(tiny_base_model(home), tasks[1:])
    assert others[0].result().bits_per_byte == pytest.approx(alone.bits_per_byte, rel=1e-3)


def test_who_comes_later_is_trained_as_well(home: Home, tasks: list[AdapterTask]) -> None:
    accounts = Group[AdapterTask, TrainingResult](tasks[1:2], is_open=True)

    def join_at_the_end(progress: Progress) -> None:
        if progress.done == progress.total and len(accounts.members) == 1:
            accounts.join(tasks[2])

    with listening(join_at_the_end):
        finetune_together(tiny_base_model(home), accounts)
    assert [member.item.output for member in accounts.members] == [task.output for task in tasks[1:]]
    assert all((task.output / "adapter_model.safetensors").is_file() for task in tasks[1:])


def test_an_account_goes_on_from_its_earlier_adapter_as_alone(
    home: Home, tmp_path: Path, tasks: list[AdapterTask]
) -> None:
    base_model, task = tiny_base_model(home), tasks[1]
    finetune(base_model, task.tokens, tmp_path / "earlier", task.config)
    earlier = Continuation(tmp_path / "earlier", new=("3", "4"), replayed=("5", "6", "7"))
    alone = finetune(base_model, task.tokens, tmp_path / "alone", task.config, earlier=earlier)
    _, together = learn(base_model, [tasks[0], replace(task, earlier=earlier)])
    assert together.start_bits_per_byte == pytest.approx(alone.start_bits_per_byte, rel=1e-4)
    assert together.bits_per_byte == pytest.approx(alone.bits_per_byte, rel=0.01)


def test_a_base_model_with_dropout_is_shared_by_nobody(home: Home, tasks: list[AdapterTask]) -> None:
    with pytest.raises(ConfigurationError, match="dropout"):
        learn(tiny_base_model(home, "gpt2"), tasks)


def test_an_account_without_posts_is_refused(home: Home, tmp_path: Path, tasks: list[AdapterTask]) -> None:
    tokens = write_tokens(home, tmp_path / "empty.parquet", SENTENCES, len(SENTENCES))
    with pytest.raises(TrainingError, match="no training post"):
        learn(tiny_base_model(home), [replace(tasks[0], tokens=tokens), tasks[1]])


def test_dropout_that_is_no_module_of_its_own_is_found(home: Home, tasks: list[AdapterTask]) -> None:
    folder = save_tiny_model(home.root / "dropping")
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"attention_dropout": 0.1}))
    with pytest.raises(ConfigurationError, match="has dropout"):
        learn(resolve_base_model(str(folder), home), tasks)
