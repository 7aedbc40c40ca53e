"""``--help``: the commands in panels, each with a line of its own and an example that can be typed as it stands."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer.main

from hugtweets.cli.app import app
from tests.cli.conftest import Program

PROGRAM: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = PROGRAM.commands
PANELS = ["Learn", "Look", "Share", "Operate"]


def in_words(text: str) -> str:
    return " ".join(re.sub(r"[─│╭╮╰╯]", " ", text).split())


@pytest.fixture(autouse=True)
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")


def test_the_commands_stand_in_four_panels(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program("--help") == 0
    shown = capsys.readouterr().out
    assert re.findall(r"╭─ (\w+) ─", shown) == ["Options", *PANELS]
    assert {command.rich_help_panel for command in COMMANDS.values()} == set(PANELS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_one_line_in_a_narrow_terminal(
    program: Program, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    program("--help")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"│ {name} ")]
    assert COMMANDS[name].help.splitlines()[0] == line.strip("│ ").removeprefix(name).strip()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_an_example_that_can_be_typed(
    program: Program, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (example,) = re.findall(r"^For example: hugtweets (.*)$", COMMANDS[name].help, re.MULTILINE)
    arguments = shlex.split(example)
    assert name in arguments
    # Typer reads the line of the help that ends here as it reads what is typed; nothing is run.
    COMMANDS[name].make_context(name, arguments[arguments.index(name) + 1 :]).close()
    program(name, "--help")
    assert in_words(f"For example: hugtweets {example}") in in_words(capsys.readouterr().out)


def test_help_has_no_colour_where_none_is_wanted(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for name in COMMANDS:
        program(name, "--help")
    assert "\x1b" not in capsys.readouterr().out
