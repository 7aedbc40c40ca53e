"""Learned accounts without learning: every artifact as the steps leave it, from posts and figures that are given."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.cleaning import clean_table, count
from hugtweets.config import CleanConfig, Config
from hugtweets.evaluation.promotion import judge
from hugtweets.evaluation.scorecard import Authorship, Scorecard
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job, plan_jobs
from hugtweets.steps.authorship import AUTHORSHIP
from hugtweets.steps.clean import CLEAN
from hugtweets.steps.evaluate import SCORES
from hugtweets.steps.fetch import TIMELINE
from hugtweets.steps.finetune import HISTORY
from hugtweets.steps.mix import add_counts
from hugtweets.steps.sample import SAMPLES, SAMPLES_SCHEMA, UNPROMPTED
from hugtweets.storage.artifacts import Plan, Reference, create, latest
from hugtweets.storage.handles import name_mix
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Post, to_table
from hugtweets.timelines.timeline import Timeline, save, write_posts

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SUBJECTS = ("harbour", "bicycle", "soup", "neighbour", "clock", "dog", "band", "ferry", "lantern", "kettle")
VERBS = ("sings", "forgets", "repairs", "borrows", "follows", "paints", "answers", "keeps", "finds", "loses")
PROMPTS = ("I think that", "I like")
# What a post, a prompt or a generated post may be made of by somebody who means harm.
HOSTILE = [
    '<script>document.title = "taken"</script> says the harbour',
    '"><img src=x onerror="document.title=\'taken\'"> said the soup',
    "</script><svg onload=document.title='taken'> said the clock twice",
    "\u202eevil right to left \u2066 and never closed, said the dog",
    "{{ 7 * 7 }} {% raw %} said the template to the kettle",
    '=HYPERLINK("http://127.0.0.1/") said the cell to the sheet',
    "unbroken" * 1250,
    "many words " * 900,
]


def jobs(home: Home, *handles: str) -> list[Job]:
    """What the report step is told of accounts; nothing goes to W&B."""
    config = Config().override({"tracking": {"mode": "disabled"}})
    return plan_jobs(home, [AccountRequest(handle=handle, config=config) for handle in handles], "night")


def invented_texts(handle: str, number: int) -> list[str]:
    """Posts of about a hundred characters, some of which cleaning drops or changes."""
    draw = random.Random(handle)
    texts = [
        " ".join(
            f"the {draw.choice(SUBJECTS)} {draw.choice(VERBS)} the {draw.choice(SUBJECTS)} {index}," for _ in "1234"
        )
        for index in range(number)
    ]
    texts[:4] = [f"{texts[0]} https://t.co/abc", f"{texts[1]} #soup 🐕", "RT @bob: not mine at all", "https://t.co/x"]
    return texts


def learn(
    home: Home,
    handle: str,
    texts: Sequence[str] | None = None,
    generated: Sequence[tuple[str, str]] = (),
    bits: float = 1.6,
) -> Reference:
    """An account with a timeline, all steps done and its model judged; returns the model."""
    posts = [
        Post(str(10**17 + number), FIRST + timedelta(hours=7 * number), text, author=handle, lang="en", source="file")
        for number, text in enumerate(texts or invented_texts(handle, 60))
    ]
    timeline = Timeline(tuple(posts))
    save(home.timeline(handle), timeline)
    raw = to_table(posts)
    fetch = make(
        home, Plan("fetch", 1, handle, extra={"timeline": timeline.digest()}), {TIMELINE: raw}, fetched=len(posts)
    )
    cleaned = clean_table(raw, handle, CleanConfig())
    clean = make(home, Plan("clean", 1, handle, (fetch,)), {CLEAN: cleaned}, **count(cleaned))
    return _finish(home, clean, generated, bits)


def learn_mix(home: Home, *handles: str) -> Reference:
    """A mix of accounts that are learned already; returns the model."""
    name = name_mix(handles)
    members = [made for handle in handles if (made := latest(home, handle, "clean"))]
    tables = [pq.read_table(member.file(CLEAN)) for member in members]
    kept = pa.concat_tables([table.filter(table["kept"]) for table in tables])
    inputs = {f"clean/{member.handle}": member.digest for member in members}
    counts = add_counts([member.manifest().counts for member in members])
    return _finish(home, make(home, Plan("clean", 1, name, extra=inputs), {CLEAN: kept}, **counts), (), 1.7)


def _finish(home: Home, clean: Reference, generated: Sequence[tuple[str, str]], bits: float) -> Reference:
    """The steps after clean; returns the model."""
    handle = clean.handle
    tokens = make(home, Plan("tokenise", 1, handle, (clean,)), {})
    names = {"base_model": "tiny", "start": "base model", "choice": "lora; processor"}
    history = {HISTORY: json.dumps(_history(bits))}
    model = make(home, Plan("finetune", 1, handle, (tokens,), {"bits": bits}), history, **names)
    drawn = generated or [(prompt, f"{prompt} the {handle} sings") for prompt in PROMPTS]
    tables = {SAMPLES: _samples(drawn), UNPROMPTED: _samples(drawn)}
    samples = make(home, Plan("sample", 3, handle, (model, clean)), tables, samples=len(drawn))
    card = scorecard(bits)
    scored = {SCORES: card.model_dump_json()}
    make(home, Plan("evaluate", 2, handle, (model, samples, tokens, clean)), scored, **card.model_dump())
    whose = Authorship(authors=2, taken_for_author=0.9, held_out_taken_for_author=1.0, base_taken_for_author=0.1)
    make(home, Plan("authorship", 1, handle, (samples, clean)), {AUTHORSHIP: whose.model_dump_json()})
    judge(home, model, None, card, "night")
    return model


def make(home: Home, plan: Plan, files: Mapping[str, pa.Table | str], **counts: Any) -> Reference:
    """An artifact with these files and counts."""

    def fill(folder: Path) -> dict[str, Any]:
        for name, content in files.items():
            if isinstance(content, str):
                (folder / name).write_text(content, encoding="utf-8")
            else:
                write_posts(folder / name, content)
        return counts

    return create(home, plan, fill)


def scorecard(bits: float) -> Scorecard:
    """Figures of a model that writes as the account does."""
    return Scorecard(
        held_out_posts=6,
        held_out_bytes=600,
        base_bits_per_byte=2.1,
        bits_per_byte=bits,
        over_base=bits - 2.1,
        generated_posts=40,
        told_apart=0.6,
        copied_share=0.0,
        held_out_copied_share=0.05,
        longest_copied_words=4,
        held_out_longest_copied_words=7,
        distinct_1=0.4,
        held_out_distinct_1=0.5,
        distinct_2=0.8,
        held_out_distinct_2=0.9,
        distinct_3=0.9,
        held_out_distinct_3=1.0,
        mean_length=90.0,
        held_out_mean_length=100.0,
    )


def _history(bits: float) -> list[dict[str, float]]:
    curve = [{"step": step, "train/loss": 5.5 - step * (2.1 - bits) / 20 + (step % 3) / 10} for step in range(1, 46)]
    ends = [{"step": 0, "held_out/loss": 5.3}, {"step": 45, "held_out/loss": 5.3 * bits / 2.1}]
    return [ends[0], *curve, ends[1]]


def _samples(drawn: Sequence[tuple[str, str]]) -> pa.Table:
    rows = [
        {
            "prompt": prompt,
            "text": text,
            "seed": 0,
            "index": index,
            "log_prob": -1.1 * len(text) - index,
            "longest_copy": 12,
            "replaced": 0,
            "generated": True,
        }
        for index, (prompt, text) in enumerate(drawn)
    ]
    return pa.Table.from_pylist(rows, schema=SAMPLES_SCHEMA)
