"""The ruler itself: constructed authors get from every judge what they deserve."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.evaluation.attribution import AuthorshipClassifier
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.evaluation.verification import Verifier
from hugtweets.evaluation.writing import writing_scores
from hugtweets.models.cache import load_tuned
from hugtweets.models.tokens import TextTokenizer
from hugtweets.storage.home import Home
from hugtweets.training.detector import detect_by_model
from hugtweets.training.trainer import finetune
from tests.fixtures.invented import SUBJECTS, write_like
from tests.fixtures.tiny_models import tiny_base_model
from tests.fixtures.tokens import write_tokens

PERSON = "keeper"
# Learned, and two halves of what nobody learned.
WRITTEN = write_like(PERSON, 260)
LEARNED, REAL, FORGED = WRITTEN[:140], WRITTEN[140:200], WRITTEN[200:]
OTHERS = {person: write_like(person, 140) for person in SUBJECTS if person != PERSON}
DRAW = random.Random(0)
AUTHORS = {
    "forger": FORGED,
    "copier": DRAW.sample(LEARNED, 60),
    "shuffler": [" ".join(DRAW.sample(words := post.split(), len(words))) for post in FORGED],
    "generic": [DRAW.choice(posts) for posts in OTHERS.values() for _ in range(20)],
}


@pytest.fixture(scope="module")
def judged() -> dict[str, dict[str, float]]:
    """Every figure that needs no language model, of every author."""
    classifier = AuthorshipClassifier({PERSON: LEARNED, **OTHERS}.items())
    verifier = Verifier(LEARNED, list(OTHERS.values()))
    figures = {}
    for author, posts in AUTHORS.items():
        found = classifier.attribute(posts, PERSON)
        assert found
        written = writing_scores(posts, REAL, [], LEARNED)
        figures[author] = {name: value for name, value in written.items() if value is not None} | {
            "taken_for_author": found.accuracy or 0.0,
            "log_odds": found.log_odds,
            "verified": verifier.verify(posts) or 0.0,
        }
    return figures


def test_a_perfect_forger_is_found_out_by_nobody(judged: dict[str, dict[str, float]]) -> None:
    forger = judged["forger"]
    assert forger["taken_for_author"] == 1.0
    assert forger["copied_share"] < forger["held_out_copied_share"] + 0.1
    assert forger["log_odds"] > 0
    assert forger["verified"] > 0.95
    assert forger["told_apart_low"] < 0.5 < forger["told_apart_high"]


def test_a_copier_seems_perfect_but_for_the_copies(judged: dict[str, dict[str, float]]) -> None:
    copier = judged["copier"]
    assert (copier["taken_for_author"], copier["copied_share"]) == (1.0, 1.0)
    assert copier["told_apart"] < 0.65


def test_a_shuffler_has_the_words_and_is_told_from_the_author(judged: dict[str, dict[str, float]]) -> None:
    assert judged["shuffler"]["taken_for_author"] == 1.0
    assert judged["shuffler"]["told_apart_low"] > 0.65


def test_a_generic_writer_is_taken_for_nobody(judged: dict[str, dict[str, float]]) -> None:
    generic = judged["generic"]
    assert generic["taken_for_author"] == 0.0
    assert generic["log_odds"] < 0
    assert generic["verified"] < 0.05
    assert generic["told_apart_low"] > 0.9


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, TextTokenizer]:
    """A model that reads people of this kind, and never saw this one."""
    folder: Path = tmp_path_factory.mktemp("reader")
    home = Home(folder)
    tokens = write_tokens(home, folder / "tokens.parquet", [post for posts in OTHERS.values() for post in posts], 0)
    config = TrainConfig(method="full", epochs=2, lr=0.01, posts_per_step=8, device="cpu")
    finetune(tiny_base_model(home), tokens, folder / "weights", config)
    return load_tuned(tiny_base_model(home), folder / "weights", choose_device(config))


def test_what_a_shuffler_writes_is_odd_to_read(reader: tuple[Any, TextTokenizer]) -> None:
    model, tokenizer = reader
    odd = {
        name: bits_per_byte(
            post_nats(model, list(map(tokenizer.encode, posts)), tokenizer.ends), [len(post.encode()) for post in posts]
        )
        for name, posts in {"real": REAL, **AUTHORS}.items()
    }
    assert odd["shuffler"] > 1.15 * odd["real"]
    assert odd["forger"] == _about(odd["real"])
    assert odd["copier"] == _about(odd["real"])


def _about(figure: float) -> Any:
    return pytest.approx(figure, rel=0.05)


def test_a_detector_that_reads_finds_out_who_can_be_found_out_and_leaves_the_model_bare(home: Home) -> None:
    base_model = tiny_base_model(home)
    choice = choose_device(TrainConfig(device="cpu"))
    model, tokenizer = load_tuned(base_model, None, choice)
    before = post_nats(model, [tokenizer.encode(REAL[0])], tokenizer.ends)
    real, generic = (list(map(tokenizer.encode, texts)) for texts in (REAL[:30], AUTHORS["generic"][:30]))
    found = detect_by_model(model, real, generic, tokenizer.ends)
    assert found
    assert found.low > 0.5
    assert detect_by_model(model, real[:9], generic, tokenizer.ends) is None
    bare, _ = load_tuned(base_model, None, choice)
    assert post_nats(bare, [tokenizer.encode(REAL[0])], tokenizer.ends) == before
