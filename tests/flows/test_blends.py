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
from hugtweets.devices.selection import choose_device
from hugtweets.errors import ConfigurationError, InvalidHandle, NothingKept
from hugtweets.models.cache import BLEND, load_base, load_blend, load_tuned
from hugtweets.play.registry import playable_accounts
from hugtweets.steps.blend import parse_blend
from hugtweets.steps.finetune import WEIGHTS, base_model_of, find_model
from hugtweets.storage.handles import kind_of, members_of, name_blend, run_command, shares_of, validate_name
from hugtweets.storage.home import Home
from hugtweets.tracking import remove_summaries
from tests.fixtures.learned import CONFIG, learn
from tests.fixtures.wandb_log import read_runs

QUIET = CONFIG.override({"train": {"posts_per_step": 16}, "evaluate": {"generated": 0}})


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
        parts = [layer.get_delta_weight(name) for name in ("adapter_0", "adapter_1")]
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


def test_a_blend_has_one_name_and_is_no_handle() -> None:
    assert name_blend({"bob": 30, "@Alice": 70}) == validate_name("bob-30+Alice-70") == "Alice-70+bob-30"
    assert (shares_of("a-1+b-99"), members_of("a-1+b-99")) == ({"a": 1, "b": 99}, ["a", "b"])
    assert [kind_of(name) for name in ("a", "a+b", "a-1+b-99")] == ["account", "mix", "blend"]
    assert run_command("a-1+b-99") == "hugtweets sample --blend a=0.01,b=0.99 --keep"
    for wrong in ("a-70+b-40", "a-100+b-0", "a-50+a-50", "a-70+b", "a-070+b-30", "../x-50+b-50", "a-70", "a-b-70+c-30"):
        with pytest.raises(InvalidHandle):
            validate_name(wrong)


def keep(home: Home, shares: str) -> dict[str, Any]:
    """What `sample --blend SHARES --keep --json` printed of the blend."""
    options = ["sample.prompts=[the]", "sample.max_characters=60", "evaluate.generated=10", "tracking.mode=offline"]
    assignments = [f"--set={option}" for option in options]
    printed = sample(home, "--blend", shares, "--keep", "-n", "2", "--json", *assignments).stdout
    account: dict[str, Any] = json.loads(printed)["accounts"][0]
    return account


def test_a_blend_is_kept_judged_and_forgotten(home: Home, prefect_server: str) -> None:
    learn(home, "alice", config=QUIET)
    learn(home, "bob", number=80, config=QUIET.override({"train": {"seed": 1, "lora_rank": 8}}))
    kept = keep(home, "Bob=0.3,alice=0.7")
    assert (kept["handle"], kept["status"], len(kept["samples"])) == ("alice-70+bob-30", "completed", 2)
    assert set(kept["steps"]) == {"clean", "tokenise", "finetune", "sample", "evaluate", "report"}
    # It predicts the held-out posts of each, which the model of neither was trained on, and better than the base does.
    metrics = kept["metrics"]
    held_out = [metrics[f"held_out_posts/{member}"] for member in ("alice", "bob")]
    assert sum(held_out) == metrics["held_out_posts"] and min(held_out) > 0
    assert metrics["bits_per_byte"] < metrics["base_bits_per_byte"]
    assert kept["promotion"]["promoted"]

    # Its weights are the sum, as an adapter like any other.
    choice = choose_device(TrainConfig(device="cpu"))
    model, _ = find_model(home, home.spelling("bob-30+Alice-70"))
    base = base_model_of(model, home)
    parts = [(weights(home, "alice"), 0.7), (weights(home, "bob"), 0.3)]
    expected = logits(load_blend(base, parts, choice)[0])
    torch.testing.assert_close(logits(load_tuned(base, model.file(WEIGHTS), choice)[0]), expected, rtol=1e-5, atol=1e-5)
    assert model.manifest().inputs["finetune/bob"] == find_model(home, "bob")[0].digest

    # The same again does nothing; it is drawn from, shown, played with, exported and has a page like any other.
    assert keep(home, "alice=0.7,bob=0.3")["status"] == "unchanged"
    assert json.loads(sample(home, "alice-70+bob-30", "--json").stdout)["model"] == model.digest
    assert [account.handle for account in playable_accounts(home)] == ["alice", "bob", "alice-70+bob-30"]
    page = (home.report / "accounts" / "alice-70+bob-30.html").read_text(encoding="utf-8")
    assert "70 % of alice and 30 % of bob added up" in page and "On those of bob: base" in page
    assert "1 blend" in (home.report / "index.html").read_text(encoding="utf-8")
    CliRunner().invoke(app, ["export", "alice-70+bob-30", "--to", str(home.root / "model")])
    card = (home.root / "model" / "README.md").read_text(encoding="utf-8")
    assert "in the voice of \\@alice and \\@bob on X" in card and "added up without training" in card
    assert "language:\n- en\n" in card
    assert "Trained on" not in card and "Best epoch" not in card

    # What W&B keeps of the run as a whole goes when a post of one of its accounts is deleted.
    (summary,) = [run for run in read_runs(home.wandb) if run.job_type == "summary"]
    assert {"alice", "bob"} < set(summary.tags)
    remove_summaries(home, "bob")
    assert not summary.folder.exists()

    # Another model of one of them makes another blend.
    learn(home, "bob", number=80, config=QUIET.override({"train": {"seed": 2}}))
    assert keep(home, "alice=0.7,bob=0.3")["steps"]["finetune"]["digest"] != model.digest
    forgotten = CliRunner().invoke(app, ["forget", "bob", "--yes"]).stdout
    assert "deleted with it: the blend alice-70+bob-30" in forgotten
    assert not [path for path in home.root.rglob("*alice-70*") if "model" not in path.parts]


@pytest.mark.parametrize("text", ["alice", "alice=1", "alice=0.5,bob=0.6", "alice=1.5,bob=-0.5", "alice=0.5,alice=0.5"])
def test_shares_that_are_none_are_refused(learned: Home, text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_blend(text, learned)


def test_a_blend_that_cannot_be_is_refused_with_a_sentence(learned: Home, home: Home) -> None:
    with pytest.raises(InvalidHandle):
        parse_blend("../x=0.5,bob=0.5", learned)
    with pytest.raises(ConfigurationError, match="whole percents"):
        sample(learned, "--blend", "alice=0.705,bob=0.295", "--keep")
    with pytest.raises(ConfigurationError, match="--keep is for a blend"):
        sample(learned, "alice", "--keep")
    with pytest.raises(ConfigurationError, match="name accounts, or a blend"):
        sample(learned)
    with pytest.raises(NothingKept, match="there is no model of carol"):
        sample(learned, "--blend", "alice=0.5,carol=0.5")
    learn(home, "alice", config=QUIET)
    learn(home, "bob", config=QUIET.override({"train": {"method": "full"}}))
    with pytest.raises(ConfigurationError, match="bob has no adapter"):
        sample(home, "--blend", "alice=0.5,bob=0.5")
