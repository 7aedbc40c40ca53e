"""What the errors say of themselves is what the code does with them, and what the drawing of the tree says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.states import Failed

from flows.recording import recorded
from hugtweets import errors
from hugtweets.config import FetchConfig
from hugtweets.errors import AccountsFailed, HugtweetsError, RateLimited
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import RunOutcome
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import Timeline, save
from tasks.retries import can_pass, is_worth_another

ROW = re.compile(r"^    (?P<lead>[│├└─ ]*)(?P<name>[A-Z]\w+) {2,}(?P<fate>.+)$", re.MULTILINE)
DRAWN = {found["name"]: found["fate"] for found in ROW.finditer(errors.__doc__ or "")}
CLASSES: dict[str, type[HugtweetsError]] = {
    name: found for name, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, HugtweetsError)
}


def parents_drawn() -> Iterator[tuple[str, str]]:
    """Each class and the one that it hangs from, as the indentation says."""
    above: list[tuple[int, str]] = []
    for found in ROW.finditer(errors.__doc__ or ""):
        depth = len(found["lead"])
        above = [(indent, name) for indent, name in above if indent < depth]
        if above:
            yield found["name"], above[-1][1]
        above.append((depth, found["name"]))


def made(name: str) -> HugtweetsError:
    kind: Any = CLASSES[name]
    if kind is AccountsFailed:
        return AccountsFailed("one failed", RunOutcome(status="failed", flow_run="run", accounts=[]))
    return kind("it went wrong")  # type: ignore[no-any-return]


def ended_by(error: Exception, home: Home) -> tuple[str, str | None]:
    """Status and reason of an account in whose steps the error is raised."""
    with recorded(Job(home, AccountRequest(handle="alice"), "night")) as outcome:
        raise error
    return outcome.status, outcome.reason


def test_the_tree_is_drawn_as_it_is() -> None:
    assert dict(parents_drawn()) == {
        name: kind.__base__.__name__ for name, kind in CLASSES.items() if kind.__base__ and kind is not HugtweetsError
    }


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_does_to_its_account_what_the_drawing_says(home: Home, name: str) -> None:
    fate = DRAWN[name].removeprefix("retried, then ").partition(",")[0]
    assert ended_by(made(name), home)[0] == fate
    save(home.timeline("alice"), Timeline())
    assert ended_by(made(name), home)[0] == ("skipped" if "skipped if posts of it are stored" in DRAWN[name] else fate)


@pytest.mark.parametrize("name", CLASSES)
def test_the_task_of_a_step_runs_again_if_the_drawing_says_so(name: str) -> None:
    state: Any = Failed(data=made(name))
    nothing: Any = None
    expected = DRAWN[name].startswith("retried")
    assert is_worth_another(nothing, nothing, state) == expected
    assert can_pass(FetchConfig())(nothing, nothing, state) == expected


@pytest.mark.parametrize("name", CLASSES)
def test_a_command_that_an_error_ends_has_the_exit_code_that_is_drawn(name: str) -> None:
    assert CLASSES[name].exit_code == (2 if DRAWN[name].endswith("exit code 2") else 1)


def test_a_rate_limit_that_ends_too_late_is_not_waited_for() -> None:
    late = RateLimited("too many", datetime.now(UTC) + timedelta(hours=1))
    nothing: Any = None
    assert not can_pass(FetchConfig())(nothing, nothing, Failed(data=late))


def test_an_error_that_nobody_foresaw_fails_the_account_and_not_the_run(home: Home) -> None:
    assert ended_by(KeyError("x"), home) == ("failed", "unforeseen KeyError: 'x'")
