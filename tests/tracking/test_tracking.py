"""Runs are written from finished artifacts, read back from disk, and sent to a W&B server on loopback."""

from __future__ import annotations

import json
import pwd
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hugtweets.config import TrackingConfig
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.forgetting import kept_of
from hugtweets.storage.artifacts import MANIFEST, Reference
from hugtweets.storage.handles import name_blend
from hugtweets.storage.home import Home
from hugtweets.tracking import LONGEST_TAG, MARKER, Content, check_mode, is_tracked, status, track
from hugtweets.tracking.sending import kept_runs
from tests.fixtures.tracked import KEY, SCRIPT, make_chain, run_command, run_script
from tests.fixtures.wandb_log import LoggedRun, read_runs
from tests.fixtures.wandb_server import WandbServer

OFFLINE = TrackingConfig(mode="offline")
HANDLES = ("Ana", "under_score_9")
STEPS: dict[str, tuple[str, ...]] = {
    "fetch": (),
    "clean": ("fetch",),
    "tokenise": ("clean",),
    "finetune": ("tokenise",),
    "sample": ("finetune", "clean"),
    "evaluate": ("finetune", "sample", "tokenise"),
    "report": ("fetch", "clean", "finetune", "sample", "evaluate"),
}
NAMES = {
    "fetch": ("timeline-Ana", "raw-dataset"),
    "clean": ("clean-Ana", "clean-dataset"),
    "tokenise": ("tokens-Ana", "token-dataset"),
    "finetune": ("model-Ana", "model"),
    "sample": ("samples-Ana", "samples"),
    "evaluate": ("scores-Ana", "evaluation"),
    "report": ("report-Ana", "report"),
}
LOSSES = [{"step": 8, "train/loss": 3.5}, {"step": 16, "train/loss": 3.25, "held_out/loss": 3.0}]
TABLE = ("samples", ("prompt", "text"), [("I like", "I like 🍊 & <b>rain</b>"), ("I want", "")])
CONTENT = {
    "clean": Content(summary={"kept": 2, "language": "ca"}),
    "finetune": Content(history=LOSSES, summary={"train/loss": 3.0}),
    "sample": Content(table=TABLE),
}


def track_all(home: Home, made: dict[str, Reference], config: TrackingConfig = OFFLINE) -> None:
    for step, reference in made.items():
        track(home, reference, CONTENT.get(step, Content()), config, "nightly")


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, dict[str, Reference]]]:
    """The chain of two accounts, tracked offline by four threads at once."""
    home = Home(tmp_path_factory.mktemp("logged"))
    chains = {handle: make_chain(home, STEPS, handle) for handle in HANDLES}
    todo = [(step, chains[handle][step]) for step in STEPS for handle in HANDLES]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda each: track_all(home, dict([each])), todo))
    return home, chains


@pytest.fixture(scope="module")
def runs(logged: tuple[Home, dict[str, dict[str, Reference]]]) -> list[LoggedRun]:
    return read_runs(logged[0].wandb)


@pytest.fixture(autouse=True)
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_MODE", "WANDB_DISABLED", "WANDB_BASE_URL", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


def of(runs: list[LoggedRun], step: str, handle: str = "Ana") -> LoggedRun:
    (run,) = [run for run in runs if run.name == f"{step}-{handle}"]
    return run


def output(run: LoggedRun) -> Any:
    (artifact,) = [artifact for artifact in run.logged if artifact.type != "run_table"]
    return artifact


def test_each_artifact_has_one_run_with_its_step_handle_and_flow_run(runs: list[LoggedRun]) -> None:
    assert sorted(run.name for run in runs) == sorted(f"{step}-{handle}" for step in STEPS for handle in HANDLES)
    assert len({run.id for run in runs}) == len(runs)
    for run in runs:
        step, handle = run.name.split("-")
        assert (run.job_type, run.tags, run.group, run.project) == (step, (handle,), "nightly", "hugtweets")
        assert run.exit_code == 0


