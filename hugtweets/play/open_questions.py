"""Questions that were asked and not yet answered, in the memory of the server."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Generic, TypeVar

from hugtweets.errors import NothingKept

MOST = 1_000

Known = TypeVar("Known")


class OpenQuestions(Generic[Known]):
    """What is known of each question; the oldest one is dropped if there are too many."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Known] = OrderedDict()

    def add(self, known: Known) -> str:
        """Keep a question, and return the name by which it is answered."""
        name = secrets.token_urlsafe(12)
        self._open[name] = known
        while len(self._open) > MOST:
            self._open.popitem(last=False)
        return name

    def take(self, name: str) -> Known:
        """What is known of a question, which can be answered once.

        Raises:
            NothingKept: no such question is open.
        """
        if name not in self._open:
            raise NothingKept("this question was answered before, or is too old: ask for another one")
        return self._open.pop(name)
