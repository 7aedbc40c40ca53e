"""The report site: what its pages tell, that strangers' text stays text, and that only what changed is made again."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hugtweets.evaluation.people import Answers, GuessAnswer
from hugtweets.report.plots import Line, over_time
from hugtweets.report.site import published
from hugtweets.report.step import report
from hugtweets.steps.fetch import TIMELINE
from hugtweets.storage.artifacts import latest, references, remove
from hugtweets.storage.atomic import write_text
from hugtweets.storage.csv_files import to_csv
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import RAW_SCHEMA
from tests.fixtures.reports import FIRST, HOSTILE, invented_texts, jobs, learn, learn_mix
from tests.fixtures.written import written


class Page(HTMLParser):
    """What a page consists of, as a browser would read it."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102
        self.tags.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:  # noqa: D102
        self.text += data

    def number(self, tag: str) -> int:
        """How many elements of a kind there are."""
        return sum(name == tag for name, _ in self.tags)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def page(home: Home, handle: str) -> Page:
    return Page(home.report / "accounts" / f"{handle}.html")


def overview(home: Home) -> Page:
    return Page(home.report / "index.html")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The site of three accounts; what mallory writes, and what her model makes of it, is hostile."""
    home = Home(tmp_path_factory.mktemp("site"))
    learn(home, "alice")
    learn(home, "bob", bits=2.2)
    learn(home, "mallory", invented_texts("mallory", 40) + HOSTILE, [(text[:280], text) for text in HOSTILE])
    report(jobs(home, "alice", "bob", "mallory"))
    return home


def test_an_account_has_a_page_with_its_funnel_its_posts_and_its_scores(site: Home) -> None:
    shown = page(site, "alice").text
    for expected in (
        "Dropped: retweet",
        "not mine at all",
        "2.100 → 1.600",
        "the alice sings",
        "Attribution accuracy",
    ):
        assert expected in shown
    # The accuracy of the detector, as the scorecard of the command line has it.
    assert "60 %" in shown


def test_the_overview_has_a_row_for_each_account_and_says_what_is_generated(site: Home) -> None:
    shown = overview(site)
    links = [attributes.get("href") for tag, attributes in shown.tags if tag == "a"]
    assert {"accounts/alice.html", "accounts/bob.html", "accounts/mallory.html"} <= set(links)
    assert "−24 %" in shown.text and "+5 %" in shown.text
    assert "generated I think that the bob sings" in " ".join(shown.text.split())


def test_a_model_that_is_not_in_use_is_said_to_be(site: Home) -> None:
    assert "it does not beat its base" in page(site, "bob").text
    assert "This model is not in use" in page(site, "bob").text
    assert "This model is not in use" not in page(site, "alice").text


def test_text_of_strangers_stays_text(site: Home) -> None:
    shown, harmless = page(site, "mallory"), page(site, "alice")
    assert (shown.number("script"), shown.number("img")) == (harmless.number("script"), 0)
    assert overview(site).number("script") == 1
    for read in (shown, overview(site)):
        assert not [name for _, attributes in read.tags for name in attributes if name.startswith(("on", "style"))]
    for text in HOSTILE[:6]:
        assert text in shown.text


def test_a_page_allows_nothing_but_its_own_style_and_script_and_loads_nothing(site: Home) -> None:
    for path in site.report.rglob("*.html"):
        shown = Page(path)
        policy = next(a["content"] for tag, a in shown.tags if tag == "meta" and a.get("http-equiv"))
        assert (policy or "").startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in (policy or "")
        assert not [a for tag, a in shown.tags if tag in ("link", "iframe", "object") or a.get("src")]
        targets = [a["href"] or "" for tag, a in shown.tags if tag == "a"]
        assert [target for target in targets if not (path.parent / target.partition("#")[0]).exists()] == []


def test_the_comparison_has_the_figures_of_every_account(site: Home) -> None:
    html = (site.report / "compare.html").read_text(encoding="utf-8")
    assert html.count("<script") == 2
    data = json.loads(html.partition('id="data">')[2].partition("</script>")[0])
    assert "2.100 → 1.600" in data["accounts"]["alice"]["figures"]
    assert [HOSTILE[0][:280], HOSTILE[0]] in data["accounts"]["mallory"]["posts"]


def test_the_page_is_an_artifact_made_of_all_others(site: Home) -> None:
    made = latest(site, "alice", "report")
    assert made is not None
    inputs = made.manifest().inputs
    assert set(inputs) == {"fetch", "clean", "tokenise", "finetune", "sample", "evaluate", "authorship", "known"}


@pytest.mark.parametrize("name", ["curve", "words", "generated", "hours", "lengths", "models"])
def test_the_data_of_a_page_lies_beside_it(site: Home, name: str) -> None:
    assert len(rows_of(site.report / "accounts" / f"mallory.{name}.csv")) > 0


def test_cells_of_strangers_are_no_formulas(site: Home) -> None:
    text = to_csv(["post", "number"], [["=1+1", -3], ["  @SUM(A1)", 2.5], ["plain, with comma", None]])
    read = list(csv.reader(io.StringIO(text)))
    assert [row[0] for row in read] == ["post", "'=1+1", "'  @SUM(A1)", "plain, with comma"]
    assert read[1][1] == "-3"
    assert not [
        row for row in rows_of(site.report / "accounts" / "mallory.generated.csv") if row["text"].startswith("=")
    ]


def test_only_what_changed_is_made_again(home: Home) -> None:
    learn(home, "alice")
    learn(home, "bob")
    asked = jobs(home, "alice", "bob")
    report(asked)
    pages = {handle: home.report / "accounts" / f"{handle}.html" for handle in ("alice", "bob")}
    before = {handle: written(path) for handle, path in pages.items()}
    assert all(done.cached for done in report(asked).values())
    assert {handle: written(path) for handle, path in pages.items()} == before
    learn(home, "alice", bits=1.5)
    done = report(asked)
    assert (done["alice"].cached, done["bob"].cached) == (False, True)
    assert written(pages["bob"]) == before["bob"]
    assert "2.100 → 1.500" in overview(home).text
    # The model of before is still there to be compared with.
    assert [row["bits_per_byte"] for row in rows_of(home.report / "nights.csv")] == ["1.6", "1.5", "1.6"]
    assert "Models over time" in page(home, "alice").text
    assert "Models over time" in overview(home).text


def test_an_account_that_was_only_fetched_and_cleaned_has_a_page_too(home: Home) -> None:
    learn(home, "alice")
    for step in ("finetune", "sample", "evaluate", "authorship"):
        for reference in references(home, "alice", step):
            reference.folder.rename(home.root / reference.digest)
    report(jobs(home, "alice"))
    assert "No model was made yet" in page(home, "alice").text
    assert "Kept" in page(home, "alice").text


def test_a_page_warns_of_posts_of_an_export_from_the_time_of_circles(home: Home) -> None:
    learn(home, "alice")
    [fetched] = references(home, "alice", "fetch")
    posts = pq.read_table(fetched.file(TIMELINE)).to_pylist()
    then = [row | {"source": "archive", "created_at": datetime(2022, 10, 12, tzinfo=UTC)} for row in posts]
    pq.write_table(pa.Table.from_pylist(then, RAW_SCHEMA), fetched.file(TIMELINE))
    report(jobs(home, "alice"))
    assert "exports held posts for a Twitter Circle" in page(home, "alice").text


def test_pages_name_every_source_of_the_posts(home: Home) -> None:
    learn(home, "alice", sources=("x", "bluesky", "x"))
    report(jobs(home, "alice"))
    assert "from X (40 posts), Bluesky (20 posts)" in page(home, "alice").text
    assert "aliceX, Bluesky" in Page(home.report / "index.html").text


def test_a_page_that_was_lost_or_half_published_is_published_again(home: Home) -> None:
    learn(home, "alice")
    asked = jobs(home, "alice")
    report(asked)
    path = home.report / "accounts" / "alice.html"
    whole = path.read_text(encoding="utf-8")
    path.unlink()
    report(asked)
    assert path.read_text(encoding="utf-8") == whole
    path.unlink()
    write_text(path, "half")
    write_text(path.with_suffix(".json"), "{")
    report(asked)
    assert path.read_text(encoding="utf-8") == whole
    assert len(references(home, "alice", "report")) == 1


def test_accounts_that_are_gone_leave_the_site(home: Home) -> None:
    for handle in ("alice", "bob"):
        learn(home, handle)
    report(jobs(home, "alice", "bob"))
    home.timeline("bob").unlink()
    for folder in home.artifacts.glob("*/bob"):
        shutil.rmtree(folder)
    report(jobs(home, "alice"))
    assert list(home.report.glob("accounts/bob*")) == []
    assert "bob" not in "".join(path.read_text(encoding="utf-8") for path in home.report.glob("*.html"))


def test_a_mix_has_a_page_of_the_posts_of_all_its_accounts(home: Home) -> None:
    for handle in ("alice", "bob"):
        learn(home, handle)
    learn_mix(home, "alice", "bob")
    report(jobs(home, *home.known_names()))
    shown = page(home, "alice+bob").text
    assert "By the accounts: test posts" in shown
    # Each of the 60 posts of both, and what cleaning dropped of either.
    summary = published(home, "alice+bob")
    assert summary is not None and summary.fetched == 120
    assert "Dropped: retweet" in shown and "not mine at all" in shown
    assert "Most used words" in shown and "Before and after cleaning" in shown
    assert "2 accounts, 1 mix" in overview(home).text
    assert all(done.cached for done in report(jobs(home, *home.known_names())).values())


@pytest.mark.parametrize("apart", [timedelta(minutes=4), timedelta(days=1400)])
def test_a_history_of_any_length_is_drawn_without_a_complaint(apart: timedelta) -> None:
    line = Line([(FIRST, 1.7), (FIRST + apart, 1.6)])
    assert "<svg" in over_time([line], "bits per byte", "Two models.")


def test_the_overview_leads_to_its_plots_past_all_accounts(site: Home) -> None:
    links = [attributes.get("href") for tag, attributes in overview(site).tags if tag == "a"]
    assert links.index("#plots") < links.index("accounts/alice.html")


def test_a_page_whose_artifact_is_gone_leaves_the_site(home: Home) -> None:
    for handle in ("alice", "bob"):
        learn(home, handle)
    learn_mix(home, "alice", "bob")
    report(jobs(home, *home.known_names()))
    # As when a post of alice is deleted: what holds it of the mix goes, while she alone is learned again.
    for reference in references(home, "alice+bob"):
        remove(home, reference)
    report(jobs(home, "alice"))
    assert sorted(path.name for path in home.report.glob("accounts/*.html")) == ["alice.html", "bob.html"]
    assert "alice+bob" not in overview(home).text


def test_the_page_tells_how_often_people_told_real_from_generated(home: Home) -> None:
    model = learn(home, "alice")
    report(jobs(home, "alice"))
    for right in [True] * 61 + [False] * 39:
        answer = GuessAnswer(handle="alice", answered_at=FIRST, model=model.digest, choices=4, right=right)
        Answers(home).add(answer)
    report(jobs(home, "alice"))
    assert "People told real from generated in 61 of 100 (25 by mere chance, 95 %" in page(home, "alice").text
