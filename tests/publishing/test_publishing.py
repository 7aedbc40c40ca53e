"""What is shared of a model: a folder that transformers loads, its card, and its picture."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from hugtweets.cli.app import app
from hugtweets.errors import ConfigurationError
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.evaluation.promotion import current_model
from hugtweets.models.tokens import load_split
from hugtweets.publishing.card import Usage, write_card
from hugtweets.publishing.facts import ModelFacts, find_scores, gather_facts, origin_of
from hugtweets.publishing.markdown import plain
from hugtweets.publishing.picture import can_draw, draw_picture, measure, wrap
from hugtweets.steps.evaluate import read_scores
from hugtweets.steps.finetune import find_model
from hugtweets.steps.tokenise import TOKENS
from hugtweets.storage.artifacts import input_of
from hugtweets.storage.atomic import new_folder
from hugtweets.storage.home import Home
from tests.fixtures.learned import CONFIG, learn

HOSTILE = "<script>alert(1)</script> | ![x](javascript:alert) @NASA\n# http://x.y --- \u202e `"


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("learned"))
    learn(home)
    return home


@pytest.fixture
def facts(learned: Home) -> ModelFacts:
    return gather_facts(learned, *find_model(learned, "alice"))


def export(home: Home, *arguments: object) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, ["export", "alice", "--home", str(home.root), *map(str, arguments)])
    if result.exception:
        raise result.exception
    return result.stdout


def run_example(card: str) -> None:
    """Execute the code block of a card."""
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert code
    exec(code.group(1), {})  # noqa: S102


def test_the_example_of_the_card_writes_posts_with_the_exported_model(
    learned: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert str(tmp_path / "model") in export(learned, "--to", tmp_path / "model")
    monkeypatch.chdir(tmp_path / "model")
    run_example(Path("README.md").read_text(encoding="utf-8"))
    assert capsys.readouterr().out.count("I think that") == 3
    assert sorted(path.name for path in Path().iterdir()) == [
        "README.md",
        "config.json",
        "generated-posts.png",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_the_example_of_an_adapter_writes_posts_too(
    learned: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    export(learned, "--to", tmp_path / "model", "--adapter", "--set", "sample.max_characters=30")
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8").replace("'.'", repr(str(tmp_path / "model")))
    # The base model is known to the adapter by its name: a hub id, or here a folder.
    monkeypatch.chdir(learned.root)
    run_example(card)
    assert capsys.readouterr().out.count("I think that") == 3
    assert not (tmp_path / "model" / "model.safetensors").exists()


def test_the_exported_model_predicts_what_the_scores_say(learned: Home, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    export(learned, "--to", tmp_path / "model")
    model = current_model(learned, "alice")
    assert model
    scores, tokens = find_scores(learned, model), input_of(learned, model, "tokenise")
    assert scores and tokens
    posts = load_split(tokens.file(TOKENS), "test")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    nats = post_nats(loaded, list(posts["input_ids"]), (tokenizer.bos_token_id, tokenizer.eos_token_id))
    assert bits_per_byte(nats, list(posts["bytes"])) == pytest.approx(read_scores(scores).bits_per_byte, abs=1e-4)
    text = "the harbour 🙂 has been out"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_a_model_trained_in_full_is_exported_whole_and_has_no_adapter(home: Home, tmp_path: Path) -> None:
    learn(home, config=CONFIG.override({"train": {"method": "full"}, "evaluate": {"generated": 0}}))
    with pytest.raises(ConfigurationError, match="has no adapter"):
        export(home, "--to", tmp_path / "model", "--adapter")
    assert not (tmp_path / "model").exists()
    export(home, "--to", tmp_path / "model")
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    with new_folder(folder) as partial:
        (partial / "new").touch()
    assert [path.name for path in folder.iterdir()] == ["new"]
    with pytest.raises(ConfigurationError, match="not an empty folder"), new_folder(folder):
        raise AssertionError("never entered")
    with pytest.raises(ConfigurationError, match="not an empty folder"), new_folder(tmp_path / "other"):
        write(tmp_path / "other" / "theirs")
    assert [path.name for path in tmp_path.glob("*/*")] == ["new", "theirs"]


def write(path: Path) -> None:
    path.parent.mkdir()
    path.touch()


def test_real_posts_go_along_only_if_asked_for(learned: Home, tmp_path: Path) -> None:
    export(learned, "--to", tmp_path / "without")
    export(learned, "--to", tmp_path / "with", "--adapter", "--with-posts")
    assert (tmp_path / "with" / "clean.parquet").is_file()
    real = "deserves a better Tuesday than the one it got, said"
    texts = [path for path in (tmp_path / "without").iterdir() if path.suffix in (".md", ".json", ".parquet")]
    assert not any(real in path.read_text(encoding="utf-8") for path in texts)


def test_the_numbers_of_the_card_are_those_of_the_artifacts(learned: Home, facts: ModelFacts) -> None:
    usage = Usage("me/alice", adapter=False, prefix="<|endoftext|>", drawing={})
    card = write_card(facts, usage, pictured=True)
    model, clean = find_model(learned, "alice")
    scores = find_scores(learned, model)
    assert scores
    figures, counts = read_scores(scores), clean.manifest().counts
    shown = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", card, re.MULTILINE))
    assert (shown["Downloaded"], shown["Kept"]) == (str(counts["fetched"]), str(counts["kept"]))
    splits = (shown["Trained on"], shown["Validation (chosen by)"], shown["Test (the newest, judged by)"])
    assert splits == tuple(str(counts[split]) for split in ("train", "validation", "test"))
    assert shown["Digest"] == model.digest
    assert f"base {figures.base_bits_per_byte:.3f} → tuned {figures.bits_per_byte:.3f}" in card
    assert f"| longest copy, words | {figures.longest_copied_words} |" in card
    head = head_of(card)
    assert head["model-index"][0]["results"][0]["metrics"][0]["value"] == figures.bits_per_byte
    assert (head["license"], head["library_name"]) == ("other", "transformers")


def test_the_card_names_the_networks_of_its_accounts(facts: ModelFacts) -> None:
    usage = Usage("me/alice", adapter=False, prefix="", drawing={})
    mix = replace(facts, handle="alice+bob@mastodon.social", sources={"file": 20})
    card = write_card(mix, usage, pictured=False).replace("\\", "")
    assert "in the voice of @alice and @bob@mastodon.social on X and Mastodon" in card
    assert "The posts come from a file. " in card


def test_the_card_names_every_source_of_the_posts(facts: ModelFacts) -> None:
    usage = Usage("me/alice", adapter=False, prefix="", drawing={})
    card = write_card(replace(facts, sources={"archive": 20, "bluesky": 10}), usage, pictured=False)
    assert "in the voice of @alice on X and Bluesky" in card.replace("\\", "")
    assert "The posts come from an export from X (20 posts), Bluesky (10 posts). " in card


def test_the_card_of_a_known_base_names_its_licence() -> None:
    assert origin_of("SmolLM2-135M-Instruct.Q4_1").license == "apache-2.0"
    assert origin_of("somebody/model").hub_id == "somebody/model"
    assert origin_of("my folder").hub_id is None


def head_of(card: str) -> dict[str, Any]:
    """What the hub reads of a card."""
    head: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return head


class Markup(HTMLParser):
    """Notes every tag of a text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """One more."""
        self.tags.append(tag)


