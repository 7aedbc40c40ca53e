"""Which of the generated posts are kept, by how likely they are to a reader."""

from __future__ import annotations

from hugtweets.generation.choice import spread_as


def test_the_likeliest_and_the_oddest_posts_are_kept_as_often_as_the_account_writes_such() -> None:
    own, found = [1.0, 2.0, 3.0, 4.0], [0.1, 9.0, 3.6, 0.2, 1.6, 8.0, 2.4, 0.3]
    assert [found[place] for place in spread_as(own, found, 3)] == [1.6, 2.4, 3.6]


def test_without_enough_to_choose_from_all_are_kept_and_none_twice() -> None:
    assert spread_as([1.0, 2.0], [5.0, 5.0], 3) == [0, 1]
    assert spread_as([2.0] * 9, [2.0, 2.0, 7.0, 2.0], 3) == [0, 1, 3]
