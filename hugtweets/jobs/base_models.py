"""The base models that the accounts of a run share."""

from __future__ import annotations

import threading

from hugtweets.errors import BaseModelError
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.storage.home import Home


class BaseModels:
    """The base models of a run: each is found once, when the first account needs it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._found: dict[str, BaseModel | BaseModelError] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[BaseModels], tuple[Home]]:
        """A process that computes on a GPU gets its own: locks do not travel."""
        return BaseModels, (self._home,)

    def find(self, spec: str) -> BaseModel:
        """Find, download or convert a base model.

        Raises:
            BaseModelError: it cannot be had.
        """
        with self._lock:
            if spec not in self._found:
                try:
                    self._found[spec] = resolve_base_model(spec, self._home)
                except BaseModelError as error:
                    # Kept, so that three hundred accounts do not wait three hundred times for the same answer.
                    self._found[spec] = error
            found = self._found[spec]
        if isinstance(found, BaseModelError):
            raise found
        return found
