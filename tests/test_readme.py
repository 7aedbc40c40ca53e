"""Every command of the README and of the pages in ``docs`` is run here as it stands there, or skipped with a reason.

A command is a line of an ``sh`` block; lines that are indented, or close a brace, belong to the one before. Commands
run in the order of the pages, and later ones use what earlier ones left.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
import typer.main

from hugtweets.cli.app import app
from hugtweets.simulator.demo import HANDLES, TIMELINES
from hugtweets.simulator.server import running
from tests.fixtures.exports import export, script, tweet, zipped
from tests.fixtures.flows import rows, write_timeline
from tests.fixtures.fork_server import ForkServer
from tests.fixtures.tiny_models import save_tiny_model

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
BLOCKS = [dedent(block) for text in TEXTS.values() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]
COMMANDS = list(dict.fromkeys(line for block in BLOCKS for line in re.split(r"\n(?![\s}])", block.strip())))
SKIPPED = {
    "as root, on a machine that becomes a server": (
        "apt-get",
        "adduser",
        "su",
        "install",
        "cp",
        "systemctl",
        "journalctl",
    ),
    "a function for the shell of such a machine": ("as_service()",),
    "fetches the project itself": ("git", "cd"),
    "installs packages": (".venv/bin/python -m pip",),
    "asks the service of such a machine": ("as_service prefect deployment",),
    "needs a Docker daemon or a cluster": (
        "docker",
        "kubectl",
        ".venv/bin/prefect worker start --pool hugtweets-docker",
        # What is left of it is covered by tests/deployments/test_containers.py.
        ".venv/bin/prefect work-pool create hugtweets-kubernetes",
        ".venv/bin/prefect --no-prompt deploy --name learn-kubernetes",
    ),
    "needs a block that a person made": ("as_service hugtweets setup --alerts",),
}
# Each is a module as well, which can be run in a process that has imported it before.
MODULES = {".venv/bin/hugtweets": "hugtweets.cli", ".venv/bin/prefect": "prefect"}
SMALL = [
    "train.max_posts=60",
    "train.epochs=1",
    "train.device=cpu",
    "train.precision=float32",
    "clean.min_characters=500",
    "sample.prompts=[the]",
    "sample.per_prompt=1",
    "sample.max_characters=60",
    "evaluate.generated=4",
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the pages speak of."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "hugtweets").symlink_to(ROOT / "hugtweets")
    (folder / "deployments").symlink_to(ROOT / "deployments")
    save_tiny_model(folder / "tiny")
    for handle in ("NASA", "alice.bsky.social", "alice@mastodon.social"):
        write_timeline(folder / "x" / f"{handle}.jsonl", rows(30, since=40))
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
    """The shell's variables, which `export` lines change; the networks are simulated."""
    with running(sandbox / "x") as simulator:
        yield os.environ | {
            "HUGTWEETS_HOME": str(sandbox / "home"),
            **dict.fromkeys(("X_API_URL", "BLUESKY_API_URL", "MASTODON_API_URL"), simulator.url),
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
    if "--keep" in command:
        return [*command, "--set=evaluate.generated=4"]
    if not {"run", "refresh", "demo", "pretrain"} & set(command):
        return command
    until = [] if {"demo", "pretrain"} & set(command) else ["--until", "tokenise" if "--mix" in command else "clean"]
    bases = [f"{section}.base_model={sandbox / 'tiny'}" for section in ("train", "pretrain")]
    return [*command, *until, *(f"--set={option}" for option in [*bases, *SMALL])]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_runs(line: str, sandbox: Path, environment: dict[str, str], fork_server: ForkServer) -> None:
    for reason, beginnings in SKIPPED.items():
        if line.startswith(tuple(f"{beginning} " for beginning in beginnings)):
            pytest.skip(reason)
    command = shlex.split(as_here(line), comments=True)
    if command[0] == "export":
        name, _, value = command[1].partition("=")
        environment.setdefault(name, value)
    elif command[0] == "make":
        assert_made(command, sandbox, environment, fork_server)
    elif "pytest" in command:
        # A suite of its own: it is told nothing of this one.
        own = {name: value for name, value in environment.items() if not name.startswith("PYTEST_")}
        assert_done(subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False))
    elif command[-2:] == ["server", "start"]:
        own = {"PREFECT_SERVER_API_PORT": str(free_port()), "PREFECT_HOME": str(sandbox / "prefect")}
        assert_serves(command, b"/api", sandbox, environment | own)
    elif command[1:3] == ["worker", "start"]:
        assert_serves(command, b"started!", sandbox, environment)
    elif "serve" in command:
        assert_serves(command, b"serving nightly", sandbox, environment)
    elif command[-1] == "play":
        assert_serves([*command, "--port=0"], b"play at http://127.0.0.1:", sandbox, environment)
    else:
        run(smaller(command, sandbox), sandbox, environment, fork_server)


def as_here(line: str) -> str:
    """What is done on a server with the rights of its service, and with its files, is done here with ours."""
    return line.replace("as_service ", ".venv/bin/").replace("/etc/hugtweets/", "")


def assert_made(command: list[str], sandbox: Path, environment: dict[str, str], server: ForkServer) -> None:
    """The Makefile has the target; what it would do for the demo is done, on less."""
    recipe = subprocess.run([*command, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    if command[1] == "test":
        assert "-m pytest" in recipe
    if command[1] == "demo":
        assert "hugtweets --home .home demo" in recipe
        run(smaller([".venv/bin/hugtweets", "--home", ".home", "demo"], sandbox), sandbox, environment, server)


def run(command: list[str], folder: Path, environment: dict[str, str], server: ForkServer) -> None:
    assert_done(server.run(["-m", MODULES[command[0]], *command[1:]], environment, folder))


def assert_done(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stdout or "nothing is left to retry" in done.stderr


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


def test_every_reason_to_skip_is_needed() -> None:
    beginnings = [beginning for group in SKIPPED.values() for beginning in group]
    assert [beginning for beginning in beginnings if not any(line.startswith(beginning) for line in COMMANDS)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_named_in_a_sentence_exists(page: Path) -> None:
    """Inside a sentence stand commands that are not run: at least the command and its options are there."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for named in re.findall(r"(?<!`)`hugtweets ([a-z][^`]*)`", TEXTS[page]):
        name, *arguments = named.split()
        options = {option for each in commands[name].params for option in [*each.opts, *each.secondary_opts]}
        assert {argument for argument in arguments if argument.startswith("--")} <= options, named


def test_the_demo_speaks_of_the_bundled_accounts() -> None:
    assert {path.stem for path in TIMELINES.glob("*.jsonl")} == set(HANDLES)
