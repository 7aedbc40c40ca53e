"""What people keep of a model beside its artifacts: favourites, and the folder of ``push --dry-run``."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from hugtweets.generation.favourites import Favourites
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home


def remove_keepsakes(home: Home, gone: Sequence[Reference]) -> None:
    """Remove what is kept of those models among the artifacts that are to go.

    To be called before they go: what a crash leaves is found again by them.
    """
    Favourites(home).forget_models({reference.digest for reference in gone})
    for handle in {reference.handle for reference in gone if reference.step == "finetune"}:
        if home.hub(handle).exists():
            shutil.rmtree(home.hub(handle))
