"""Authorship: for whose an account's generated posts are taken, among all accounts that this home has learned.

A step that looks at many accounts, and so not one of those that every account takes by itself: its inputs would change
each time any of the others changes, and a night in which one of three hundred accounts wrote something would judge all
of them again. Instead each set of generated posts is compared once, at the end of the run that drew it, with the
accounts as they are then; the digest names them. One classifier serves all accounts of a run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hugtweets.config import Config
from hugtweets.devices.queue import on_device
from hugtweets.devices.selection import few_bits
from hugtweets.evaluation.attribution import SET, Attribution, AuthorshipClassifier
from hugtweets.evaluation.scorecard import Authorship, Figure
from hugtweets.evaluation.verification import Verifier, choose_imposters
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.models.cache import load_tuned
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import identity_of
from hugtweets.steps.authors import Wanted, generate_from, without_prompts
from hugtweets.steps.clean import texts_of
from hugtweets.steps.finetune import number_format
from hugtweets.steps.sample import read_unprompted, to_table
from hugtweets.steps.step import perform
from hugtweets.storage.artifacts import MANIFEST, Plan, Reference, input_of, latest, learned_posts, made_from, obtain
from hugtweets.storage.atomic import write_text
from hugtweets.storage.handles import members_of
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import write_posts
from hugtweets.tracking import is_tracked

VERSION = 2
AUTHORSHIP = "authorship.json"
# A base model does not know where a post ends, so that each takes as long as a post can be: as few as will do.
BASE_POSTS = 30

Authors = Mapping[str, Reference]


@dataclass(frozen=True)
class Candidate:
    """An account whose posts are to be compared: its samples, and the base model they were generated from."""

    job: Job
    samples: Reference
    base_model: BaseModel

    @property
    def clean(self) -> Reference | None:
        """The account's own posts."""
        return input_of(self.job.home, self.samples, "clean")

    @property
    def trained_in(self) -> str | None:
        """The number format of the model that wrote the posts, if it is on this machine."""
        digest = self.samples.manifest().inputs["finetune"]
        folder = self.job.home.folder("finetune", self.samples.handle) / digest
        model = Reference("finetune", self.samples.handle, digest, str(folder))
        return number_format(model) if model.file(MANIFEST).is_file() else None


def find_candidates(jobs: Sequence[Job], outcomes: Sequence[AccountOutcome]) -> list[Candidate]:
    """The accounts of a run whose new posts are to be compared.

    Posts that were compared before, and models that are not to be judged by posts, are left alone.
    """
    scored = [(job, outcome.reference("sample", job.home)) for job, outcome in _scored(jobs, outcomes)]
    return [
        Candidate(job, samples, job.base_model)
        for job, samples in scored
        # Another machine may have generated them.
        if obtain(job.home, samples) and job.config.evaluate.generated and not is_compared(job, samples)
    ]


def record_authorship(jobs: Sequence[Job], outcomes: Sequence[AccountOutcome]) -> None:
    """Add to the metrics of every scored account for whose its posts are taken."""
    for job, outcome in _scored(jobs, outcomes):
        outcome.metrics |= read_authorship(job.home, outcome.reference("sample", job.home)).model_dump()


def _scored(jobs: Sequence[Job], outcomes: Sequence[AccountOutcome]) -> list[tuple[Job, AccountOutcome]]:
    """The accounts that were scored; a mix or a blend has no author."""
    pairs = zip(jobs, outcomes, strict=True)
    return [(job, found) for job, found in pairs if "evaluate" in found.steps and len(members_of(job.handle)) == 1]


def plan_authorship(candidate: Candidate, authors: Authors) -> Plan:
    """Depends on the generated posts, the base model's, and the posts of every author."""
    posts = sorted((handle, clean.digest) for handle, clean in authors.items())
    everybody = hashlib.sha256(json.dumps(posts).encode()).hexdigest()[:16]
    inputs = (candidate.samples, authors[candidate.job.handle])
    extra = {"authors": everybody, "base_model": candidate.base_model.digest}
    return Plan("authorship", VERSION, candidate.job.handle, inputs, extra=extra)