def test_what_strangers_and_models_wrote_does_nothing_in_the_card(facts: ModelFacts) -> None:
    counts = facts.manifest.counts | {"base_model": f"x\n---\nlicense: mit {HOSTILE}"}
    hostile = replace(facts, posts=(HOSTILE,), manifest=facts.manifest.model_copy(update={"counts": counts}))
    usage = Usage("me/alice", adapter=True, prefix="</s>", drawing={})
    card = write_card(hostile, usage, pictured=False)
    prose = re.sub(r"```.*?```", "", card, flags=re.DOTALL)
    markup = Markup()
    markup.feed(prose)
    assert markup.tags == []
    assert "\u202e" not in card
    assert re.findall(r"(?<!\\)!\[|(?<!\\)\]\(|https?:/", prose) == []
    assert head_of(card)["license"] == "other"
    assert [line for line in prose.splitlines() if line.startswith("# ")] == ["# hugtweets: \\@alice"]


def test_plain_markdown_reads_as_the_text() -> None:
    assert plain("It's 5 % — so what?") == "It's 5 % — so what?"
    assert plain("1. a\n- b | c") == "1\\. a - b \\| c"
    assert plain("www.evil.com <b>") == "www\\.evil.com &lt;b&gt;"


def test_the_picture_shows_whole_posts_and_leaves_out_what_no_font_has(tmp_path: Path) -> None:
    path = tmp_path / "posts.png"
    drawn = draw_picture(path, "A model of @alice", ["one post", "\U000e0fff no font has this", "two words " * 30] * 4)
    with Image.open(path) as picture:
        assert picture.size == (1200, 630)
    assert (drawn.undrawable, 0 < drawn.shown < 8) == (4, True)
    assert not can_draw("\u05d0\u05d1")


def test_lines_fit_and_lose_nothing() -> None:
    text = "a word and " + "x" * 200 + " end"
    lines = list(wrap(text, 32, 400))
    assert all(measure(line, 32) <= 400 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
