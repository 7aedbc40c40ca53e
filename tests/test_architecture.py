"""The house: four floors, imports only downward, and one seam for each outside thing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("hugtweets", "tasks", "flows", "deployments")
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
SEAMS: dict[str, tuple[str, ...]] = {
    "wandb": ("hugtweets/tracking",),
    "tweepy": ("hugtweets/sources/x",),
    "prefect": ("tasks", "flows", "deployments", "hugtweets/cli"),
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 40


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_imports_go_only_downward(path: Path) -> None:
    if where(path).startswith("hugtweets/cli/"):
        return  # the front door may open every floor
    here = FLOORS.index(where(path).split("/")[0])
    above = [name for name in imported(path) if name.split(".")[0] in FLOORS[here + 1 :]]
    assert above == []


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_nothing_imports_the_command_line(path: Path) -> None:
    if where(path).startswith(("hugtweets/cli/", "hugtweets/cli/__main__.py")):
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
