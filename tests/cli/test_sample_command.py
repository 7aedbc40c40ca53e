"""``sample``: posts of one account, or of several drawn together."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from hugtweets.cli.app import app
from hugtweets.storage.home import Home
from tests.fixtures.learned import CONFIG, learn
from tests.fixtures.tiny_models import tiny_base_model

# Only the models count here: no posts for a scorecard.
QUICK = CONFIG.override({"evaluate": {"generated": 0}})
DRAWING = ("--prompt", "the", "--prompt", "a wet", "-n", "2", "--set", "sample.max_characters=60")


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["sample", *arguments, *DRAWING, "--set", "train.device=cpu"])
    assert result.exit_code == 0, result.output
    return result.stdout


def document(*arguments: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(printed(*arguments, "--json"))
    return loaded


def test_several_accounts_write_at_once_what_each_writes_alone(home: Home) -> None:
    models = {
        "alice": learn(home, "alice", config=QUICK),
        "bob": learn(home, "bob", config=QUICK.override({"train": {"lora_rank": 4}})),
        # Trained in full, it shares no base model with the others.
        "carol": learn(home, "carol", config=QUICK.override({"train": {"method": "full", "lr": 0.001}})),
    }
    together = document("carol", "bob", "ALICE")["accounts"]
    assert [account["handle"] for account in together] == ["carol", "bob", "alice"]
    for account in together:
        assert account["model"] == models[account["handle"]].digest
        alone = document(account["handle"])
        assert [post["text"] for post in account["samples"]] == [post["text"] for post in alone["samples"]]
        assert [post["prompt"] for post in alone["samples"]] == ["the", "the", "a wet", "a wet"]
    lines = printed("alice", "bob").splitlines()
    assert [(place, line) for place, line in enumerate(lines) if line.endswith(":")] == [(0, "alice:"), (5, "bob:")]
    assert len(lines) == 10
    assert printed("alice").splitlines() == lines[1:5]


def test_what_models_or_readers_cannot_do_is_not_asked_of_them(home: Home) -> None:
    for handle in ("alice", "bob"):
        learn(home, handle, config=QUICK, number=40)
    blend = ("--blend", "alice=0.5,bob=0.5")
    for asked in (["alice"], blend):
        result = CliRunner().invoke(app, ["sample", *asked, "--kind", "reply"])
        assert "the model of alice does not tell kinds of posts apart" in str(result.exception)
        result = CliRunner().invoke(app, ["sample", *asked, "--set", "sample.best_of=2"])
        assert "needs a reader that sees more than the account's own base model" in str(result.exception)
    reader = tiny_base_model(home, "gpt2").path
    chosen = document(*blend, "--set", "sample.best_of=2", "--set", f"evaluate.reader={reader}")
    assert [post["prompt"] for post in chosen["samples"]] == ["the", "the", "a wet", "a wet"]


def test_a_kind_that_there_is_not_is_refused() -> None:
    result = CliRunner().invoke(app, ["sample", "alice", "--kind", "replies"])
    assert "there is no kind replies" in str(result.exception)
