"""With one device, all computing takes turns on one thread."""

from __future__ import annotations

import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hugtweets.devices import queue as device_queue
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
    begun, end = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        end.wait(60)

    def work() -> float:
        began = time.monotonic()
        time.sleep(0.1)
        return began

    def second() -> tuple[float, float]:
        before, asked = waited_seconds(), time.monotonic()
        longest = on_device(work) - asked
        return waited_seconds() - before, longest

    with ThreadPoolExecutor(2) as pool:
        pool.submit(on_device, first)
        begun.wait(60)
        waiting = pool.submit(second)
        assert device_queue._queue
        while not device_queue._queue.waiting:
            time.sleep(0.001)
        since = time.monotonic()
        time.sleep(0.1)
        shortest = time.monotonic() - since
        end.set()
        waited, longest = waiting.result(60)
    assert shortest <= waited <= longest
