"""What configuration, environment and a configured key say of W&B, and the settings that follow from it.

Nothing here uses the network.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hugtweets.config import TrackingConfig
from hugtweets.errors import ConfigurationError
from hugtweets.tracking.internals import has_key

if TYPE_CHECKING:
    import wandb

Mode = Literal["online", "offline", "disabled"]
Wish = Literal["auto", "online", "offline", "disabled"]

INIT_SECONDS = 10  # a server that has not opened the run by then is taken for unreachable
REQUEST_SECONDS = 15
RETRIES = 3  # of a request, after 2, 4 and 8 seconds; wandb itself would go on for many minutes
FINISH_SECONDS = 30  # for what is left after the artifacts: curves, summary, table

# The words of WANDB_MODE: `dryrun` and `run` are the older ones, `shared` is online, from several processes at once.
MODES: dict[str, Wish] = {
    "online": "online",
    "run": "online",
    "shared": "auto",
    "offline": "offline",
    "dryrun": "offline",
    "disabled": "disabled",
}
YES = ("1", "true", "yes", "on")

# Where wandb keeps caches and data: its own variable, the one for all programs, and the place below the home folder.
FOLDERS = {
    "WANDB_CACHE_DIR": ("XDG_CACHE_HOME", ".cache"),
    "WANDB_DATA_DIR": ("XDG_DATA_HOME", ".local/share"),
}

# What the sweep agent of wandb 0.31 sets for the processes that it starts (wandb_agent.py), one for each point.
AGENT_RUN, AGENT_SWEEP, AGENT_PARAMETERS = "WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH"


@dataclass(frozen=True)
class AgentRun:
    """The run that W&B's sweep agent waits for."""

    id: str
    sweep: str


def wish(config: TrackingConfig) -> Wish:
    """What was asked for: ``tracking.mode``, or where that is auto, W&B's ``WANDB_DISABLED`` and ``WANDB_MODE``."""
    if config.mode != "auto":
        return config.mode
    if os.environ.get("WANDB_DISABLED", "").strip().casefold() in YES:
        return "disabled"
    return MODES.get(os.environ.get("WANDB_MODE", ""), "auto")


def resolve(config: TrackingConfig) -> Mode:
    """What is done: auto means online if a key is configured, even one that turns out to be wrong."""
    from wandb.errors import AuthenticationError

    asked = wish(config)
    if asked != "auto":
        return asked
    try:
        return "online" if key_is_configured() else "offline"
    except AuthenticationError:
        return "online"


def check_mode(config: TrackingConfig) -> None:
    """Refuse, before any work, a request for online tracking that cannot be met.

    Raises:
        ConfigurationError: ``tracking.mode`` is online without a key, the key cannot be one, or ``WANDB_MODE`` is
            nothing that W&B knows; or this user has no home folder, not even by name.
    """
    from wandb.errors import AuthenticationError

    asked = wish(config)
    if asked == "disabled":
        return
    _home_folder()
    mode = os.environ.get("WANDB_MODE")
    if mode is not None and mode not in MODES:
        raise ConfigurationError(
            f"WANDB_MODE is {mode!r}, which W&B does not know: set it to {', '.join(MODES)}, or unset it"
        )
    if asked == "offline":
        return
    try:
        found = key_is_configured()
    except AuthenticationError as error:
        raise ConfigurationError(f"the W&B key is unusable ({str(error).rstrip('.')}): run `wandb login`") from None
    if asked == "online" and not found:
        raise ConfigurationError("tracking.mode is online without a W&B key: run `wandb login` or set WANDB_API_KEY")


def check_sending(config: TrackingConfig) -> None:
    """Refuse to send anything where nothing is to be tracked, or without a key.

    Raises:
        ConfigurationError: says what to change.
    """
    if wish(config) == "disabled":
        raise ConfigurationError("tracking is disabled, so nothing is sent: change tracking.mode (or WANDB_MODE) first")
    check_mode(config.model_copy(update={"mode": "online"}))


def status(config: TrackingConfig) -> str:
    """Where runs go, in one line, and why."""
    mode = resolve(config)
    if mode == "disabled":
        return "disabled"
    if mode == "online":
        return f"online, as project {config.project} at {_host()}"
    if wish(config) == "offline":
        return "offline, as configured"
    return "offline, because no key is configured: run `wandb login` or set WANDB_API_KEY"


def key_is_configured() -> bool:
    """Whether there is a key for the server that is configured.

    Raises:
        wandb.errors.AuthenticationError: there is one, but of an impossible form.
    """
    return has_key(_host())


def take_agent_run() -> AgentRun | None:
    """The agent's run, if an agent started this process; to be asked before wandb is used.

    It is taken out of the environment: there it would become the run of every step, one over the other.
    """
    run, sweep = (os.environ.pop(name, None) for name in (AGENT_RUN, AGENT_SWEEP))
    os.environ.pop(AGENT_PARAMETERS, None)
    return AgentRun(run, sweep) if run and sweep else None


def quiet() -> wandb.Settings:
    """Settings of every run: nothing on the terminal, nothing collected that was not logged, bounded waiting."""
    import wandb

    return wandb.Settings(
        console="off",
        disable_code=True,
        disable_git=True,
        finish_timeout=FINISH_SECONDS,
        finish_timeout_raises=True,
        init_timeout=INIT_SECONDS,
        quiet=True,
        silent=True,
        use_dot_wandb=False,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )


def set_up() -> wandb.Settings:
    """Start wandb once for the process; returns the settings it found."""
    import wandb

    # Else wandb reports its own failures to its makers, and on stderr that it could not.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    _give_folders()
    settings = wandb.Settings(silent=True, x_graphql_retry_max=RETRIES, x_graphql_timeout_seconds=REQUEST_SECONDS)
    return wandb.setup(settings).settings


def _give_folders() -> None:
    """A folder that goes with the process for each that wandb cannot make, as for a user without a home folder.

    Without one for caches it would log on stderr, page after page; without one for data it would refuse every artifact.
    """
    for variable, (shared, below) in FOLDERS.items():
        named = os.environ.get(variable) or os.environ.get(shared)
        folder = Path(named).absolute() if named else _home_folder() / below
        if not _can_be_made(folder):
            os.environ[variable] = tempfile.mkdtemp(prefix="hugtweets-wandb-")
            atexit.register(shutil.rmtree, os.environ[variable], ignore_errors=True)


def _home_folder() -> Path:
    """Where wandb looks for its settings, whether or not there is such a folder.

    Raises:
        ConfigurationError: nothing says where it is.
    """
    try:
        return Path.home()
    except RuntimeError:
        raise ConfigurationError(
            "W&B looks for its settings in the home folder, and nothing says where that is: set HOME to a folder, or "
            "tracking.mode=disabled"
        ) from None


def _can_be_made(folder: Path) -> bool:
    """Whether there is such a folder that can be written, or may be one."""
    nearest = next(path for path in (folder, *folder.parents) if os.access(path, os.F_OK))
    return nearest.is_dir() and os.access(nearest, os.W_OK)


def _host() -> str:
    return set_up().base_url
