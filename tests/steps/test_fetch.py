"""What the fetch step makes of sources that hold nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugtweets.errors import NothingFetched
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.steps.fetch import fetch
from hugtweets.storage.home import Home
from tests.fixtures.flows import rows, write_timeline


@pytest.mark.parametrize(("name", "content"), [("empty.jsonl", ""), ("head.csv", "id,created_at,text\n")])
def test_a_source_without_a_post_puts_the_account_off(home: Home, tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(NothingFetched, match=f"no post of alice in .*{name}"):
        fetch(Job(home, AccountRequest(handle="alice", source=f"file:{path}"), "night"))


def test_an_account_whose_posts_are_stored_goes_on_with_them(home: Home, tmp_path: Path) -> None:
    path = write_timeline(tmp_path / "alice.jsonl", rows(3))
    job = Job(home, AccountRequest(handle="alice", source=f"file:{path}"), "night")
    fetch(job)
    path.write_text("")
    assert fetch(job).reference.manifest().counts["fetched"] == 3
