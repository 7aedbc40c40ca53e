"""Favourites: kept in the home, each marked as generated, and gone with the account."""

from __future__ import annotations

import sys

import pytest

from hugtweets.cli.app import main
from hugtweets.home import Home
from hugtweets.play.favourites import Favourites
from hugtweets.play.written import WrittenPost, WrittenPosts, write_post

ODD = "<b>\u2028two\x85lines\"'\\n"


def post(handle: str | None, text: str = "The fog again.") -> WrittenPost:
    return write_post(handle, text, prompt="The", model="0123456789abcdef", temperature=1.0, top_p=0.95)


def test_favourites_are_kept_in_order_and_once(home: Home) -> None:
    favourites = Favourites(home)
    posts = [post("alice", ODD), post(None), post("bob")]
    for one in [*posts, posts[0]]:
        favourites.add(one)
    kept = Favourites(home).all()
    assert [one.id for one in kept] == [one.id for one in posts]
    assert (kept[0].text, kept[0].generated) == (ODD, True)
    favourites.remove(posts[1].id)
    favourites.remove(posts[1].id)
    assert [one.handle for one in favourites.all()] == ["alice", "bob"]


def test_a_forgotten_account_leaves_no_favourites(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    favourites = Favourites(home)
    for handle in ("Alice", "bob", None):
        favourites.add(post(handle))
    monkeypatch.setattr(sys, "argv", ["hugtweets", "forget", "alice", "--yes"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert [one.handle for one in favourites.all()] == ["bob", None]


def test_the_oldest_posts_are_no_longer_known() -> None:
    remembered = WrittenPosts(most=2)
    posts = [post("alice", text) for text in ("one", "two", "three")]
    for one in posts:
        remembered.add(one)
    assert [remembered.get(one.id).text for one in posts[1:]] == ["two", "three"]
    assert len(remembered) == 2
