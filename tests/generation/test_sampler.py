"""Sampling posts: batches, ends, lengths, copies."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.normalizers import Lowercase

from hugtweets.cleaning.kinds import Kind
from hugtweets.cleaning.length import x_length
from hugtweets.config import SampleConfig, TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.errors import ConfigurationError
from hugtweets.evaluation.bits_per_byte import post_nats
from hugtweets.generation.sampler import ROUNDS, GenerationRequest, PartialPost, Progress, Sample, generate, stream
from hugtweets.models.cache import BARE, load_adapters, load_base, load_tuned
from hugtweets.models.stacked import StackedModel
from hugtweets.models.tokens import TextTokenizer, tokenise
from hugtweets.storage.home import Home
from hugtweets.training.trainer import finetune
from tests.fixtures.families import family_base_model
from tests.fixtures.tiny_models import SENTENCES, tiny_base_model
from tests.fixtures.tokens import write_tokens

CONFIG = SampleConfig(max_characters=60, per_prompt=3)
PROMPTS = ["I think that", "My", ""]


@pytest.fixture
def loaded(home: Home) -> tuple[Any, TextTokenizer]:
    return load_tuned(tiny_base_model(home), None, choose_device(TrainConfig(device="cpu")))


@pytest.fixture(scope="module")
def parrot(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, TextTokenizer]:
    """A model that knows four sentences by heart."""
    folder = tmp_path_factory.mktemp("parrot")
    home = Home(folder)
    tokens = write_tokens(home, folder / "tokens.parquet", SENTENCES * 10, 0)
    config = TrainConfig(method="full", epochs=12, lr=0.02, posts_per_step=4, device="cpu")
    finetune(tiny_base_model(home), tokens, folder / "weights", config)
    return load_tuned(tiny_base_model(home), folder / "weights", choose_device(config))


def test_a_model_that_was_taught_kinds_writes_the_kind_that_is_asked_for(home: Home, tmp_path: Path) -> None:
    base, path = tiny_base_model(home), tmp_path / "tokens.parquet"
    kinds = ["post", "reply", "reply", "post"] * 10
    posts = write_tokens(home, path, SENTENCES * 10, 0)
    clean = pa.table(
        {"id": list(map(str, range(40))), "split": ["train"] * 40, "text": SENTENCES * 10, "kept": [True] * 40}
        | {"kind": kinds}
    )
    config = TrainConfig(method="full", epochs=12, lr=0.02, posts_per_step=4, device="cpu")
    pq.write_table(tokenise(clean, base, config), posts)
    finetune(base, posts, tmp_path / "weights", config)
    model, tokenizer = load_tuned(base, tmp_path / "weights", choose_device(config))
    options = SampleConfig(copy_share=1.0, temperature=0.2)
    asked: dict[Kind, list[str]] = {"post": SENTENCES[::3], "reply": SENTENCES[1:3]}
    for kind, theirs in asked.items():
        request = GenerationRequest([""], 8, [], 0, kind=kind)
        [written] = generate(model, tokenizer, [request], options)
        assert {sample.text for sample in written} <= set(theirs)


def sample_posts(
    model: Any,
    tokenizer: TextTokenizer,
    prompts: Sequence[str],
    training_texts: Sequence[str],
    config: SampleConfig,
    progress: Progress | None = None,
) -> list[Sample]:
    request = GenerationRequest(prompts, config.per_prompt, training_texts, config.seed)
    return generate(model, tokenizer, [request], config, progress)[0]


def test_posts_begin_with_their_prompt_and_fit(loaded: tuple[Any, TextTokenizer]) -> None:
    samples = sample_posts(*loaded, PROMPTS, [], CONFIG)
    assert [(sample.prompt, sample.index) for sample in samples] == [(p, i) for p in PROMPTS for i in range(3)]
    for sample in samples:
        assert sample.text.startswith(sample.prompt)
        assert len(sample.text) > len(sample.prompt)
        assert x_length(sample.text) <= 60
        assert "\ufffd" not in sample.text
        assert not any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in sample.text)


def test_a_prompt_stays_as_it_was_where_the_tokenizer_knows_small_letters_only(
    loaded: tuple[Any, TextTokenizer],
) -> None:
    model, tokenizer = loaded
    small = Tokenizer.from_str(tokenizer.tokenizer.to_str())
    small.normalizer = Lowercase()
    for sample in sample_posts(model, replace(tokenizer, tokenizer=small), ["I Think THAT"], [], CONFIG):
        assert sample.text.startswith("I Think THAT") and "i think that" not in sample.text


def test_the_same_seed_gives_the_same_posts(loaded: tuple[Any, TextTokenizer]) -> None:
    first = sample_posts(*loaded, PROMPTS, [], CONFIG)
    torch.manual_seed(99)
    assert sample_posts(*loaded, PROMPTS, [], CONFIG) == first
    other = sample_posts(*loaded, PROMPTS, [], CONFIG.model_copy(update={"seed": 1}))
    assert [sample.text for sample in other] != [sample.text for sample in first]


def test_the_log_probability_is_that_of_the_whole_post(loaded: tuple[Any, TextTokenizer]) -> None:
    model, tokenizer = loaded
    for sample in sample_posts(model, tokenizer, PROMPTS, [], CONFIG):
        nats = post_nats(model, [tokenizer.encode(sample.text)], tokenizer.ends)
        assert sample.log_prob == pytest.approx(-nats[0], rel=1e-4)
        assert math.isfinite(nats[0])


def test_posts_that_only_judges_read_are_the_same_without_a_probability(loaded: tuple[Any, TextTokenizer]) -> None:
    request = GenerationRequest(PROMPTS, 2, [], 0)
    [shown], [judged] = (generate(*loaded, [asked], CONFIG) for asked in (request, replace(request, scored=False)))
    assert judged == [replace(sample, log_prob=None) for sample in shown]


def test_a_prompt_padded_on_the_left_continues_as_if_alone(parrot: tuple[Any, TextTokenizer]) -> None:
    cold = SampleConfig(per_prompt=1, temperature=0.01, copy_share=1.0)
    prompts = ["My dream is", "The quick brown fox jumps", "I"]
    together = [sample.text for sample in sample_posts(*parrot, prompts, [], cold)]
    assert together == [sample_posts(*parrot, [prompt], [], cold)[0].text for prompt in prompts]
    assert together[:2] == [SENTENCES[2], SENTENCES[0]]


def test_copies_are_sampled_again_and_counted(parrot: tuple[Any, TextTokenizer]) -> None:
    """It knows four sentences, and one of them must not be copied: another comes in its place."""
    config = SampleConfig(per_prompt=12, copy_share=0.7)
    samples = sample_posts(*parrot, [""], SENTENCES[:1], config)
    assert all(sample.longest_copy < 0.7 * len(sample.text) for sample in samples)
    assert sum(sample.replaced for sample in samples) > 0
    untouched = sample_posts(*parrot, [""], [], config)
    assert {sample.replaced for sample in untouched} == {0}


def test_a_post_that_is_a_copy_to_the_end_is_left_out(
    parrot: tuple[Any, TextTokenizer], caplog: pytest.LogCaptureFixture
) -> None:
    cold = SampleConfig(per_prompt=2, temperature=0.01, copy_share=0.7)
    assert sample_posts(*parrot, ["My dream is"], SENTENCES, cold) == []
    assert f"2 of 2 posts were copies of training posts each of the {ROUNDS} times" in caplog.text


def test_whoever_reads_along_never_sees_a_copy_finished(parrot: tuple[Any, TextTokenizer]) -> None:
    told: list[PartialPost] = []
    cold = SampleConfig(per_prompt=1, temperature=0.01, copy_share=0.7)
    stream(*parrot, [GenerationRequest(["My dream is"], 1, SENTENCES, 0)], cold, told.append)
    assert {one.finished for one in told} == {False}
    assert told[-1].text == ""


def test_a_prompt_without_room_for_a_post_is_refused(loaded: tuple[Any, TextTokenizer]) -> None:
    with pytest.raises(ConfigurationError, match="shorten it"):
        sample_posts(*loaded, ["word " * 20], [], CONFIG)


def test_every_word_can_be_sampled(loaded: tuple[Any, TextTokenizer]) -> None:
    model, tokenizer = loaded
    hot = SampleConfig(per_prompt=300, temperature=100, top_p=1.0, max_characters=20, batch_size=300)
    samples = sample_posts(model, tokenizer, [""], [], hot)
    assert len({tokenizer.encode(sample.text)[0] for sample in samples}) > 100


def test_progress_is_told(loaded: tuple[Any, TextTokenizer]) -> None:
    told: list[tuple[int, int, str]] = []
    sample_posts(*loaded, PROMPTS, [], CONFIG, lambda *news: told.append(news))
    assert told[-1][:2] == (9, 9)


def test_posts_of_several_adapters_are_those_of_each_alone(home: Home, tmp_path: Path) -> None:
    base_model, choice = tiny_base_model(home), choose_device(TrainConfig(device="cpu"))
    texts = {"one": SENTENCES[:1] * 8, "two": SENTENCES[1:2] * 8, "three": SENTENCES[2:] * 4}
    for name, posts in texts.items():
        tokens = write_tokens(home, tmp_path / f"{name}.parquet", posts, 0)
        finetune(base_model, tokens, tmp_path / name, TrainConfig(lr=0.02, epochs=4, lora_rank=4, device="cpu"))
    # Less than all posts at once, so that batches hold posts of several adapters.
    config = CONFIG.model_copy(update={"batch_size": 7})
    alone = []
    for seed, name in enumerate(texts):
        loaded = load_tuned(base_model, tmp_path / name, choice)
        alone.append(sample_posts(*loaded, PROMPTS, [], config.model_copy(update={"seed": seed})))
    model, tokenizer, adapters = load_adapters(base_model, [tmp_path / name for name in texts], choice)
    requests = [
        GenerationRequest(PROMPTS, CONFIG.per_prompt, [], seed, adapter) for seed, adapter in enumerate(adapters)
    ]
    together = generate(model, tokenizer, requests, config)
    for mixed, separate in zip(together, alone, strict=True):
        assert [replace(sample, log_prob=0.0) for sample in mixed] == [replace(s, log_prob=0.0) for s in separate]
        assert [s.log_prob for s in mixed] == pytest.approx([s.log_prob for s in separate], rel=1e-4)
    folders = [tmp_path / name for name in texts]
    for folder in folders:
        # As peft writes it where there are more than twenty maps.
        written = json.loads((folder / "adapter_config.json").read_text())
        ends = sorted({name.rpartition(".")[2] for name in written["target_modules"]})
        (folder / "adapter_config.json").write_text(json.dumps(written | {"target_modules": ends}))
    with StackedModel.of(load_base(base_model, choice), folders) as stacked:
        requests = [replace(each, adapter=str(folder)) for each, folder in zip(requests, folders, strict=True)]
        assert _texts(generate(stacked, tokenizer, requests, config)) == _texts(together)
    assert len({sample.text for posts in together for sample in posts}) > 20


def test_models_that_lay_their_rows_end_to_end_write_for_one_account_after_the_other(
    home: Home, tmp_path: Path
) -> None:
    base_model, choice = family_base_model(home, "opt"), choose_device(TrainConfig(device="cpu"))
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, sentence in zip(folders, SENTENCES, strict=False):
        tokens = write_tokens(home, tmp_path / f"{folder.name}.parquet", [sentence] * 8, 0)
        finetune(base_model, tokens, folder, TrainConfig(lr=0.02, lora_rank=4, device="cpu"))
    config = CONFIG.model_copy(update={"batch_size": 4})
    alone = [sample_posts(*load_tuned(base_model, each, choice), PROMPTS, [], config) for each in [*folders, None]]
    model, tokenizer, adapters = load_adapters(base_model, folders, choice)
    asked = [GenerationRequest(PROMPTS, 3, [], config.seed, name, scored=False) for name in [*adapters, BARE]]
    assert _texts(generate(model, tokenizer, asked, config)) == _texts(alone)


def _texts(posts: Sequence[Sequence[Sample]]) -> list[list[str]]:
    return [[sample.text for sample in each] for each in posts]


def test_every_token_is_streamed_until_the_callback_raises(parrot: tuple[Any, TextTokenizer]) -> None:
    partial: list[PartialPost] = []
    request = GenerationRequest(["My dream is"], CONFIG.per_prompt, SENTENCES, 0)
    config = SampleConfig(per_prompt=2, temperature=0.3, copy_share=0.7)
    stream(*parrot, [request], config, partial.append)
    samples = generate(*parrot, [request], config)[0]
    for sample in samples:
        mine = [one for one in partial if one.index == sample.index]
        assert [one.finished for one in mine] == [False] * (len(mine) - 1) + [True]
        assert mine[-1].text == sample.text
        assert len(mine) > 5

    def leave(one: PartialPost) -> None:
        raise StopIteration

    with pytest.raises(StopIteration):
        stream(*parrot, [request], config, leave)
