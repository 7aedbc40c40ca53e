"""Figures of constructed accounts, where the answer is known."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from typer.testing import CliRunner

from hugtweets.cleaning.table import clean_table
from hugtweets.cli.app import app
from hugtweets.config import CleanConfig
from hugtweets.evaluation.promotion import judge
from hugtweets.evaluation.scorecard import Scorecard
from hugtweets.report.analysis.accounts import (
    BYTES,
    WORDS,
    AccountFigures,
    compressed_share,
    find_figures,
    script_shares,
    vocabulary,
)
from hugtweets.report.analysis.correlations import PROPERTIES, conclude, correlate
from hugtweets.report.analysis.report import analyse_accounts, plot_accounts
from hugtweets.steps.clean import CLEAN
from hugtweets.steps.evaluate import SCORES
from hugtweets.steps.fetch import TIMELINE
from hugtweets.storage.artifacts import Plan, Reference, create
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Post, to_table
from tests.fixtures.flows import START, rows

WORDS_KNOWN = [f"w{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(600)]


def prose(seed: int, number: int = 200) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS_KNOWN, k=12)) for _ in range(number)]


def test_a_repeated_post_compresses_and_has_few_words() -> None:
    varied, repeated = prose(1), prose(1, 1) * 200
    assert (compressed_share(repeated) or 1) < 0.05 < 0.3 < (compressed_share(varied) or 0)
    assert vocabulary(repeated) == 12 / WORDS < (vocabulary(varied) or 0)


def test_more_text_of_the_same_kind_changes_neither_figure() -> None:
    assert vocabulary(prose(1, 100)) == vocabulary(prose(1, 300))
    assert compressed_share(prose(1, 200)) == compressed_share(prose(1, 300))


def test_too_little_text_has_no_such_figures() -> None:
    assert vocabulary(["one two three"] * 333) is None
    assert vocabulary(["one two three"] * 334) == 3 / WORDS
    assert compressed_share(["x" * (BYTES - 1)]) is None


def test_scripts_are_counted_by_letters() -> None:
    assert script_shares(["abc, 日本 12", "д"]) == {"LATIN": 0.5, "CJK": 0.3333, "CYRILLIC": 0.1667}
    assert script_shares(["12 !"]) == {}


def figures(handle: str, **changes: Any) -> AccountFigures:
    common: dict[str, Any] = dict.fromkeys(AccountFigures.model_fields, 1.0) | {
        "handle": handle,
        "model": "m",
        "base_model": "b",
        "posts": 1,
        "characters": 1,
        "training_posts": 1,
        "language": "en",
        "script": "LATIN",
    }
    return AccountFigures.model_validate(common | changes)


def accounts(number: int) -> list[AccountFigures]:
    """The longer the posts the lower the start, and the drop the other way round; the rest is the same for all."""
    return [figures(f"a{n}", mean_length=n, start=2 - n**2 / 100, drop=n**3, end=1) for n in range(number)]


def test_a_monotone_relation_has_rank_correlation_one_whatever_its_shape() -> None:
    found = {(c.property, c.loss): c for c in correlate(accounts(9))}
    assert (found["mean_length", "start"].rho, found["mean_length", "drop"].rho) == (-1.0, 1.0)
    assert found["mean_length", "end"].rho is None
    assert found["posts", "start"].p is None
    assert found["mean_length", "drop"].accounts == 9
    # Two of the 9! orders of nine accounts are perfect.
    assert found["mean_length", "drop"].p == 0.000006


def test_a_property_that_some_accounts_lack_is_correlated_over_the_others() -> None:
    known = [*accounts(5), figures("short", vocabulary=None)]
    found = {(c.property, c.loss): c for c in correlate(known)}
    assert found["vocabulary", "start"].accounts == 5


def test_few_accounts_or_different_bases_say_nothing_and_many_only_what_is_not_chance() -> None:
    few, many = accounts(7), accounts(9)
    assert "7 accounts cannot tell" in conclude(few, correlate(few))
    assert "the higher mean_length, the lower start (rho -1.00)" in conclude(many, correlate(many))
    mixed = [*many, figures("other", base_model="c")]
    assert "different base models (b, c)" in conclude(mixed, correlate(mixed))
    rng = random.Random(3)
    noise = [
        figures(f"a{n}", **{name: rng.randrange(1000) for name in (*PROPERTIES, "drop", "end")}) for n in range(10)
    ]
    assert "none is stronger" in conclude(noise, correlate(noise))


def test_a_plot_names_the_accounts_that_have_the_property() -> None:
    drawn = plot_accounts([figures("alice", vocabulary=0.4), figures("bob", vocabulary=None)], "vocabulary")
    assert ">alice<" in drawn
    assert "bob" not in drawn
    assert drawn == plot_accounts([figures("alice", vocabulary=0.4), figures("bob", vocabulary=None)], "vocabulary")


def learned(
    home: Home, handle: str, posts: Sequence[Post], base: float = 2.0, tuned: float = 1.5, old: bool = False
) -> Reference:
    """An account whose steps were all done; only what the analysis reads is in their artifacts."""
    table = to_table(posts)

    def write_timeline(folder: Path) -> dict[str, Any]:
        pq.write_table(table, folder / TIMELINE)
        return {}

    def write_clean(folder: Path) -> dict[str, Any]:
        pq.write_table(clean_table(table, handle, CleanConfig()), folder / CLEAN)
        return {}

    card = Scorecard(
        on_test_posts=not old,
        held_out_posts=9,
        held_out_bytes=900,
        base_bits_per_byte=base,
        bits_per_byte=tuned,
        over_base=tuned - base,
    )

    def write_scores(folder: Path) -> dict[str, Any]:
        (folder / SCORES).write_text(card.model_dump_json(), encoding="utf-8")
        return {}

    timeline = create(home, Plan("fetch", 1, handle), write_timeline)
    clean = create(home, Plan("clean", 1, handle, (timeline,)), write_clean)
    tokens = create(home, Plan("tokenise", 1, handle, (clean,)), lambda folder: {"train": 81})
    # The rate stands for whatever tells two models of the same posts apart.
    model = create(home, Plan("finetune", 1, handle, (tokens,), {"lr": tuned}), lambda folder: {"base_model": "tiny"})
    create(home, Plan("evaluate", 1, handle, (model, tokens, clean)), write_scores)
    judge(home, model, None, card, "run-1")
    return model


def posts(number: int = 90) -> list[Post]:
    return [Post(id=row["id"], created_at=START, text=row["text"], is_reply=False) for row in rows(number)]


def test_scores_from_before_there_were_test_posts_are_not_compared(home: Home) -> None:
    learned(home, "alice", posts(), old=True)
    learned(home, "bob", posts())
    assert find_figures(home, "alice") is None
    assert [account.handle for account in analyse_accounts(home).accounts] == ["bob"]


def test_habits_are_counted_over_what_the_account_wrote_itself(home: Home) -> None:
    extra = [
        Post("3", START, "RT @bob: something else #tag https://t.co/a", is_retweet=True),
        Post("4", START, "@bob I could not agree with you more about this", lang="en"),
        Post("5", START, "what a day it was #harbour https://t.co/b", is_reply=False, lang="en"),
        Post("6", START, "die Glocke hat den ganzen Tag geläutet &#39; heute", is_reply=True, lang="und"),
    ]
    learned(home, "alice", [*posts(97), *extra])
    found = find_figures(home, "alice")
    assert found is not None
    assert (found.links, found.hashtags, found.replies) == (0.01, 0.01, 0.02)
    assert (found.posts, found.language, found.script, found.training_posts) == (100, "en", "LATIN", 81)
    assert (found.start, found.drop, found.end) == (2.0, 0.5, 1.5)


def test_an_account_is_described_by_its_current_model(home: Home) -> None:
    good = learned(home, "alice", posts())
    learned(home, "alice", posts(), tuned=2.5)
    found = find_figures(home, "alice")
    assert found is not None
    assert (found.model, found.end) == (good.digest, 1.5)


def test_the_command_compares_all_accounts_and_forgets_them(home: Home) -> None:
    for handle in ("alice", "bob"):
        learned(home, handle, posts())
    printed = json.loads(CliRunner().invoke(app, ["analyse", "--json"]).stdout)
    alice, bob = printed["accounts"]
    assert alice | {"handle": "", "model": ""} == bob | {"handle": "", "model": ""}
    table = list(csv.DictReader((home.analysis / "accounts.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["handle"] for row in table] == ["alice", "bob"]
    assert ">alice<" in (home.analysis / "mean_length.svg").read_text(encoding="utf-8")
    people = CliRunner().invoke(app, ["analyse", "alice"]).stdout
    assert "1 account cannot tell why losses differ" in people
    CliRunner().invoke(app, ["forget", "alice", "--yes"])
    assert not home.analysis.exists()


def test_an_account_without_scores_cannot_be_analysed(home: Home) -> None:
    learned(home, "alice", posts())
    missing = CliRunner().invoke(app, ["analyse", "bob"])
    assert "there are no scores of bob" in str(missing.exception)
