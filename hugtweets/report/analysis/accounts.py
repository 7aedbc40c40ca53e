"""The figures of one account, from what its steps left: nothing is trained, and no model is loaded."""

from __future__ import annotations

import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from hugtweets.cleaning.links import LINK
from hugtweets.errors import NothingKept
from hugtweets.evaluation.promotion import current_model
from hugtweets.evaluation.words import first_words, words_of
from hugtweets.steps.clean import CLEAN
from hugtweets.steps.evaluate import read_scores
from hugtweets.steps.fetch import TIMELINE
from hugtweets.storage.artifacts import Reference, input_of, latest, made_from, obtain
from hugtweets.storage.handles import run_command
from hugtweets.storage.home import Home

# Posts that say nothing about how the account writes.
OTHERS = ("deleted", "retweet", "other_author", "superseded")
# What X says where it knows no language: undetermined, no words, and its own codes beginning with q.
NO_LANGUAGE = r"^(und|zxx|q..)$"
HASHTAG = r"(?:^|[^\pL\pN_&])[#＃][\pL\pN_]"
# Equal amounts of text for all accounts, since both figures fall as more text is looked at; 6,000 characters, which are
# as many bytes at least, are what `clean.min_characters` asks of an account.
WORDS = 1_000
BYTES = 6_000


class AccountFigures(BaseModel):
    """What an account is like, and how well it is predicted; shares are from 0 to 1, None is what cannot be said.

    ``posts``, ``characters``, ``mean_length`` and what comes after them are of the kept posts as they were cleaned, and
    ``compressed_size`` is small where an account repeats itself; shares of links, replies and hashtags are of the
    account's own posts as the source sent them. ``start`` is how far the base model is from the account, ``end`` how
    far the tuned one, both in bits per byte of test posts, and ``drop`` what training took off.
    """

    model_config = ConfigDict(frozen=True)

    handle: str
    model: str
    base_model: str
    posts: int
    characters: int
    training_posts: int
    mean_length: float
    vocabulary: float | None
    compressed_size: float | None
    links: float
    replies: float
    hashtags: float
    language: str | None
    script: str | None
    latin: float
    bytes_per_character: float
    start: float
    drop: float
    end: float


def find_figures(home: Home, handle: str) -> AccountFigures | None:
    """The figures of an account's current model, or of the one judged last if none is current.

    None if no model is judged, or only by validation posts, before there were test posts.

    Raises:
        NothingKept: what its scores were made from is gone.
    """
    scores = find_scores(home, handle)
    if scores is None or not (card := read_scores(scores)).on_test_posts:
        return None
    model, tokens, clean = (input_of(home, scores, step) for step in ("finetune", "tokenise", "clean"))
    timeline = input_of(home, clean, "fetch") if clean else None
    if not (model and tokens and clean and timeline):
        raise NothingKept(f"what the scores of {handle} were made from is gone: run `{run_command(handle)}`")
    table = pq.read_table(clean.file(CLEAN), columns=["id", "text", "kept", "reason"])
    # From new to old: the figures on equal amounts of text are then of the posts nearest to the test posts.
    texts = table["text"].filter(table["kept"]).to_pylist()[::-1]
    return AccountFigures.model_validate(
        {
            "handle": handle,
            "model": model.digest,
            "base_model": model.manifest().counts["base_model"],
            "training_posts": tokens.manifest().counts["train"],
            "start": card.base_bits_per_byte,
            "drop": round(card.base_bits_per_byte - card.bits_per_byte, 5),
            "end": card.bits_per_byte,
        }
        | _of_writing(texts)
        | _of_habits(table, pq.read_table(timeline.file(TIMELINE), columns=["id", "text", "is_reply", "lang"]))
    )


def find_scores(home: Home, handle: str) -> Reference | None:
    """The scores of the current model, or those made last if there is none."""
    current = current_model(home, handle)
    of_current = made_from(home, current, "evaluate") if current else None
    found = of_current or latest(home, handle, "evaluate")
    return found if found and obtain(home, found) else None


def vocabulary(texts: Sequence[str]) -> float | None:
    """Distinct words over all words (type-token ratio) of the first :data:`WORDS` words; None if there are fewer.

    Words are those of :func:`hugtweets.evaluation.words.words_of`, signs by themselves included.
    """
    words = [word for text in first_words(list(texts), WORDS) for word in words_of(text)]
    return round(len(set(words)) / WORDS, 4) if len(words) == WORDS else None


def compressed_share(texts: Sequence[str]) -> float | None:
    """Bytes that zlib makes of the first :data:`BYTES` bytes of the texts, over those; None if there are fewer.

    The more an account repeats itself, the less is left.
    """
    text = "\n".join(texts).encode()[:BYTES]
    return round(len(zlib.compress(text, 9)) / BYTES, 4) if len(text) == BYTES else None


def script_shares(texts: Iterable[str]) -> dict[str, float]:
    """Share of each writing system in the letters, commonest first, by the first word of Unicode's names: ``LATIN``."""
    letters: Counter[str] = Counter()
    for character, number in Counter("".join(texts)).items():
        if character.isalpha():
            letters[unicodedata.name(character, "UNKNOWN").split()[0]] += number
    total = letters.total()
    return {script: round(number / total, 4) for script, number in letters.most_common()}


def _of_writing(texts: Sequence[str]) -> dict[str, float | str | None]:
    characters = sum(map(len, texts))
    scripts = script_shares(texts)
    return {
        "posts": len(texts),
        "characters": characters,
        "mean_length": round(characters / len(texts), 1),
        "vocabulary": vocabulary(texts),
        "compressed_size": compressed_share(texts),
        "script": next(iter(scripts), None),
        "latin": scripts.get("LATIN", 0.0),
        "bytes_per_character": round(sum(len(text.encode()) for text in texts) / characters, 4),
    }


def _of_habits(clean: pa.Table, raw: pa.Table) -> dict[str, float | str | None]:
    others = pc.fill_null(pc.is_in(clean["reason"].cast(pa.string()), value_set=pa.array(OTHERS)), False)
    own = raw.filter(pc.is_in(raw["id"], value_set=clean["id"].filter(pc.invert(others)).combine_chunks()))
    replies = pc.fill_null(own["is_reply"], pc.starts_with(own["text"], "@"))
    return {
        "links": _share(pc.match_substring_regex(own["text"], LINK)),
        "hashtags": _share(pc.match_substring_regex(own["text"], HASHTAG)),
        "replies": _share(replies),
        "language": _commonest(own["lang"]),
    }


def _share(mask: pa.ChunkedArray) -> float:
    number: int = pc.sum(mask, min_count=0).as_py()
    return round(number / max(len(mask), 1), 4)


def _commonest(languages: pa.ChunkedArray) -> str | None:
    said = languages.filter(pc.invert(pc.fill_null(pc.match_substring_regex(languages, NO_LANGUAGE), True)))
    return next((language for language, _ in Counter(said.to_pylist()).most_common(1)), None)
