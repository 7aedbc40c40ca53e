"""The image, Compose and Kubernetes as far as they can be checked without a daemon: by the tools that read them.

Nothing is built or started here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer.main
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.utilities.templating import apply_values

from flows.work_pool import build_deployment, find_deployment
from hugtweets.cli.app import app
from hugtweets.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENTS = ROOT / "deployments"
BIN = Path(sys.executable).parent
KUBERNETES = "1.34"
COPIED = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)


def compose(*names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    files = [f"--file={DEPLOYMENTS / name}" for name in names]
    command = [str(BIN / "docker-compose"), *files, "config", "--format=json"]
    env = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    read = compose("compose.yaml", POSTGRES_PASSWORD="chosen", WANDB_API_KEY="k3y")
    assert read.returncode == 0, read.stderr
    return dict(json.loads(read.stdout)["services"])


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOYMENTS / "kubernetes" / "hugtweets.yaml").read_text(encoding="utf-8")))


def test_the_linter_has_nothing_to_say_of_the_dockerfile() -> None:
    said = subprocess.run([BIN / "hadolint", DEPLOYMENTS / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


def test_the_image_gets_what_it_copies_and_nothing_else() -> None:
    dockerfile = (DEPLOYMENTS / "Dockerfile").read_text(encoding="utf-8")
    copied = {path.rstrip("/") for paths in COPIED.findall(dockerfile) for path in paths.split()}
    allowed = re.findall(r"^!(.+?)/?$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert {path.split("/")[0] for path in copied} == set(allowed)
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_the_image_is_not_run_by_root() -> None:
    dockerfile = (DEPLOYMENTS / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    assert "useradd --uid 10001 " in dockerfile


def test_compose_starts_four_services_that_are_watched_and_reached_from_this_machine_only(
    services: dict[str, Any],
) -> None:
    assert set(services) == {"postgres", "server", "worker", "serve"}
    assert all("healthcheck" in service for service in services.values())
    ports = [port["host_ip"] for service in services.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1"]


def test_whatever_starts_has_five_minutes_for_it_on_a_busy_machine(
    services: dict[str, Any], manifests: list[dict[str, Any]]
) -> None:
    ours = [service["healthcheck"] for name, service in services.items() if name != "postgres"]
    assert [check["start_period"] for check in ours] == ["5m0s"] * 3
    pods = [manifest["spec"]["template"]["spec"] for manifest in manifests if manifest["kind"] == "Deployment"]
    probes = [container["startupProbe"] for pod in pods for container in pod["containers"]]
    assert [probe["periodSeconds"] * probe["failureThreshold"] for probe in probes] == [300] * 3


def test_compose_hands_on_secrets_of_the_shell_to_those_who_need_them(services: dict[str, Any]) -> None:
    assert compose("compose.yaml").returncode != 0  # a password that nobody chose
    keys = {name: service["environment"].get("WANDB_API_KEY") for name, service in services.items()}
    assert keys == {"postgres": None, "server": None, "worker": "k3y", "serve": "k3y"}
    asks = [name for name, service in services.items() if "X_BEARER_TOKEN" in service["environment"]]
    assert asks == ["serve"]


def test_compose_gives_the_worker_the_gpus_and_everybody_the_image_for_them() -> None:
    read = compose("compose.yaml", "compose.cuda.yaml", POSTGRES_PASSWORD="chosen")
    services = json.loads(read.stdout)["services"]
    assert [name for name, service in services.items() if "deploy" in service] == ["worker"]
    ours = [service for name, service in services.items() if name != "postgres"]
    assert {(one["image"], one["build"]["args"]["TORCH"]) for one in ours} == {("hugtweets:cuda", "cu130")}


def test_kubernetes_takes_the_manifests(manifests: list[dict[str, Any]]) -> None:
    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        assert manifest["metadata"]["namespace"] == "hugtweets"


def test_kubernetes_takes_the_job_of_a_run() -> None:
    template = json.loads((DEPLOYMENTS / "kubernetes" / "work-pool.json").read_text(encoding="utf-8"))
    variables = template["variables"]["properties"]
    configured = template["job_configuration"]
    assert set(re.findall(r"{{ (\w+) }}", json.dumps(configured))) == set(variables)
    values = {name: variable["default"] for name, variable in variables.items() if "default" in variable}
    given = {"command": ["prefect", "flow-run", "execute"], "env": [{"name": "A", "value": "1"}], "labels": {"a": "b"}}
    job = apply_values(configured["job_manifest"], values | given | {"name": "learn-nasa"})
    kubernetes_validate.validate(job, KUBERNETES, strict=True)


def test_what_containers_run_are_commands_that_there_are(
    services: dict[str, Any], manifests: list[dict[str, Any]]
) -> None:
    pods = [manifest["spec"]["template"]["spec"] for manifest in manifests if manifest["kind"] == "Deployment"]
    commands = [service["command"] for service in services.values() if service.get("command")]
    commands += [container["args"] for pod in pods for container in pod["containers"]]
    ours = [command for command in commands if command[0] == "hugtweets"]
    assert len(ours) == 2
    group: Any = typer.main.get_command(app)
    for _, name, *arguments in ours:
        assert group.commands[name].make_context(name, arguments).params["cron"] == "0 3 * * *"


def test_containers_never_get_more_rights(services: dict[str, Any], manifests: list[dict[str, Any]]) -> None:
    ours = [service for name, service in services.items() if name != "postgres"]
    assert all(service["cap_drop"] == ["ALL"] for service in ours)
    pods = [manifest["spec"]["template"]["spec"] for manifest in manifests if manifest["kind"] == "Deployment"]
    assert all(pod["securityContext"]["runAsNonRoot"] for pod in pods)
    assert all(not one["securityContext"]["allowPrivilegeEscalation"] for pod in pods for one in pod["containers"])


def test_a_pool_of_containers_needs_a_deployment_that_names_an_image(prefect_server: str) -> None:
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="of-containers", type="docker"), overwrite=True)
        with pytest.raises(ConfigurationError, match="learn-docker"):
            find_deployment(client, "of-containers")
        deployment = build_deployment("of-containers")
        deployment.name = "learn-docker"
        made: Any = deployment.apply()
        assert find_deployment(client, "of-containers") == made


def test_every_pool_of_prefect_yaml_gets_runs_that_are_watched() -> None:
    described = yaml.safe_load((DEPLOYMENTS / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    pools = {entry["work_pool"]["name"]: entry["work_pool"]["job_variables"]["env"] for entry in described}
    assert list(pools) == ["hugtweets", "hugtweets-docker", "hugtweets-kubernetes"]
    assert {env["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] for env in pools.values()} == {"30"}
    assert all(entry["tags"] == ["hugtweets"] for entry in described)
