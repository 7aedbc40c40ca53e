"""The house: four floors, the rooms of the library from one table, and one seam for each outside thing."""

from __future__ import annotations

import ast
import functools
import re
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


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """Every module or name that a module imports, wherever in it."""
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


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


def behind_the_front_door() -> list[Path]:
    """All modules but those of the command line, which may open every floor."""
    return [path for path in MODULES if not where(path).startswith("hugtweets/cli/")]


def test_imports_go_only_downward() -> None:
    above = {floor: FLOORS[place + 1 :] for place, floor in enumerate(FLOORS)}
    assert [
        (where(path), name)
        for path in behind_the_front_door()
        for name in imported(path)
        if name.split(".")[0] in above[where(path).split("/")[0]]
    ] == []


def test_nothing_imports_the_command_line() -> None:
    assert [
        (where(path), name)
        for path in behind_the_front_door()
        for name in imported(path)
        if name.startswith("hugtweets.cli")
    ] == []


def test_each_outside_thing_has_one_seam() -> None:
    assert [
        (where(path), name)
        for path in MODULES
        for name in imported(path)
        if not where(path).startswith(SEAMS.get(name.split(".")[0], ""))
    ] == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name == "tasks"], ids=where)
def test_a_task_is_a_decorator_and_one_call(path: Path) -> None:
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef) and any("task" in ast.dump(d) for d in function.decorator_list):
            statements = [node for node in function.body if not isinstance(node, ast.Expr | ast.ImportFrom)]
            assert len(statements) == 1


def test_modules_stay_readable() -> None:
    lengths = {where(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {module: length for module, length in lengths.items() if length > 350} == {}
