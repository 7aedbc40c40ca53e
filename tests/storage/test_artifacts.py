"""The content-addressed store: same plan, same folder, made once and seen whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.storage.artifacts import MANIFEST, Plan, Reference, create, exists, latest, references
from hugtweets.storage.home import Home

PLAN = Plan("clean", 1, "ferryclock", config={"min_words": 3})


def fill(folder: Path) -> Mapping[str, Any]:
    (folder / "posts.txt").write_text("High water at noon.")
    return {"kept": 1}


def fail(folder: Path) -> Mapping[str, Any]:
    (folder / "posts.txt").write_text("High wa")
    raise RuntimeError("the power went")


def stored(home: Home) -> list[str]:
    return sorted(path.name for path in (home.artifacts / "clean" / "ferryclock").iterdir())


def test_an_artifact_is_its_files_and_a_manifest(home: Home) -> None:
    raw = Reference("fetch", "ferryclock", "a" * 16, "anywhere")
    made = create(home, replace(PLAN, inputs=(raw,), extra={"base": "b" * 64}), fill)
    manifest = made.manifest()

    assert made.file("posts.txt").read_text() == "High water at noon."
    assert made.folder == home.artifacts / "clean" / "ferryclock" / made.digest
    assert (manifest.step, manifest.step_version, manifest.handle) == ("clean", 1, "ferryclock")
    assert manifest.inputs == {"fetch": "a" * 16, "base": "b" * 64}
    assert (manifest.config, manifest.counts, manifest.digest) == ({"min_words": 3}, {"kept": 1}, made.digest)
    assert "hugtweets" in manifest.libraries and manifest.created.tzinfo is not None


def test_the_same_plan_is_carried_out_once(home: Home) -> None:
    made = create(home, PLAN, fill)

    assert create(home, PLAN, fail) == made
    assert create(home, replace(PLAN, config={"min_words": 3}), fail) == made


@pytest.mark.parametrize(
    "change",
    [
        {"step": "tokenise"},
        {"step_version": 2},
        {"handle": "tugboat"},
        {"config": {"min_words": 4}},
        {"config": {}},
        {"inputs": (Reference("fetch", "ferryclock", "a" * 16, "anywhere"),)},
        {"extra": {"base": "b"}},
    ],
)
def test_whatever_matters_changes_the_digest(change: dict[str, Any]) -> None:
    assert replace(PLAN, **change).digest != PLAN.digest


def test_where_an_input_lies_does_not_matter() -> None:
    here, there = (replace(PLAN, inputs=(Reference("fetch", "a", "b" * 16, path),)) for path in ("here", "there"))

    assert here.digest == there.digest


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), min_size=2, max_size=5))
@settings(max_examples=50)
def test_the_order_of_options_does_not_matter(config: dict[str, Any]) -> None:
    assert replace(PLAN, config=config).digest == replace(PLAN, config=dict(reversed(config.items()))).digest


def test_what_fails_leaves_nothing_behind(home: Home) -> None:
    with pytest.raises(RuntimeError, match="the power went"):
        create(home, PLAN, fail)

    assert stored(home) == []
    assert create(home, PLAN, fill).manifest().counts == {"kept": 1}


def test_nobody_sees_half_an_artifact(home: Home) -> None:
    def look_around(folder: Path) -> Mapping[str, Any]:
        counts = fill(folder)
        (folder / MANIFEST).write_text("{}")
        assert not exists(PLAN.reference(home))
        assert references(home, "ferryclock") == []
        return counts

    assert exists(create(home, PLAN, look_around))
    assert len(references(home, "ferryclock")) == 1


def test_a_folder_that_is_gone_is_made_again(home: Home) -> None:
    made = create(home, PLAN, fill)
    for path in made.folder.iterdir():
        path.unlink()
    made.folder.rmdir()

    assert not exists(made)
    assert create(home, PLAN, fill) == made and exists(made)


def test_the_rest_of_an_interrupted_removal_is_replaced(home: Home) -> None:
    made = create(home, PLAN, fill)
    made.file(MANIFEST).unlink()

    assert not exists(made)
    assert create(home, PLAN, fill) == made and exists(made)


def test_two_that_make_the_same_artifact_get_the_same(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: create(home, PLAN, fill), range(16)))

    assert len(made) == 1
    assert stored(home) == [PLAN.digest]


CREATING_FOR_EVER = """
import sys, time
from pathlib import Path
from hugtweets.storage.artifacts import Plan, create
from hugtweets.storage.home import Home

def fill(folder):
    (folder / "posts.txt").write_text("High wa")
    print("ready", flush=True)
    time.sleep(600)

create(Home(Path(sys.argv[1])), Plan("clean", 1, "ferryclock", config={"min_words": 3}), fill)
"""


def test_what_a_killed_process_left_is_removed_and_made_again(home: Home) -> None:
    command = [sys.executable, "-c", CREATING_FOR_EVER, str(home.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        while_alive = stored(home)
        create(home, replace(PLAN, step_version=2), fill)
        assert while_alive[0] in stored(home)
        process.send_signal(signal.SIGKILL)
    create(home, PLAN, fill)

    assert not exists(Reference("clean", "ferryclock", while_alive[0], str(home.artifacts)))
    assert while_alive[0] not in stored(home) and PLAN.digest in stored(home)


def test_artifacts_are_found_oldest_first(home: Home) -> None:
    first = create(home, PLAN, fill)
    second = create(home, replace(PLAN, step_version=2), fill)
    other = create(home, replace(PLAN, step="tokenise"), fill)
    create(home, replace(PLAN, handle="tugboat"), fill)

    assert references(home, "ferryclock") == [first, second, other]
    assert references(home, "ferryclock", "clean") == [first, second]
    assert latest(home, "ferryclock", "clean") == second
    assert latest(home, "ferryclock", "report") is None
