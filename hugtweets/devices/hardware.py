"""What a device says of itself: all that number formats and memory are chosen by.

Choices take a :class:`Hardware`, so that they can be tried with the answers of cards that nobody here has.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Literal

Device = Literal["cpu", "cuda", "mps"]
# The NVIDIA cards that multiply float16 in hardware at full speed, by compute capability: V100, T4 and later ones.
FLOAT16_SINCE = (7, 0)


@dataclass(frozen=True)
class Hardware:
    """The answers of one device; memory in bytes.

    ``bfloat16`` and ``float16`` say that it multiplies in them without emulation. ``free`` is the memory that other
    processes leave, what this one holds on a GPU included. ``quantises`` says that bitsandbytes is there and has a use.
    """

    device: Device
    name: str
    bfloat16: bool
    float16: bool
    free: int
    quantises: bool = False


def ask_hardware(device: Device) -> Hardware:
    """Ask a device that is there."""
    import torch

    if device == "cuda":
        free = torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved()
        return Hardware(
            device,
            torch.cuda.get_device_name(),
            bfloat16=torch.cuda.is_bf16_supported(including_emulation=False),
            float16=torch.cuda.get_device_capability() >= FLOAT16_SINCE,
            free=free,
            quantises=importlib.util.find_spec("bitsandbytes") is not None,
        )
    if device == "mps":
        return Hardware(device, "Apple GPU", False, False, int(torch.mps.recommended_max_memory()))
    import psutil  # type: ignore[import-untyped]  # its types are a package of their own

    # 2.3 times as fast, measured on AVX-512; without such instructions it is slower.
    capabilities = torch.cpu.get_capabilities()
    narrow = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return Hardware(device, "processor", narrow, False, int(psutil.virtual_memory().available))
