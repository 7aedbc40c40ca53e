"""One account through all steps: what both flows do for each account."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from prefect import Task
from prefect.transactions import CommitMode, transaction

from hugtweets.devices.queue import waited_seconds
from hugtweets.errors import (
    AccessError,
    AccountUnavailable,
    HugtweetsError,
    NotEnoughText,
    PutOff,
    RateLimited,
    RetryableError,
)
from hugtweets.evaluation.promotion import judge, previous_of
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome, AccountStatus, SampleOutcome, StepOutcome
from hugtweets.models.registry import BaseModel
from hugtweets.steps import StepName, includes
from hugtweets.steps.assignments import Assignment
from hugtweets.steps.clean import check_enough_text, plan_clean
from hugtweets.steps.evaluate import plan_evaluate, read_scores
from hugtweets.steps.fetch import Fetched, Tally
from hugtweets.steps.finetune import plan_finetune
from hugtweets.steps.retraction import retract, still_held
from hugtweets.steps.sample import plan_sample, read_samples
from hugtweets.steps.starting import find_start
from hugtweets.steps.step import is_done
from hugtweets.steps.tokenise import left_out, plan_tokenise
from hugtweets.steps.waiting import find_waiting
from hugtweets.storage.artifacts import Plan, Reference, obtain
from hugtweets.storage.full_disk import naming_full_disk
from hugtweets.timelines.shared import SharedTimeline
from tasks.caching import Call, call, is_ready
from tasks.clean import clean
from tasks.evaluate import evaluate
from tasks.fetch import fetch
from tasks.finetune import finetune
from tasks.retries import patient
from tasks.sample import sample
from tasks.tokenise import tokenise

if TYPE_CHECKING:
    from hugtweets.sources.x.users import XUser

logger = logging.getLogger("hugtweets.flows")

FindBaseModel = Callable[[], BaseModel]
Assign = Callable[[Assignment], None]


def process(
    job: Job,
    user: XUser | HugtweetsError | None,
    base_model: FindBaseModel,
    until: StepName | None,
    may_wait: bool = False,
    verify: bool = False,
    assign: Assign | None = None,
) -> AccountOutcome:
    """Take one account through the steps; what goes wrong with it becomes its outcome.

    ``user`` is what the look-up on X said (None for other sources); ``base_model`` is asked only when a step needs it.
    With ``may_wait`` an account's model waits until as many posts are new as ``config.refresh`` asks for, and a step
    without anything to do is told of in the log only: as task runs, such steps of hundreds of unchanged accounts cost
    more than all else in a night, and hide in Prefect's UI what was done (see benchmarks/LOG.md). With ``verify`` X is
    asked again for the posts that are stored. With ``assign`` what is to be learned is left to another machine, and the
    outcome is that of the steps before.
    """
    outcome = AccountOutcome(handle=job.handle)
    walk = Walk(job, outcome, may_wait, verify, assign)
    settle(walk, lambda: walk.through(user, base_model, until))
    return outcome


def settle(walk: Walk, work: Callable[[], None]) -> None:
    """Do the work, and write down in the outcome how it ended."""
    job, outcome = walk.job, walk.outcome
    try:
        # Without the eager commit, steps called inside a task are recorded only when that task ends.
        with transaction(commit_mode=CommitMode.EAGER), naming_full_disk(job.home, job.handle):
            work()
    except (PutOff, RateLimited) as error:
        outcome.status = "skipped"
        walk.remark(error)
    except AccountUnavailable as error:
        outcome.status, outcome.reason = leave_out(job, error)
    except HugtweetsError as error:
        outcome.status = "failed"
        walk.remark(error)
    else:
        if walk.is_unchanged() and not walk.is_assigned:
            outcome.status = "unchanged"
    state = "to be learned elsewhere" if walk.is_assigned else outcome.status
    logger.info("%s: %s%s", job.handle, state, f": {outcome.reason}" if outcome.reason else "")


def leave_out(job: Job, error: AccountUnavailable) -> tuple[AccountStatus, str]:
    """Status and reason of an account that X does not show.

    One that was read before has vanished, which no run can change: it must not make every night end as failed. One of
    which nothing is stored is a request that could not be met, such as a misspelled handle.
    """
    if not SharedTimeline(job.home, job.handle).exists():
        return "failed", str(error)
    return "skipped", f"{error}; what is stored of it stays until `hugtweets forget {job.handle}`"


class Walk:
    """The walk of one account, writing down each step in its outcome as it goes."""

    def __init__(
        self,
        job: Job,
        outcome: AccountOutcome,
        may_wait: bool = False,
        verify: bool = False,
        assign: Assign | None = None,
    ) -> None:
        self.job = job
        self.outcome = outcome
        self.may_wait = may_wait
        self.verify = verify
        self.assign = assign
        self.is_assigned = False
        self.waits = False

    def through(self, user: XUser | HugtweetsError | None, base_model: FindBaseModel, until: StepName | None) -> None:
        """All steps up to ``until``."""
        timeline = self.fetch(user)
        if not includes(until, "finetune"):
            self.remark(still_held(self.job))
        if includes(until, "clean"):
            self.read(timeline, base_model, until)

    def read(self, timeline: Reference, base_model: FindBaseModel, until: StepName | None) -> None:
        """The steps after fetch."""
        cleaned = self.step(clean, plan_clean(self.job, timeline), timeline)
        counts = cleaned.manifest().counts
        self.outcome.counts |= {"kept": counts["kept"], "dropped": counts["dropped"]}
        if includes(until, "tokenise"):
            self.check_enough_text(cleaned)
            base = base_model()
            posts = self.choose_posts(cleaned, base)
            if self.assign is None:
                self.learn(posts, base, until)
            elif not self.recall(posts, base, until):
                self.assign(Assignment(request=self.job.request, run=self.job.run, posts=posts.digest, until=until))
                self.is_assigned = True

    def check_enough_text(self, cleaned: Reference) -> None:
        """See :func:`hugtweets.steps.clean.check_enough_text`; what cannot be learned again goes all the same."""
        try:
            check_enough_text(cleaned, self.job.config.clean)
        except NotEnoughText:
            retract(self.job)
            raise

    def recall(self, posts: Reference, base: BaseModel, until: StepName | None) -> bool:
        """Write down the steps from the posts on, if all of them are done; whether they are."""
        outcome = AccountOutcome(handle=self.job.handle)
        try:
            Recollection(self.job, outcome).learn(posts, base, until)
        except NotDone:
            return False
        self.outcome.complete(outcome)
        return True

    def choose_posts(self, cleaned: Reference, base: BaseModel) -> Reference:
        """The posts to learn from: those of the last model while it waits for more new ones."""
        waiting = find_waiting(self.job, cleaned, base) if self.may_wait else None
        if waiting is None:
            return cleaned
        self.waits = True
        self.remark(waiting.reason)
        return waiting.posts

    def remark(self, *remarks: object) -> None:
        """Add to the reason what there is to say."""
        said = [str(remark) for remark in (self.outcome.reason, *remarks) if remark]
        self.outcome.reason = "; ".join(said) or None

    def is_unchanged(self) -> bool:
        """Whether nothing was made; new posts in store are no change while the model waits for more."""
        stored = {"fetch", "clean"} if self.waits else set()
        return all(step.cached for name, step in self.outcome.steps.items() if name not in stored)

    def fetch(self, user: XUser | HugtweetsError | None) -> Reference:
        """The raw timeline, brought up to date."""
        if isinstance(user, HugtweetsError) and not isinstance(user, AccessError):
            raise user
        watch = Watch()
        fetched = self.download(user)
        self.note("fetch", fetched.reference, fetched.cached, watch)
        self.outcome.counts |= {"fetched": fetched.reference.manifest().counts["fetched"], "new": fetched.new}
        if verification := fetched.verification:
            self.outcome.counts |= {"verified": verification.verified, "deleted": verification.deleted}
        self.remark(fetched.remark, fetched.verification)
        return fetched.reference

    def download(self, user: XUser | AccessError | None) -> Fetched:
        """All that is new; attempts that brought posts do not count, as a long timeline meets more failures.

        Raises:
            RetryableError: what could not be had by ``fetch.retries`` attempts in a row.
        """
        tally = Tally()
        while True:
            before = self.job.ledger.spent().posts_read
            try:
                return patient(fetch, self.job.config.fetch)(self.job, user, tally, self.verify)
            except RetryableError:
                if self.job.ledger.spent().posts_read == before:
                    raise

    def learn(self, cleaned: Reference, base: BaseModel, until: StepName | None) -> None:
        """From kept posts to a model, its posts and its scores."""
        tokens = self.step(tokenise, plan_tokenise(self.job, cleaned, base), cleaned, base)
        self.remark(left_out(tokens, base))
        if not includes(until, "finetune"):
            return
        start = find_start(self.job, cleaned, tokens, base)
        model = self.step(finetune, plan_finetune(self.job, tokens, base, start), tokens, base, start)
        # Before the model is judged: it must not be kept out for one that knows deleted posts.
        self.retract()
        if includes(until, "sample"):
            self.try_out(model, tokens, cleaned, base, until)

    def try_out(
        self, model: Reference, tokens: Reference, cleaned: Reference, base: BaseModel, until: StepName | None
    ) -> None:
        """From a model to its posts and its scores."""
        samples = self.step(sample, plan_sample(self.job, model, cleaned), model, cleaned, base)
        rows = read_samples(samples)
        self.outcome.samples = [SampleOutcome.of(row) for row in rows]
        if includes(until, "evaluate"):
            self.score(model, samples, tokens, cleaned, base)

    def retract(self) -> None:
        """Let what older artifacts hold of deleted posts go."""
        retract(self.job)

    def score(
        self, model: Reference, samples: Reference, tokens: Reference, cleaned: Reference, base: BaseModel
    ) -> None:
        """From a model and its posts to its scorecard, and to the decision whether it becomes the current one."""
        previous = previous_of(self.job.home, model)
        plan = plan_evaluate(self.job, model, samples, tokens, cleaned, previous)
        scores = read_scores(self.step(evaluate, plan, model, samples, tokens, cleaned, previous, base))
        self.outcome.metrics = scores.figures()
        self.outcome.promotion = judge(self.job.home, model, previous, scores, self.job.run)

    def step(self, task: Task[..., Reference], plan: Plan, *inputs: object) -> Reference:
        """Run one cached step."""
        watch = Watch()
        if self.may_wait and is_ready(self.job, plan):
            done = Call(plan.reference(self.job.home), cached=True)
        else:
            done = call(task, plan, self.job, *inputs)
        self.note(plan.step, done.reference, done.cached, watch)
        return done.reference

    def note(self, step: str, reference: Reference, cached: bool, watch: Watch) -> None:
        """Write a finished step down."""
        self.outcome.steps[step] = StepOutcome.of(reference, cached, watch.seconds)
        state = "cached" if cached else f"done in {watch.seconds:.1f} s"
        logger.info("%s: %s %s", self.job.handle, step, state)


class NotDone(Exception):
    """A step that would have to be run."""


class Recollection(Walk):
    """A walk that runs nothing: what was made is looked up, whichever machine made it."""

    def step(self, task: Task[..., Reference], plan: Plan, *inputs: object) -> Reference:
        """Find one finished step.

        Raises:
            NotDone: it is not finished.
        """
        watch, reference = Watch(), plan.reference(self.job.home)
        if not is_done(self.job, plan):
            raise NotDone(plan.step)
        # The weights are large, and nothing here reads them.
        if plan.step != "finetune":
            obtain(self.job.home, reference)
        self.note(plan.step, reference, True, watch)
        return reference


class Watch:
    """Seconds since it was made, without those in which this thread waited for its turn on the device."""

    def __init__(self) -> None:
        self._started = time.monotonic() - waited_seconds()

    @property
    def seconds(self) -> float:
        """Seconds of work."""
        return time.monotonic() - waited_seconds() - self._started
