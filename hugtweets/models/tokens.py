"""Posts as token ids of a base model: one post is one document, which opens and ends as those of its pretraining did.

Uses the ``tokenizers`` library alone, so that neither torch nor transformers is imported.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.cleaning.kinds import opening, stands_behind_kind, told_apart
from hugtweets.cleaning.splits import SPLITS, TRAIN
from hugtweets.config import TrainConfig
from hugtweets.errors import BaseModelError
from hugtweets.models.checkpoint import most_positions, read_object, text_options
from hugtweets.models.registry import BaseModel
from hugtweets.timelines import timeline

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[import-untyped]
    from tokenizers import Encoding, Tokenizer

_COLUMNS: list[pa.Field[Any]] = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("split", pa.dictionary(pa.int8(), pa.string()), nullable=False),
    pa.field("input_ids", pa.list_(pa.int32()), nullable=False),
    pa.field("bytes", pa.int32(), nullable=False),
]
# ``input_ids`` without end-of-text; ``bytes`` is the length in UTF-8 of the post.
TOKENS_SCHEMA = pa.schema(_COLUMNS)

# The further column of a mix.
AUTHOR = "author"
# The further column where kinds are told apart: how many tokens at the beginning say the kind, and are not predicted.
GIVEN = "given"

# Tokens that separate documents in pretraining, in the order we look for them; the tokenizer's own end-of-sequence
# token comes last, since of a chat model it ends a turn and not a text.
END_OF_TEXT = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>")
# The least that train.max_tokens may be.
LEAST_TOKENS = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextTokenizer:
    """The tokenizer of a base model; text that spells a special token is read as plain text.

    ``start_of_text`` is what the tokenizer itself puts before a text, as those of Gemma and Llama do; where it puts
    nothing there, end-of-text separated documents in pretraining. A chat model's ``bos_token`` begins a turn.
    """

    tokenizer: Tokenizer
    start_of_text: int
    end_of_text: int
    special: frozenset[int]

    @classmethod
    @functools.lru_cache(maxsize=4)
    def of(cls, base_model: BaseModel) -> TextTokenizer:
        """Read ``tokenizer.json``.

        Raises:
            BaseModelError: it cannot be read, has no token to end a text with, or tokens that the model has not.
        """
        from tokenizers import Tokenizer

        path = base_model.folder / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # The library raises plain Exception.
            raise BaseModelError(f"{path} cannot be read ({error}): choose another train.base_model") from None
        tokenizer.encode_special_tokens = True
        tokenizer.no_truncation()
        tokenizer.no_padding()
        special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
        end = _end_of_text(tokenizer, special, base_model)
        whole, plain = (tokenizer.encode("a", add_special_tokens=added).ids for added in (True, False))
        opening = whole[: whole.index(plain[0])]
        start = opening[0] if opening else end
        _check_rows(tokenizer, special - {start, end}, base_model)
        why = "the tokenizer puts it before a text" if opening else "it separates documents"
        log.info("%s: posts open with %s, since %s.", base_model.name, tokenizer.id_to_token(start), why)
        return cls(tokenizer, start, end, frozenset(special | {start, end}))

    @property
    def ends(self) -> tuple[int, int]:
        """The tokens between which a post stands."""
        return self.start_of_text, self.end_of_text

    @property
    def prefix(self) -> str:
        """What must be put before a prompt so that it opens as a post does; nothing if the tokenizer does it itself."""
        opens_itself = self.tokenizer.encode("a").ids[0] == self.start_of_text
        return "" if opens_itself else self.spell(self.start_of_text)

    def spell(self, token: int) -> str:
        """How the tokenizer writes one of its tokens."""
        return str(self.tokenizer.id_to_token(token))

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without any special token."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def shorten(self, text: str, most: int) -> str:
        """The text as far as ``most`` tokens go, to a whole character."""
        _, size = _cut(self.tokenizer.encode(text, add_special_tokens=False), text, most)
        return text.encode()[:size].decode()

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; special tokens are left out, broken UTF-8 becomes U+FFFD."""
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)


def identity_of(base_model: BaseModel) -> dict[str, str]:
    """What a model made from it depends on: its digest, and how posts open where that is not as they end."""
    start, end = TextTokenizer.of(base_model).ends
    return {"base_model": base_model.digest} | ({"start_of_text": str(start)} if start != end else {})


def tokenise(clean: pa.Table, base_model: BaseModel, config: TrainConfig) -> pa.Table:
    """Kept posts as token ids, from old to new, under :data:`TOKENS_SCHEMA`.

    ``train.max_posts`` takes the newest posts of each split, in the proportion that the splits have;
    ``train.max_training_posts`` the newest of those to train on, so that models of more and of fewer posts are judged
    by the same ones. Of a mix each takes so many of every author, who stands in a further column. What exceeds
    ``train.max_tokens`` of a post, or what the model reads at once, is cut off at a whole character. With
    ``train.kinds`` half of the training posts stand behind their kind, if the account has several.
    """
    mixed = AUTHOR in clean.column_names
    wanted = ["id", "split", "text", *(name for name in ("kind", AUTHOR) if name in clean.column_names)]
    kept = clean.filter(clean["kept"]).select(wanted).to_pylist()
    # Those of one account come from old to new, whatever the ids of its networks are like.
    places: dict[str, Any] = {row["id"]: place for place, row in enumerate(kept)}
    if mixed:
        places = {row["id"]: timeline.id_order(row["id"]) for row in kept}
        kept.sort(key=lambda row: places[row["id"]])
    # Without the further column all posts are one account's.
    authors = sorted({row.get(AUTHOR, "") for row in kept})
    own = ([row for row in kept if row.get(AUTHOR, "") == author] for author in authors)
    rows = [row for posts in own for row in _newest_of(posts, config)]
    rows.sort(key=lambda row: places[row["id"]])
    tokenizer = TextTokenizer.of(base_model)
    encodings = tokenizer.tokenizer.encode_batch([row["text"] for row in rows], add_special_tokens=False)
    openings = _openings(rows, tokenizer) if config.kinds else [[]] * len(rows)
    most = _most_tokens(base_model, config.max_tokens)
    cuts = [
        _cut(encoding, row["text"], most - len(said))
        for encoding, row, said in zip(encodings, rows, openings, strict=True)
    ]
    columns = {
        "id": [row["id"] for row in rows],
        "split": [row["split"] for row in rows],
        "input_ids": [said + ids for said, (ids, _) in zip(openings, cuts, strict=True)],
        "bytes": [size for _, size in cuts],
    }
    table = pa.table(columns, schema=TOKENS_SCHEMA)
    if any(openings):
        table = table.append_column(GIVEN, pa.array(map(len, openings), pa.int32()))
    return table.append_column(AUTHOR, pa.array([row[AUTHOR] for row in rows], pa.string())) if mixed else table


