"""The Prefect server that a run reports to: the one that PREFECT_API_URL names, or one of its own while it lasts.

Prefect can start such a server by itself. Then several runs alter the tables of one new database at the same time, what
the server says is mixed with what the run says, and a server that cannot start is started again without end.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import AcquireReturnProxy, FileLock, Timeout
from pydantic import ValidationError

from hugtweets.errors import ConfigurationError, ServerUnavailable

if TYPE_CHECKING:
    from prefect.settings import Settings

OWN_ADDRESS = "127.0.0.1"
ANSWER_SECONDS = 5.0
# Prefect waits for 20 seconds, in which a slow machine does not always make the tables of a new database.
START_SECONDS = 180.0
LOG = "hugtweets-server.log"
LOG_BYTES = 10 * 2**20
# A run that is killed cannot end its server, which would still alter the tables when the same command is run again.
SERVER = """
import os, sys, threading, time
def end_with(run):
    while os.getppid() == run:
        time.sleep(0.2)
    os._exit(1)
if os.name == "posix":
    threading.Thread(target=end_with, args=(int(sys.argv[3]),), daemon=True).start()
import uvicorn
from prefect.server.api.server import create_app
uvicorn.run(create_app(ephemeral=True, final=True), host=sys.argv[1], port=int(sys.argv[2]), log_level="error")
"""

logger = logging.getLogger("hugtweets.cli")


@contextmanager
def served() -> Iterator[None]:
    """Within the block a Prefect server answers: the one that is set, or else one that ends with this process.

    Raises:
        ConfigurationError: Prefect's settings make no sense, the server that is set does not answer, or the folder in
            which an own one keeps its database cannot be written.
        ServerUnavailable: an own one does not start, or the server is gone before the block has ended.
    """
    settings = read_settings()
    if settings.api.url:
        server = f"the Prefect server at {check_server()}"
    else:
        server = f"the Prefect server of this run, whose log is {settings.home / LOG},"
        _start_server(settings.home, max(START_SECONDS, settings.server.ephemeral.startup_timeout_seconds))
    import httpx

    try:
        yield
    except (httpx.TransportError, RuntimeError) as error:
        # What Prefect makes of a server that does not answer when a client is opened has no class of its own.
        if isinstance(error, RuntimeError) and "Failed to reach API" not in str(error):
            raise
        raise ServerUnavailable(
            f"{server} no longer answers: what was finished is kept, and the same command goes on from there"
        ) from error


def read_settings() -> Settings:
    """Prefect's settings, from its variables and its profile.

    Raises:
        ConfigurationError: one of them makes no sense, or the profile cannot be read.
    """
    try:
        with warnings.catch_warnings():
            # Whether that matters is known, and said, where something is kept there.
            warnings.filterwarnings("ignore", message="Failed to create the Prefect home directory")
            import prefect.main  # noqa: F401
            from prefect.settings import get_current_settings

            return get_current_settings()
    except ValidationError as error:
        options = {str(detail["loc"][-1]).upper() for detail in error.errors() if detail["loc"]}
        named = [name for name in os.environ if name.startswith("PREFECT_") and name.endswith(tuple(options))]
        problem = f"Prefect does not understand {' or '.join(sorted(named or options))} ({error.errors()[0]['msg']})"
    except (OSError, RuntimeError, ValueError) as error:
        problem = f"Prefect's settings cannot be read ({error})"
    profiles = (
        os.environ.get("PREFECT_PROFILES_PATH") or f"{os.environ.get('PREFECT_HOME') or '~/.prefect'}/profiles.toml"
    )
    raise ConfigurationError(f"{problem}: correct or unset the variable, or correct {profiles}")


def check_server() -> str:
    """The address of the Prefect server that is set, without what may be secret in it.

    Raises:
        ConfigurationError: none is set, or it does not answer.
    """
    url = read_settings().api.url
    if not url:
        raise ConfigurationError(
            "no Prefect server is set: start one with `prefect server start`, "
            "then `export PREFECT_API_URL=http://127.0.0.1:4200/api`"
        )
    shown = _without_password(url)
    if failure := _failure():
        raise ConfigurationError(
            f"no Prefect server answers at {shown} ({failure}): "
            "start it with `prefect server start`, or correct PREFECT_API_URL"
        )
    return shown


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        raise ConfigurationError(
            "PREFECT_API_URL is no address: write one such as http://127.0.0.1:4200/api, or unset it"
        ) from None


def _failure() -> str:
    """What kept the server that is set from answering within seconds; empty if nothing did."""
    from prefect.client.orchestration import get_client

    try:
        with get_client(httpx_settings={"timeout": ANSWER_SECONDS}, sync_client=True) as client:
            failure = client.api_healthcheck()
    # Nonsense for an address or a proxy is found when the client is made.
    except (ValueError, RuntimeError) as error:
        failure = error
    return "" if failure is None else type(failure).__name__


def _start_server(folder: Path, seconds: float) -> None:
    """Start a server on the SQLite database of Prefect's folder, one at a time: a new one alters the tables first."""
    log = folder / LOG
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(_turn(folder / "hugtweets-server.lock"))
            output = held.enter_context(log.open("ab"))
        except OSError as error:
            raise ConfigurationError(
                f"Prefect keeps what runs have done in {folder}, which cannot be written ({error.strerror or error}): "
                "name another folder with PREFECT_HOME"
            ) from error
        if log.stat().st_size > LOG_BYTES:
            output.truncate(0)
        port = _free_port()
        command = [sys.executable, "-c", SERVER, OWN_ADDRESS, str(port), str(os.getpid())]
        # Ctrl-C, and what else is sent to the whole group, would end it before the run has told it of its own end.
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait(process, f"http://{OWN_ADDRESS}:{port}/api/health", seconds, log)
        except BaseException:
            process.kill()
            process.wait()
            raise
        _hand_over(process, port)


def _turn(path: Path) -> AcquireReturnProxy[FileLock]:
    lock = FileLock(path)
    try:
        return lock.acquire(timeout=1)
    except Timeout:
        logger.info("waiting until the Prefect server of another run has started")
        return lock.acquire()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((OWN_ADDRESS, 0))
        return int(listener.getsockname()[1])


def _hand_over(process: subprocess.Popen[bytes], port: int) -> None:
    """Make it the server that Prefect's clients in this process use, through no proxy, and that ends with it."""
    from prefect.server.api.server import SubprocessASGIServer

    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), OWN_ADDRESS]))
    server = SubprocessASGIServer()
    server.port, server.server_process, server.running = port, process, True
    atexit.register(server.stop)


def _wait(process: subprocess.Popen[bytes], url: str, seconds: float, log: Path) -> None:
    import httpx

    limit = time.monotonic() + seconds
    with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as client:
        while process.poll() is None and time.monotonic() < limit:
            try:
                if client.get(url).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    ended = "ended at its start" if process.poll() is not None else f"did not answer within {seconds:.0f} s"
    raise ServerUnavailable(
        f"the Prefect server of this run {ended}: its reason is at the end of {log}; often it is a full disk or a "
        "damaged database, which PREFECT_HOME moves"
    )
