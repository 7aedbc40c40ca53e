"""The program as its tests call it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from hugtweets.cli.app import main

Program = Callable[..., int]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    """Runs the program in this process and returns its exit code."""

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["hugtweets", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code if isinstance(ended.value.code, int) else int(ended.value.code is not None)

    return call
