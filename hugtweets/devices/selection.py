"""Where to compute: which device, in which number format, with how many threads, and why."""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass

from hugtweets.config import TrainConfig
from hugtweets.errors import ConfigurationError

# oneDNN keeps the code that it made for products of one shape, a thousand of them by default. Rows of posts have nearly
# as many lengths as there are steps, so that this grew by up to 0.8 GiB in a training: see benchmarks/LOG.md.
KEPT_KERNELS = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DeviceChoice:
    """``device`` and the weights' ``dtype`` as torch names them, ``threads`` of the processor; people read ``reason``.

    With ``autocast`` training multiplies float32 weights in bfloat16; evaluation and sampling never do.
    """

    device: str
    dtype: str
    autocast: bool
    threads: int
    reason: str


def choose_device(config: TrainConfig) -> DeviceChoice:
    """Pick device and number format, and set the threads of torch; each choice is announced once.

    ``ONEDNN_PRIMITIVE_CACHE_CAPACITY`` is set too, unless the environment says otherwise.

    Raises:
        ConfigurationError: ``train.device`` asks for what this machine lacks.
    """
    import torch

    # Read by oneDNN when it computes its first product.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KEPT_KERNELS))
    choice = _choice(config.device)
    torch.set_num_threads(choice.threads)
    return choice


def visible_gpus() -> tuple[str, ...]:
    """The CUDA devices that this process may use, each as ``CUDA_VISIBLE_DEVICES`` names it; empty if there is none."""
    import torch

    number = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return tuple(name.strip() for name in named.split(",")[:number]) if named else tuple(map(str, range(number)))


@functools.cache
def _choice(wanted: str) -> DeviceChoice:
    import torch

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    device = next(name for name, there in available.items() if there) if wanted == "auto" else wanted
    if not available[device]:
        raise ConfigurationError(f"train.device={device} is not available on this machine: use auto")
    threads = _threads()
    dtype, autocast = "float32", False
    if device == "cuda":
        dtype = "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
        what = f"{torch.cuda.get_device_name()} in {dtype}"
    elif device == "mps":
        what = "Apple GPU in float32"
    else:
        # 2.3 times as fast, measured on AVX-512; without such instructions it is slower.
        capabilities = torch.cpu.get_capabilities()
        autocast = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
        arithmetic = "bfloat16, for which it has instructions" if autocast else "float32"
        what = f"processor, {threads} thread{'s' * (threads > 1)}, training in {arithmetic}"
    why = "as asked for" if wanted != "auto" else ("no GPU was found" if device == "cpu" else "the fastest here")
    choice = DeviceChoice(device, dtype, autocast, threads, f"{what}; {why}")
    log.info("Device: %s.", choice.reason)
    return choice


def _threads() -> int:
    """``OMP_NUM_THREADS``, else all cores that this process may use but one.

    Threads wait for the slowest at every layer, so that one which shares its core with the rest of the run holds up
    all. Measured with two cores, one of them busy: one thread 230 tokens a second, two threads 15 to 190.
    """
    import torch

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else torch.get_num_threads()
    threads = min(torch.get_num_threads(), allowed)
    return threads if "OMP_NUM_THREADS" in os.environ else max(1, threads - 1)