def compare_authors(candidates: Sequence[Candidate]) -> list[Reference]:
    """Write an ``authorship.json`` for each candidate, unless there are no others to take it for."""
    home = candidates[0].job.home
    own = {candidate.job.handle: clean for candidate in candidates if (clean := candidate.clean)}
    authors = known_authors(home) | own
    if len(authors) < 2:
        return []
    classifier = AuthorshipClassifier((handle, texts_of(clean, "train")) for handle, clean in sorted(authors.items()))
    return [_compare(candidate, authors, classifier) for candidate in candidates]


def known_authors(home: Home) -> dict[str, Reference]:
    """Every account with a model, and the clean posts that it was made from."""
    models = ((handle, latest(home, handle, "finetune")) for handle in home.known_handles())
    learned = {handle: learned_posts(home, model) for handle, model in models if model}
    return {handle: clean for handle, clean in learned.items() if clean}


def is_compared(job: Job, samples: Reference) -> bool:
    """Whether these samples were compared already, and that was logged."""
    found = made_from(job.home, samples, "authorship")
    return found is not None and is_tracked(job.home, found, job.config.tracking)


def read_authorship(home: Home, samples: Reference) -> Authorship:
    """What these samples were taken for; nothing but one author if they were not compared with others."""
    found = made_from(home, samples, "authorship")
    if found is None or not obtain(home, found):
        return Authorship(authors=1)
    return Authorship.model_validate_json(found.file(AUTHORSHIP).read_text(encoding="utf-8"))


def base_posts(home: Home, base_model: BaseModel, config: Config, trained_in: str | None) -> list[str]:
    """Posts by a base model itself, under the options of an account; they are generated once for all accounts.

    They are written with as few bits a weight as models were trained beside, if that is asked of it.
    """
    options = without_prompts(config, BASE_POSTS)
    few = few_bits(trained_in) or ""
    identity = options.sample.model_dump_json() + identity_of(base_model).get("start_of_text", "") + few
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    path = home.base_posts(base_model.digest, key)
    if not path.is_file():
        wanted = [Wanted(options, [], options.sample.seed, scored=False, trained_in=trained_in)]
        [posts] = on_device(generate_from, base_model.name, partial(load_tuned, base_model, None), wanted)
        write_posts(path, to_table(posts))
    return list(pq.read_table(path, columns=["text"])["text"].to_pylist())


def _compare(candidate: Candidate, authors: Authors, classifier: AuthorshipClassifier) -> Reference:
    job = candidate.job

    def fill(folder: Path) -> Mapping[str, Any]:
        posts = {
            "": [row["text"] for row in read_unprompted(candidate.samples)],
            "held_out_": texts_of(authors[job.handle], "test"),
            "base_": base_posts(job.home, candidate.base_model, job.config, candidate.trained_in),
        }
        verifier = _verifier(authors, job.handle)
        figures: dict[str, Figure] = {"authors": len(authors)}
        for prefix, texts in posts.items():
            found = attribution_figures(classifier.attribute(texts, job.handle))
            found["verified"] = verifier.verify(texts) if verifier else None
            figures |= {f"{prefix}{name}": value if value is None else round(value, 4) for name, value in found.items()}
        card = Authorship.model_validate(figures)
        write_text(folder / AUTHORSHIP, card.model_dump_json(indent=1) + "\n")
        return card.model_dump()

    return perform(job, plan_authorship(candidate, authors), fill)


def _verifier(authors: Authors, handle: str) -> Verifier | None:
    """One that knows the account and some others; None if one side has too few posts."""
    own, others = texts_of(authors[handle], "train"), choose_imposters(authors, handle)
    imposters = [posts for other in others if len(posts := texts_of(authors[other], "train")) >= SET]
    return Verifier(own, imposters) if len(own) >= SET and imposters else None


def attribution_figures(found: Attribution | None) -> dict[str, Figure]:
    """What an attribution says, by the names of an :class:`Authorship`; None for all of it without posts."""
    accuracy, log_odds = (found.accuracy, found.log_odds) if found else (None, None)
    low, high = found.interval if found and found.interval else (None, None)
    return {"taken_for_author": accuracy, "log_odds": log_odds, "log_odds_low": low, "log_odds_high": high}
