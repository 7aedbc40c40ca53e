"""The report in a real browser: it opens from disk, asks for nothing, and runs nothing that a stranger wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from hugtweets.report.step import report
from hugtweets.storage.home import Home
from tests.fixtures.browsers import (
    barriers,
    complaints,
    headless_browser,
    needs_browser,
    requested,
    set_scheme,
    set_width,
)
from tests.fixtures.reports import HOSTILE, invented_texts, jobs, learn

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = needs_browser
PLOTS = {"index.html": 2, "accounts/mallory.html": 3, "compare.html": 0}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two accounts, one of which writes what should harm."""
    home = Home(tmp_path_factory.mktemp("site"))
    learn(home, "alice", bits=1.9)
    learn(home, "mallory", invented_texts("mallory", 40) + HOSTILE, [(text[:280], text) for text in HOSTILE])
    report(jobs(home, "alice", "mallory"))
    return home


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with headless_browser() as started:
        yield started


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_and_run_and_load_nothing_that_is_not_theirs(site: Home, browser: Chrome, width: int) -> None:
    set_width(browser, width)
    opened: set[str] = set()
    for page in ("index.html", "accounts/mallory.html", "compare.html"):
        url = (site.report / page).as_uri()
        browser.get(url)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert browser.execute_script("return document.querySelectorAll('svg.plot').length") == PLOTS[page]
        assert "taken" not in browser.title
        opened.add(url)
    assert complaints(browser) == []
    assert set(requested(browser)) <= opened


@pytest.mark.parametrize("page", PLOTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_closed_to_anybody(site: Home, browser: Chrome, page: str, scheme: str) -> None:
    set_scheme(browser, scheme)
    browser.get((site.report / page).as_uri())
    assert barriers(browser) == []


def test_the_table_is_sorted_by_its_headings_and_searched(site: Home, browser: Chrome) -> None:
    browser.get((site.report / "index.html").as_uri())
    click = "[...document.querySelectorAll('th button')].find(b => b.textContent === 'Gain').click();"
    order = "return [...document.querySelectorAll('tbody tr:not([hidden]) th a')].map(cell => cell.textContent)"
    assert browser.execute_script(order) == ["alice", "mallory"]
    assert browser.execute_script(click + order) == ["mallory", "alice"]
    assert browser.execute_script(click + order) == ["alice", "mallory"]
    sorted_by = "return document.querySelector('th[aria-sort=descending]').textContent"
    assert browser.execute_script(sorted_by) == "Gain"
    find = "const find = document.getElementById('find'); find.value = '@MAL'; find.dispatchEvent(new Event('input'));"
    assert browser.execute_script(find + order) == ["mallory"]


def test_two_accounts_are_compared_as_the_address_asks(site: Home, browser: Chrome) -> None:
    browser.get((site.report / "compare.html").as_uri() + "#mallory")
    heads = "return [...document.querySelectorAll('thead th')].map(cell => cell.textContent)"
    assert browser.execute_script(heads) == ["Figure", "mallory", "alice"]
    cells = "return [...document.querySelectorAll('#rows tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    assert ["Bits per byte, base → tuned", "2.100 → 1.600", "2.100 → 1.900"] in browser.execute_script(cells)
    assert HOSTILE[0] in browser.execute_script("return document.getElementById('posts').textContent")
