"""A blend that is kept: the models of several accounts are added up, without training, and judged as any other.

hugtweets sample --blend alice=0.7,bob=0.3 --keep
"""

from __future__ import annotations

from collections.abc import Mapping

from prefect import flow, runtime
from prefect.client.schemas.objects import State

from flows.credentials import load_credentials
from flows.reporting import report_run
from flows.runs import end, name_run, open_home
from flows.steps import Walk, settle
from flows.watching import tag_run
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.steps.blend import Part, find_authors, plan_blend
from hugtweets.steps.mix import plan_mix
from hugtweets.steps.tokenise import plan_tokenise
from hugtweets.storage.handles import members_of, shares_of
from tasks.blend import blend as add_up
from tasks.mix import mix
from tasks.tokenise import tokenise


def _name() -> str:
    return name_run(f"blend-{runtime.flow_run.parameters['request'].handle}")


@flow(name="blend", flow_run_name=_name)
def blend(request: AccountRequest) -> State[RunOutcome]:
    """Make the blend that is called so, ``alice-70+bob-30``, of its accounts' current models."""
    load_credentials()
    home = open_home()
    job = Job(home, request, str(runtime.flow_run.name))
    tag_run(members_of(job.handle))
    outcome = AccountOutcome(handle=job.handle)
    walk = BlendWalk(job, outcome)
    settle(walk, lambda: walk.blend(shares_of(job.handle)))
    report_run([job], [outcome], None)
    return end(job.run, home, [outcome])


class BlendWalk(Walk):
    """The walk of a blend, from the models of its accounts on."""

    def blend(self, shares: Mapping[str, int]) -> None:
        """All steps.

        Raises:
            NothingKept: an account has no current model.
            BaseModelError: the base model is gone.
            ConfigurationError: the models cannot be added up.
        """
        authors = find_authors(self.job.home, list(shares))
        base = authors[0].base_model
        learned = [author.clean for author in authors]
        cleaned = self.step(mix, plan_mix(self.job, learned), learned)
        self.outcome.counts = cleaned.manifest().counts | {"new": 0}
        tokens = self.step(tokenise, plan_tokenise(self.job, cleaned, base), cleaned, base)
        parts = [Part(author.model, shares[author.handle]) for author in authors]
        model = self.step(add_up, plan_blend(self.job, tokens, parts, base), tokens, parts, base)
        self.try_out(model, tokens, cleaned, base, None)