def test_artifacts_have_the_names_and_types_of_the_design(runs: list[LoggedRun]) -> None:
    assert {step: (output(of(runs, step)).name, output(of(runs, step)).type) for step in STEPS} == NAMES


@pytest.mark.parametrize("handle", HANDLES)
def test_lineage_has_no_gap_from_report_to_fetch(runs: list[LoggedRun], handle: str) -> None:
    own = [run for run in runs if run.tags == (handle,)]
    producer = {(output(run).name, output(run).digest): run for run in own}
    assert len(producer) == len(STEPS)
    for run in own:
        from_steps = sorted(producer[used.name, used.digest].job_type for used in run.used)
        assert from_steps == sorted(STEPS[run.job_type])


def test_the_configuration_names_every_input_also_those_that_are_no_artifacts(
    logged: tuple[Home, dict[str, dict[str, Reference]]], runs: list[LoggedRun]
) -> None:
    made = logged[1]["Ana"]
    config = of(runs, "finetune").config
    assert config["inputs"] == [
        {"name": "tokens-Ana", "type": "token-dataset", "digest": made["tokenise"].digest},
        {"name": "base_model", "type": "other", "digest": "0" * 16},
    ]
    assert (config["seed"], config["step_version"], config["digest"]) == (7, 2, made["finetune"].digest)


def test_files_stay_where_they_are_and_hidden_ones_are_left_out(
    logged: tuple[Home, dict[str, dict[str, Reference]]], runs: list[LoggedRun]
) -> None:
    folder = logged[1]["Ana"]["clean"].folder
    artifact = output(of(runs, "clean"))
    assert artifact.files == {name: folder / name for name in (MANIFEST, "deep/data.txt", "top.txt")}
    assert (folder / MARKER).is_file()
    assert artifact.metadata == {"kept": 2, "dropped": {"retweet": 1}}
    assert logged[1]["Ana"]["clean"].digest in artifact.aliases


def test_curves_are_drawn_over_the_training_step(runs: list[LoggedRun]) -> None:
    run = of(runs, "finetune")
    assert [{name: row[name] for name in row if name[0] != "_"} for row in run.history] == LOSSES
    assert run.step_metrics == {"train/loss": "step", "held_out/loss": "step"}


def test_the_summary_has_the_last_word_over_the_curves(runs: list[LoggedRun]) -> None:
    assert of(runs, "finetune").summary["train/loss"] == 3.0
    assert {name: of(runs, "clean").summary[name] for name in ("kept", "language")} == {"kept": 2, "language": "ca"}


def test_samples_are_a_table_and_wait_for_upload_in_the_folder_of_their_run(runs: list[LoggedRun]) -> None:
    run = of(runs, "sample")
    table = run.table("samples")
    assert table["columns"] == ["prompt", "text"]
    assert table["data"] == [list(row) for row in TABLE[2]]
    (uploaded,) = [artifact for artifact in run.logged if artifact.type == "run_table"]
    assert all(run.folder in path.parents and path.is_file() for path in uploaded.files.values())


def test_the_marker_names_the_run_and_prevents_a_second_one(home: Home) -> None:
    made = make_chain(home, {"fetch": ()})
    track_all(home, made)
    track_all(home, made)
    (run,) = read_runs(home.wandb)
    marker = json.loads(made["fetch"].file(MARKER).read_text())
    assert (marker["run_id"], marker["mode"], marker["folder"]) == (run.id, "offline", str(run.folder))
    assert (marker["artifact"], marker["artifact_type"], marker["artifact_digest"], marker["group"]) == (
        "timeline-Ana",
        "raw-dataset",
        output(run).digest,
        "nightly",
    )
    assert is_tracked(home, made["fetch"], OFFLINE)


def test_the_run_of_a_blend_is_found_by_its_name_however_long_that_is(home: Home) -> None:
    shares = dict.fromkeys((f"a_long_handle_{number}" for number in range(5)), 20)
    blend, other = name_blend(shares), name_blend({**shares, "a_long_handle_3": 15, "a_long_handle_4": 25})
    for name in (blend, other):
        track_all(home, make_chain(home, {"finetune": ()}, name))
    folders = {run.config["handle"]: run.folder for run in read_runs(home.wandb)}
    assert blend[:LONGEST_TAG] == other[:LONGEST_TAG]
    assert folders[blend] in kept_of(home, blend)
    assert folders[other] not in kept_of(home, blend)
    assert set(folders.values()) <= set(kept_of(home, "a_long_handle_0"))


