"""Steps that keep less: parts computed twice, half the bits, and losses that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from safetensors.torch import load_file
from torch.overrides import TorchFunctionMode

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import DeviceChoice
from hugtweets.models.cache import CACHE, load_base, quantisation
from hugtweets.models.tokens import TextTokenizer
from hugtweets.storage.home import Home
from hugtweets.training.callbacks import EvaluationCallback, ValidationPosts
from hugtweets.training.chunked_loss import chunked_nats
from hugtweets.training.collators import PackedPosts
from hugtweets.training.lora import adapter_options
from hugtweets.training.trainer import TrainingResult, finetune, load_training_posts, make_trainer
from tests.fixtures.families import family_base_model
from tests.fixtures.tiny_models import SENTENCES, tiny_base_model
from tests.fixtures.tokens import write_tokens

IN_PIECES = ["gpt2", "gemma2", "gemma3-multimodal", "mamba", "lfm2", "opt"]
CONFIG = TrainConfig(lr=0.01, device="cpu", precision="float32")
FLOAT32 = DeviceChoice("cpu", "float32", None, 1, "")


def learn(home: Home, folder: Path, **options: Any) -> tuple[TrainingResult, dict[str, torch.Tensor]]:
    folder.mkdir()
    tokens = write_tokens(home, folder / "tokens.parquet", SENTENCES * 4, held_out=2)
    config = CONFIG.model_copy(update=options)
    result = finetune(tiny_base_model(home), tokens, folder / "weights", config)
    return result, load_file(next((folder / "weights").glob("*.safetensors")))


def losses(result: TrainingResult) -> list[float]:
    return [row["train/loss"] for row in result.history if "train/loss" in row]


@pytest.mark.parametrize(
    ("method", "precision", "tolerance"),
    [("lora", "float32", 1e-5), ("full", "float32", 1e-5), ("lora", "bfloat16", 0.01)],
)
def test_what_is_computed_twice_comes_to_the_same(
    home: Home, tmp_path: Path, method: str, precision: str, tolerance: float
) -> None:
    kept, weights = learn(home, tmp_path / "kept", method=method, precision=precision, save_memory="never")
    twice, others = learn(home, tmp_path / "twice", method=method, precision=precision, save_memory="always")
    assert "the loss in pieces, layers computed twice" in twice.choice and "twice" not in kept.choice
    assert losses(twice) == pytest.approx(losses(kept), abs=tolerance)
    assert all(torch.allclose(weights[name], others[name], atol=10 * tolerance) for name in weights)


@pytest.mark.parametrize("family", IN_PIECES)
def test_the_loss_in_pieces_and_its_gradients_are_those_of_the_whole_model(home: Home, family: str) -> None:
    base_model = family_base_model(home, family)
    model: Any = load_base(base_model, FLOAT32)
    embeddings = model.get_input_embeddings().weight.requires_grad_(True)
    ids = torch.tensor([[0, 5, 6, 7, 8, 9, 10, 0], [0, 11, 12, 13, 14, 15, 16, 0]])
    labels = torch.cat([torch.full((2, 1), -100), ids[:, 1:]], 1)
    labels[1, 5:] = -100
    whole = model(input_ids=ids, labels=labels, use_cache=False).loss * 11
    pieces = chunked_nats(model, {"input_ids": ids, "labels": labels}, most_logits=3 * 2 * 400)
    assert pieces.item() == pytest.approx(whole.item(), rel=1e-5)
    expected, found = (torch.autograd.grad(loss, [embeddings])[0] for loss in (whole, pieces))
    assert torch.allclose(found, expected, atol=1e-5 * float(expected.abs().max()))
    CACHE.clear()


def test_steps_in_float16_learn_what_those_in_float32_do(home: Home, tmp_path: Path) -> None:
    found = {name: in_format(home, tmp_path / name, name) for name in ("float16", "float32")}
    assert found["float16"] == pytest.approx(found["float32"], abs=0.05)
    assert found["float32"][-1] < found["float32"][0] - 0.5


def in_format(home: Home, folder: Path, dtype: str) -> list[float]:
    """The losses of a training of adapters on a base model in this number format, as on a GPU that has it."""
    folder.mkdir()
    base_model, choice = tiny_base_model(home), DeviceChoice("cpu", dtype, None, 1, "")
    ends = TextTokenizer.of(base_model).ends
    tokens = write_tokens(home, folder / "tokens.parquet", SENTENCES * 8, 0)
    torch.manual_seed(0)
    base: Any = load_base(base_model, choice)
    model = get_peft_model(base, adapter_options(base, CONFIG))
    callback = EvaluationCallback(model, ValidationPosts.of(tokens, ends), lambda: None, 1)
    posts = load_training_posts(tokens)
    with CACHE.attached(model):
        trainer = make_trainer(model, posts, PackedPosts(ends), callback, folder, choice, CONFIG, 0.01)
        assert (trainer.accelerator.scaler is not None) == (dtype == "float16")
        trainer.train()
    return [row["train/loss"] for row in callback.history]


class Waits(TorchFunctionMode):
    """Counts how often numbers are fetched from a device."""

    count = 0

    def __torch_function__(self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Whatever it is, do it."""
        self.count += function in (torch.Tensor.item, torch.Tensor.tolist)
        return function(*args, **(kwargs or {}))


def test_losses_are_fetched_for_several_steps_at_once(home: Home, tmp_path: Path) -> None:
    tokens = write_tokens(home, tmp_path / "tokens.parquet", SENTENCES * 12, held_out=0)
    with Waits() as waits:
        result = finetune(
            tiny_base_model(home), tokens, tmp_path / "weights", CONFIG.model_copy(update={"posts_per_step": 1})
        )
    assert len(losses(result)) == 48
    assert 1 <= waits.count < 24


@pytest.mark.parametrize(("bits", "loaded"), [("8bit", "load_in_8bit"), ("4bit", "load_in_4bit")])
def test_fewer_bits_are_asked_of_bitsandbytes(bits: Any, loaded: str) -> None:
    options = quantisation(DeviceChoice("cuda", "float16", None, 1, "", bits))
    assert getattr(options, loaded)
    assert bits == "8bit" or options.bnb_4bit_compute_dtype == torch.float16
