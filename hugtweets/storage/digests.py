"""SHA-256 of large files, cached by path, size and time of change, so that each is read once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home


class FileDigests:
    """The cache of one home, ``models/digests.json``."""

    def __init__(self, home: Home) -> None:
        self._cache = home.models / "digests.json"

    def of(self, path: Path) -> str:
        """SHA-256 of the file's bytes, in hexadecimal."""
        status = path.stat()
        key = f"{path}:{status.st_size}:{status.st_mtime_ns}"
        known = self._known()
        if key not in known:
            with path.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            kept = {other: value for other, value in known.items() if not other.startswith(f"{path}:")}
            write_text(self._cache, json.dumps(kept | {key: digest}, indent=1, sort_keys=True) + "\n")
            return digest
        return known[key]

    def _known(self) -> dict[str, str]:
        try:
            loaded = json.loads(self._cache.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            # Only a cache: the files are read again.
            return {}
        return loaded if isinstance(loaded, dict) else {}
