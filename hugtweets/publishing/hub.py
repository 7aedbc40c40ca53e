"""The Hugging Face Hub: where a folder made by :mod:`hugtweets.publishing.bundle` is uploaded to.

Through ``huggingface_hub``, which takes the hub's address from ``HF_ENDPOINT``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from huggingface_hub.errors import HTTPError as ConnectionFailed  # type: ignore[attr-defined]
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]
from pydantic import SecretStr

from hugtweets.errors import BadHubToken, ConfigurationError, HubError, HubUnreachable, NoHubRight
from hugtweets.storage.handles import slug

# What an earlier upload may have left that this one does not write: an adapter beside a whole model, posts, a picture.
OURS = ["model*.safetensors*", "adapter_*", "config.json", "*.parquet", "*.png"]


class Hub:
    """The hub as the holder of a token sees it."""

    def __init__(self, token: SecretStr) -> None:
        self.url = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
        self._api = HfApi(endpoint=self.url, token=token.get_secret_value(), library_name="hugtweets")

    def user(self) -> str:
        """Whose token it is.

        Raises:
            HubError: the hub does not accept the token, or does not answer.
        """
        with _explained(self.url, "you"):
            return str(self._api.whoami()["name"])

    def upload(self, folder: Path, repository: str, private: bool) -> str:
        """Put the files of a folder into a repository, which is made if need be; where people find them.

        Raises:
            ConfigurationError: the repository is there already and public, and what is uploaded is to be private.
            HubError: the token does not suffice, or the hub does not answer.
        """
        with _explained(self.url, repository):
            self._api.create_repo(repository, private=private, exist_ok=True)
            if private and not self._api.model_info(repository).private:
                raise ConfigurationError(f"{repository} is there already and public: say --public, or name another")
            done = self._api.upload_folder(
                repo_id=repository,
                folder_path=folder,
                commit_message="Upload a model made with hugtweets",
                delete_patterns=OURS,
            )
        return str(done.repo_url)


def check_repository(name: str) -> str:
    """The name of a repository, if it can be one.

    Raises:
        ConfigurationError: the hub would not take it.
    """
    try:
        validate_repo_id(name)
    except HFValidationError:
        raise ConfigurationError(
            f"{name!r} cannot be a repository of the hub: write USER/NAME, of letters, digits, hyphens and dots"
        ) from None
    return name


def repository_name(user: str, handle: str) -> str:
    """What a model's repository is called unless a person says otherwise."""
    return f"{user}/hugtweets-{slug(handle).replace('.', '-')}"


@contextmanager
def _explained(url: str, subject: str) -> Iterator[None]:
    """Say in our words what the hub, or the way there, answered."""
    try:
        yield
    except HfHubHTTPError as error:
        raise _refusal(error, url, subject) from None
    except OfflineModeIsEnabled:
        raise HubUnreachable("the hub was not asked, since HF_HUB_OFFLINE is set: unset it") from None
    except (ConnectionFailed, OSError, RuntimeError) as error:  # the last: an upload that was given up
        raise HubUnreachable(f"the hub does not answer at {url} ({type(error).__name__}): try again later") from None


def _refusal(error: HfHubHTTPError, url: str, subject: str) -> HubError:
    status = error.response.status_code
    if status == 401:
        return BadHubToken("the hub does not accept the token: make a new one with the right to write, as HF_TOKEN")
    if status in (403, 404):
        return NoHubRight(
            f"the token may not write to {subject}: give it the right to write, or name another --repo-id"
        )
    if status >= 500 or status == 429:
        return HubUnreachable(f"the hub at {url} answers {status}: try again later")
    said = " ".join((error.server_message or "").split())[:200]
    return HubError(f"the hub refuses {subject} with {status} ({said or 'no reason given'}): check --repo-id")
