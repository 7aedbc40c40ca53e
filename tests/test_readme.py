"""Every command of the README is run here, as it stands there, or is a target of the Makefile that CI itself runs."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hugtweets.simulator.demo import HANDLES, TIMELINES
from hugtweets.simulator.server import running
from tests.fixtures.exports import export, script, tweet, zipped
from tests.fixtures.flows import rows, write_timeline
from tests.fixtures.tiny_models import save_tiny_model

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
SMALL = [
    "train.max_posts=60",
    "train.epochs=1",
    "train.device=cpu",
    "clean.min_characters=500",
    "sample.prompts=[the]",
    "sample.per_prompt=1",
    "sample.max_characters=60",
    "evaluate.generated=4",
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the README speaks of."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "hugtweets").symlink_to(ROOT / "hugtweets")
    save_tiny_model(folder / "tiny")
    write_timeline(folder / "x" / "NASA.jsonl", rows(30, since=40))
    posts = [tweet(str(1_000 + index), row["text"]) for index, row in enumerate(rows(40))]
    account = [{"account": {"username": "my_handle", "accountDisplayName": "Me"}}]
    zipped(folder / "twitter-export.zip", export(*posts) | {"data/account.js": script("account", account)})
    lines = ["id,created_at,text", *(f'{row["id"]},{row["created_at"]},"{row["text"]}"' for row in rows(40))]
    (folder / "posts.csv").write_text("\n".join(lines), encoding="utf-8")
    example = (ROOT / "deployments" / "accounts.example.yaml").read_text(encoding="utf-8")
    accounts = example.replace("handle: jack", "handle: jack\n    source: file:posts.csv").replace(
        "me_myself", "my_handle"
    )
    (folder / "accounts.yaml").write_text(accounts.replace("exports/twitter-2026-10-31", "twitter-export"))
    return folder


@pytest.fixture(scope="module")
def environment(prefect_server: str, sandbox: Path) -> Iterator[dict[str, str]]:
    """The shell's variables, which `export` lines change; X is simulated."""
    with running(sandbox / "x") as simulator:
        yield os.environ | {
            "HUGTWEETS_HOME": str(sandbox / "home"),
            "X_API_URL": simulator.url,
            "PREFECT_API_URL": prefect_server,
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HUB_OFFLINE": "1",
            "WANDB_MODE": "offline",
        }


def smaller(command: list[str], sandbox: Path) -> list[str]:
    """The command with a tiny base model, and no further than needed: the packaged one takes minutes.

    Of a sweep that is the check of all its points: it is only exported.
    """
    if "sweep" in command:
        return [*command, "--export-wandb", str(sandbox / "sweep.yaml")]
    if not {"run", "refresh", "demo", "pretrain"} & set(command):
        return command
    until = [] if {"demo", "pretrain"} & set(command) else ["--until", "tokenise" if "--mix" in command else "clean"]
    bases = [f"{section}.base_model={sandbox / 'tiny'}" for section in ("train", "pretrain")]
    return [*command, *until, *(f"--set={option}" for option in [*bases, *SMALL])]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_readme_runs(line: str, sandbox: Path, environment: dict[str, str]) -> None:
    name, _, value = line.removeprefix("export ").partition("=")
    if line.startswith("export "):
        environment.setdefault(name, value)
    elif line.startswith("make "):
        assert line.split()[1] in ("demo", "test")
        recipe = subprocess.run([*line.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert {"make demo": "hugtweets --home .home demo", "make test": "-m pytest"}[line] in recipe.stdout
        if line == "make demo":
            run([".venv/bin/hugtweets", "--home", ".home", "demo"], sandbox, environment)
    elif line.endswith("server start"):
        own = {"PREFECT_SERVER_API_PORT": str(free_port()), "PREFECT_HOME": str(sandbox / "prefect")}
        assert_serves(shlex.split(line), b"/api", sandbox, environment | own)
    elif line.endswith(" play"):
        assert_serves([*shlex.split(line), "--port=0"], b"play at http://127.0.0.1:", sandbox, environment)
    else:
        run(shlex.split(line), sandbox, environment)


def run(command: list[str], sandbox: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        smaller(command, sandbox), cwd=sandbox, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def assert_serves(command: list[str], says: bytes, sandbox: Path, environment: dict[str, str]) -> None:
    """A command that serves for ever says where; then it is ended."""
    with subprocess.Popen(
        command, cwd=sandbox, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        try:
            assert server.stdout is not None
            assert any(says in line for line in server.stdout)
        finally:
            server.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_every_picture_and_link_of_the_readme_is_there() -> None:
    targets = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_demo_speaks_of_the_bundled_accounts() -> None:
    assert {path.stem for path in TIMELINES.glob("*.jsonl")} == set(HANDLES)
