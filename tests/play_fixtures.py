"""A home to play in: accounts that were learned in a blink, and a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from hugtweets.config import Config, build_config
from hugtweets.play.server import running
from hugtweets.storage.home import VARIABLE, Home
from tests.learned import CONFIG, learn

SHORT: Config = build_config({"train": {"device": "cpu"}, "sample": {"max_characters": 60}})
METHODS = {"alice": "lora", "bob": "lora", "carol": "full"}


@contextmanager
def learned_home(folder: Path, *handles: str) -> Iterator[Home]:
    """A home with models of these accounts, and that variable set: the locks of devices are below it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(VARIABLE, str(folder))
        home = Home(folder)
        for handle in handles:
            options = {"train": {"method": METHODS[handle]}, "evaluate": {"generated": 0}}
            learn(home, handle, config=CONFIG.override(options))
        yield home


class Player:
    """Whoever asks a server of ours."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()

    def ask(self, path: str, body: object = None, method: str | None = None, **headers: str) -> requests.Response:
        """Get, or post a body."""
        verb = method or ("GET" if body is None else "POST")
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        return self.session.request(verb, f"{self.url}{path}", data=data, headers=sent, timeout=120)

    def write(self, **wanted: object) -> list[dict[str, Any]]:
        """All events of a request for posts."""
        answer = self.ask("api/posts", wanted)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.content.split(b"\n") if line]


@contextmanager
def playing(home: Home, token: str | None = None) -> Iterator[Player]:
    """A server of a home, and somebody who asks it."""
    with running(home, SHORT, token) as url:
        player = Player(url.partition("#")[0])
        with player.session:
            yield player


def posts_of(events: list[dict[str, Any]], handle: str | None) -> list[dict[str, Any]]:
    """The finished posts of an account, or of the base model."""
    return [event["post"] for event in events if event["event"] == "post" and event["handle"] == handle]
