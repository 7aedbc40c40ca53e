"""The house: four floors, the rooms of the library from one table, and one seam for each outside thing."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("hugtweets", "tasks", "flows", "deployments")
# Rooms of the library from the ground up: each imports only rooms further down, those beside it included.
ROOMS = (
    ("errors",),
    ("config",),
    ("storage", "cleaning"),
    ("timelines", "evaluation", "devices", "budget"),
    ("pools", "sources"),
    ("models", "tracking", "simulator"),
    ("training", "generation"),
    ("jobs",),
    ("steps",),
    ("report", "sweeps"),
    ("publishing", "play"),
    ("cli",),
)
LEVELS = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
LIBRARY = [path for path in MODULES if path.is_relative_to(ROOT / "hugtweets")]
SEAMS: dict[str, tuple[str, ...]] = {
    "wandb": ("hugtweets/tracking",),
    "tweepy": ("hugtweets/sources/x",),
    "atproto": ("hugtweets/sources/bluesky",),
    "atproto_client": ("hugtweets/sources/bluesky",),
    "mastodon": ("hugtweets/sources/mastodon",),
    "prefect": ("tasks", "flows", "deployments", "hugtweets/cli"),
}
MOST_ENTRIES = 24
LONGEST_CHAIN = 11


def imported(path: Path) -> Iterator[str]:
    """Every module or name that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    """The room that a module of the library is in; the library's own face has none."""
    return path.relative_to(ROOT / "hugtweets").parts[0].removesuffix(".py")


@functools.cache
def rooms_below(room: str) -> set[str]:
    """The other rooms that the modules of a room import."""
    names = (name.split(".") for path in LIBRARY if room_of(path) == room for name in imported(path))
    return {parts[1] for parts in names if parts[0] == "hugtweets" and parts[1] in LEVELS} - {room}


@functools.cache
def longest_chain(room: str) -> int:
    return 1 + max(map(longest_chain, rooms_below(room)), default=0)


def test_every_room_is_in_the_table_and_there_are_few_enough_to_see_at_a_glance() -> None:
    entries = {path.name for path in (ROOT / "hugtweets").iterdir() if path.name != "__pycache__"}
    assert {name.removesuffix(".py") for name in entries} - {"__init__", "py.typed"} == set(LEVELS)
    assert len(entries) <= MOST_ENTRIES


def test_the_document_shows_the_same_rooms() -> None:
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", document, re.MULTILINE)
    assert {room: int(level) - 1 for level, room in rows} == LEVELS


@pytest.mark.parametrize("room", LEVELS)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    assert {below for below in rooms_below(room) if LEVELS[below] >= LEVELS[room]} == set()


def test_no_chain_of_imports_between_rooms_is_long() -> None:
    assert max(map(longest_chain, LEVELS)) <= LONGEST_CHAIN


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_imports_go_only_downward(path: Path) -> None:
    if where(path).startswith("hugtweets/cli/"):
        return  # the front door may open every floor
    here = FLOORS.index(where(path).split("/")[0])
    above = [name for name in imported(path) if name.split(".")[0] in FLOORS[here + 1 :]]
    assert above == []


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_nothing_imports_the_command_line(path: Path) -> None:
    if where(path).startswith("hugtweets/cli/"):
        return
    assert [name for name in imported(path) if name.startswith("hugtweets.cli")] == []


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_each_outside_thing_has_one_seam(path: Path) -> None:
    wrong = [
        package
        for package, places in SEAMS.items()
        if any(name.split(".")[0] == package for name in imported(path)) and not where(path).startswith(places)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name == "tasks"], ids=where)
def test_a_task_is_a_decorator_and_one_call(path: Path) -> None:
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef) and any("task" in ast.dump(d) for d in function.decorator_list):
            statements = [node for node in function.body if not isinstance(node, ast.Expr | ast.ImportFrom)]
            assert len(statements) == 1


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_modules_stay_readable(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350
