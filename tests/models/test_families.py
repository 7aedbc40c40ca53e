"""Base models of many families: each is trained, scored, sampled from, merged and exported like any other."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from hugtweets.config import SampleConfig, TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.generation.decoding import continue_rows
from hugtweets.generation.sampler import GenerationRequest, generate
from hugtweets.models.cache import load_base, load_tuned, merge
from hugtweets.models.packing import keeps_posts_apart
from hugtweets.models.tokens import TextTokenizer
from hugtweets.publishing.export import export
from hugtweets.storage.home import Home
from hugtweets.training.collators import PackedPosts, PaddedPosts
from hugtweets.training.lora import adapter_options
from hugtweets.training.trainer import finetune
from tests.fixtures.families import FAMILIES, PACKED, family_base_model
from tests.fixtures.tiny_models import SENTENCES
from tests.fixtures.tokens import write_tokens

CONFIG = TrainConfig(epochs=1, lr=0.01, posts_per_step=4, device="cpu")


@pytest.mark.parametrize("family", FAMILIES)
def test_posts_are_packed_exactly_where_the_model_keeps_them_apart(home: Home, family: str) -> None:
    model = load_base(family_base_model(home, family), choose_device(CONFIG))
    assert keeps_posts_apart(model) == (family in PACKED)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_of_a_batch_is_that_of_its_posts_alone(home: Home, family: str) -> None:
    base_model = family_base_model(home, family)
    model, ends = load_base(base_model, choose_device(CONFIG)), TextTokenizer.of(base_model).ends
    documents = [TextTokenizer.of(base_model).encode(text) for text in SENTENCES]
    batch = (PackedPosts if family in PACKED else PaddedPosts)(ends)([{"input_ids": ids} for ids in documents])
    with torch.no_grad():
        together = model(**batch).loss.item()
    alone = math.fsum(post_nats(model, [ids], ends)[0] for ids in documents)
    assert together == pytest.approx(alone / sum(len(ids) + 1 for ids in documents), rel=1e-4)


def likeliest(model: Any, row: list[int], number: int) -> list[int]:
    """The likeliest tokens after a row, computed from the whole row each time."""
    ids = list(row)
    with torch.no_grad():
        for _ in range(number):
            ids.append(int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    return ids[len(row) :]


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_of_different_length_go_on_as_each_would_alone(home: Home, family: str) -> None:
    base_model = family_base_model(home, family)
    model, tokenizer = load_tuned(base_model, None, choose_device(CONFIG))
    rows = [[0, *tokenizer.encode(text)] for text in ("My dream is a", "I like rain, and I", "tea")]
    generators = [np.random.default_rng(number) for number in range(3)]
    lengths = (12, 3, 8)

    def is_finished(row: int, sampled: list[int]) -> bool:
        return len(sampled) == lengths[row]

    sampled = continue_rows(model, rows, 0, 1e-4, 1.0, 12, is_finished, generators)
    assert sampled == [likeliest(model, row, number) for row, number in zip(rows, lengths, strict=True)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_learns_scores_samples_and_is_merged(home: Home, tmp_path: Path, family: str) -> None:
    base_model, choice = family_base_model(home, family), choose_device(CONFIG)
    tokens = write_tokens(home, tmp_path / "tokens.parquet", SENTENCES * 6, 4)
    result = finetune(base_model, tokens, tmp_path / "weights", CONFIG)
    assert result.bits_per_byte is not None and result.start_bits_per_byte is not None
    assert result.bits_per_byte < 0.95 * result.start_bits_per_byte
    model, tokenizer = load_tuned(base_model, tmp_path / "weights", choice)
    documents = [tokenizer.encode(text) for text in SENTENCES]
    adapted = post_nats(model, documents, tokenizer.ends)
    score = bits_per_byte(adapted, [len(text.encode()) for text in SENTENCES])
    assert score == pytest.approx(result.bits_per_byte, rel=1e-4)
    request = GenerationRequest(("I think that", "My dream is a"), 2, (), 0)
    [samples] = generate(model, tokenizer, [request], SampleConfig(max_characters=60))
    assert len(samples) == 4 and all(sample.text.startswith(sample.prompt) for sample in samples)
    assert post_nats(merge(model), documents, tokenizer.ends) == pytest.approx(adapted, rel=1e-4)
    for adapter in (False, True):
        folder = tmp_path / f"exported-{adapter}"
        folder.mkdir()
        export(base_model, tmp_path / "weights", folder, SampleConfig(), adapter)
        if not adapter:
            exported: Any = AutoModelForCausalLM.from_pretrained(folder)
            assert post_nats(exported, documents, tokenizer.ends) == pytest.approx(adapted, rel=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_layer_nearest_the_output_can_learn_alone(home: Home, family: str) -> None:
    model = load_base(family_base_model(home, family), choose_device(CONFIG))
    options = adapter_options(model, CONFIG.model_copy(update={"layers": "top:1"}))
    names = sorted(options.target_modules or ())
    assert names and all(".1." in name for name in names)


def test_what_reads_pictures_gets_no_adapter(home: Home) -> None:
    model = load_base(family_base_model(home, "gemma3-multimodal"), choose_device(CONFIG))
    names = sorted(adapter_options(model, CONFIG).target_modules or ())
    assert "lm_head" in names and not [name for name in names if "vision" in name or "projector" in name]
