"""What another machine is told to do: learn from one account's cleaned posts, which it finds in the store."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import Field

from hugtweets.config import Section
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job, StepName
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home


class Assignment(Section):
    """One account, from its cleaned posts on. Places differ from machine to machine, so that none is named."""

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
        return Reference("clean", self.handle, self.posts, str(home.artifacts / "clean" / self.handle / self.posts))
