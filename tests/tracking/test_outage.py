"""How often W&B is tried while it is away."""

from __future__ import annotations

from dataclasses import dataclass

from hugtweets.tracking.outage import LONGEST_PAUSE_SECONDS, Outage


@dataclass
class Clock:
    """A clock that the test sets."""

    now: float = 0.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now


def attempts(runs: int, seconds_between: float, seconds_an_attempt: float) -> int:
    """How many of the runs of a night wait for a server that is away all night."""
    clock = Clock()
    outage, tried = Outage(clock), 0
    for _ in range(runs):
        if outage.may_try():
            tried += 1
            clock.now += seconds_an_attempt
            outage.failed()
        clock.now += seconds_between
    return tried


def test_a_night_of_300_accounts_without_a_server_waits_for_it_ten_times_not_2100() -> None:
    assert attempts(runs=2100, seconds_between=5, seconds_an_attempt=21) == 10


def test_a_server_that_is_back_is_noticed_within_the_longest_pause() -> None:
    clock = Clock()
    outage = Outage(clock)
    for _ in range(20):
        outage.failed()
    clock.now = LONGEST_PAUSE_SECONDS
    assert outage.may_try()
    assert outage.passed()
    assert outage.may_try()


def test_after_a_pause_one_thread_tries_and_the_others_wait_for_what_comes_of_it() -> None:
    clock = Clock()
    outage = Outage(clock)
    clock.now += outage.failed()
    assert [outage.may_try(), outage.may_try()] == [True, False]


def test_while_all_is_well_every_run_is_tried_and_nothing_is_said() -> None:
    outage = Outage(Clock())
    assert (outage.may_try(), outage.passed(), outage.may_try()) == (True, False, True)
