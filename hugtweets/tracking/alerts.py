"""An alert of W&B, which it sends by mail or Slack as each user has set it up there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hugtweets.config import TrackingConfig
from hugtweets.storage.home import Home
from hugtweets.tracking.runs import log_alert
from hugtweets.tracking.writing import write_run


def alert_of_failure(home: Home, sentence: str, failed: Sequence[str], config: TrackingConfig, group: str) -> None:
    """Tell of a night in which accounts failed, if ``tracking.alert`` asks for it; trouble with W&B never raises.

    What W&B does not take now it sends when it gets it.
    """
    if config.alert:
        write_run(config, (group, "its alert"), partial(log_alert, home, sentence, failed, config, group), str)