def test_an_artifact_without_its_marker_is_logged_by_the_next_run_with_the_same_digest(home: Home) -> None:
    made = make_chain(home, {"fetch": ()})
    track_all(home, made)
    made["fetch"].file(MARKER).unlink()
    assert not is_tracked(home, made["fetch"], OFFLINE)
    track_all(home, made)
    first, second = read_runs(home.wandb)
    assert output(first).digest == output(second).digest


def test_an_input_that_is_gone_is_still_named_in_the_configuration(home: Home) -> None:
    made = make_chain(home, {"fetch": (), "clean": ("fetch",)})
    made["fetch"].file(MANIFEST).unlink()
    track_all(home, {"clean": made["clean"]})
    (run,) = read_runs(home.wandb)
    assert run.used == []
    assert run.config["inputs"][0]["digest"] == made["fetch"].digest


def test_disabled_tracking_does_nothing_and_does_not_even_import_wandb(home: Home) -> None:
    make_chain(home, {"fetch": ()})
    script = f"{SCRIPT}\nassert 'wandb' not in sys.modules"
    done = run_script(script, home, WANDB_MODE="disabled")
    assert done.returncode == 0, done.stderr
    assert not home.wandb.exists()


def test_asking_for_online_without_a_key_is_refused_before_any_work() -> None:
    with pytest.raises(ConfigurationError, match="wandb login"):
        check_mode(TrackingConfig(mode="online"))
    check_mode(TrackingConfig())


def test_a_key_that_cannot_be_one_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "hunter2")
    with pytest.raises(ConfigurationError) as refused:
        check_mode(TrackingConfig())
    assert "hunter2" not in str(refused.value)
    check_mode(OFFLINE)


def test_the_status_says_where_runs_go_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no key is configured" in status(TrackingConfig())
    assert status(TrackingConfig(mode="disabled")) == "disabled"
    assert status(OFFLINE) == "offline, as configured"
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert status(TrackingConfig(project="voices")).startswith("online, as project voices at http")
    check_mode(TrackingConfig(mode="online"))


def test_a_key_left_by_wandb_login_means_online_unless_wandb_is_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = urlsplit(status(TrackingConfig(mode="online")).split()[-1]).netloc
    (tmp_path / "netrc").write_text(f"machine {host}\n  login user\n  password {KEY}\n")
    assert status(TrackingConfig()).startswith("online")
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert status(TrackingConfig()) == "offline, as configured"


SHORT: dict[str, tuple[str, ...]] = {"fetch": (), "clean": ("fetch",), "sample": ("clean",)}
SHORT_LINEAGE: dict[str, tuple[set[str], set[str]]] = {
    "fetch-Ana": (set(), {"timeline-Ana"}),
    "clean-Ana": ({"timeline-Ana"}, {"clean-Ana"}),
    "sample-Ana": ({"clean-Ana"}, {"samples-Ana"}),
}


