"""Documents that are made from the program, or name what the program must have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hugtweets.cli.reference import reference
from hugtweets.config import TrainConfig
from hugtweets.models.registry import BaseModel
from hugtweets.training.rates import choose_rate
from tests.fixtures.families import PACKED, PADDED

ROOT = Path(__file__).resolve().parents[1]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
MODELS = ROOT / "docs" / "models.md"
MEASUREMENTS = ROOT / "benchmarks" / "README.md"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), MEASUREMENTS]
# Not to be run by themselves: other scripts import them.
PARTS = {
    *("chaos_events.py", "chaos_night.py", "chaos_promise.py", "chaos_promises.py", "chaos_runs.py", "chaos_world.py"),
    *("chaos_x.py", "decoders.py", "processes.py", "services.py", "tried.py"),
    *("voice_judges.py", "voice_material.py", "voice_recipes.py"),
}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """What may stand behind ``#`` in a link to a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_command_line_reference_is_up_to_date() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference(), "run: make docs"


def test_every_option_is_documented() -> None:
    assert "| None |" not in reference()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_picture_and_link_is_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_every_page_is_reached_from_the_readme() -> None:
    linked = re.findall(r"\]\((docs/[^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {name_of(page) for page in PAGES if page.parent.name == "docs"} <= set(linked)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("page", [CONTRIBUTING, ARCHITECTURE], ids=name_of)
def test_every_path_that_is_named_exists(page: Path) -> None:
    """In backquotes, a path of the project begins with one of its folders, or is a file beside them."""
    named = re.findall(r"`([\w./-]+)`", page.read_text(encoding="utf-8"))
    folders = tuple(f"{path.name}/" for path in ROOT.iterdir() if path.is_dir())
    paths = [name for name in named if name.startswith(folders) or name.endswith((".md", ".txt", ".toml"))]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_map_leads_into_every_room() -> None:
    rooms = {path.name for path in (ROOT / "hugtweets").iterdir() if not path.name.startswith(("__", "py."))}
    shown = set(re.findall(r"`hugtweets/([^/`]+)", CONTRIBUTING.read_text(encoding="utf-8")))
    assert rooms - shown == set()


def test_every_benchmark_has_a_row() -> None:
    scripts = {path.name for path in (ROOT / "benchmarks").glob("*.py")} - PARTS
    rows = re.findall(r"^\| \[`?(\w+\.py)`?\]", MEASUREMENTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(scripts)


def test_the_options_of_every_benchmark_exist() -> None:
    for script, arguments in re.findall(r"python benchmarks/(\w+\.py)([^`\n]*)", MEASUREMENTS.read_text("utf-8")):
        text = (ROOT / "benchmarks" / script).read_text(encoding="utf-8")
        unknown = [option for option in re.findall(r"--[\w-]+", arguments) if f'"{option}"' not in text]
        assert unknown == [], script


def test_the_page_of_models_names_every_family_that_is_tried() -> None:
    rows = re.findall(r"^\| ([\w-]+) \| (packed|padded) \|$", MODELS.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [*((family, "packed") for family in PACKED), *((family, "padded") for family in PADDED)]


def test_the_page_of_models_has_the_rates_that_are_taken(tmp_path: Path) -> None:
    rows = re.findall(r"^\| .+ \| (\w+), (\d+) \|.*\| (0\.\d+) \| `", MODELS.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == 10
    for family, width, rate in rows:
        (tmp_path / "config.json").write_text(f'{{"model_type": "{family}", "hidden_size": {width}}}')
        assert choose_rate(TrainConfig(), BaseModel("a model", str(tmp_path), "0" * 16)).value == float(rate)
