"""How many accounts learn in one batch, by the memory of devices that are not here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hugtweets.config import TrainConfig
from hugtweets.devices.hardware import Hardware, with_limit
from hugtweets.devices.selection import choose_format
from hugtweets.errors import OutOfMemory
from hugtweets.training.adapter_task import PLACES
from hugtweets.training.places import MOST_TOKENS, Places, plan_places
from hugtweets.training.plan import PostLengths
from tests.fixtures.hardware import A100, GIB, LAPTOP, PROCESSOR
from tests.training.test_plan import SEVEN, SMALL

ACCOUNT = PostLengths([40] * 300 + [62] * 8, 2_000)


def places(hardware: Hardware, accounts: int = 4, later: bool = True) -> Places:
    config = TrainConfig()
    choice = choose_format(hardware, "auto", 1, "")
    return plan_places(SMALL, [(ACCOUNT, config)] * accounts, hardware, choice, later)


def test_where_memory_is_plenty_no_more_learn_at_once_than_brings_anything() -> None:
    found = places(A100)
    assert (found.accounts, found.tokens) == (PLACES["cuda"], min(MOST_TOKENS["cuda"], PLACES["cuda"] * 4 * 64))
    assert found.sentence.endswith("64 accounts at once, as many as bring anything")


def test_of_those_that_have_come_all_learn_where_no_others_may_come() -> None:
    assert places(A100, later=False).sentence.endswith("4 accounts at once, all that have come")


def test_as_many_accounts_learn_at_once_as_fit() -> None:
    found, more = places(LAPTOP), places(replace(LAPTOP, free=2 * LAPTOP.free))
    assert 1 < found.accounts < more.accounts <= PLACES["cuda"]
    assert found.needed <= LAPTOP.free and found.sentence.endswith("accounts at once, as more would not fit")
    assert "of 7.0 GiB free" in found.sentence


@pytest.mark.parametrize("later", [False, True])
def test_where_there_is_no_room_for_two_each_learns_by_itself(later: bool) -> None:
    with pytest.raises(OutOfMemory, match=r"two accounts in one batch need .* and the cpu has 1\.0 GiB free under the"):
        places(with_limit(PROCESSOR, GIB), later=later)


def test_a_base_that_fills_a_device_is_not_shared_on_it() -> None:
    choice = choose_format(LAPTOP, "auto", 1, "")
    with pytest.raises(OutOfMemory):
        plan_places(SEVEN, [(ACCOUNT, TrainConfig())] * 2, LAPTOP, choice)


def test_accounts_without_posts_need_no_room() -> None:
    config = TrainConfig()
    empty = PostLengths([], 0)
    found = plan_places(SMALL, [(empty, config), (ACCOUNT, config)], A100, choose_format(A100, "auto", 1, ""))
    assert found.accounts == 2
