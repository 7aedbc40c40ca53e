"""Scripts are read piece by piece, wherever the pieces begin and end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.sources.archive.scripts import items, value

ENTRIES = st.lists(
    st.none()
    | st.integers(-9999, 9999)
    | st.text(max_size=5)
    | st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
    max_size=5,
)


@given(ENTRIES, st.integers(1, 9))
@settings(max_examples=100)
def test_any_pieces_give_the_same_entries(entries: list[object], size: int) -> None:
    script = f"window.YTD.tweets.part0 = {json.dumps(entries, indent=1)}"
    head, rest = script.split("[", 1)
    pieces = [rest[start : start + size] for start in range(0, len(rest), size)]

    assert list(items(iter([f"{head}[", *pieces]))) == entries


@pytest.mark.parametrize(
    "script", ["", "1", "x = {}", "x = [1, 2", 'x = [{"a": 1', "x = [}]", "x = [1 2", "x = " + "[" * 100_000]
)
def test_what_is_no_list_or_breaks_off_is_an_error(script: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(items(iter([script[:40], script[40:]])))


def test_a_small_script_is_read_whole() -> None:
    assert value('var user_details = {"id": "7"};') == {"id": "7"}


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_parts_that_were_put_into_one_file_are_all_read(size: int) -> None:
    script = "x.part0 = [1, 2];\nx.part1 = [3]\n\nx.part2 = [ ]\nvar x = [4] // the end"
    head, rest = script[:11], script[11:]

    assert list(items(iter([head, *(rest[start : start + size] for start in range(0, len(rest), size))]))) == [
        1,
        2,
        3,
        4,
    ]


def test_a_list_whose_variable_was_taken_away_is_read() -> None:
    assert list(items(iter([" [1, ", "2]"]))) == [1, 2]
