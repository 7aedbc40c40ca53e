"""Posts as token ids."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

from hugtweets.config import TrainConfig
from hugtweets.errors import BaseModelError
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import GIVEN, TOKENS_SCHEMA, TextTokenizer, identity_of, load_split, tokenise
from hugtweets.storage.home import Home
from tests.fixtures.tiny_models import tiny_tokenizer


@pytest.fixture(scope="module")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    folder = tmp_path_factory.mktemp("tokenizer")
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return BaseModel("tiny", str(folder), "0" * 16)


def clean_table(texts: list[str], held_out: int = 0, dropped: tuple[int, ...] = (), validation: int = 0) -> pa.Table:
    """The newest ``held_out`` are test posts, those before validation posts."""
    splits = ["train"] * (len(texts) - held_out - validation) + ["validation"] * validation + ["test"] * held_out
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rows: list[dict[str, Any]] = [
        {
            "id": str(998 + number),
            "created_at": start + timedelta(hours=number),
            "text": text,
            "kept": number not in dropped,
            "reason": "duplicate" if number in dropped else None,
            "split": None if number in dropped else splits[number],
        }
        for number, text in enumerate(texts)
    ]
    table = pa.Table.from_pylist(rows)
    for name in ("reason", "split"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(pa.string()).dictionary_encode())
    return table


def column(table: pa.Table, name: str) -> Any:
    return table[name].to_pylist()


def test_kept_posts_become_ids_without_end_of_text(base_model: BaseModel) -> None:
    tokens = tokenise(clean_table(["I like rain.", "gone", "dünn 👍🏽"], 1, dropped=(1,)), base_model, TrainConfig())
    assert tokens.schema.equals(TOKENS_SCHEMA)
    assert tokens["id"].to_pylist() == ["998", "1000"]
    assert tokens["split"].to_pylist() == ["train", "test"]
    assert tokens["bytes"].to_pylist() == [12, 14]
    tokenizer = TextTokenizer.of(base_model)
    assert [tokenizer.decode(ids) for ids in column(tokens, "input_ids")] == ["I like rain.", "dünn 👍🏽"]


def test_max_posts_keeps_the_newest_of_every_split(base_model: BaseModel) -> None:
    table = clean_table([f"post number {number}" for number in range(100)], held_out=10, validation=5)
    tokens = tokenise(table, base_model, TrainConfig(max_posts=20))
    ids = tokens["id"].to_pylist()
    assert ids == [str(998 + number) for number in [*range(68, 85), 89, 98, 99]]
    assert tokens["split"].to_pylist() == ["train"] * 17 + ["validation"] + ["test"] * 2


def test_max_training_posts_leaves_what_is_held_out_as_it_is(base_model: BaseModel) -> None:
    table = clean_table([f"post number {number}" for number in range(100)], held_out=10)
    tokens = tokenise(table, base_model, TrainConfig(max_training_posts=20))
    assert tokens["id"].to_pylist() == [str(998 + number) for number in [*range(70, 90), *range(90, 100)]]
    assert tokens["split"].to_pylist() == ["train"] * 20 + ["test"] * 10
    both = tokenise(table, base_model, TrainConfig(max_posts=50, max_training_posts=20))
    assert both["split"].to_pylist() == ["train"] * 20 + ["test"] * 5


def test_half_of_the_training_posts_stand_behind_their_kind_if_there_are_several(base_model: BaseModel) -> None:
    table = clean_table([f"post number {number}" for number in range(100)], held_out=10)
    kinds = ["reply" if number % 2 else "post" for number in range(100)]
    several = table.append_column("kind", pa.array(kinds).dictionary_encode())
    tokens = tokenise(several, base_model, TrainConfig())
    tokenizer = TextTokenizer.of(base_model)
    texts = [tokenizer.decode(ids) for ids in column(tokens, "input_ids")]
    behind = [number for number, given in enumerate(column(tokens, GIVEN)) if given]
    assert 30 < len(behind) < 60 and max(behind) < 90
    assert all(texts[number] == f"{kinds[number]}: post number {number}" for number in behind)
    assert all(text.startswith("post number") for number, text in enumerate(texts) if number not in behind)
    assert GIVEN not in tokenise(several, base_model, TrainConfig(kinds=False)).column_names
    alike = table.append_column("kind", pa.array(["post"] * 90 + ["reply"] * 10).dictionary_encode())
    assert GIVEN not in tokenise(alike, base_model, TrainConfig()).column_names


def test_special_tokens_in_a_post_are_plain_text(base_model: BaseModel) -> None:
    tokens = tokenise(clean_table(["so <|endoftext|> it goes <|im_end|>"]), base_model, TrainConfig())
    tokenizer = TextTokenizer.of(base_model)
    ids = column(tokens, "input_ids")[0]
    assert not tokenizer.special & set(ids)
    assert tokenizer.decode(ids) == "so <|endoftext|> it goes <|im_end|>"


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), limit=st.integers(16, 40))
def test_a_long_post_is_cut_at_a_whole_character(base_model: BaseModel, text: str, limit: int) -> None:
    tokens = tokenise(clean_table([text]), base_model, TrainConfig(max_tokens=limit))
    [ids], [size] = column(tokens, "input_ids"), column(tokens, "bytes")
    cut = TextTokenizer.of(base_model).decode(ids)
    assert len(ids) <= limit
    assert text.startswith(cut)
    assert len(cut.encode()) == size


def test_a_split_is_loaded_without_leaving_a_cache(base_model: BaseModel, home: Home, tmp_path: Path) -> None:
    path = tmp_path / "tokens.parquet"
    pq.write_table(tokenise(clean_table(["one fox", "two foxes", "rain"], 1), base_model, TrainConfig()), path)
    assert load_split(path, "train")["id"] == ["998", "999"]
    held_out = load_split(path, "test")
    assert held_out["bytes"] == [4]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["tokens.parquet"]


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BaseModelError, match=r"tokenizer\.json cannot be read"):
        TextTokenizer.of(BaseModel("broken", str(tmp_path), "0" * 16))


def base_model_that_opens(folder: Path, template: str) -> BaseModel:
    """A base model whose tokenizer puts something around a text."""
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens(["<bos>"])
    special = [(name, tokenizer.token_to_id(name)) for name in ("<bos>", "<|endoftext|>")]
    tokenizer.post_processor = TemplateProcessing(single=template, special_tokens=special)
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"bos_token": "<|im_end|>", "eos_token": "<|endoftext|>"}')
    return BaseModel(folder.name, str(folder), "1" * 16)


def test_a_post_opens_with_what_the_tokenizer_puts_before_a_text(tmp_path: Path) -> None:
    tokenizer = TextTokenizer.of(base_model_that_opens(tmp_path / "gemma", "<bos> $A"))
    assert [tokenizer.spell(token) for token in tokenizer.ends] == ["<bos>", "<|endoftext|>"]
    # A pipeline would put it there twice.
    assert tokenizer.prefix == ""


def test_a_text_may_open_with_what_ends_it(tmp_path: Path) -> None:
    tokenizer = TextTokenizer.of(base_model_that_opens(tmp_path / "opt", "<|endoftext|> $A"))
    assert (tokenizer.start_of_text, tokenizer.prefix) == (tokenizer.end_of_text, "")


def test_what_a_tokenizer_puts_behind_a_text_opens_none(tmp_path: Path) -> None:
    tokenizer = TextTokenizer.of(base_model_that_opens(tmp_path / "closing", "$A <|endoftext|>"))
    assert [tokenizer.spell(token) for token in tokenizer.ends] == ["<|endoftext|>", "<|endoftext|>"]


def test_a_tokenizer_that_opens_nothing_separates_documents_by_their_end(tmp_path: Path) -> None:
    plain = base_model_that_opens(tmp_path / "plain", "$A")
    tokenizer = TextTokenizer.of(plain)
    assert [tokenizer.spell(token) for token in tokenizer.ends] == ["<|endoftext|>", "<|endoftext|>"]
    assert tokenizer.prefix == "<|endoftext|>"


def test_only_models_whose_posts_open_otherwise_are_made_again(tmp_path: Path) -> None:
    plain, opening = base_model_that_opens(tmp_path / "plain", "$A"), base_model_that_opens(tmp_path / "a", "<bos> $A")
    assert identity_of(plain) == {"base_model": plain.digest}
    assert set(identity_of(opening)) == {"base_model", "start_of_text"}


def test_a_word_that_is_spelled_like_an_end_of_text_is_none(tmp_path: Path) -> None:
    trainer = BpeTrainer(special_tokens=[AddedToken("<eos>", special=True)], initial_alphabet=ByteLevel.alphabet())
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(["some words"], trainer)
    tokenizer.add_tokens(["</s>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    found = TextTokenizer.of(BaseModel("html", str(tmp_path), "2" * 16))
    assert found.spell(found.end_of_text) == "<eos>"


def base_model_with(folder: Path, **options: int) -> BaseModel:
    folder.mkdir()
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(options))
    return BaseModel(folder.name, str(folder), folder.name)


def test_a_post_is_cut_to_what_the_model_can_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    short, text = base_model_with(tmp_path / "short", n_positions=64), "The quick brown fox jumps. " * 20
    with caplog.at_level("INFO"):
        tokens = tokenise(clean_table([text]), short, TrainConfig())
    assert len(column(tokens, "input_ids")[0]) == 62
    assert "short: posts are cut at 62 tokens, since the model reads no more at once" in caplog.text


def test_a_model_that_reads_no_whole_post_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match="tiny reads 8 tokens at once, which is no whole post"):
        tokenise(clean_table(["rain"]), base_model_with(tmp_path / "tiny", max_position_embeddings=8), TrainConfig())


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match=r"makes tokens up to number \d+, and the model knows 300"):
        TextTokenizer.of(base_model_with(tmp_path / "other", vocab_size=300))


def test_a_token_that_ends_texts_needs_a_row_in_the_model(tmp_path: Path) -> None:
    base_model = base_model_with(tmp_path / "endless", vocab_size=tiny_tokenizer().get_vocab_size())
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens(["<bos>"])
    tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", tokenizer.get_vocab_size() - 1)]
    )
    tokenizer.save(str(base_model.folder / "tokenizer.json"))
    with pytest.raises(BaseModelError, match="they do not belong together"):
        TextTokenizer.of(base_model)


def test_special_tokens_that_were_only_added_do_no_harm(tmp_path: Path) -> None:
    base_model = base_model_with(tmp_path / "padded", vocab_size=tiny_tokenizer().get_vocab_size())
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens(["[PAD]"])
    tokenizer.save(str(base_model.folder / "tokenizer.json"))
    assert TextTokenizer.of(base_model).end_of_text == 0
