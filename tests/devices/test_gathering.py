"""Callers who ask at the same time are served together; who cannot be is told why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from hugtweets.devices.gathering import Gatherer, Group, NotGathered
from hugtweets.errors import XUnavailable
from tests.fixtures.device_work import double_all

ENOUGH = 30.0


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def here(work: Callable[..., Any], *arguments: object) -> Any:
    """Instead of a device."""
    return work(*arguments)


def ask(gatherer: Gatherer, kinds: Sequence[str], pool: ThreadPoolExecutor, most: int) -> list[Any]:
    """What each caller gets, or the error that it ends in."""
    asked = [
        pool.submit(gatherer.gather, kind, number, double_all, most, ENOUGH) for number, kind in enumerate(kinds, 1)
    ]
    return [each.exception() or each.result() for each in asked]


def test_callers_of_one_kind_are_served_together_each_with_its_own(pool: ThreadPoolExecutor) -> None:
    sizes = list[int]()

    def run(work: Callable[..., Any], *arguments: Any) -> Any:
        sizes.append(len(arguments[1].members))
        return work(*arguments)

    assert ask(Gatherer(run), ["a", "b", "a", "b"], pool, most=2) == [2, 4, 6, 8]
    assert sizes == [2, 2]


def test_an_error_of_one_stays_with_it(pool: ThreadPoolExecutor) -> None:
    # What is no number cannot be doubled.
    gatherer = Gatherer(here)
    bad = pool.submit(gatherer.gather, "a", None, double_all, 2, ENOUGH)
    assert gatherer.gather("a", 21, double_all, 2, ENOUGH) == 42
    assert isinstance(bad.exception(), XUnavailable)


def test_who_stays_alone_is_told_so() -> None:
    with pytest.raises(NotGathered, match="no other came within 0"):
        Gatherer(here).gather("a", 1, double_all, 4, 0.0)


def test_what_cannot_be_done_together_is_left_to_each(pool: ThreadPoolExecutor) -> None:
    def run(work: Callable[..., Any], *arguments: object) -> Any:
        raise MemoryError("too much")

    errors = ask(Gatherer(run), ["a", "a"], pool, most=2)
    assert [(type(error), str(error)) for error in errors] == [(NotGathered, "too much")] * 2


def test_others_join_while_the_work_goes_on(pool: ThreadPoolExecutor) -> None:
    gatherer, late = Gatherer(here), list[Future[int]]()

    def work(group: Group[int | None, int]) -> None:
        late.append(pool.submit(gatherer.gather, "a", 3, work, 2, ENOUGH))
        group.wait(3, ENOUGH)
        double_all(group)

    first = [pool.submit(gatherer.gather, "a", number, work, 2, ENOUGH) for number in (1, 2)]
    assert [each.result() for each in first] == [2, 4]
    assert [each.result() for each in late] == [6]
