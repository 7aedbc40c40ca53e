"""The notebook, executed cell by cell by a real kernel, on fewer posts and a model that trains in a second."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TOUR = Path(__file__).resolve().parents[1] / "docs" / "tour.ipynb"
OPTIONS = '{"train": {"base_model": "auto", "max_training_posts": 171}, "sample": {"per_prompt": 2}}'


@pytest.fixture
def tour() -> nbformat.NotebookNode:
    # nbformat declares types for some of its functions only.
    found: nbformat.NotebookNode = nbformat.read(TOUR, as_version=4)  # type: ignore[no-untyped-call]
    return found


def test_every_cell_of_the_tour_runs(tour: nbformat.NotebookNode, tiny_folder: Path) -> None:
    cells = [cell for cell in tour.cells if cell.cell_type == "code"]
    assert OPTIONS in cells[0].source
    train = {"base_model": str(tiny_folder), "max_posts": 60, "device": "cpu"}
    smaller = {"train": train, "sample": {"per_prompt": 1, "max_characters": 60}}
    cells[0].source = cells[0].source.replace(OPTIONS, repr(smaller))
    NotebookClient(tour, timeout=300).execute()
    scores = ast.literal_eval("".join(cells[-2].outputs[0].data["text/plain"]))
    assert len(cells) == 10
    assert scores["bits_per_byte"] < scores["base_bits_per_byte"]


def test_what_the_tour_shows_is_what_it_printed(tour: nbformat.NotebookNode) -> None:
    cells = [cell for cell in tour.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, 11))
    assert not any(output.output_type == "error" for cell in cells for output in cell.outputs)
