"""What every step is told: where things live, which account, in which run, up to which step."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field

from hugtweets.budget.ledger import Ledger
from hugtweets.config import Config, Section
from hugtweets.errors import BaseModelError, HugtweetsError
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.home_options import read_home_options
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home

if TYPE_CHECKING:
    from hugtweets.sources.x.answers import XUser


StepName = Literal["fetch", "clean", "tokenise", "finetune", "sample", "evaluate", "report"]
STEPS: tuple[StepName, ...] = get_args(StepName)


def includes(until: StepName | None, step: StepName) -> bool:
    """Whether a run that stops after ``until`` gets as far as ``step``; None is the whole job."""
    return until is None or STEPS.index(step) <= STEPS.index(until)


class BaseModels:
    """The base models of a run: each is found once, when the first account needs it."""

    def __init__(self) -> None:
        self._found: dict[str, BaseModel | BaseModelError] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[BaseModels], tuple[()]]:
        """A process that computes on a GPU gets its own: locks do not travel."""
        return BaseModels, ()

    def find(self, spec: str, home: Home) -> BaseModel:
        """Find, download or convert a base model.

        Raises:
            BaseModelError: it cannot be had.
        """
        with self._lock:
            if spec not in self._found:
                try:
                    self._found[spec] = resolve_base_model(spec, home)
                except BaseModelError as error:
                    # Kept, so that three hundred accounts do not wait three hundred times for the same answer.
                    self._found[spec] = error
            found = self._found[spec]
        if isinstance(found, BaseModelError):
            raise found
        return found


@dataclass(frozen=True)
class Job:
    """One account in one run, and what has come of it so far.

    Args:
        home: where things live.
        request: the account, its source and its options.
        run: names the run: the W&B group, and the key in the ledger.
        began: posts that X showed since then are not asked for again.
        until: the last step; None is the whole job.
        may_wait: a model waits until as many posts are new as ``config.refresh`` asks for, and a step with nothing to
            do is told of in the log only: as task runs, such steps cost more than all else in a night of hundreds of
            unchanged accounts, and hide in Prefect's UI what was done (see benchmarks/LOG.md).
        verify: X is asked again for the posts that are stored.
        is_trial: the model is compared with others, and never becomes the account's current one.
        finds_only: steps that are not done are not run here; see ``flows/dispatch.py``.
        user: what the look-up on X said; None for other sources.
        base_models: those of the run; its accounts share them.
        outcome: written as the steps are done.
    """

    home: Home
    request: AccountRequest
    run: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    until: StepName | None = None
    may_wait: bool = False
    verify: bool = False
    is_trial: bool = False
    finds_only: bool = False
    user: XUser | HugtweetsError | None = field(default=None, repr=False, compare=False)
    base_models: BaseModels = field(default_factory=BaseModels, repr=False, compare=False)
    outcome: AccountOutcome = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcome", AccountOutcome(handle=self.handle))

    @property
    def handle(self) -> str:
        """The account, spelled as this home spells it."""
        return self.request.handle

    @property
    def config(self) -> Config:
        """The options that hold for the account."""
        return self.request.config

    @property
    def base_model(self) -> BaseModel:
        """What the account's model starts from.

        Raises:
            BaseModelError: it cannot be had.
        """
        return self.base_models.find(self.config.train.base_model, self.home)

    @property
    def ledger(self) -> Ledger:
        """Where this account's reading of X is written down."""
        return Ledger(self.home.ledger, self.run).of(self.handle)


class Assignment(Section):
    """What another machine is told to do: to learn an account from its cleaned posts, which it finds in the store.

    Places differ from machine to machine, so that none is named.
    """

    request: AccountRequest = Field(description="the account and its options")
    run: str = Field(description="the run that fetched it: the group in W&B")
    posts: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] = Field(description="digest of the clean artifact")
    until: StepName | None = Field(None, description="the last step; empty is the whole job")

    @property
    def handle(self) -> str:
        """The account."""
        return self.request.handle

    @property
    def identity(self) -> str:
        """The same for the same work, whichever run asks for it."""
        content = self.model_copy(update={"run": ""}).model_dump_json()
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def job(self, home: Home) -> Job:
        """What the steps are told on the machine of that home."""
        return Job(home, self.request, self.run, until=self.until)

    def cleaned(self, home: Home) -> Reference:
        """Where the cleaned posts are in that home, or will be."""
        return Reference("clean", self.handle, self.posts, str(home.folder("clean", self.handle) / self.posts))


def longest_waiting_first(jobs: Sequence[Job]) -> list[Job]:
    """The order in which to ask X: accounts for which it never answered, then those whose last answer is oldest."""
    answers = jobs[0].ledger.last_answers() if jobs else {}
    return sorted(jobs, key=lambda job: answers.get(job.handle, ""))


def plan_jobs(home: Home, requests: Sequence[AccountRequest], run: str, **options: Any) -> list[Job]:
    """One job a request, each handle in the spelling that this home already knows it by; ``options`` are those of Job.

    All of them share their base models. Accounts that the home's accounts file keeps from W&B are kept from it.

    Raises:
        ConfigurationError: the home's record of its options cannot be used.
    """
    in_force = read_home_options(home)
    # Looked for once: the home holds a folder an account and step, and a list may name hundreds of accounts.
    known = home.spellings()
    spelled = [known.get(request.handle.casefold(), request.handle) for request in requests]
    options = {"base_models": BaseModels()} | options
    return [
        Job(home, in_force.keep_from_wandb(request.model_copy(update={"handle": handle})), run, **options)
        for request, handle in zip(requests, spelled, strict=True)
    ]
