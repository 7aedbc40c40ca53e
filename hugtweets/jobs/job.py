"""What every step is told: where things live, which account, in which run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hugtweets.budget.ledger import Ledger
from hugtweets.config import Config
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.storage.home import Home


@dataclass(frozen=True)
class Job:
    """One account in one run.

    ``run`` names the run: the W&B group, and the key in the ledger. Posts that X showed since it ``began``
    are not asked for again.
    """

    home: Home
    request: AccountRequest
    run: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def handle(self) -> str:
        """The account, spelled as this home spells it."""
        return self.request.handle

    @property
    def config(self) -> Config:
        """The options that hold for the account."""
        return self.request.config

    @property
    def ledger(self) -> Ledger:
        """Where this account's reading of X is written down."""
        return Ledger(self.home.ledger, self.run).of(self.handle)


def longest_waiting_first(jobs: Sequence[Job]) -> list[Job]:
    """The order in which to ask X: accounts for which it never answered, then those whose last answer is oldest."""
    answers = jobs[0].ledger.last_answers() if jobs else {}
    return sorted(jobs, key=lambda job: answers.get(job.handle, ""))


def plan_jobs(home: Home, requests: Sequence[AccountRequest], run: str) -> list[Job]:
    """One job a request, each handle in the spelling that this home already knows it by."""
    # Looked for once: the home holds a folder an account and step, and a list may name hundreds of accounts.
    known = home.spellings()
    spelled = [known.get(request.handle.casefold(), request.handle) for request in requests]
    return [
        Job(home, request.model_copy(update={"handle": handle}), run)
        for request, handle in zip(requests, spelled, strict=True)
    ]
