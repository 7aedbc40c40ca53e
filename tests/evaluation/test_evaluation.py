"""Bits per byte, diversity, and copying."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.evaluation.copying import Corpus, longest_copy
from hugtweets.evaluation.writing import distinct_n
from hugtweets.models.cache import load_tuned
from hugtweets.storage.home import Home
from tests.fixtures.tiny_models import SENTENCES, Architecture, tiny_base_model

LETTERS = st.text("ab ", max_size=12)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_nats_of_a_batch_are_those_of_each_post_alone(home: Home, architecture: Architecture) -> None:
    model, tokenizer = load_tuned(tiny_base_model(home, architecture), None, choose_device(TrainConfig(device="cpu")))
    documents = [tokenizer.encode(text) for text in [*SENTENCES, "", "a", "日本"]]
    expected = []
    for document in documents:
        ids = torch.tensor([[tokenizer.end_of_text, *document, tokenizer.end_of_text]])
        with torch.no_grad():
            steps = model(input_ids=ids).logits[0, :-1].double().log_softmax(-1)
        expected.append(-steps.gather(1, ids[0, 1:, None]).sum().item())
    assert post_nats(model, documents, tokenizer.ends) == pytest.approx(expected, rel=1e-5)


def test_nats_do_not_depend_on_how_much_fits_into_memory(home: Home) -> None:
    model, tokenizer = load_tuned(tiny_base_model(home), None, choose_device(TrainConfig(device="cpu")))
    documents = [tokenizer.encode(text) for text in SENTENCES]
    whole = post_nats(model, documents, tokenizer.ends)
    assert post_nats(model, documents, tokenizer.ends, most_logits=1) == pytest.approx(whole, rel=1e-5)


def test_evaluating_a_model_in_training_leaves_it_in_training(home: Home) -> None:
    model, tokenizer = load_tuned(tiny_base_model(home), None, choose_device(TrainConfig(device="cpu")))
    model.train()
    post_nats(model, [[5, 6]], tokenizer.ends)
    assert model.training
    model.eval()


def test_a_uniform_guess_among_256_bytes_is_eight_bits() -> None:
    assert bits_per_byte([10 * math.log(256), math.log(256)], [10, 1]) == pytest.approx(8)


def test_distinct_n_counts_different_word_pairs() -> None:
    assert distinct_n(["a b c", "A b d"], 2) == 3 / 4
    assert distinct_n(["same words", "same words"], 2) == 1 / 2
    assert distinct_n(["日本日本"], 2) == 2 / 3
    assert distinct_n(["alone"], 2) == 0


def test_a_copy_is_counted_within_one_post_only() -> None:
    corpus = Corpus(["the rain in Spain", "falls mainly"])
    assert longest_copy("the rain in Spain falls", corpus) == len("the rain in Spain")
    assert longest_copy("Spain\0falls", corpus) == len("Spain")
    assert longest_copy("Spainfalls", corpus) == len("Spain")
    assert longest_copy("", corpus) == 0
    assert longest_copy("xyz", Corpus([])) == 0


@given(LETTERS, st.lists(LETTERS, max_size=4))
def test_the_longest_copy_is_what_trying_every_substring_finds(text: str, posts: list[str]) -> None:
    substrings = [text[start:end] for start, end in combinations(range(len(text) + 1), 2)]
    shared = [len(part) for part in substrings if any(part in post for post in posts)]
    assert longest_copy(text, Corpus(posts)) == max(shared, default=0)
