"""Only what X allows as a handle may touch a path or a URL."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugtweets.errors import InvalidHandle, NothingKept
from hugtweets.steps.finetune import find_model
from hugtweets.storage.handles import validate_handle
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import Timeline, save


@pytest.mark.parametrize("name", ["a", "NASA", "under_score", "_", "2020", "x" * 15])
def test_a_handle_is_taken_as_it_is_spelled(name: str) -> None:
    assert validate_handle(name) == name
    assert validate_handle("@" + name) == name


@pytest.mark.parametrize(
    "name", ["", "@", "@@a", "x" * 16, "../../etc", "a/b", ".", "a b", "a\n", "a\x00", "é", "٣", "a-b", "con.", "~root"]
)
def test_what_cannot_be_a_handle_is_refused(name: str) -> None:
    with pytest.raises(InvalidHandle, match="is no X handle"):
        validate_handle(name)


@given(st.text(max_size=80))
def test_whatever_passes_is_harmless_in_a_path_and_whatever_fails_fits_on_a_line(name: str) -> None:
    try:
        assert re.fullmatch("[A-Za-z0-9_]{1,15}", validate_handle(name))
    except InvalidHandle as error:
        assert str(error).isascii() and str(error).isprintable() and len(str(error)) < 600


def test_no_path_is_built_from_a_bad_handle(home: Home) -> None:
    with pytest.raises(InvalidHandle):
        home.timeline("../../etc")


def test_a_known_account_keeps_its_spelling(home: Home) -> None:
    save(home.timeline("FerryClock"), Timeline())

    assert home.spelling("@ferryclock") == "FerryClock"
    assert home.spelling("tugboat") == "tugboat"
    assert home.known_handles() == ["FerryClock"]


def test_what_is_missing_is_made_by_a_command_that_exists(home: Home) -> None:
    for name, command in (("alice", "hugtweets run alice"), ("alice+bob", "hugtweets run alice bob --mix")):
        with pytest.raises(NothingKept, match=f"make one with `{command}`"):
            find_model(home, name)
