"""One model of several accounts: how it is named, made equal, judged, kept and forgotten."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner, Result

from hugtweets.cli.app import app
from hugtweets.errors import ConfigurationError, InvalidHandle
from hugtweets.evaluation.promotion import current_model
from hugtweets.steps.finetune import find_model
from hugtweets.steps.retraction import find_outdated
from hugtweets.storage.artifacts import input_of, references
from hugtweets.storage.handles import name_mix, validate_name
from hugtweets.storage.home import Home
from hugtweets.timelines import timeline
from hugtweets.timelines.posts import tombstone
from hugtweets.training.samplers import EqualShares, expected_sum
from tests.fixtures.flows import rows, write_timeline
from tests.fixtures.wandb_log import read_runs


def test_a_mix_has_one_name_and_is_no_handle() -> None:
    assert name_mix(["bob", "Alice"]) == name_mix(["@Alice", "bob"]) == "Alice+bob"
    assert validate_name("bob+alice") == "alice+bob"
    for wrong in ("alice+", "alice+Alice", "a+b+c+d+e+f", "../x+alice", "alice"):
        with pytest.raises(InvalidHandle):
            name_mix(wrong.split("+"))


def test_every_account_is_read_as_often_and_every_post_of_it_nearly() -> None:
    authors = ["alice"] * 10 + ["bob"] * 4
    shares = EqualShares(authors)
    torch.manual_seed(0)
    epochs = [list(shares) for _ in range(3)]
    assert [len(epoch) for epoch in epochs] == [len(shares)] * 3 == [20] * 3
    for epoch in epochs:
        read = Counter(epoch)
        assert {read[place] for place in range(10)} == {1}
        assert sorted(read[place] for place in range(10, 14)) == [2, 2, 3, 3]
    # Which posts come once more is drawn anew.
    assert len({tuple(sorted(Counter(epoch).items())) for epoch in epochs}) > 1
    assert expected_sum([1] * 14, authors) == pytest.approx(20)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (["alice", "--mix"], InvalidHandle, "name 2 to 5 different accounts"),
        (["a", "b", "c", "d", "e", "f", "--mix"], InvalidHandle, "name 2 to 5 different accounts"),
        (["alice", "Alice", "--mix"], ConfigurationError, "named twice"),
        (["a", "b", "--mix", "--until", "clean"], ConfigurationError, "--mix and --until clean exclude each other"),
        (["a", "b", "--mix", "--set", "refresh.dispatch=ray"], ConfigurationError, "exclude each other"),
        (["a", "b", "--source", "file:x.csv", "--mix"], ConfigurationError, "write {handle} where they differ"),
    ],
)
def test_a_mix_that_makes_no_sense_is_refused_before_any_work(
    home: Home, arguments: list[str], error: type[Exception], says: str
) -> None:
    result = CliRunner().invoke(app, ["run", *arguments])
    assert isinstance(result.exception, error)
    assert says in str(result.exception)
    assert not home.root.exists()


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


@pytest.fixture
def mixed(home: Home, tmp_path: Path, tiny_folder: Path, prefect_server: str) -> dict[str, Any]:
    """What `run alice bob --mix --json` printed; alice posts three times as much as bob."""
    write_timeline(tmp_path / "alice.jsonl", rows(120))
    write_timeline(tmp_path / "bob.jsonl", rows(160, since=120))
    options = {
        "clean.min_characters": 500,
        "train.base_model": tiny_folder,
        "train.lr": 0.01,
        "sample.prompts": "[the]",
        "sample.max_characters": 60,
        "evaluate.generated": 0,
        "tracking.mode": "offline",
    }
    assignments = [f"--set={name}={value}" for name, value in options.items()]
    source = f"file:{tmp_path}/{{handle}}.jsonl"
    printed: dict[str, Any] = json.loads(
        call("run", "bob", "alice", "--mix", "--source", source, "--json", *assignments).stdout
    )
    return printed


def test_a_mix_is_learned_judged_kept_and_forgotten(home: Home, mixed: dict[str, Any]) -> None:
    bob, alice, both = mixed["accounts"]
    assert [account["handle"] for account in mixed["accounts"]] == ["bob", "alice", "alice+bob"]
    assert set(bob["steps"]) == set(alice["steps"]) == {"fetch", "clean", "report"}
    assert set(both["steps"]) == {"clean", "tokenise", "finetune", "sample", "evaluate", "report"}
    assert both["counts"]["kept"] == alice["counts"]["kept"] + bob["counts"]["kept"]

    # Scores: of each account and of all, which are the weighted mean of them.
    metrics = both["metrics"]
    numbers = {name: metrics[f"held_out_posts/{name}"] for name in ("alice", "bob")}
    assert sum(numbers.values()) == metrics["held_out_posts"]
    each = [metrics["bits_per_byte/alice"], metrics["bits_per_byte/bob"]]
    assert min(each) <= metrics["bits_per_byte"] <= max(each)
    assert metrics["bits_per_byte"] < metrics["base_bits_per_byte"]
    assert both["promotion"]["promoted"]

    # Both are read equally often.
    history = json.loads(references(home, "alice+bob", "finetune")[0].file("history.json").read_text())
    most = max(alice["counts"]["kept"], bob["counts"]["kept"]) - 24
    assert max(row["step"] for row in history) >= 2 * most // 4

    # It is found by its name, in whichever order, and by the names of its accounts in W&B.
    assert "Generated by a model of alice+bob" in call("sample", "Bob+alice", "-n", 1, "--prompt", "the").stderr
    assert "current model: " + both["steps"]["finetune"]["digest"] in call("show", "alice+bob").stdout
    runs = [run.name for run in read_runs(home.wandb) if run.name.endswith("-alice+bob")]
    assert sorted(runs) == sorted(f"{step}-alice+bob" for step in both["steps"])
    assert home.known_handles() == ["alice", "bob"]
    assert home.known_mixes("bob") == ["alice+bob"]

    model, clean = find_model(home, "alice+bob")
    assert set(pq.read_table(clean.file("clean.parquet"))["author"].to_pylist()) == {"alice", "bob"}
    tokens = input_of(home, model, "tokenise")
    assert tokens

    # Its page and its card tell of both.
    page = (home.report / "accounts" / "alice+bob.html").read_text(encoding="utf-8")
    assert f"On those of bob: base {metrics['base_bits_per_byte/bob']:.3f}" in page
    call("export", "alice+bob", "--to", home.root / "model", "--adapter")
    card = (home.root / "model" / "README.md").read_text(encoding="utf-8")
    assert "in the voice of \\@alice and \\@bob on X" in card
    assert f"on those of bob\\: base {metrics['base_bits_per_byte/bob']:.3f}" in card

    # A deleted post of one of them makes all of the mix outdated.
    stored = timeline.load(home.timeline("alice"))
    kept = next(post for post in stored.posts if "harbour" in post.text)
    blanked = tuple(tombstone(post) if post is kept else post for post in stored.posts)
    outdated = find_outdated(home, "alice", replace(stored, posts=blanked, retracted=(kept.id,)))
    assert {("clean", "alice+bob"), ("finetune", "alice+bob")} <= {(found.step, found.handle) for found in outdated}

    assert "deleted with it: the mix alice+bob" in call("forget", "bob", "--yes").stdout
    assert current_model(home, "alice+bob") is None
    assert not list(home.root.rglob("*alice+bob*"))
    assert not [run for run in read_runs(home.wandb) if "bob" in run.name]
    assert home.known_handles() == ["alice"]


def test_a_mix_of_an_account_that_cannot_be_had_says_which(
    home: Home, tmp_path: Path, prefect_server: str, tiny_folder: Path
) -> None:
    write_timeline(tmp_path / "alice.jsonl", rows(60))
    source = f"--source=file:{tmp_path}/{{handle}}.jsonl"
    options = ["--set=clean.min_characters=500", f"--set=train.base_model={tiny_folder}"]
    result = CliRunner().invoke(app, ["run", "alice", "bob", "--mix", source, "--json", *options])
    assert result.exit_code == 1
    alice, bob, both = json.loads(result.stdout)["accounts"]
    assert [account["status"] for account in (alice, bob, both)] == ["completed", "failed", "failed"]
    assert "bob cannot be mixed in" in both["reason"]
