"""With one device, all computing takes turns on one thread."""

from __future__ import annotations

import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hugtweets.devices.queue import on_device, waited_seconds

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="nobody")


def test_all_callers_share_one_thread_that_is_none_of_theirs() -> None:
    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(lambda _: on_device(threading.current_thread), range(8)))
    assert len(names) == 1
    assert threading.current_thread() not in names


def test_turns_do_not_overlap() -> None:
    inside: list[int] = []

    def work() -> int:
        inside.append(1)
        time.sleep(0.01)
        return len(inside) - (inside.pop() and 1)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: on_device(work), range(8))) == {0}


def test_an_error_reaches_the_caller_and_the_next_turn_comes() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        on_device(fail)
    assert on_device(lambda: 1) == 1


def test_the_callers_context_goes_along() -> None:
    WHO.set("alice")
    assert on_device(WHO.get) == "alice"


def test_waiting_for_a_turn_is_counted_and_working_is_not() -> None:
    def second() -> float:
        before = waited_seconds()
        on_device(time.sleep, 0.05)
        return waited_seconds() - before

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(on_device, time.sleep, 0.3)
        time.sleep(0.05)
        waited = pool.submit(second).result()
        first.result()
    assert 0.1 < waited < 0.3
