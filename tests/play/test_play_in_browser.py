"""The page in a real browser: choose, type, read along, switch, keep, guess; and nothing leaves this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from hugtweets.play.server import running
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
from tests.fixtures.play import REPLYING, SHORT, learned_home

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

pytestmark = needs_browser
HOSTILE = "<img src=x onerror='document.title=1'>"


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with learned_home(tmp_path_factory.mktemp("learned"), "alice", "bob", REPLYING) as home:
        yield home


@pytest.fixture(scope="module")
def url(learned: Home) -> Iterator[str]:
    with running(learned, SHORT) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with headless_browser() as started:
        yield started


def wait(browser: Chrome, condition: Callable[[Chrome], object]) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 120, 0.05).until(condition)


def visit(browser: Chrome, url: str) -> None:
    browser.get(url)
    wait(browser, lambda page: page.execute_script("return document.body.dataset.ready"))


def all_of(browser: Chrome, selector: str) -> list[WebElement]:
    return browser.find_elements("css selector", selector)


def texts(browser: Chrome, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map(element => element.textContent)"
    found: list[str] = browser.execute_script(script, selector)
    return found


def click(browser: Chrome, selector: str) -> None:
    all_of(browser, selector)[0].click()


def write(browser: Chrome) -> None:
    click(browser, "#go")
    wait(browser, lambda page: texts(page, "#status") == ["All posts are written."])


def test_posts_of_two_accounts_side_by_side_and_of_another_one(browser: Chrome, url: str) -> None:
    visit(browser, url)
    click(browser, "input[value=bob]")
    all_of(browser, "#prompt")[0].send_keys(HOSTILE)
    write(browser)
    assert texts(browser, ".column h3") == ["alice", "bob"]
    posts = texts(browser, "#columns .text")
    assert len(posts) == 6
    assert all(post.startswith(HOSTILE) for post in posts)
    assert texts(browser, "#columns .made") == ["generated"] * 6
    assert len(texts(browser, "#arrivals p")) == 6
    click(browser, "input[value=alice]")
    click(browser, "#base")
    write(browser)
    assert texts(browser, ".column h3") == ["bob", "base model"]
    assert browser.title == "hugtweets play"


def test_a_kind_can_be_chosen_where_all_chosen_models_know_it(browser: Chrome, url: str) -> None:
    visit(browser, url)
    assert not all_of(browser, "#kind")[0].is_displayed()
    click(browser, f"input[value={REPLYING}]")
    assert not all_of(browser, "#kind")[0].is_displayed()
    click(browser, "input[value=alice]")
    assert len(texts(browser, "#kind option")) == 3
    click(browser, "#kind option[value=reply]")
    assert browser.execute_script("return wantedPosts().kind") == "reply"
    write(browser)
    click(browser, "input[value=alice]")
    assert browser.execute_script("return wantedPosts().kind") is None


def test_a_post_is_kept_until_it_is_removed(browser: Chrome, url: str) -> None:
    visit(browser, url)
    write(browser)
    first = texts(browser, "#columns .text")[0]
    click(browser, "#columns .keep")
    wait(browser, lambda page: texts(page, "#kept .text") == [first])
    visit(browser, url)
    assert texts(browser, "#kept .text") == [first]
    assert "generated+by+a+model+of+alice" in str(all_of(browser, "#kept .compose")[0].get_attribute("href"))
    click(browser, "#kept .keep")
    wait(browser, lambda page: texts(page, "#kept .text") == [])


def test_a_guess_is_counted(browser: Chrome, url: str) -> None:
    visit(browser, url)
    click(browser, "#ask")
    wait(browser, lambda page: len(texts(page, "#quiz button")) == 4)
    click(browser, "#quiz button")
    wait(browser, lambda page: " of 1 right" in texts(page, "#score")[0])
    assert texts(browser, "#quiz .made") == ["generated"] * 3
    assert len(texts(browser, "#quiz .real")) == 1


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_asks_nobody_else(browser: Chrome, url: str, width: int) -> None:
    set_width(browser, width)
    complaints(browser), requested(browser)
    visit(browser, url)
    write(browser)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert complaints(browser) == []
    assert all(asked.startswith(url) for asked in requested(browser))
    inputs = "return [...document.querySelectorAll('input')].filter(input => !input.labels.length).length"
    assert browser.execute_script(inputs) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_not_closed_to_anybody(browser: Chrome, url: str, scheme: str) -> None:
    set_scheme(browser, scheme)
    visit(browser, url)
    write(browser)
    click(browser, "#ask")
    wait(browser, lambda page: len(texts(page, "#quiz button")) == 4)
    assert barriers(browser) == []
    click(browser, "#quiz button")
    wait(browser, lambda page: len(texts(page, "#quiz .real")) == 1)
    assert barriers(browser) == []


def test_the_token_opens_the_page_and_leaves_the_address(browser: Chrome, learned: Home) -> None:
    with running(learned, SHORT, "correct-horse") as url:
        visit(browser, url.partition("#")[0])
        assert "token is missing" in texts(browser, "#status")[0]
        # Another address, or the browser would only move on the page.
        visit(browser, url.replace("#", "?again#"))
        assert texts(browser, "#accounts span") == ["alice", "bob", REPLYING]
        assert "correct-horse" not in browser.current_url
