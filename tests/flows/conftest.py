"""What tests of flows that go on from a first run get; ``learned`` is that of their file."""

from __future__ import annotations

import pytest

from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.storage.home import Home
from tests.fixtures.first_run import FirstRun


@pytest.fixture
def first(learned: FirstRun, home: Home) -> AccountOutcome:
    """What came of alice's first run, of which the home is a copy."""
    return learned.copy_to(home)
