"""What every test gets: a temporary home, no credentials, and no way out to the network."""

from __future__ import annotations

import errno
import os
import signal
import socket
import warnings
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings

from hugtweets.storage.home import Home
from tests.fixtures.fork_server import ForkServer
from tests.fixtures.tiny_models import save_tiny_model

SECRETS = (
    "X_BEARER_TOKEN",
    "WANDB_API_KEY",
    "WANDB_MODE",
    "HF_TOKEN",
    "X_API_URL",
    "BLUESKY_API_URL",
    "MASTODON_API_URL",
    "MASTODON_ACCESS_TOKEN",
    "MASTODON_ACCOUNT",
    "HUGTWEETS_STORE",
    "PREFECT_API_URL",
    "PREFECT_API_KEY",
)

# Prefect's server tells its makers that it was started, unless it reads this when it is imported.
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"

LOOPBACK = ("127.0.0.1", "::1", "localhost")

# Processes share the suite by files: what takes longest starts first, or all would wait for it at the end.
LONGEST = ("test_readme.py", "test_crashes.py")

# Seconds say more of what else the machine is doing than of our code.
settings.register_profile("hugtweets", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hugtweets")


def pytest_configure() -> None:
    # A shell has what it runs in the background ignore Ctrl-C, and all processes that tests start would do the same.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A fresh ``HUGTWEETS_HOME``; credentials of the machine are out of sight."""
    for name in SECRETS:
        # Set first: what a test leaves in a variable that was not there would otherwise stay for the next one.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("HUGTWEETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "no netrc"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "wandb"))
    return Home.from_environment()


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network but this machine itself: names and addresses of others fail as where there is none, at once."""
    resolve, connect = socket.getaddrinfo, socket.socket.connect

    def resolve_local(host: str | bytes | None, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and name != "localhost" and not is_address(name):
            raise socket.gaierror(socket.EAI_NONAME, f"a test looked for {name}")
        return resolve(host, *arguments, **options)

    def connect_local(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
            # Libraries close their socket for an OSError only.
            raise OSError(errno.ENETUNREACH, f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_local)
    monkeypatch.setattr(socket.socket, "connect", connect_local)


def is_address(name: str) -> bool:
    """Whether a host is given by numbers, so that nobody has to be asked for them."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model small enough to train in a second."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def prefect_server(pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a Prefect server that lives as long as the session of tests."""
    # Prefect takes seconds to import, and most tests never need it.
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        url = str(PREFECT_API_URL.value())
        # What a slow machine leaves to the garbage collector: connections of Prefect's senders of logs and events, and
        # sockets that nobody has connected.
        to_server = rf"unclosed <socket\.socket.*raddr=.*, {urlsplit(url).port}\)"
        unconnected = r"unclosed <socket\.socket[^>]*laddr=\('0\.0\.0\.0', 0\)>"
        for left in (to_server, unconnected, "unclosed transport <_SelectorSocketTransport"):
            warnings.filterwarnings("ignore", left, ResourceWarning)
            # The line before holds for the test that asked first.
            pytestconfig.addinivalue_line("filterwarnings", f"ignore:{left}:ResourceWarning")
        yield url


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Starts programs that would else import for seconds."""
    with closing(ForkServer()) as server:
        yield server
