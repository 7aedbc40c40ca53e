"""The home: the folder in which everything is kept, ``~/.hugtweets`` or what ``HUGTWEETS_HOME`` names.

With a store (:mod:`hugtweets.storage.remote`) the folder is this machine's working copy of what all machines share.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from hugtweets.errors import ConfigurationError
from hugtweets.storage import handles
from hugtweets.storage.handles import folder_of, is_device, is_mix, members_of, name_in, validate_handle
from hugtweets.storage.remote import Store

VARIABLE = "HUGTWEETS_HOME"


@dataclass(frozen=True)
class Home:
    """The root folder of all state. Folders are made when something is first written to them."""

    root: Path
    store: Store | None = None

    @classmethod
    def from_environment(cls) -> Home:
        """``$HUGTWEETS_HOME``, or ``~/.hugtweets``, and the store of ``$HUGTWEETS_STORE`` if that is set.

        Raises:
            ConfigurationError: the user has no home folder, and the variable names none.
        """
        try:
            root = Path(os.environ.get(VARIABLE) or "~/.hugtweets").expanduser().resolve()
        except RuntimeError as error:
            raise ConfigurationError(
                f"this user has no home folder to keep things in: name another one with --home or {VARIABLE}"
            ) from error
        return cls(root, Store.from_environment())

    def prepare(self) -> None:
        """Make the folder, and find out now rather than within a step whether it can be written.

        Raises:
            ConfigurationError: it cannot.
        """
        folder = self.root
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.root, self.timelines, self.artifacts, self.results, self.locks):
                if folder.exists():
                    TemporaryFile(dir=folder).close()
            self._rename_devices()
        except OSError as error:
            raise ConfigurationError(
                f"{folder} cannot be written ({error.strerror or error}): make room or change its permissions, or "
                f"choose another home with --home or {VARIABLE}"
            ) from error

    def _rename_devices(self) -> None:
        """Give accounts that are called as a device of Windows, such as ``con``, the names of :func:`folder_of`."""
        for old in self.timelines.glob("*.parquet"):
            if is_device(old.stem):
                new = folder_of(old.stem)
                for path in [*self.artifacts.glob(f"*/{old.stem}"), self.promotions(old.stem).with_stem(old.stem), old]:
                    if path.exists():
                        path.rename(path.with_name(path.name.replace(old.stem, new, 1)))

    @property
    def timelines(self) -> Path:
        """Raw posts, one Parquet file an account."""
        return self.root / "timelines"

    @property
    def artifacts(self) -> Path:
        """``<step>/<handle>/<digest>/``."""
        return self.root / "artifacts"

    def folder(self, step: str, handle: str) -> Path:
        """The artifacts of one step and one account, mix or blend."""
        return self.artifacts / step / folder_of(handle)

    @property
    def models(self) -> Path:
        """Base models converted to safetensors."""
        return self.root / "models"

    @property
    def pools(self) -> Path:
        """Base models that learned the posts of many people: ``<name>/<digest>/``."""
        return self.models / "pretrain"

    @property
    def wandb(self) -> Path:
        """Offline Weights & Biases runs."""
        return self.root / "wandb"

    @property
    def report(self) -> Path:
        """The static site over all accounts of this home; ``index.html`` is where to begin."""
        return self.root / "report"

    @property
    def results(self) -> Path:
        """Prefect's records of cached tasks: small JSON files that name artifacts."""
        return self.root / "results"

    @property
    def ledger(self) -> Path:
        """What every request to X cost, one JSON line a request."""
        return self.root / "ledger.jsonl"

    @property
    def options(self) -> Path:
        """The options that hold for everything that runs in this home, and the accounts file that they are from."""
        return self.root / "options.yaml"

    @property
    def history(self) -> Path:
        """What became of each account in its last run, and which night was the last."""
        return self.root / "history.json"

    @property
    def favourites(self) -> Path:
        """Generated posts that somebody liked, one JSON line a post."""
        return self.root / "favourites.jsonl"

    @property
    def answers(self) -> Path:
        """What people took for real or preferred, one JSON line an answer."""
        return self.root / "answers.jsonl"

    @property
    def locks(self) -> Path:
        """One file for each device on which one process at a time computes."""
        return self.root / "locks"

    def key(self, path: Path) -> str:
        """What a file or folder of the home is called in the store."""
        return path.relative_to(self.root).as_posix()

    def timeline(self, handle: str) -> Path:
        """The raw posts of an account."""
        return self.timelines / f"{folder_of(validate_handle(handle))}.parquet"

    def synchronised(self, handle: str) -> Path:
        """Which version of an account's raw posts the store had when they were last compared."""
        return self.timelines / ".synchronised" / f"{folder_of(validate_handle(handle))}.json"

    def promotions(self, handle: str) -> Path:
        """Which of an account's models were promoted, and why."""
        return self.root / "promotions" / f"{folder_of(handle)}.json"

    def hub(self, handle: str) -> Path:
        """What ``push --dry-run`` would have published."""
        return self.root / "hub" / folder_of(handle)

    @property
    def sweeps(self) -> Path:
        """The table of each sweep."""
        return self.root / "sweeps"

    @property
    def analysis(self) -> Path:
        """Why the losses of accounts differ: tables and pictures."""
        return self.root / "analysis"

    def base_posts(self, base_model: str, sampling: str) -> Path:
        """Posts that a base model generated, by the digests of the model and of the sampling options."""
        return self.models / "posts" / f"{base_model}-{sampling}.parquet"

    def known_handles(self) -> list[str]:
        """Every account this home or its store holds raw posts or artifacts of, sorted."""
        stored = {path.stem for path in self.timelines.glob("*.parquet")}
        if self.store:
            stored |= {Path(name).stem for name in self.store.names(self.key(self.timelines))}
        built = {path.name for path in self.artifacts.glob("*/*") if path.is_dir()}
        return sorted((name_in(name) for name in stored | built if not is_mix(name)), key=str.casefold)

    def known_mixes(self, handle: str | None = None) -> list[str]:
        """Every mix and blend this home or its store holds artifacts of, or those that an account is in, sorted."""
        names = {path.name for path in self.artifacts.glob("clean/*+*")}
        if self.store:
            names |= {name for name in self.store.names(self.key(self.artifacts / "clean")) if is_mix(name)}
        mixes = map(name_in, names)
        return sorted(name for name in mixes if handle is None or handle in members_of(name))

    def known_names(self) -> list[str]:
        """Every account, and every mix and blend, each kind sorted."""
        return [*self.known_handles(), *self.known_mixes()]

    def spellings(self) -> dict[str, str]:
        """Every known account as this home spells it, by its casefolded handle."""
        return {known.casefold(): known for known in reversed(self.known_handles())}

    def spelling(self, handle: str) -> str:
        """The handle, or each of a mix or a blend, as this home spells it: X ignores case, file systems may not."""
        if handles.is_blend(handle):
            shares = handles.shares_of(handle)
            return handles.name_blend({self.spelling(member): percent for member, percent in shares.items()})
        if is_mix(handle):
            return handles.name_mix(self.spelling(member) for member in members_of(handle))
        wanted = validate_handle(handle)
        return self.spellings().get(wanted.casefold(), wanted)