def load_split(path: Path, split: str, ids: Sequence[str] | None = None) -> Dataset:
    """The posts of one split of a token file as a data set in memory: ``id``, ``input_ids`` and ``bytes``.

    Those of a mix have their ``author`` as well. ``ids`` takes those of them only.
    """
    import datasets

    wanted = [("split", "=", split), *([("id", "in", ids)] if ids is not None else [])]
    columns = [name for name in pq.read_schema(path).names if name != "split"]
    return datasets.Dataset(pq.read_table(path, columns=columns, filters=wanted))


def load_ids(path: Path, split: str) -> list[str]:
    """The ids of one split of a clean or token file, oldest first."""
    ids: list[str] = pq.read_table(path, columns=["id"], filters=[("split", "=", split)])["id"].to_pylist()
    return ids


def _openings(rows: Sequence[dict[str, Any]], tokenizer: TextTokenizer) -> list[list[int]]:
    """What stands before each post: its kind before half of the training posts, if there are several kinds."""
    learned = [row.get("kind") if row["split"] == TRAIN else None for row in rows]
    said: dict[Any, list[int]] = {kind: tokenizer.encode(opening(kind)) for kind in told_apart(learned)}
    behind = (kind in said and stands_behind_kind(row["id"]) for kind, row in zip(learned, rows, strict=True))
    return [said[kind] if is_behind else [] for is_behind, kind in zip(behind, learned, strict=True)]


def _newest_of(rows: list[dict[str, Any]], config: TrainConfig) -> list[dict[str, Any]]:
    """The posts of one author that the options ask for; ``rows`` are sorted by id."""
    train, validation, test = ([row for row in rows if row["split"] == split] for split in SPLITS)
    if config.max_posts is not None and len(rows) > config.max_posts:
        # In the proportion of all.
        share = config.max_posts / len(rows)
        validation, test = (_newest(posts, max(1, round(share * len(posts)))) for posts in (validation, test))
        train = _newest(train, max(0, config.max_posts - len(validation) - len(test)))
    if config.max_training_posts is not None:
        train = _newest(train, config.max_training_posts)
    return train + validation + test


def _newest(posts: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    return posts[max(0, len(posts) - number) :]


def _cut(encoding: Encoding, text: str, max_tokens: int) -> tuple[list[int], int]:
    """At most ``max_tokens`` ids, ending with a whole character, and the UTF-8 length of what they stand for."""
    ids, offsets = encoding.ids, encoding.offsets
    if len(ids) <= max_tokens:
        return ids, len(text.encode())
    end = max_tokens
    while end > 0 and offsets[end][0] < offsets[end - 1][1]:
        end -= 1
    return ids[:end], len(text[: offsets[end][0]].encode())


def _check_rows(tokenizer: Tokenizer, unused: Collection[int], base_model: BaseModel) -> None:
    """Tokens that no post has may have no row in the model, such as a padding token that was only added.

    Raises:
        BaseModelError: others have none.
    """
    rows = text_options(base_model.folder).get("vocab_size")
    if rows is None or tokenizer.get_vocab_size() <= rows:
        return
    most = max(number for number in tokenizer.get_vocab().values() if number not in unused)
    if most >= rows:
        raise BaseModelError(
            f"the tokenizer of {base_model.name} makes tokens up to number {most:,}, and the model knows {rows:,}: "
            "they do not belong together; choose another train.base_model"
        )


def _most_tokens(base_model: BaseModel, wanted: int) -> int:
    """``train.max_tokens``, or what the model can read of a post between its two tokens."""
    room = (most_positions(base_model.folder) or wanted + 2) - 2
    if room < LEAST_TOKENS:
        raise BaseModelError(
            f"{base_model.name} reads {room + 2} tokens at once, which is no whole post: choose another base model"
        )
    if room < wanted:
        log.info("%s: posts are cut at %d tokens, since the model reads no more at once.", base_model.name, room)
    return min(wanted, room)


def _end_of_text(tokenizer: Tokenizer, special: Collection[int], base_model: BaseModel) -> int:
    # Special ones only: Gemma has "</s>" among its words, where it ends a stretch of HTML.
    numbers = [number for token in END_OF_TEXT if (number := tokenizer.token_to_id(token)) is not None]
    known = [number for number in numbers if number in special]
    if known:
        return known[0]
    path = base_model.folder / "tokenizer_config.json"
    options = read_object(path) if path.is_file() else {}
    token = options.get("eos_token")
    name = token.get("content") if isinstance(token, dict) else token
    number = tokenizer.token_to_id(name) if isinstance(name, str) else None
    if number is None:
        raise BaseModelError(f"the tokenizer of {base_model.name} has no end-of-text token: choose another base model")
    return number
