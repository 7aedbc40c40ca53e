"""Whether work ended because its device has too little memory, and how to get that back."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Options of glibc's mallopt: from which size on a block is one of its own, and the bytes for that. The second is what
# glibc comes to by itself, by growing it with each larger block that is freed.
M_MMAP_THRESHOLD = -3
LARGE, USUAL = 2**20, 2**25


def is_out_of_memory(error: Exception) -> bool:
    """Whether a device, or the machine itself, had no memory left."""
    import torch
    from accelerate.utils.memory import should_reduce_batch_size  # type: ignore[import-untyped]

    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or bool(should_reduce_batch_size(error))


def free_memory() -> None:
    """Give what no object holds any more back to the device."""
    from accelerate.utils.memory import clear_device_cache

    clear_device_cache(garbage_collection=True)


@contextmanager
def large_blocks_given_back() -> Iterator[None]:
    """While the block runs, memory of the processor goes back to the machine as soon as no tensor needs it.

    By itself glibc keeps blocks of up to 32 MiB for later ones, which leave holes between them. Where layers were
    computed twice, that was nearly half of the process (see benchmarks/LOG.md); steps take longer so.
    """
    library = _glibc()
    if library is None:
        yield
        return
    library.mallopt(M_MMAP_THRESHOLD, LARGE)
    library.malloc_trim(0)
    try:
        yield
    finally:
        library.mallopt(M_MMAP_THRESHOLD, USUAL)
        library.malloc_trim(0)


def trim() -> None:
    """Give back what earlier work left unused on the processor, or it would be taken for used."""
    if library := _glibc():
        library.malloc_trim(0)


def _glibc() -> Any:
    """The C library of this process, if it is glibc."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") else None
