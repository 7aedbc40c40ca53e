"""SHA-256 of large files, remembered by path, size and time of change, so that each is read once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from hugtweets.storage.files import write_text
from hugtweets.storage.home import Home


class FileDigests:
    """The memory of one home, in ``models/digests.json``."""

    def __init__(self, home: Home) -> None:
        self._memory = home.models / "digests.json"

    def of(self, path: Path) -> str:
        """SHA-256 of the file's bytes, in hexadecimal."""
        status = path.stat()
        key = f"{path}:{status.st_size}:{status.st_mtime_ns}"
        known = self._known()
        if key not in known:
            with path.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            kept = {other: value for other, value in known.items() if not other.startswith(f"{path}:")}
            write_text(self._memory, json.dumps(kept | {key: digest}, indent=1, sort_keys=True) + "\n")
            return digest
        return known[key]

    def _known(self) -> dict[str, str]:
        try:
            loaded = json.loads(self._memory.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            # A memory that cannot be read is only a memory: the files are read again.
            return {}
        return loaded if isinstance(loaded, dict) else {}
