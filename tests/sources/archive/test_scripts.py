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
    "script", ["", "[1]", "x = {}", "x = [1, 2", 'x = [{"a": 1', "x = [}]", "x = [1 2", "x = " + "[" * 100_000]
)
def test_what_is_no_list_or_breaks_off_is_an_error(script: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(items(iter([script[:40], script[40:]])))


def test_a_small_script_is_read_whole() -> None:
    assert value('var user_details = {"id": "7"};') == {"id": "7"}
