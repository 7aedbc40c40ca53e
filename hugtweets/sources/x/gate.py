"""What a refusal of X means for the other accounts of the run: it is met once, not once for each of them."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import UTC, datetime

from hugtweets.budget.ledger import Ledger
from hugtweets.errors import BadToken, HugtweetsError, OutOfCredit, RateLimited


class Gate:
    """Every request of a run in this process passes here; other processes have gates of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reset_at: datetime | None = None
        self._ended_by: BadToken | OutOfCredit | None = None

    def check(self, subject: str) -> None:
        """Let a request for ``subject`` pass.

        Raises:
            RateLimited: X said to whoever asked before that it sends nothing until a time still to come.
            BadToken, OutOfCredit: X said so to whoever asked before; no further request is made in this run.
        """
        with self._lock:
            reset_at, ended_by = self._reset_at, self._ended_by
        if ended_by:
            raise type(ended_by)(f"{subject} was not asked for, as fetching has ended for this run: {ended_by}")
        if reset_at and datetime.now(UTC) < reset_at:
            raise RateLimited(
                f"{subject} was not asked for, as X sends nothing for now (429): try again after "
                f"{reset_at:%Y-%m-%d %H:%M:%S} UTC",
                reset_at,
            )

    def note(self, refusal: HugtweetsError) -> None:
        """Remember a refusal that holds for everybody."""
        with self._lock:
            if isinstance(refusal, RateLimited) and refusal.reset_at:
                self._reset_at = max(refusal.reset_at, self._reset_at or refusal.reset_at)
            elif isinstance(refusal, BadToken | OutOfCredit):
                self._ended_by = refusal


_gates: defaultdict[tuple[str, str], Gate] = defaultdict(Gate)
_gates_lock = threading.Lock()


def gate_of(ledger: Ledger) -> Gate:
    """The gate of the run that writes the ledger."""
    with _gates_lock:
        return _gates[str(ledger.path), ledger.run]
