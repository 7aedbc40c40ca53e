"""Whether work ended because its device has too little memory, and how to get that back."""

from __future__ import annotations


def is_out_of_memory(error: Exception) -> bool:
    """Whether a device, or the machine itself, had no memory left."""
    import torch
    from accelerate.utils.memory import should_reduce_batch_size  # type: ignore[import-untyped]

    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or bool(should_reduce_batch_size(error))


def free_memory() -> None:
    """Give what no object holds any more back to the device."""
    from accelerate.utils.memory import clear_device_cache

    clear_device_cache(garbage_collection=True)
