"""Posts in a voice between several accounts, without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from hugtweets.cli.app import app
from hugtweets.config import TrainConfig
from hugtweets.devices import choose_device
from hugtweets.errors import ConfigurationError, InvalidHandle, NothingKept
from hugtweets.home import Home
from hugtweets.loading import BLEND, load_base, load_blend, load_tuned
from hugtweets.steps.blend import parse_blend
from hugtweets.steps.finetune import WEIGHTS, base_model_of, find_model
from tests.learned import CONFIG, learn

QUIET = CONFIG.override({"evaluate": {"generated": 0}})


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("learned"))
    learn(home, "alice", config=QUIET)
    learn(home, "bob", number=80, config=QUIET.override({"train": {"seed": 1, "lora_rank": 8}}))
    return home


def weights(home: Home, handle: str) -> Path:
    return find_model(home, handle)[0].file(WEIGHTS)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=torch.arange(2, 20)[None], use_cache=False).logits
    return found


def test_a_blend_is_the_sum_of_the_adapters_whatever_their_ranks(learned: Home) -> None:
    choice = choose_device(TrainConfig(device="cpu"))
    base = base_model_of(find_model(learned, "alice")[0], learned)
    before = logits(load_base(base, choice))
    model, _ = load_blend(base, [(weights(learned, "alice"), 0.7), (weights(learned, "bob"), 0.3)], choice)
    layers = [module for module in model.modules() if hasattr(module, "get_delta_weight")]
    assert layers
    for layer in layers:
        parts = [layer.get_delta_weight(name) for name in ("0", "1")]
        torch.testing.assert_close(layer.get_delta_weight(BLEND), 0.7 * parts[0] + 0.3 * parts[1])
    blended = logits(model)
    assert not torch.allclose(blended, before)
    # A whole share of one is that one, and the base model is as it was.
    alone = logits(load_tuned(base, weights(learned, "alice"), choice)[0])
    whole, _ = load_blend(base, [(weights(learned, "alice"), 1.0), (weights(learned, "bob"), 1e-9)], choice)
    torch.testing.assert_close(logits(whole), alone, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits(load_base(base, choice)), before, rtol=0, atol=0)


def sample(home: Home, *arguments: str) -> Any:
    result = CliRunner().invoke(app, ["sample", *arguments, "--home", str(home.root)])
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


def test_posts_of_a_blend_are_drawn_and_marked_as_its_own(learned: Home) -> None:
    arguments = ("--blend", "Alice=0.7,bob=0.3", "--prompt", "the", "-n", "2", "--set", "sample.max_characters=40")
    printed = json.loads(sample(learned, *arguments, "--json").stdout)
    assert (printed["handle"], printed["model"], len(printed["samples"])) == ("alice=0.7,bob=0.3", None, 2)
    assert "not written by alice=0.7,bob=0.3" in sample(learned, *arguments).stderr


@pytest.mark.parametrize("text", ["alice", "alice=1", "alice=0.5,bob=0.6", "alice=1.5,bob=-0.5", "alice=0.5,alice=0.5"])
def test_shares_that_are_none_are_refused(learned: Home, text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_blend(text, learned)


def test_a_blend_that_cannot_be_is_refused_with_a_sentence(learned: Home, home: Home) -> None:
    with pytest.raises(InvalidHandle):
        parse_blend("../x=0.5,bob=0.5", learned)
    with pytest.raises(ConfigurationError, match="name accounts, or a blend"):
        sample(learned)
    with pytest.raises(NothingKept, match="there is no model of carol"):
        sample(learned, "--blend", "alice=0.5,carol=0.5")
    learn(home, "alice", config=QUIET)
    learn(home, "bob", config=QUIET.override({"train": {"method": "full"}}))
    with pytest.raises(ConfigurationError, match="bob has no adapter"):
        sample(home, "--blend", "alice=0.5,bob=0.5")
