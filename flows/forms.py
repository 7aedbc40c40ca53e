"""The forms of the Prefect UI: they show the options in force in the home before anybody writes into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.exceptions import ObjectNotFound
from pydantic import Field, TypeAdapter, ValidationError

from flows.watching import only_shown
from hugtweets.config import Config, merge

# What a person may write into the forms of the Prefect UI; the server checks it before a run exists.
Handle = Annotated[str, Field(pattern=r"^[A-Za-z0-9_@]([A-Za-z0-9_:/@.?=&%-]{0,498}[A-Za-z0-9_/])?$")]
Source = Annotated[str, Field(pattern=r"^(x|bluesky|mastodon|(x|bluesky|mastodon|archive|file):.+)$")]
Prompts = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=280)], ...], Field(min_length=1, max_length=100)
]
PerPrompt = Annotated[int, Field(ge=1, le=1000)]

# What each form has a place for, by its deployment: the parameter, and the option that it sets.
AD_HOC, SAMPLE = "ad-hoc/account", "sample/sample"
FORMS = {
    AD_HOC: {
        "budget_usd": ("fetch", "budget_usd"),
        "epochs": ("train", "epochs"),
        "prompts": ("sample", "prompts"),
        "per_prompt": ("sample", "per_prompt"),
    },
    SAMPLE: {"prompts": ("sample", "prompts")},
}
LIMITED: dict[str, Any] = {"prompts": Prompts, "per_prompt": PerPrompt}


def form_defaults(deployment: str, config: Config) -> dict[str, Any]:
    """What a form shows: the options in force that can be set there; what is too long for it stays empty, and holds."""
    dumped = config.model_dump(mode="json")
    options = {name: dumped[section][option] for name, (section, option) in FORMS[deployment].items()}
    return {name: value if _fits(name, value) else None for name, value in options.items()}


def options_of_form(deployment: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """The nested options that a form sets; what is empty sets none."""
    options: dict[str, Any] = {}
    for name, (section, option) in FORMS[deployment].items():
        if form[name] is not None:
            options = merge(options, {section: {option: form[name]}})
    return options


def show_in_forms(config: Config) -> None:
    """Let the forms that are served show these options."""
    with only_shown("the options for its forms"), get_client(sync_client=True) as client:
        for deployment in FORMS:
            _show(client, deployment, form_defaults(deployment, config))


def _fits(name: str, value: object) -> bool:
    try:
        TypeAdapter(LIMITED[name]).validate_python(value) if name in LIMITED else None
    except ValidationError:
        return False
    return True


def _show(client: SyncPrefectClient, name: str, shown: dict[str, Any]) -> None:
    try:
        deployment = client.read_deployment_by_name(name)
    except ObjectNotFound:
        return
    if deployment.parameters != {**deployment.parameters, **shown}:
        client.update_deployment(deployment.id, DeploymentUpdate(parameters={**deployment.parameters, **shown}))
