"""Configuration: strict, layered, and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.config import Config, TrainConfig, build_config, load_config, merge
from hugtweets.errors import ConfigurationError


def yaml_file(path: Path, content: str) -> Path:
    (path / "config.yaml").write_text(content, encoding="utf-8")
    return path / "config.yaml"


def refusal(*assignments: str, path: Path | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_config(path, assignments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_everything_has_a_default() -> None:
    assert load_config() == Config() == build_config({})


def test_an_assignment_goes_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    path = yaml_file(tmp_path, "train: {epochs: 3, seed: 5}\nsample: {per_prompt: 4}\n")
    config = load_config(path, ["train.epochs=7"])

    assert (config.train.epochs, config.train.seed, config.sample.per_prompt) == (7, 5, 4)
    assert config.clean == Config().clean


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load_config(yaml_file(tmp_path, "# nothing yet\n")) == Config()


def test_values_are_read_as_yaml() -> None:
    config = load_config(
        None, ["sample.prompts=[The sea, 'No, ']", "clean.keep_retweets=true", "fetch.budget_usd=null"]
    )

    assert config.sample.prompts == ("The sea", "No, ")
    assert config.clean.keep_retweets is True
    assert config.fetch.budget_usd is None


def test_an_override_leaves_the_original_alone() -> None:
    config = Config().override({"train": {"epochs": 5}})

    assert (config.train.epochs, Config().train.epochs) == (5, TrainConfig().epochs)
    assert config.override({}) == config


@pytest.mark.parametrize(
    ("assignment", "nearest"),
    [("train.epohcs=1", "train.epochs"), ("trian.epochs=1", "train"), ("sample.topp=1", "sample.top_p")],
)
def test_an_unknown_key_is_named_with_the_nearest_valid_one(assignment: str, nearest: str) -> None:
    message = refusal(assignment)

    assert assignment.split("=")[0].startswith(message.split()[2].rstrip(":"))
    assert f"did you mean {nearest}?" in message


def test_a_key_that_resembles_nothing_brings_the_list() -> None:
    assert "refresh.parallel" in refusal("refresh.xyzzy=1")


@pytest.mark.parametrize(
    "assignment",
    [
        "train.epochs=0",
        "train.epochs=many",
        "train.epochs=",
        "train.lr=.nan",
        "train.lr=.inf",
        "train.layers=middle:3",
        "train.layers=top:0",
        "sample.top_p=1.5",
        "sample.prompts=[]",
        "sample.prompts=hello",
        'sample.prompts=["half an emoji: \\ud83d"]',
        "fetch.max_posts=4000",
        "fetch.max_posts=3.5",
        "clean.held_out_share=1",
        "clean.mentions=shout",
        "tracking.project=../secrets",
        "train=1",
    ],
)
def test_an_impossible_value_is_refused_naming_its_key(assignment: str) -> None:
    assert assignment.partition("=")[0] in refusal(assignment)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("train.method=full", "train.lora_rank=8"),
        ("refresh.start=base", "refresh.replay=1"),
        ("refresh.start=base", "refresh.fresh_every=2"),
        ("refresh.dispatch=ray", "refresh.gather_seconds=5"),
        ("train.tokens_per_step=512", "train.posts_per_step=8"),
    ],
)
def test_options_that_exclude_each_other_are_both_named(one: str, other: str) -> None:
    message = refusal(one, other)

    assert one in message and other.partition("=")[0] in message


@pytest.mark.parametrize("assignment", ["", "train.epochs", "epochs=1", ".=1", "train.=1", "train.lora.rank=1", "=1"])
def test_what_is_no_assignment_is_refused_with_an_example(assignment: str) -> None:
    assert "train.epochs=1" in refusal(assignment)


HOSTILE = ["[", "[" * 5000, "{a: b: c}", "2024-99-99", "!!int x", "!!python/object/apply:os.getcwd []", "\x00", "\t- x"]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_that_is_no_yaml_is_refused(value: str) -> None:
    assert "train.epochs" in refusal(f"train.epochs={value}")


@pytest.mark.parametrize(
    "content", [*HOSTILE, "- a list", "just words", "1: 2", "? [a]\n: b", "train: 5", "train: [1]"]
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, content: str) -> None:
    refusal(path=yaml_file(tmp_path, content))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"sample: {prompts: [caf\xe9]}")

    for name in ("missing.yaml", ".", "latin.yaml"):
        assert str(tmp_path / name) in refusal(path=tmp_path / name)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SECTIONS = st.sampled_from([*Config.model_fields, "unknown"])
KEYS = st.sampled_from([key for section in Config() for key in section[1].__class__.model_fields] + ["unknown"])
OPTIONS = st.dictionaries(SECTIONS, st.dictionaries(KEYS, VALUES, max_size=3) | VALUES, max_size=3)


@given(OPTIONS)
@settings(max_examples=200)
def test_any_options_give_a_configuration_or_a_refusal(options: dict[str, object]) -> None:
    try:
        config = build_config(options)
    except ConfigurationError as error:
        assert str(error)
    else:
        assert config.override({}) == config


@given(OPTIONS, OPTIONS)
def test_what_lies_above_wins_and_what_it_does_not_name_stays(
    below: dict[str, object], above: dict[str, object]
) -> None:
    merged = merge(below, above)

    assert merged.keys() == below.keys() | above.keys()
    assert repr(merge(merged, above)) == repr(merged)
    assert repr(merge(below, {})) == repr(below)