def test_with_a_key_runs_go_online_with_files_and_lineage_and_say_nothing(home: Home) -> None:
    make_chain(home, SHORT)
    with WandbServer() as server:
        done = run_script(SCRIPT, home, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert server.lineage() == SHORT_LINEAGE
    assert {"manifest.json", "top.txt", "deep/data.txt", "samples.table.json"} <= server.uploaded
    assert all(artifact["state"] == "COMMITTED" for artifact in server.artifacts.values())
    assert {json.loads(path.read_text())["mode"] for path in home.artifacts.rglob(MARKER)} == {"online"}
    assert_no_key(home, done)


def test_what_was_kept_offline_is_sent_by_wandb_sync_with_its_lineage(home: Home) -> None:
    made = make_chain(home, SHORT)
    track_all(home, made)
    with WandbServer() as server:
        for reference in made.values():
            folder = json.loads(reference.file(MARKER).read_text())["folder"]
            command = [sys.executable, "-m", "wandb", "sync", folder]
            done = run_command(command, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
            assert done.returncode == 0, done.stderr
    assert server.lineage() == SHORT_LINEAGE
    assert all(artifact["state"] == "COMMITTED" for artifact in server.artifacts.values())


def test_an_outage_warns_once_and_keeps_everything_on_this_machine(tmp_path: Path) -> None:
    outages = {"unreachable": None, "broken": WandbServer(500), "unauthorised": WandbServer(401)}
    with ExitStack() as stack, ThreadPoolExecutor(3) as threads:
        urls = {
            name: stack.enter_context(server).url if server else "http://127.0.0.1:9"
            for name, server in outages.items()
        }
        homes = {name: Home(tmp_path / name) for name in urls}
        for home in homes.values():
            make_chain(home, SHORT)
        done = threads.map(
            lambda name: run_script(SCRIPT, homes[name], WANDB_API_KEY=KEY, WANDB_BASE_URL=urls[name]), urls
        )
        for home, process in zip(homes.values(), done, strict=True):
            (warning,) = process.stderr.splitlines()
            assert warning.startswith("Ana: W&B did not take the run of fetch (")
            assert "for 1 min runs are kept on this machine" in warning
            assert_all_kept(home, process)


def test_artifacts_that_are_rejected_are_kept_and_the_next_run_is_tried_all_the_same(home: Home) -> None:
    make_chain(home, SHORT)
    with WandbServer(refused=frozenset({"CreateArtifact"})) as server:
        done = run_script(SCRIPT, home, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
    warnings = done.stderr.splitlines()
    assert [warning.split(" (")[0] for warning in warnings] == [
        f"Ana: W&B did not take the run of {step}" for step in SHORT
    ]
    assert all(warning.endswith("`hugtweets sync` tries to send it again") for warning in warnings)
    assert_all_kept(home, done)


# The variables that move what is kept below the home folder.
FOLDERS = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DIR")


def test_who_has_no_home_folder_loses_no_run_and_reads_nothing_of_wandbs_own_log(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    make_chain(home, SHORT)
    # As root may write everywhere, the folder is one that nobody can make.
    done = run_script(SCRIPT, home, HOME=str(tmp_path / "file" / "nobody"), **dict.fromkeys(FOLDERS, ""))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {run.name for run in read_runs(home.wandb)} == SHORT_LINEAGE.keys()


def test_who_has_no_home_folder_by_any_name_is_told_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    # As of a number that no user of the machine has.
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    with pytest.raises(ConfigurationError, match="set HOME"):
        check_mode(TrackingConfig(mode="offline"))


def assert_all_kept(home: Home, done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stdout) == (0, "")
    kept = read_runs(home.wandb)
    assert {run.name: {used.name for used in run.used} for run in kept} == {
        name: used for name, (used, _) in SHORT_LINEAGE.items()
    }
    assert all(run.exit_code == 0 and path.is_file() for run in kept for path in output(run).files.values())
    assert len(kept_runs(home, waiting=True)) == len(kept)
    assert_no_key(home, done)


def assert_no_key(home: Home, done: subprocess.CompletedProcess[str]) -> None:
    assert KEY not in done.stdout + done.stderr
    files = [path for path in home.root.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("variable", "value", "asked"),
    [
        ("WANDB_MODE", "dryrun", "offline, as configured"),
        ("WANDB_DISABLED", "true", "disabled"),
        ("WANDB_DISABLED", "1", "disabled"),
    ],
)
def test_the_older_words_of_wandb_keep_posts_on_this_machine_although_there_is_a_key(
    variable: str, value: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv(variable, value)
    assert status(TrackingConfig()) == asked
    check_mode(TrackingConfig())


def test_a_mode_that_wandb_does_not_know_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "of line")
    with pytest.raises(ConfigurationError, match=r"WANDB_MODE is 'of line'.* set it to online"):
        check_mode(OFFLINE)
