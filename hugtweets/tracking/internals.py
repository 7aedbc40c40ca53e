"""What is needed of wandb beyond its public interface, all of it: each with its reason, and a test that sees a change.

No other module of this package touches a private name of wandb. This is why wandb is pinned narrowly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import wandb


def trouble() -> tuple[type[Exception], ...]:
    """What wandb raises when its own machinery or the server fails; its service raises more than ``wandb.errors``."""
    from wandb.errors import Error
    from wandb.sdk.lib.service.service_connection import WandbApiFailedError
    from wandb.sdk.mailbox import HandleAbandonedError, MailboxClosedError

    return Error, TimeoutError, WandbApiFailedError, HandleAbandonedError, MailboxClosedError


def use_draft(run: wandb.Run, draft: wandb.Artifact, alias: str) -> wandb.Artifact:
    """Declare an input by its content, online or offline; the link survives a later ``wandb sync``.

    ``Run.use_artifact`` calls this for a draft, but refuses to do so offline.
    """
    return run._log_artifact(draft, aliases=[alias], is_user_created=True, use_after_commit=True)


def has_key(host: str) -> bool:
    """Whether wandb would find a key (its variables, netrc, settings file), without asking for one or using it.

    ``wandb.login(prompt=False)`` would do, if it did not rewrite the user's settings file.

    Raises:
        wandb.errors.AuthenticationError: there is a key, but of an impossible form.
    """
    from wandb.sdk.lib import wbauth

    return wbauth.authenticate_session(host=host, source="hugtweets", prompt=False, update_session=False) is not None


def parse_record(data: bytes) -> Any:
    """One record of a ``.wandb`` file; ``wandb leet inspect`` reads them too, in seconds instead of milliseconds."""
    from wandb.proto import wandb_internal_pb2

    record: Any = vars(wandb_internal_pb2)["Record"]
    return record.FromString(data)
