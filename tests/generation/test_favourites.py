"""Favourites: kept in the home, each marked as generated, and gone with the account."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from hugtweets.cli.app import app, main
from hugtweets.generation.favourites import Favourites
from hugtweets.generation.posts import GeneratedPost, RecentPosts
from hugtweets.storage.home import Home

ODD = "<b>\u2028two\x85lines\"'\\n"


def post(handle: str | None, text: str = "The fog again.") -> GeneratedPost:
    return GeneratedPost.of(handle, text, prompt="The", model="0123456789abcdef", temperature=1.0, top_p=0.95)


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
    (home.artifacts / "clean" / "alice+bob").mkdir(parents=True)
    for handle in ("Alice", "alice+bob", "bob", None):
        favourites.add(post(handle))
    monkeypatch.setattr(sys, "argv", ["hugtweets", "forget", "alice", "--yes"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert [one.handle for one in favourites.all()] == ["bob", None]


def test_the_question_counts_favourites_too(home: Home) -> None:
    home.timelines.mkdir(parents=True)
    home.timeline("alice").write_bytes(b"posts")
    for handle, text in (("alice", "one"), ("alice", "two"), ("bob", "three")):
        Favourites(home).add(post(handle, text))
    asked = CliRunner().invoke(app, ["forget", "alice"], input="n")
    assert "Delete 1 file or folder and 2 favourites of alice for ever?" in asked.stderr
    asked = CliRunner().invoke(app, ["forget", "bob"], input="n")
    assert "Delete 1 favourite of bob for ever?" in asked.stderr
    assert len(Favourites(home).all()) == 3


def test_the_oldest_posts_are_no_longer_known() -> None:
    remembered = RecentPosts(most=2)
    posts = [post("alice", text) for text in ("one", "two", "three")]
    for one in posts:
        remembered.add(one)
    assert [remembered.get(one.id).text for one in posts[1:]] == ["two", "three"]
    assert len(remembered) == 2
