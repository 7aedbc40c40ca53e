"""What came of a run: the document that ``--json`` prints and every table is made of."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hugtweets.budget.ledger import Usage
from hugtweets.errors import Bound
from hugtweets.evaluation.promotion import Standing
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home

logger = logging.getLogger("hugtweets.flows")

AccountStatus = Literal["completed", "unchanged", "skipped", "failed"]
STATES = ("completed", "unchanged", "skipped", "put off", "failed")


class StepOutcome(BaseModel):
    """One step of one account."""

    path: str
    digest: str
    cached: bool
    seconds: float

    @classmethod
    def of(cls, reference: Reference, cached: bool, seconds: float) -> StepOutcome:
        """From the artifact that the step left or found."""
        return cls(path=reference.path, digest=reference.digest, cached=cached, seconds=round(seconds, 3))


class SampleOutcome(BaseModel):
    """A generated post; ``log_prob`` is the natural logarithm of its probability under the model."""

    # Of the sampler's own posts, or of rows of the sample artifact.
    model_config = ConfigDict(from_attributes=True)

    prompt: str
    text: str
    log_prob: float
    generated: Literal[True] = True


class AccountOutcome(BaseModel):
    """One account. ``reason`` says why it was skipped or failed, or what was left out.

    ``put_off`` says which bound kept it from being read: the next run comes back to it. ``refused`` is True if X
    refused us: the account has failed, whatever the steps then made of the posts that are stored. ``metrics`` are a
    :class:`Scorecard` and an :class:`Authorship`; empty if the run did not get as far.
    """

    handle: str
    status: AccountStatus = "completed"
    reason: str | None = None
    put_off: Bound | None = None
    refused: bool = Field(False, exclude=True)
    steps: dict[str, StepOutcome] = Field(default_factory=dict)
    counts: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, float | None] = Field(default_factory=dict)
    promotion: Standing | None = None
    samples: list[SampleOutcome] = Field(default_factory=list)

    @classmethod
    def failure(cls, handle: str, reason: str) -> AccountOutcome:
        """An account that failed before it came to anything."""
        return cls(handle=handle, status="failed", reason=reason)

    def complete(self, learned: AccountOutcome) -> None:
        """Add what came of the steps that were done later, perhaps on another machine."""
        self.steps |= learned.steps
        self.samples, self.metrics, self.promotion = learned.samples, learned.metrics, learned.promotion
        self.status = "failed" if self.refused else learned.status
        self.remark(learned.reason)

    def note(self, step: str, made: Reference, cached: bool, seconds: float) -> None:
        """Write a finished step down."""
        self.steps[step] = StepOutcome.of(made, cached, seconds)
        state = "cached" if cached else f"done in {seconds:.1f} s"
        logger.info("%s: %s %s", self.handle, step, state)

    def reference(self, step: str, home: Home) -> Reference:
        """The artifact of a step that was done, on whichever machine, as it is or will be in that home."""
        digest = self.steps[step].digest
        return Reference(step, self.handle, digest, str(home.folder(step, self.handle) / digest))

    def remark(self, *remarks: object) -> None:
        """Add to the reason what there is to say."""
        said = [str(remark) for remark in (self.reason, *remarks) if remark]
        self.reason = "; ".join(said) or None

    def is_unchanged(self) -> bool:
        """Whether nothing was made; new posts in store are no change while the model waits for more."""
        learned = [step for name, step in self.steps.items() if name not in ("fetch", "clean")]
        return all(step.cached for step in learned or self.steps.values())

    def is_empty(self) -> bool:
        """Whether it was skipped before its first step; a page of the report it may have from earlier."""
        return self.status == "skipped" and self.steps.keys() <= {"report"}

    @property
    def state(self) -> str:
        """The status in words, which tells an account that was put off from others that were skipped."""
        return "put off" if self.put_off else self.status

    def row(self, usd: float) -> dict[str, Any]:
        """A row in a table of accounts; ``usd`` is what the run spent on it; steps that were there took no time."""
        metrics, counts = self.metrics, self.counts
        change = f"{metrics['base_bits_per_byte']:.3f} → {metrics['bits_per_byte']:.3f}" if metrics else ""
        seconds = (f"{name} {step.seconds:.1f}" for name, step in self.steps.items() if not step.cached)
        return {
            "handle": self.handle,
            "status": self.state,
            "reason": self.reason or "",
            "new posts": counts.get("new", ""),
            "kept posts": counts.get("kept", ""),
            "spent": f"${usd:.2f}",
            "bits per byte (base → tuned)": change,
            "model": self.promotion.reason if self.promotion else "",
            "seconds": ", ".join(seconds),
            "generated post": self.best_sample(),
        }

    def best_sample(self) -> str:
        """The generated post that the model finds likeliest for its length; empty if there is none."""
        likeliest = max(self.samples, key=lambda sample: sample.log_prob / max(len(sample.text), 1), default=None)
        return likeliest.text if likeliest else ""


class ApiUsage(BaseModel):
    """What the run read from X, as the ledger adds it up."""

    model_config = ConfigDict(from_attributes=True)

    requests: int = 0
    posts_read: int = 0
    users_read: int = 0
    usd: float = 0.0


class RunOutcome(BaseModel):
    """A whole run; ``remarks`` are what concerns all its accounts, such as a refusal of X."""

    status: Literal["completed", "failed"]
    flow_run: str
    accounts: list[AccountOutcome]
    api: ApiUsage = ApiUsage()
    remarks: list[str] = Field(default_factory=list)

    @classmethod
    def of(
        cls,
        run: str,
        accounts: Sequence[AccountOutcome],
        usage: Usage,
        remarks: Iterable[str] = (),
        nothing_fetched: bool = False,
    ) -> RunOutcome:
        """A run has failed if an account has, or if X was to be asked and nothing was fetched."""
        failed = nothing_fetched or any(account.status == "failed" for account in accounts)
        return cls(
            status="failed" if failed else "completed",
            flow_run=run,
            accounts=list(accounts),
            api=ApiUsage.model_validate(usage),
            remarks=list(remarks),
        )

    def put_off(self) -> list[str]:
        """The accounts that limits or budgets put off."""
        return [account.handle for account in self.accounts if account.put_off]

    def failed(self) -> list[str]:
        """The accounts that failed."""
        return [account.handle for account in self.accounts if account.status == "failed"]

    def summary(self) -> dict[str, Any]:
        """The run in a few figures, for automations."""
        failed = self.failed()
        return {
            "run": self.flow_run,
            "accounts": len(self.accounts),
            "failed": len(failed),
            "handles": failed,
            "put_off": self.put_off(),
            "summary": self.describe(),
            "usd": self.api.usd,
        }

    def failure(self) -> str | None:
        """``2/30 accounts failed: alice, bob``, with what concerns all of them; None if the run has not failed."""
        if self.status != "failed":
            return None
        failed = self.failed()
        named = [f"{len(failed)}/{len(self.accounts)} accounts failed: {', '.join(failed)}"] if failed else []
        return "; ".join([*named, *self.remarks])

    def describe(self) -> str:
        """One sentence: ``nightly-20261123: 28 unchanged, 2 failed; X: 33 requests, 41 posts read, $0.21``."""
        numbers = Counter(account.state for account in self.accounts)
        parts = ", ".join(f"{numbers[state]} {state}" for state in STATES if numbers[state])
        api = self.api
        read = f"X: {api.requests} requests, {api.posts_read} posts read, ${api.usd:.2f}"
        return "; ".join([f"{self.flow_run}: {parts}", read, *self.remarks])
