"""What a device says of itself: all that number formats and memory are chosen by.

Choices take a :class:`Hardware`, so that they can be tried with the answers of cards that nobody here has.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from typing import Literal

from hugtweets.devices.control_groups import memory_left

Device = Literal["cpu", "cuda", "mps"]
# The NVIDIA cards that multiply float16 in hardware at full speed, by compute capability: V100, T4 and later ones.
FLOAT16_SINCE = (7, 0)


@dataclass(frozen=True)
class Hardware:
    """The answers of one device; memory in bytes.

    ``bfloat16`` and ``float16`` say that it multiplies in them without emulation. ``free`` is the memory that other
    processes leave, what this one holds on a GPU included; ``limit`` names what bounds it, if not the device itself.
    ``quantises`` says that bitsandbytes is there and has a use.
    """

    device: Device
    name: str
    bfloat16: bool
    float16: bool
    free: int
    quantises: bool = False
    limit: str = ""


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
    processor = Hardware(device, "processor", narrow, False, int(psutil.virtual_memory().available))
    return with_limit(processor, memory_left())


def with_limit(hardware: Hardware, left: int | None) -> Hardware:
    """A processor of which control groups leave so many bytes; None if they do not limit it."""
    if left is None or left >= hardware.free:
        return hardware
    return replace(hardware, free=left, limit="the memory limit of this container")
